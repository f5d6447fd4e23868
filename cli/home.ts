import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { FailureError } from "../core/errors/failure.ts";
import { listKeys } from "../core/flow/effects.ts";
import { runKeys } from "../core/names/keys.ts";
import type { ObjectStore, ObjectStoreAdmin } from "../core/ports/object-store.ts";
import { homePaths } from "../engines/embedded/home.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { DeferredStore } from "../stores/deferred-store.ts";
import { FolderStore } from "../stores/folder/folder-store.ts";
import { parseHome } from "./deployed/place.ts";

/** The store of a home: a folder of this machine, or a bucket. */
export function openStore(home: string): ObjectStoreAdmin {
  const place = parseHome(home, process.env);
  if (place.kind === "folder") return new FolderStore({ root: homePaths(place.path).store, clock: systemClock });
  // The client takes 0.1 s and 20 MB to load, which no command on a folder should pay.
  return new DeferredStore(async () => {
    const { S3Store, createS3Client } = await import("../stores/s3/s3-store.ts");
    const client = createS3Client({ region: place.region });
    return new S3Store({ client, bucket: place.bucket, clock: systemClock, newId: randomUUID });
  });
}

/** Where a command may keep what can be made again; beside a folder's store, else in the folder that is the default. */
export const cacheFolder = (home: string): string =>
  join(homePaths(parseHome(home, process.env).kind === "folder" ? home : ".reprise").root, "cache");

/** Every run in the store, oldest first by the time in its id's record. */
export async function listRuns(store: ObjectStore): Promise<string[]> {
  const runs: { readonly runId: string; readonly at: number }[] = [];
  let after: string | undefined;
  for (;;) {
    let found: string | undefined;
    for await (const entry of store.list("runs/", after)) {
      found = /^runs\/([^/]+)\//.exec(entry.key)?.[1];
      break;
    }
    if (found === undefined) break;
    const record = await store.head(runKeys(found).run);
    if (record !== undefined) runs.push({ runId: found, at: record.modifiedAt });
    after = `runs/${found}/\u{10ffff}`; // past everything of this run
  }
  return runs.sort((a, b) => a.at - b.at || (a.runId < b.runId ? -1 : 1)).map((run) => run.runId);
}

/** Finds the one run that a person means: an id, a part of it, or `last`. */
export async function findRun(store: ObjectStore, name: string): Promise<string> {
  const runs = await listRuns(store);
  if (runs.includes(name)) return name;
  const newest = runs.at(-1);
  if (name === "last" && newest !== undefined) return newest;
  const matches = runs.filter((run) => run.includes(name));
  const [only] = matches;
  if (matches.length === 1 && only !== undefined) return only;
  throw new FailureError({
    class: "invalid",
    message:
      matches.length === 0
        ? `no run matches "${name}"`
        : `"${name}" matches ${matches.length} runs: ${matches.slice(-5).join(", ")}`,
    hint: runs.length === 0 ? "start one with `reprise run EXPERIMENT`" : "`reprise list` shows them all",
  });
}

/** The newest epoch of a run, 0 when none began. */
export const newestEpoch = async (store: ObjectStore, runId: string): Promise<number> =>
  (await listKeys(store, runKeys(runId).epochs)).length;
