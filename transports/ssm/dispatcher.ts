import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { beforeAbort } from "../ssh/before-abort.ts";
import { SsmCallError } from "./errors.ts";
import type { ResolvedSsm } from "./options.ts";
import { hostsPerCommand } from "./ssm-api.ts";
import type { Output, ScriptToSend, SsmApi } from "./ssm-api.ts";

/** One host's share in a command. */
export interface Job {
  readonly region: string;
  readonly instanceId: string;
  /** Equal for jobs that may be one command. */
  readonly key: string;
  readonly timeoutSec: number;
  readonly bucket?: ScriptToSend["bucket"];
  /** The script for a command's id; the same text for every job of the key. */
  readonly script: (deliveryId: string) => string;
  /** Fixed where an earlier delivery is asked after. */
  readonly deliveryId?: string | undefined;
}

export type Dispatched =
  /** The invocation has ended, whatever way. */
  | { readonly kind: "ended"; readonly output: Output; readonly deliveryId: string; readonly commandId: string }
  /** For sure nothing was started. */
  | { readonly kind: "notStarted"; readonly why: string }
  /** The command was sent, and its agent is gone. */
  | { readonly kind: "lost"; readonly why: string; readonly deliveryId: string };

interface Waiter {
  readonly job: Job;
  readonly settle: (result: Dispatched) => void;
  readonly fail: (error: unknown) => void;
  isOpen: boolean;
  sent: { readonly commandId: string } | undefined;
}

const endedStatuses = new Set(["Success", "Failed", "Cancelled", "TimedOut"]);

/**
 * Makes commands of jobs: equal ones that come together are sent as one, for up to 50 hosts; a bounded number is under
 * way at a time, and one loop a command looks after all of its hosts.
 */
export class Dispatcher {
  private readonly api: SsmApi;
  private readonly clock: Clock;
  private readonly options: ResolvedSsm;
  private readonly newId: () => string;
  private readonly gathering = new Map<string, Waiter[]>();
  private readonly queue: Waiter[][] = [];
  private underWay = 0;
  private readonly closing = new AbortController();

  constructor(api: SsmApi, clock: Clock, options: ResolvedSsm, newId: () => string) {
    this.api = api;
    this.clock = clock;
    this.options = options;
    this.newId = newId;
  }

  /** Gives the job's end, or rejects with the signal's reason, after an attempt to cancel it on its host. */
  async dispatch(job: Job, signal: AbortSignal): Promise<Dispatched> {
    signal.throwIfAborted();
    this.closing.signal.throwIfAborted();
    if (this.queue.length >= this.options.maxQueued)
      throw new FailureError({
        class: "throttled",
        message: `${this.queue.length} commands wait for Systems Manager already`,
      });
    let waiter: Waiter | undefined;
    const work = new Promise<Dispatched>((settle, fail) => {
      waiter = { job, settle, fail, isOpen: true, sent: undefined };
      this.gather(waiter);
    });
    try {
      return await beforeAbort(work, AbortSignal.any([signal, this.closing.signal]));
    } finally {
      if (waiter !== undefined) this.leave(waiter);
    }
  }

  close(): void {
    this.closing.abort(new Error("the ssm transport was closed"));
  }

  private leave(waiter: Waiter): void {
    const wasOpen = waiter.isOpen;
    waiter.isOpen = false;
    if (!wasOpen || waiter.sent === undefined) return;
    const { job, sent } = waiter;
    // Nobody waits for it: what comes of it is the host's affair, and its output is forgotten within a day.
    void this.api
      .cancel(job.region, sent.commandId, [job.instanceId], new AbortController().signal)
      .catch(() => undefined);
  }

  private gather(waiter: Waiter): void {
    const { job } = waiter;
    const key = JSON.stringify([job.region, job.timeoutSec, job.bucket, job.deliveryId, job.key]);
    const together = this.gathering.get(key);
    const isTaken = together?.some((other) => other.job.instanceId === job.instanceId) === true;
    if (together !== undefined && !isTaken && together.length < hostsPerCommand) {
      together.push(waiter);
      return;
    }
    const batch = [waiter];
    this.gathering.set(key, batch);
    void this.clock.sleep(this.options.gatherMs, this.closing.signal).then(
      () => {
        if (this.gathering.get(key) === batch) this.gathering.delete(key);
        this.queue.push(batch);
        this.serve();
      },
      () => undefined, // closed
    );
  }

  private serve(): void {
    while (this.underWay < this.options.commandsAtOnce) {
      const batch = this.queue.shift();
      if (batch === undefined) return;
      this.underWay += 1;
      void this.run(batch).finally(() => {
        this.underWay -= 1;
        this.serve();
      });
    }
  }

  /** Never rejects: every waiter hears of its end. */
  private async run(batch: readonly Waiter[]): Promise<void> {
    const open = batch.filter(({ isOpen }) => isOpen);
    const [first] = open;
    if (first === undefined) return;
    const deliveryId = first.job.deliveryId ?? this.newId();
    try {
      const sent = await this.send(open, deliveryId);
      if (sent === undefined) return;
      for (const waiter of sent.waiters) waiter.sent = { commandId: sent.commandId };
      await this.follow(sent.waiters, sent.commandId, deliveryId);
    } catch (error) {
      // The way to Systems Manager went down: whether the command was taken, or runs on, nobody can tell.
      const isSilence = error instanceof SsmCallError && error.failure.class === "transport";
      for (const waiter of open)
        this.finish(waiter, () => {
          if (isSilence) waiter.settle({ kind: "lost", why: error.message, deliveryId });
          else waiter.fail(error);
        });
    }
  }

  /** One offline agent refuses a command for all: then the others get it without that one. */
  private async send(
    waiters: readonly Waiter[],
    deliveryId: string,
  ): Promise<{ readonly waiters: readonly Waiter[]; readonly commandId: string } | undefined> {
    const [first] = waiters;
    if (first === undefined) return undefined;
    const { region, timeoutSec, bucket, script } = first.job;
    const instanceIds = waiters.map(({ job }) => job.instanceId);
    const signal = this.closing.signal;
    try {
      const comment = `reprise ${deliveryId}`;
      const text = script(deliveryId);
      const commandId = await this.api.send({ region, instanceIds, script: text, timeoutSec, comment, bucket }, signal);
      return { waiters, commandId };
    } catch (error) {
      if (!(error instanceof SsmCallError) || error.code !== "InvalidInstanceId") throw error;
      const agents = await this.api.agents(region, instanceIds, signal);
      const online = waiters.filter((_, index) => agents[index]?.status === "online");
      for (const [index, waiter] of waiters.entries()) {
        const status = agents[index]?.status;
        if (status !== "online")
          this.finish(waiter, () =>
            waiter.settle({ kind: "notStarted", why: `its SSM agent is ${status ?? "unregistered"}` }),
          );
      }
      if (online.length === waiters.length) {
        // Online by now, or refused for another reason: the caller may ask again.
        for (const waiter of waiters)
          this.finish(waiter, () => waiter.settle({ kind: "notStarted", why: messageOf(error) }));
        return undefined;
      }
      return this.send(online, deliveryId);
    }
  }

  /** Looks at a command until all that still wait for it have their end. */
  private async follow(waiters: readonly Waiter[], commandId: string, deliveryId: string): Promise<void> {
    let pauseMs = this.options.pollMs;
    let agentsAskedAt = this.clock.now();
    for (;;) {
      await this.clock.sleep(pauseMs, this.closing.signal);
      pauseMs = Math.min(this.options.longestPollMs, Math.round(pauseMs * 1.5));
      const open = waiters.filter(({ isOpen }) => isOpen);
      if (open.length === 0) return;
      await this.look(open, commandId, deliveryId);
      if (this.clock.now() - agentsAskedAt < this.options.agentCheckMs) continue;
      agentsAskedAt = this.clock.now();
      await this.askAgents(
        open.filter(({ isOpen }) => isOpen),
        deliveryId,
      );
    }
  }

  private async look(open: readonly Waiter[], commandId: string, deliveryId: string): Promise<void> {
    const [first, ...others] = open;
    if (first === undefined) return;
    const { region } = first.job;
    const { signal } = this.closing;
    let due: readonly Waiter[] = open;
    if (others.length > 0) {
      const listed = await this.api.list(region, commandId, signal);
      const over = new Set(listed.filter(({ status }) => endedStatuses.has(status)).map((each) => each.instanceId));
      due = open.filter(({ job }) => over.has(job.instanceId));
    }
    await Promise.all(
      due.map(async (waiter) => {
        const output = await this.api.output(region, commandId, waiter.job.instanceId, signal);
        if (output === undefined || !endedStatuses.has(output.status)) return;
        this.finish(waiter, () => waiter.settle({ kind: "ended", output, deliveryId, commandId }));
      }),
    );
  }

  /** A command whose machine has gone stays "in progress" until its time is up: its agent tells sooner. */
  private async askAgents(open: readonly Waiter[], deliveryId: string): Promise<void> {
    const [first] = open;
    if (first === undefined) return;
    const ids = open.map(({ job }) => job.instanceId);
    const agents = await this.api.agents(first.job.region, ids, this.closing.signal);
    for (const [index, waiter] of open.entries()) {
      const status = agents[index]?.status;
      if (status === "online") continue;
      const why = `its SSM agent is ${status ?? "unregistered"}`;
      this.finish(waiter, () => waiter.settle({ kind: "lost", why, deliveryId }));
    }
  }

  private finish(waiter: Waiter, tell: () => void): void {
    if (!waiter.isOpen) return;
    waiter.isOpen = false;
    tell();
  }
}
