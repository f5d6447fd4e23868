import type { Clock } from "../core/effects/clock.ts";
import { readRecord } from "../core/flow/effects.ts";
import { runKeys } from "../core/names/keys.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import type { EventRecord } from "../core/records/schemas.ts";
import { eventRecordSchema } from "../core/records/schemas.ts";

/** Looked for new events this often; a person sees no difference to at once. */
const lookEveryMs = 300;
/** An event's key carries its writer's clock: one that comes late by less than this is still seen. */
const lateMs = 5_000;

/**
 * The run's feed from its beginning, then as it grows.
 *
 * @param until asked at each look, after the events so far were given: true ends the feed
 */
export async function* readFeed(
  store: ObjectStore,
  runId: string,
  effects: { readonly clock: Clock; readonly until: () => boolean | Promise<boolean>; readonly signal?: AbortSignal },
): AsyncGenerator<EventRecord> {
  const prefix = runKeys(runId).events;
  const seen = new Set<string>();
  let after: string | undefined;
  for (;;) {
    const mayEnd = await effects.until();
    let newest: string | undefined;
    for await (const entry of store.list(prefix, after)) {
      newest = entry.key;
      if (seen.has(entry.key)) continue;
      seen.add(entry.key);
      const event = await readRecord(store, entry.key, eventRecordSchema);
      if (event !== undefined) yield event.value;
    }
    if (mayEnd || effects.signal?.aborted === true) return;
    if (newest !== undefined) {
      after = keyBefore(prefix, newest);
      for (const key of seen) if (after !== undefined && key < after) seen.delete(key);
    }
    await effects.clock.sleep(lookEveryMs, effects.signal).catch(() => undefined);
  }
}

/** A key that sorts before every event of the last few seconds. */
function keyBefore(prefix: string, key: string): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})-(\d{3})Z/.exec(key.slice(prefix.length));
  if (match === null) return undefined;
  const [, day, hour, minute, second, ms] = match;
  const at = Date.parse(`${day ?? ""}T${hour ?? ""}:${minute ?? ""}:${second ?? ""}.${ms ?? ""}Z`) - lateMs;
  return `${prefix}${new Date(at).toISOString().replace(/[:.]/g, "-")}`;
}
