import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FailureError } from "../core/errors/failure.ts";
import { readRunManifest } from "../core/evidence/run-manifest.ts";
import { plainTree } from "../stores/folder/plain-tree.ts";

/**
 * Whose evidence a fetched folder is. Either file that says so may be damaged, and `verify` is to name it: the root
 * manifest is believed where its own digest bears it out, then the run's record.
 *
 * @throws {FailureError} class invalid where no file says it, class integrity where none that does can be read
 */
export async function runOfCopy(folder: string): Promise<string> {
  const texts = await Promise.all(["manifest.json", "run.json"].map((name) => readText(join(folder, name))));
  const named = texts.flatMap((text) => /"runId"\s*:\s*"([\w.-]+)"/.exec(text ?? "")?.[1] ?? []);
  for (const runId of named) {
    if ((await readRunManifest(plainTree(folder, runId), runId)).kind === "sealed") return runId;
  }
  const runId = named.at(-1);
  if (runId !== undefined) return runId;
  if (texts.every((text) => text === undefined)) {
    throw new FailureError({
      class: "invalid",
      message: `${folder} is no copy of a run: it has neither manifest.json nor run.json`,
      hint: "`reprise fetch RUN DIR` makes one",
    });
  }
  throw new FailureError({
    class: "integrity",
    message: `${folder}: neither manifest.json nor run.json says which run this is`,
  });
}

const readText = (file: string): Promise<string | undefined> => readFile(file, "utf8").catch(() => undefined);
