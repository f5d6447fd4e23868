import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FailureError } from "../core/errors/failure.ts";
import { masterSecretBytes } from "../core/identity/index.ts";
import { listKeys } from "../core/flow/effects.ts";
import { runKeys } from "../core/names/keys.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { FolderStore } from "../stores/folder/folder-store.ts";

/** Where the embedded engine keeps things: one folder, nothing outside it. */
export const homePaths = (home: string) => {
  const root = resolve(home);
  return {
    root,
    store: join(root, "store"),
    hosts: join(root, "hosts"),
    /** From which every key of every run is derived: mode 600, never copied into the store. */
    secret: join(root, "secret"),
    engines: join(root, "engines"),
    engineState: (runId: string) => join(root, "engines", `${runId}.json`),
    engineLog: (runId: string) => join(root, "engines", `${runId}.log`),
  };
};

export const openStore = (home: string): FolderStore =>
  new FolderStore({ root: homePaths(home).store, clock: systemClock });

/** The master secret, made on first use. */
export async function readSecret(home: string): Promise<Uint8Array> {
  const { root, secret } = homePaths(home);
  const read = async (): Promise<Uint8Array> => Buffer.from((await readFile(secret, "utf8")).trim(), "hex");
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // node:fs errors carry a code
  }
  await mkdir(root, { recursive: true });
  const mine = `${secret}.${process.pid}`;
  await writeFile(mine, `${randomBytes(masterSecretBytes).toString("hex")}\n`, { mode: 0o600 });
  // Linked, not renamed: of two first uses at once, the second finds the first one's secret.
  await link(mine, secret).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await unlink(mine);
  return read();
}

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
