import type { Failure } from "../errors/failure.ts";
import { FailureError, failureErrorName } from "../errors/failure.ts";
import type { PhaseRef } from "../names/keys.ts";
import { hostStepId, phaseKeys } from "../names/keys.ts";
import type { TopologyHost } from "../plan/types.ts";
import type { TaskOutcome, TaskToken } from "../ports/engine.ts";
import type { HostStep, StepResult } from "../ports/host-agent.ts";
import type { Entry } from "../ports/object-store.ts";
import type { ExpectedRecord, StartRecord } from "../records/schemas.ts";
import { armedRecordSchema, expectedRecordSchema, startRecordSchema, stepResultSchema } from "../records/schemas.ts";
import { forEachBounded } from "./fan-out.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, parseRecord, readRecord, requireRecord, toBytes } from "./effects.ts";

/**
 * A phase: the hosts' steps start together and join by "put mine, list all, the last one wakes" (design decision 2).
 *
 * `armPhase` makes the steps run and a token wait; `reportDone` takes a host's result and wakes the token when it was
 * the last. Both may be called any number of times, in any order, by any process: the `done` records are the truth,
 * waking only hurries it on.
 */
export interface PhasePlan {
  readonly ref: PhaseRef;
  readonly steps: readonly { readonly host: TopologyHost; readonly step: HostStep; readonly required: boolean }[];
  /** What the waiting state gets when all is well. */
  readonly output: { readonly stage: number; readonly more: boolean };
  /**
   * What is asked of the hosts' clocks: `agree` on an instant that all steps wait for, or be measured alone, so that
   * the evidence can be put on one time line.
   */
  readonly clocks: "agree" | "measure" | "none";
}

/** How long after the last clock measurement an agreed start lies, beyond the slowest round trip. */
const startMarginMs = 40;
/** Phase work on many hosts: enough to start 100 hosts at once, few enough for one process's sockets. */
const hostConcurrency = 32;

/**
 * Makes a phase's steps run and the token wait for them.
 *
 * A phase that was armed before (a silence, a retry) is known on its hosts: one that doesn't answer now may be cut off
 * for a while, and works on. Its silence is no failure as long as it exists.
 *
 * @returns hosts that gave no answer, of a phase that was armed before
 */
export async function armPhase(
  phase: PhasePlan,
  token: TaskToken,
  execution: string,
  fx: FlowEffects,
): Promise<readonly TopologyHost[]> {
  const keys = phaseKeys(phase.ref);
  const expected: ExpectedRecord = {
    hosts: Object.fromEntries(phase.steps.map((s) => [s.host.name, s.required ? "required" : "guard"])),
    output: phase.output,
    ...(phase.ref.phase === "collect" ? { waitsForAll: true } : {}),
  };
  const isFirst = (await fx.store.putIfAbsent(keys.expected, toBytes(expected), execution)) === "created";

  // A re-armed phase finds most hosts at work or done: only those that aren't get the step again.
  const done: ReadonlyMap<string, StepResult> = isFirst ? new Map() : await doneResults(phase.ref, fx);
  const wasArmed = !isFirst && (await newestArmed(phase.ref, fx)) !== undefined;
  const open = phase.steps.filter((s) => !done.has(s.host.name));
  const alreadyArmed = new Set<string>();
  const silent = new Set<string>();
  await forEachBounded(open, hostConcurrency, async ({ host, step }) => {
    const answer = await fx
      .agent(step.fence.runId, host)
      .arm(step)
      .catch((error: unknown) => {
        if (!wasArmed || !(error instanceof FailureError) || error.failure.class !== "transport") throw error;
        silent.add(host.name);
        return { kind: "already" } as const;
      });
    if (answer.kind === "already") alreadyArmed.add(host.name);
    if (answer.kind === "superseded") {
      throw new FailureError({
        class: "cancelled",
        message: `${host.name} already works for epoch ${answer.by.epoch}, attempt ${answer.by.attempt}`,
        hint: "a newer `resume` drives this run; nothing is lost",
        host: host.name,
      });
    }
  });
  const answering = open.filter((s) => !silent.has(s.host.name));
  if (phase.clocks !== "none" && answering.length > 0) {
    const start = await readClocks(phase, answering, execution, fx);
    await startTogether(phase, answering, start, fx);
  }

  await armToken(phase.ref, token, execution, fx);
  // A step that was armed before pushes to where the control side was then: it is asked as well.
  const watched = open.filter((s) => s.step.push === undefined || alreadyArmed.has(s.host.name)).map((s) => s.host);
  if (watched.length > 0) fx.watch(phase.ref, watched);
  return open.filter((s) => silent.has(s.host.name)).map((s) => s.host);
}

/** Measures each host's clock, agrees on an instant where one is needed; what was first recorded counts. */
async function readClocks(
  phase: PhasePlan,
  open: PhasePlan["steps"],
  execution: string,
  fx: FlowEffects,
): Promise<StartRecord> {
  const key = phaseKeys(phase.ref).start;
  const known = await readRecord(fx.store, key, startRecordSchema);
  if (known !== undefined) return known.value;
  const offsets: Record<string, { offsetMs: number; errorMs: number }> = {};
  await forEachBounded(open, hostConcurrency, async ({ host, step }) => {
    offsets[host.name] = await fx.agent(step.fence.runId, host).clockOffset();
  });
  const slowestMs = Math.max(...Object.values(offsets).map((o) => o.errorMs * 2));
  const startAt = phase.clocks === "agree" ? Math.ceil(fx.clock.now() + slowestMs + startMarginMs) : undefined;
  const measured: StartRecord = { startAt, offsets: sortKeys(offsets) };
  if ((await fx.store.putIfAbsent(key, toBytes(measured), execution)) !== "other") return measured;
  // Another invocation of this very phase was first, and there is one instant only.
  return requireRecord(fx.store, key, startRecordSchema);
}

/** Tells each host the agreed instant in its own clock. */
async function startTogether(
  phase: PhasePlan,
  open: PhasePlan["steps"],
  { startAt, offsets }: StartRecord,
  fx: FlowEffects,
): Promise<void> {
  if (startAt === undefined) return;
  const stepId = hostStepId(phase.ref);
  await forEachBounded(open, hostConcurrency, async ({ host, step }) => {
    const offsetMs = offsets[host.name]?.offsetMs ?? 0;
    await fx.agent(step.fence.runId, host).go(stepId, Math.round(startAt + offsetMs));
  });
}

const sortKeys = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Writes the token, then looks whether everything is done already: the order closes the race with `reportDone`. */
async function armToken(ref: PhaseRef, token: TaskToken, execution: string, fx: FlowEffects): Promise<void> {
  const keys = phaseKeys(ref);
  const body = toBytes({ token, execution, at: new Date(fx.clock.now()).toISOString() });
  const earlier = await listKeys(fx.store, keys.armedPrefix);
  for (let n = earlier.length; ; n++) {
    const answer = await fx.store.putIfAbsent(keys.armed(n), body, token);
    if (answer !== "other") break;
  }
  await wakeIfDone(ref, fx);
}

/** Takes a host's result. Late and repeated reports change nothing. */
export async function reportDone(ref: PhaseRef, result: StepResult, fx: FlowEffects): Promise<void> {
  await fx.store.putIfAbsent(phaseKeys(ref).done(result.host), toBytes(result), `host:${result.host}`);
  await wakeIfDone(ref, fx);
}

/** A host that wasn't heard for so long is silent: one of its beats, which come each minute, may get lost. */
const silentAfterMs = 150_000;

/**
 * A host lives. The beat is relayed to the waiting task while every other host of the phase was heard lately, so that
 * the silence of one shows as a missed heartbeat. All times are the store's own.
 *
 * That nobody waits for the token is no news for the host: after a silence the phase is armed again with another one,
 * after another host's failure the collect phase stops it. Killing its job here would lose what it has measured.
 */
export async function reportAlive(ref: PhaseRef, host: string, fx: FlowEffects): Promise<void> {
  const keys = phaseKeys(ref);
  await writeBeat(keys.beat(host), fx);
  const armed = await newestArmed(ref, fx);
  if (armed === undefined) return; // the task is about to be armed
  const heard = new Map<string, number>();
  for await (const entry of fx.store.list(keys.beatPrefix)) {
    heard.set(entry.key.slice(keys.beatPrefix.length, -".json".length), entry.modifiedAt);
  }
  const now = heard.get(host) ?? armed.modifiedAt;
  const expected = await readRecord(fx.store, keys.expected, expectedRecordSchema);
  const done = await doneHosts(ref, fx);
  const isSilent = Object.keys(expected?.value.hosts ?? {}).some(
    (other) => !done.has(other) && Math.max(heard.get(other) ?? 0, armed.modifiedAt) < now - silentAfterMs,
  );
  if (!isSilent) await fx.engine.heartbeat(armed.token);
}

async function writeBeat(key: string, fx: FlowEffects): Promise<void> {
  const body = toBytes({ at: fx.clock.now() });
  const there = await fx.store.head(key);
  // Of two beats at once either will do.
  if (there === undefined) await fx.store.putIfAbsent(key, body, "beat");
  else await fx.store.replace(key, body, there.etag);
}

export async function wakeIfDone(ref: PhaseRef, fx: FlowEffects): Promise<void> {
  const expected = await readRecord(fx.store, phaseKeys(ref).expected, expectedRecordSchema);
  if (expected === undefined) return;
  const outcome = phaseOutcome(expected.value, await doneResults(ref, fx));
  if (outcome === undefined) return;
  const armed = await newestArmed(ref, fx);
  if (armed !== undefined) await fx.engine.wake(armed.token, outcome);
}

async function newestArmed(
  ref: PhaseRef,
  fx: FlowEffects,
): Promise<{ readonly token: TaskToken; readonly modifiedAt: number } | undefined> {
  let last: Entry | undefined;
  for await (const entry of fx.store.list(phaseKeys(ref).armedPrefix)) last = entry;
  if (last === undefined) return undefined;
  const { token } = await requireRecord(fx.store, last.key, armedRecordSchema);
  return { token, modifiedAt: last.modifiedAt };
}

async function doneHosts(ref: PhaseRef, fx: FlowEffects): Promise<ReadonlySet<string>> {
  const prefix = phaseKeys(ref).donePrefix;
  return new Set((await listKeys(fx.store, prefix)).map((key) => key.slice(prefix.length, -".json".length)));
}

export async function doneResults(
  ref: PhaseRef,
  fx: Pick<FlowEffects, "store">,
): Promise<ReadonlyMap<string, StepResult>> {
  const results = new Map<string, StepResult>();
  for (const key of await listKeys(fx.store, phaseKeys(ref).donePrefix)) {
    const stored = await fx.store.get(key);
    if (stored === undefined) continue;
    const result: StepResult = parseRecord(key, stored.body, stepResultSchema);
    results.set(result.host, result);
  }
  return results;
}

/**
 * How a phase stands: undefined while it goes on.
 *
 * It ends well when every required host is done without failure, and badly as soon as any host, a guard included,
 * reports a failure: the others are stopped by the collect phase that follows. That one waits for all its hosts: one
 * host's missing log must not cost the evidence of the others.
 */
export function phaseOutcome(expected: ExpectedRecord, done: ReadonlyMap<string, StepResult>): TaskOutcome | undefined {
  const isComplete = Object.entries(expected.hosts).every(([host, part]) => part === "guard" || done.has(host));
  if (expected.waitsForAll === true && !isComplete) return undefined;
  const failures = [...done.values()].flatMap((result) => (result.failure === undefined ? [] : [result.failure]));
  const worst = failures[0];
  if (worst !== undefined) return failedOutcome(worst, failures.length - 1);
  return isComplete ? { kind: "succeeded", output: expected.output } : undefined;
}

/** A failure in the form that Catch sees and the console shows: error name of its class, cause as small JSON. */
export function failedOutcome(failure: Failure, others = 0): TaskOutcome {
  const cause = others > 0 ? { ...failure, message: `${failure.message} (and ${others} more hosts failed)` } : failure;
  return { kind: "failed", error: failureErrorName(failure.class), cause: JSON.stringify(cause).slice(0, 32_000) };
}
