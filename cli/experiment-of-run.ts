import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedDefinition } from "../core/definition/program.ts";
import { FailureError } from "../core/errors/failure.ts";
import { loadDefinition } from "./load.ts";

/** Folders of `experiments/` with a definition. */
export async function experimentsHere(): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir("experiments", { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    const files = await readdir(join("experiments", entry.name));
    if (files.includes("experiment.yaml")) found.push(join("experiments", entry.name));
  }
  return found.sort();
}

/**
 * The experiment that a run was made of, where it lies: the folder that was named, or one below `experiments/` with its name.
 *
 * @returns undefined when it isn't here: figures then can't be drawn again
 * @throws {FailureError} class invalid, for a named folder that holds another experiment
 */
export async function findExperimentOf(
  experiment: string,
  named: string | undefined,
): Promise<{ readonly folder: string; readonly definition: LoadedDefinition } | undefined> {
  if (named !== undefined) {
    const { folder, definition } = await loadDefinition(named);
    if (definition.spec.name === experiment) return { folder: folder.folder, definition };
    throw new FailureError({
      class: "invalid",
      message: `${named} holds ${definition.spec.name}, and the run is one of ${experiment}`,
    });
  }
  for (const candidate of [...new Set([join("experiments", experiment), ...(await experimentsHere())])]) {
    // An experiment that doesn't read is somebody else's worry here.
    const loaded = await loadDefinition(candidate).catch(() => undefined);
    if (loaded?.definition.spec.name === experiment)
      return { folder: loaded.folder.folder, definition: loaded.definition };
  }
  return undefined;
}
