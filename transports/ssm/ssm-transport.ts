import type { SSMClient } from "@aws-sdk/client-ssm";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { CommandResult, HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";
import { quoteArgv } from "../quote/index.ts";
// Not by ssh's index: that one brings ssh2 along, and a Lambda that speaks SSM alone has no use for it.
import { Deadline } from "../ssh/deadline.ts";
import { OutputTooLongError } from "../ssh/errors.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Dispatched } from "./dispatcher.ts";
import { fetchOutput } from "./fetch-output.ts";
import type { EndedReport, OutputBucket } from "./fetch-output.ts";
import { resolveSsm } from "./options.ts";
import type { FindInstance, Instance, ResolvedSsm, SsmOptions } from "./options.ts";
import { parseReport } from "./report.ts";
import { renderDelivery, renderForget } from "./script.ts";
import { SsmApi } from "./ssm-api.ts";
import type { AgentState } from "./ssm-api.ts";
import { carryStdin } from "./stdin-carrier.ts";
import type { OneTimeUrl } from "./stdin-carrier.ts";

export interface SsmEffects {
  /** A region's client, with one attempt a call. */
  readonly ssm: (region: string) => SSMClient;
  readonly clock: Clock;
  readonly random: Random;
  /** A name for one delivery that nobody else draws: letters, digits and `-`. */
  readonly newId: () => string;
  readonly findInstance: FindInstance;
  /** For stdin that may be secret; without it such stdin is refused. */
  readonly offer?: (body: Uint8Array) => Promise<OneTimeUrl>;
  /** For output that is too large for the API; without it that is fetched in pieces. */
  readonly bucket?: OutputBucket;
}

const defaultMaxOutputBytes = 1024 ** 2;
/** A document with its parameters has 64 KB. */
const longestScript = 60_000;
const sliceBytes = 64 * 1024;
/** Somebody who comes second waits so long for an end that was there all along. */
const attachSec = 15;

/** How one try at a command ended. */
type Try =
  | { readonly kind: "exited"; readonly report: EndedReport; readonly deliveryId: string }
  | { readonly kind: "notStarted"; readonly why: string }
  | { readonly kind: "lost"; readonly why: string; readonly deliveryId: string }
  | { readonly kind: "timedOut"; readonly why: string };

/**
 * Commands on EC2 instances by Systems Manager's Run Command: no open port, no key, for short steps only.
 *
 * Outcomes are those of the SSH transport. `unreachable` means that the command certainly did not start: its agent
 * isn't online (`agents` says so as data, to wait on), or the host doesn't know the user yet. A command runs once
 * however often it is delivered, and its exit code, 255 as any other, comes from the host's own report, never from the
 * service. Whoever may read the account's command history reads every argument: stdin goes another way.
 */
export class SsmTransport implements Transport {
  private readonly options: ResolvedSsm;
  private readonly effects: SsmEffects;
  private readonly api: SsmApi;
  private readonly dispatcher: Dispatcher;
  private readonly closing = new AbortController();

  constructor(options: SsmOptions, effects: SsmEffects) {
    this.options = resolveSsm(options);
    this.effects = effects;
    this.api = new SsmApi(effects);
    this.dispatcher = new Dispatcher(this.api, effects.clock, this.options, effects.newId);
  }

  async run(
    host: HostAddress,
    task: RemoteTask<unknown>,
    stdin?: Uint8Array,
    signal?: AbortSignal,
  ): Promise<CommandResult> {
    const { clock } = this.effects;
    const startedAt = clock.now();
    const command = quoteArgv(task.argv);
    const finish = (outcome: CommandResult["outcome"], stdout: string, stderr: string, exitCode?: number) => ({
      host: host.host,
      command: this.options.mask(command),
      outcome,
      exitCode,
      stdout,
      stderr,
      durationMs: clock.now() - startedAt,
    });
    const deadline = this.deadline(task, signal);
    try {
      const found = await this.execute(host, task, { command, stdin, deadline });
      if (found === undefined) return finish("unreachable", "", "there is no such instance any more");
      const { instance, last } = found;
      switch (last.kind) {
        case "exited": {
          const limit = task.maxOutputBytes ?? defaultMaxOutputBytes;
          if (last.report.outBytes > limit) throw new OutputTooLongError(host, this.options.mask(command), limit);
          const stdout = await this.output(host, instance, last, deadline);
          return finish("exited", new TextDecoder().decode(stdout), last.report.stderr, last.report.exitCode);
        }
        case "notStarted":
          return finish("unreachable", "", last.why);
        case "lost":
          return finish("connectionLost", "", last.why);
        case "timedOut":
          return finish("timedOut", "", last.why);
        default:
          return last satisfies never;
      }
    } catch (error) {
      if (deadline.ended === undefined) throw error;
      return finish(deadline.ended === "canceled" ? "canceled" : "timedOut", "", "");
    } finally {
      deadline.close();
    }
  }

  /** Yields once the command has ended and all of its output is here and checked. */
  async *stream(host: HostAddress, task: RemoteTask<unknown>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const command = quoteArgv(task.argv);
    const deadline = this.deadline(task, signal);
    const fail = (failureClass: "transport" | "command" | "cancelled", why: string, hint?: string): FailureError =>
      new FailureError({
        class: failureClass,
        message: `${host.host}: ${why}: ${this.options.mask(command)}`,
        hint,
        host: host.host,
      });
    let bytes: Uint8Array;
    try {
      const found = await this.execute(host, task, { command, stdin: undefined, deadline });
      if (found === undefined) throw fail("transport", "there is no such instance any more");
      const { instance, last } = found;
      if (last.kind !== "exited") throw fail("transport", last.why);
      const { report } = last;
      if (report.outBytes > (task.maxOutputBytes ?? Infinity))
        throw new OutputTooLongError(host, this.options.mask(command), task.maxOutputBytes ?? Infinity);
      bytes = await this.output(host, instance, last, deadline);
      if (report.exitCode !== 0) throw fail("command", `exit code ${report.exitCode}`, report.stderr || undefined);
    } catch (error) {
      if (deadline.ended === undefined) throw error;
      throw deadline.ended === "canceled"
        ? fail("cancelled", "canceled")
        : fail("transport", `no end in ${task.timeoutMs} ms`);
    } finally {
      deadline.close();
    }
    for (let at = 0; at < bytes.length; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes);
  }

  /** Whether these hosts' agents listen: to be asked again until they do, by whoever waits. In the order of the hosts. */
  async agents(hosts: readonly HostAddress[], signal?: AbortSignal): Promise<(AgentState | undefined)[]> {
    const abort = signal ?? this.closing.signal;
    const instances = await Promise.all(hosts.map((host) => this.effects.findInstance(host, abort)));
    const states = new Map<string, AgentState>();
    for (const region of new Set(instances.flatMap((instance) => instance?.region ?? []))) {
      const ids = instances.flatMap((each) => (each?.region === region ? [each.instanceId] : []));
      for (const state of await this.api.agents(region, ids, abort)) states.set(state.instanceId, state);
    }
    return instances.map((instance) => (instance === undefined ? undefined : states.get(instance.instanceId)));
  }

  async close(): Promise<void> {
    this.closing.abort(new Error("the ssm transport was closed"));
    this.dispatcher.close();
    await Promise.resolve();
  }

  private deadline(task: RemoteTask<unknown>, signal: AbortSignal | undefined): Deadline {
    if (this.closing.signal.aborted)
      throw new FailureError({ class: "defect", message: "the ssm transport is closed" });
    const canceled = signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
    return new Deadline(this.effects.clock, task.timeoutMs, canceled);
  }

  /** Tries until there is an end, as often as it may. @returns undefined where the host has no instance */
  private async execute(
    host: HostAddress,
    task: RemoteTask<unknown>,
    what: { readonly command: string; readonly stdin: Uint8Array | undefined; readonly deadline: Deadline },
  ): Promise<{ readonly instance: Instance; readonly last: Try } | undefined> {
    const { clock } = this.effects;
    const { deadline } = what;
    const instance = await this.effects.findInstance(host, deadline.signal);
    if (instance === undefined) return undefined;
    let lost: Extract<Try, { kind: "lost" }> | undefined;
    let lostFor = 0;
    for (let attempt = 1; ; attempt++) {
      // What was lost may have ended meanwhile, or never begun: its own delivery, sent again, knows and tells. Only where
      // that has no answer either is an idempotent task begun anew.
      const attachTo = lost === undefined || (task.idempotent && lostFor > 1) ? undefined : lost.deliveryId;
      const last = await this.tryOnce(host, instance, task, { ...what, attachTo });
      if (last.kind === "exited" || last.kind === "timedOut") return { instance, last };
      if (last.kind === "lost") {
        lost = last;
        lostFor += 1;
      }
      const mayAskAgain = attempt < this.options.attempts && deadline.ended === undefined;
      if (!mayAskAgain) return { instance, last: lost ?? last };
      await clock.sleep(this.options.backoffMs * 2 ** (attempt - 1), deadline.signal);
    }
  }

  private async tryOnce(
    host: HostAddress,
    instance: Instance,
    task: RemoteTask<unknown>,
    what: {
      readonly command: string;
      readonly stdin: Uint8Array | undefined;
      readonly deadline: Deadline;
      readonly attachTo: string | undefined;
    },
  ): Promise<Try> {
    const { command, deadline, attachTo } = what;
    const { stdin } = what;
    const carriage = { host, instance, task, stdin, signal: deadline.signal };
    const carried = await carryStdin(this.dispatcher, this.options, this.effects.offer, carriage);
    if ("notStarted" in carried)
      return attachTo === undefined
        ? { kind: "notStarted", why: carried.notStarted }
        : { kind: "lost", why: carried.notStarted, deliveryId: attachTo };
    const timeoutSec = Math.ceil(task.timeoutMs / 1000);
    const render = (id: string): string =>
      renderDelivery({
        id,
        spool: this.options.spool,
        user: host.user,
        command,
        stdin: carried.source,
        waitSec: attachTo === undefined ? timeoutSec : attachSec,
      });
    if (render("0".repeat(40)).length > longestScript)
      throw new FailureError({
        class: "invalid",
        message: `${host.host}: a command of ${command.length} characters, more than a document of Systems Manager holds`,
        hint: "write it to a file of the experiment, or reach the host by ssh",
        host: host.host,
      });
    try {
      const dispatched = await this.dispatcher.dispatch(
        {
          ...instance,
          key: JSON.stringify([host.user, command, carried.source]),
          timeoutSec,
          script: render,
          deliveryId: attachTo,
        },
        deadline.signal,
      );
      return readTry(dispatched, attachTo);
    } finally {
      await carried.revoke();
    }
  }

  /** What the host's report says, or what the service says where there is none. */
  private async output(
    host: HostAddress,
    instance: Instance,
    ended: { readonly report: EndedReport; readonly deliveryId: string },
    deadline: Deadline,
  ): Promise<Uint8Array> {
    const { deliveryId, report } = ended;
    const bytes = await fetchOutput(this.dispatcher, this.options, this.effects.bucket, {
      host,
      instance,
      deliveryId,
      report,
      signal: deadline.signal,
      clock: this.effects.clock,
    });
    // What was small goes with the day; what was large need not lie there so long.
    if (report.packedBytes > 0) this.forget(instance, deliveryId);
    return bytes;
  }

  private forget(instance: Instance, deliveryId: string): void {
    const script = (): string => renderForget(this.options.spool, deliveryId);
    void this.dispatcher
      .dispatch({ ...instance, key: `forget ${deliveryId}`, timeoutSec: 60, script }, this.closing.signal)
      .catch(() => undefined);
  }
}

function readTry(dispatched: Dispatched, attachTo: string | undefined): Try {
  if (dispatched.kind !== "ended") {
    // Nothing new started; what was lost before stays lost.
    if (dispatched.kind === "notStarted" && attachTo !== undefined)
      return { kind: "lost", why: dispatched.why, deliveryId: attachTo };
    return dispatched;
  }
  const { output, deliveryId } = dispatched;
  const report = parseReport(deliveryId, output.stdout);
  const told = `${output.status}${output.details === output.status ? "" : ` (${output.details})`}`;
  switch (report?.kind) {
    case "ended":
      return { kind: "exited", report, deliveryId };
    case "nouser":
      return { kind: "notStarted", why: "the host doesn't know the user yet" };
    case "nostdin":
      return {
        kind: "notStarted",
        why: "its stdin didn't arrive whole: the one-time URL was used by somebody else, or is over",
      };
    case "lost":
      return { kind: "lost", why: "it was started and left no end", deliveryId };
    case undefined:
      break;
    default:
      return report satisfies never;
  }
  const detail = output.details.replaceAll(/\s/g, "");
  if (/^(DeliveryTimedOut|Undeliverable|AccessDenied|InvalidPlatform|Terminated)$/.test(detail))
    return attachTo === undefined
      ? { kind: "notStarted", why: told }
      : { kind: "lost", why: told, deliveryId: attachTo };
  if (detail === "ExecutionTimedOut") return { kind: "timedOut", why: `the agent ended it: ${told}` };
  return { kind: "lost", why: `no report came: ${told}`, deliveryId };
}
