import type { z } from "zod";
import type { Clock } from "../effects/clock.ts";
import type { JsonObject } from "../effects/json.ts";
import { FailureError } from "../errors/failure.ts";
import { messageOf } from "../errors/reprise-error.ts";
import type { PhaseRef } from "../names/keys.ts";
import type { Experiment, TopologyHost } from "../plan/types.ts";
import type { Engine } from "../ports/engine.ts";
import type { HostAgent, PushTarget } from "../ports/host-agent.ts";
import type { Entry, Etag, Key, ObjectStore } from "../ports/object-store.ts";
import type { HostSetup, Provider } from "../ports/provider.ts";

/** Everything that the flow's handlers do to the world goes through here: on AWS, on this machine and in `sim`. */
export interface FlowEffects {
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly engine: Engine;
  /** Opens a run's definition and plan from the store; kept by the adapter, since they never change. */
  readonly openRun: (runId: string) => Promise<Experiment>;
  readonly provider: (name: string) => Provider;
  readonly agent: (runId: string, host: TopologyHost) => HostAgent;
  /** User and host keys of one host, derived, never stored. */
  readonly hostSetup: (
    runId: string,
    deploymentId: string,
    host: string,
  ) => Promise<Pick<HostSetup, "authorizedKey" | "hostPrivateKey" | "hostKey">>;
  /** Where the host reports to, or undefined when it can't reach us and `watch` pulls. */
  readonly push: (runId: string, phase: PhaseRef, host: TopologyHost) => PushTarget | undefined;
  /** Follows a phase on hosts that don't push, until it is done or superseded; returns at once. */
  readonly watch: (phase: PhaseRef, hosts: readonly TopologyHost[]) => void;
  /** A short id that nobody else draws: for event keys, not for secrets. */
  readonly newId: () => string;
  /** What the trial's attempt manifest says of the software that made it. */
  readonly version: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Compact JSON as bytes: the form of every record of the flow. */
export const toBytes = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));

/** Reads and parses a record; undefined when there is none. */
export async function readRecord<S extends z.ZodType>(
  store: ObjectStore,
  key: Key,
  schema: S,
): Promise<{ readonly value: z.output<S>; readonly etag: Etag } | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  return { value: parseRecord(key, stored.body, schema), etag: stored.etag };
}

/** As `readRecord`, for a record that must be there. */
export async function requireRecord<S extends z.ZodType>(
  store: ObjectStore,
  key: Key,
  schema: S,
): Promise<z.output<S>> {
  const record = await readRecord(store, key, schema);
  if (record === undefined) {
    throw new FailureError({
      class: "defect",
      message: `the store has no ${key}`,
      hint: "was the run deleted while it ran?",
    });
  }
  return record.value;
}

export function parseRecord<S extends z.ZodType>(key: Key, body: Uint8Array, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(body));
  } catch (error) {
    throw new FailureError({ class: "integrity", message: `${key} is not JSON: ${messageOf(error)}` });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new FailureError({
      class: "integrity",
      message: `${key} is not what this version writes: ${parsed.error.message}`,
    });
  }
  return parsed.data;
}

/** Collects at most `limit` entries of a listing; more is a defect, since every listing of the flow is small. */
export async function listKeys(store: ObjectStore, prefix: Key, limit = 10_000): Promise<Key[]> {
  const keys: Key[] = [];
  for await (const key of store.keys?.(prefix) ?? keysOf(store.list(prefix))) {
    keys.push(key);
    if (keys.length > limit)
      throw new FailureError({ class: "defect", message: `more than ${limit} objects below ${prefix}` });
  }
  return keys;
}

async function* keysOf(entries: AsyncIterable<Entry>): AsyncGenerator<Key> {
  for await (const { key } of entries) yield key;
}

/** Names of what lies directly below `prefix` (which ends with a slash), without listing what is in each. */
export async function listChildren(store: ObjectStore, prefix: Key): Promise<string[]> {
  const children: string[] = [];
  for (let after: Key | undefined; ;) {
    let child: string | undefined;
    for await (const entry of store.list(prefix, after)) {
      child = entry.key.slice(prefix.length).split("/")[0] ?? "";
      break;
    }
    if (child === undefined) return children;
    children.push(child);
    after = `${prefix}${child}/\u{10ffff}`; // sorts past everything in it
  }
}

/** Adds one line to the run's feed. The feed is for people: losing a line must not fail a run. */
export async function tell(
  fx: Pick<FlowEffects, "store" | "clock" | "newId">,
  runId: string,
  kind: string,
  text: string,
  data: JsonObject = {},
): Promise<void> {
  const at = new Date(fx.clock.now()).toISOString();
  const key = `runs/${runId}/events/${at.replace(/[:.]/g, "-")}-${fx.newId()}.json`;
  await fx.store.putIfAbsent(key, toBytes({ at, kind, text, data }), "feed").catch(() => undefined);
}
