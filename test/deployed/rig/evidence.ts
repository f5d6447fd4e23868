import { attemptManifestSchema } from "../../../core/evidence/attempt-manifest.ts";
import { unpackHistory } from "../../../core/evidence/history-chunk.ts";
import { listChildren, listKeys, readRecord, requireRecord } from "../../../core/flow/effects.ts";
import { attemptKeys, deploymentKeys, runKeys } from "../../../core/names/keys.ts";
import type { ObjectStore } from "../../../core/ports/object-store.ts";
import { outcomeRecordSchema, receiptSchema } from "../../../core/records/schemas.ts";
import type { HistoryEvent } from "../../../engines/asl/history.ts";
import type { Invocation } from "./lambda-host.ts";

/** Resources that a run's receipts name as still there, and deployments without a receipt. */
export async function stillThere(store: ObjectStore, runId: string): Promise<string[]> {
  const left: string[] = [];
  for (const id of await listChildren(store, runKeys(runId).deployments)) {
    const receipt = await readRecord(store, deploymentKeys(runId, id).receipt, receiptSchema);
    if (receipt === undefined) left.push(`${id} has no receipt`);
    else for (const one of receipt.value.resources) if (one.outcome === "still there") left.push(one.name);
  }
  return left;
}

/** Executions whose histories lie beside a run's evidence, each with its events in order. */
export async function storedHistories(
  store: ObjectStore,
  runId: string,
): Promise<ReadonlyMap<string, readonly HistoryEvent[]>> {
  const histories = new Map<string, readonly HistoryEvent[]>();
  for (const execution of await listChildren(store, runKeys(runId).histories)) {
    const events: HistoryEvent[] = [];
    for (const key of await listKeys(store, runKeys(runId).historyPrefix(execution))) {
      const stored = await store.get(key);
      // What was packed is our own event, whichever engine it came from.
      for (const line of unpackHistory(stored?.body ?? new Uint8Array())) events.push(JSON.parse(line) as HistoryEvent);
    }
    histories.set(execution, events);
  }
  return histories;
}

/**
 * The states that an execution entered, in order, and how it ended. How often hosts are looked at while they boot, or are
 * asked to go, is a matter of speed: looks are left out, repeats are one.
 */
export function storyOf(events: readonly HistoryEvent[] = []): readonly string[] {
  const entered = events.flatMap((event) =>
    "stateEnteredEventDetails" in event ? [event.stateEnteredEventDetails.name] : [],
  );
  const looks = new Set(["WaitForHosts", "ObserveHosts", "HostsReady", "WaitForCloud", "ObserveGone", "Gone"]);
  const told = entered.filter((name) => !looks.has(name)).filter((name, n, names) => name !== names[n - 1]);
  return [...told, events.at(-1)?.type ?? "nothing"];
}

/** What was called for an attempt at a trial, in order: `startPhase jobs`. Keys are `{point}#{trial}/{attempt}`. */
export type CallsByAttempt = ReadonlyMap<string, readonly string[]>;

/** @param histories of the Map's children, each a history of its own on the service and on the embedded engine */
export function callsInHistories(histories: Iterable<readonly HistoryEvent[]>): CallsByAttempt {
  const calls = new Map<string, string[]>();
  for (const events of histories) {
    for (const event of events) {
      if (event.type !== "TaskScheduled") continue;
      const { FunctionName: name, Payload: payload } = JSON.parse(
        event.taskScheduledEventDetails.parameters,
      ) as Invoked;
      addCall(calls, name, payload);
    }
  }
  return calls;
}

/** The interpreter in the rig keeps no histories of a distributed Map's children: what they called tells as much. */
export function callsInInvocations(invocations: readonly Invocation[], runId: string): CallsByAttempt {
  const calls = new Map<string, string[]>();
  for (const { function: name, event, error } of invocations) {
    const payload = event as Invoked["Payload"] | null; // ours, or a host's call, which has no input
    if (error === undefined && payload?.input?.runId === runId) addCall(calls, name, payload);
  }
  return calls;
}

interface Invoked {
  readonly FunctionName: string;
  readonly Payload: {
    readonly phase?: string;
    readonly input?: {
      readonly runId?: string;
      readonly pointKey?: string;
      readonly trialIndex?: number;
      readonly attempt?: number;
    };
  };
}

/** A claim is for a lane, not yet for a trial; the one after an attempt carries that attempt's state and isn't its own. */
function addCall(calls: Map<string, string[]>, name: string, { phase, input }: Invoked["Payload"]): void {
  if (input?.pointKey === undefined || name === "claim") return;
  const attempt = `${input.pointKey}#${input.trialIndex ?? "?"}/${input.attempt ?? "?"}`;
  const known = calls.get(attempt) ?? [];
  calls.set(attempt, [...known, phase === undefined ? name : `${name} ${phase}`]);
}

/** Of each trial the calls of its valid attempt: an attempt that began late on a busy machine is run again. */
export async function callsOfValid(
  store: ObjectStore,
  runId: string,
  calls: CallsByAttempt,
): Promise<Record<string, readonly string[]>> {
  const valid: Record<string, readonly string[]> = {};
  for (const { pointKey, trialIndex, attempt } of await outcomesOf(store, runId)) {
    valid[`${pointKey}#${trialIndex}`] = calls.get(`${pointKey}#${trialIndex}/${attempt}`) ?? [];
  }
  return valid;
}

/** Trial keys of a run's valid results, and the fields of their manifests: names and types, no values. */
export async function manifestsOf(
  store: ObjectStore,
  runId: string,
): Promise<{ readonly trialKeys: readonly string[]; readonly fields: readonly string[] }> {
  const fields = new Set<string>();
  const outcomes = await outcomesOf(store, runId);
  for (const outcome of outcomes) {
    const manifest = await requireRecord(store, attemptKeys(outcome).manifest, attemptManifestSchema);
    for (const path of pathsOf(manifest, "")) fields.add(path);
  }
  return { trialKeys: outcomes.map(({ trialKey }) => trialKey).sort(), fields: [...fields].sort() };
}

async function outcomesOf(store: ObjectStore, runId: string) {
  const keys = await listKeys(store, runKeys(runId).outcomes);
  return Promise.all(keys.map((key) => requireRecord(store, key, outcomeRecordSchema)));
}

function pathsOf(value: unknown, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, `${at}[]`));
  if (typeof value !== "object" || value === null) return [`${at}: ${typeof value}`];
  return Object.entries(value).flatMap(([name, child]) => pathsOf(child, `${at}.${name}`));
}
