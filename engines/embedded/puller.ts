import type { Clock } from "../../core/effects/clock.ts";
import { FailureError, toFailure } from "../../core/errors/failure.ts";
import type { FlowEffects } from "../../core/flow/effects.ts";
import { forEachBounded } from "../../core/flow/fan-out.ts";
import { lossOf } from "../../core/flow/lost-hosts.ts";
import { reportAlive, reportDone } from "../../core/flow/phase.ts";
import type { Key } from "../../core/ports/object-store.ts";
import type { PhaseRef } from "../../core/names/keys.ts";
import { hostFolder, hostStepId, scopePrefix } from "../../core/names/keys.ts";
import type { TopologyHost } from "../../core/plan/types.ts";
import type { HostAgent, StepResult } from "../../core/ports/host-agent.ts";
import { LivePieces, livePrefix } from "./live-pieces.ts";

/** One question to the supervisor lasts this long at most; its answer comes at once when the step ends. */
const waitMs = 20_000;
const beatEveryMs = 60_000;
/** After a cut connection: soon again, then ever slower. */
const firstRetryMs = 250;
const longestRetryMs = 10_000;
/** A host that gave no answer for so long is silent: its phase's heartbeat has run out, and arming it again follows it anew. */
const givesUpMs = 900_000;
/** Pauses that have grown to this are no hiccup: whoever made the host is asked whether it still exists. */
const asksWhoMadeItMs = 1_000;
const landAtOnce = 4;
/** A look at what grows that takes longer isn't waited for: the files land whole anyway. */
const lastLookMs = 5_000;

export interface GrowthOptions {
  readonly everyMs: number;
  /** Removes a piece whose file has landed. */
  readonly forget: (key: Key) => Promise<void>;
}

/**
 * Follows phases on hosts that can't reach the control side: asks, lands files, reports (design decision 3).
 *
 * Everything it does may be done twice: landing is create-if-absent, reports and acknowledgements repeat.
 */
export class Puller {
  private readonly watched = new Map<string, AbortController>();
  private readonly running = new Set<Promise<void>>();
  private readonly flow: () => FlowEffects;
  private readonly growth: GrowthOptions | undefined;

  /**
   * @param flow gives the effects; a function because the effects' own `watch` is this puller
   * @param growth copies what grows while steps run. @default files land when their step has ended
   */
  constructor(flow: () => FlowEffects, growth?: GrowthOptions) {
    this.flow = flow;
    this.growth = growth;
  }

  watch(ref: PhaseRef, hosts: readonly TopologyHost[]): void {
    for (const host of hosts) {
      const key = `${hostStepId(ref)}@${host.name}`;
      this.watched.get(key)?.abort();
      const end = new AbortController();
      this.watched.set(key, end);
      const follow = this.follow(ref, host, end.signal).finally(() => {
        if (this.watched.get(key) === end) this.watched.delete(key);
        this.running.delete(follow);
      });
      this.running.add(follow);
    }
  }

  /** Stops following; what the hosts do goes on. */
  async close(): Promise<void> {
    for (const end of this.watched.values()) end.abort();
    await Promise.allSettled(this.running);
  }

  /** As `close`, once everything that is done already was heard, or after `ms`: for who can't stay to listen. */
  async closeWithin(ms: number): Promise<void> {
    if (this.running.size === 0) return;
    const enough = new AbortController();
    const patience = this.flow()
      .clock.sleep(ms, enough.signal)
      .catch(() => undefined); // aborted: all was heard
    await Promise.race([Promise.allSettled(this.running), patience]);
    enough.abort();
    await this.close();
  }

  private async follow(ref: PhaseRef, host: TopologyHost, signal: AbortSignal): Promise<void> {
    const fx = this.flow();
    const agent = fx.agent(runIdOf(ref), host);
    const stopCopying = this.copyGrowth(ref, host, agent, fx);
    try {
      await this.followStep(ref, host, agent, { signal, stopCopying });
    } finally {
      await stopCopying();
    }
  }

  /** Begins to copy what grows on a host. @returns ends it */
  private copyGrowth(ref: PhaseRef, host: TopologyHost, agent: HostAgent, fx: FlowEffects): () => Promise<void> {
    const { growth } = this;
    const { clock, store } = fx;
    // A reset prints nothing, what is collected is on its way already, and hosts that push do this themselves.
    const needsNone =
      ref.phase === "reset" || ref.phase === "collect" || fx.push(runIdOf(ref), ref, host) !== undefined;
    if (growth === undefined || needsNone) return async () => undefined;
    const over = new AbortController();
    const { signal } = over;
    const prefix = scopePrefix(ref.scope);
    const pieces = new LivePieces({ prefix, host: host.name, attemptDir: hostFolder(ref.scope) }, { store, agent });
    const pause = (): Promise<unknown> => clock.sleep(growth.everyMs, signal).catch(() => undefined);
    const copying = (async () => {
      for (await pause(); !isAborted(signal); await pause()) {
        // Where each question is a command of its own, as over SSM, it would be in the way of what is needed.
        if (agent.isCheapToAsk?.() === false) continue;
        // A host that can't be asked now can be asked later, and lands it all when it is done.
        await pieces.copy(hostStepId(ref), () => isAborted(signal)).catch(() => undefined);
      }
    })();
    return async () => {
      over.abort();
      const enough = new AbortController();
      await Promise.race([copying, clock.sleep(lastLookMs, enough.signal).catch(() => undefined)]);
      enough.abort();
    };
  }

  private async followStep(
    ref: PhaseRef,
    host: TopologyHost,
    agent: HostAgent,
    { signal, stopCopying }: { readonly signal: AbortSignal; readonly stopCopying: () => Promise<void> },
  ): Promise<void> {
    const fx = this.flow();
    const stepId = hostStepId(ref);
    let retryMs = firstRetryMs;
    let beatAt = fx.clock.now() + beatEveryMs;
    let answeredAt = fx.clock.now();
    while (!signal.aborted) {
      try {
        const state = await agent.wait(stepId, waitMs, signal);
        retryMs = firstRetryMs;
        answeredAt = fx.clock.now();
        if (state.kind === "superseded") return;
        if (state.kind === "unknown") {
          await reportDone(ref, lostStep(stepId, host, fx.clock), fx);
          return;
        }
        if (state.kind === "done") {
          await stopCopying();
          await land(ref, agent, state.result, fx);
          await this.forgetPieces(ref, state.result, fx);
          await reportDone(ref, state.result, fx);
          await agent.acknowledge(stepId).catch(() => undefined); // the host forgets its files at the next reset anyway
          return;
        }
        if (fx.clock.now() >= beatAt) {
          beatAt = fx.clock.now() + beatEveryMs;
          await reportAlive(ref, host.name, fx);
        }
      } catch (error) {
        if (isAborted(signal)) return;
        const failure = toFailure(error);
        if (failure.class === "collect" || failure.class === "integrity") {
          await reportDone(ref, { ...lostStep(stepId, host, fx.clock), failure: { ...failure, host: host.name } }, fx);
          return;
        }
        if (fx.clock.now() - answeredAt > givesUpMs) return;
        if (retryMs >= asksWhoMadeItMs) {
          const loss = await lossOf(ref, host, fx).catch(() => undefined); // who made it doesn't answer either
          if (loss !== undefined) {
            await reportDone(ref, { ...lostStep(stepId, host, fx.clock), failure: loss }, fx);
            return;
          }
        }
        await fx.clock.sleep(retryMs, signal).catch(() => undefined);
        retryMs = Math.min(longestRetryMs, retryMs * 2);
      }
    }
  }

  private async forgetPieces(ref: PhaseRef, { host, artifacts }: StepResult, { store }: FlowEffects): Promise<void> {
    if (this.growth === undefined) return;
    const prefix = scopePrefix(ref.scope);
    const landed = artifacts.map(({ path }) => livePrefix(prefix, host, path));
    for await (const { key } of store.list(livePrefix(prefix, host))) {
      if (landed.some((piecesOf) => key.startsWith(piecesOf))) await this.growth.forget(key);
    }
  }
}

/** Reads the flag anew: awaits in between change it, which the compiler's narrowing doesn't know. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

const runIdOf = (ref: PhaseRef): string => (ref.scope.kind === "attempt" ? ref.scope.attempt.runId : ref.scope.runId);

/** Lands every artifact below the scope's prefix; the store verifies length and digest before a key becomes visible. */
async function land(ref: PhaseRef, agent: HostAgent, result: StepResult, fx: FlowEffects): Promise<void> {
  const folder = hostFolder(ref.scope);
  await forEachBounded(result.artifacts, landAtOnce, async (artifact) => {
    const key = `${scopePrefix(ref.scope)}/${result.host}/${artifact.path}`;
    if ((await fx.store.head(key)) !== undefined) return;
    const answer = await fx.store.putFile(key, agent.read(folder, artifact.path, 0), artifact);
    if (answer === "other") {
      throw new FailureError({
        class: "integrity",
        message: `${key} is in the store with other bytes`,
        host: result.host,
      });
    }
  });
}

const lostStep = (stepId: string, host: TopologyHost, clock: Clock): StepResult => ({
  stepId,
  host: host.name,
  units: [],
  artifacts: [],
  missing: [],
  warnings: [],
  failure: {
    class: "transport",
    message: `${host.name} knows nothing of ${stepId}: it lost its disk, or was replaced`,
    hint: "look at the machine's own log; the trial runs again",
    host: host.name,
  },
  startedAt: clock.now(),
  endedAt: clock.now(),
});
