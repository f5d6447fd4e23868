import { join } from "node:path";
import type { LoadedDefinition } from "../core/definition/program.ts";
import { FailureError } from "../core/errors/failure.ts";
import { definitionsIn, experimentsHere } from "./definitions-here.ts";
import { loadDefinition } from "./load.ts";

export interface FoundExperiment {
  readonly folder: string;
  readonly definition: LoadedDefinition;
}

/**
 * The experiment that a run was made of, where it lies: in the folder or file that was named, or among those that are here.
 *
 * @returns undefined when it isn't here: figures then can't be drawn again
 * @throws {FailureError} class invalid, for a named folder that holds other experiments
 */
export async function findExperimentOf(
  experiment: string,
  named: string | undefined,
): Promise<FoundExperiment | undefined> {
  if (named !== undefined) {
    // What is wrong with the definition that was named is said; others of its folder are looked at when it is another's.
    const { folder, definition } = await loadDefinition(named);
    if (definition.spec.name === experiment) return { folder: folder.folder, definition };
    const beside = await firstNamed(experiment, await definitionsIn(folder.folder));
    if (beside !== undefined) return beside;
    throw new FailureError({
      class: "invalid",
      message: `${named} holds ${definition.spec.name}, and the run is one of ${experiment}`,
    });
  }
  const likely = await definitionsIn(join("experiments", experiment));
  return firstNamed(experiment, [...new Set([...likely, ...(await experimentsHere())])]);
}

async function firstNamed(experiment: string, files: readonly string[]): Promise<FoundExperiment | undefined> {
  for (const file of files) {
    // An experiment that doesn't read is somebody else's worry here.
    const loaded = await loadDefinition(file).catch(() => undefined);
    if (loaded?.definition.spec.name === experiment)
      return { folder: loaded.folder.folder, definition: loaded.definition };
  }
  return undefined;
}
