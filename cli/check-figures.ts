import { statSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../core/definition/problem.ts";
import { DefinitionError } from "../core/definition/problem.ts";
import type { LoadedDefinition } from "../core/definition/program.ts";

/**
 * A run needs no figures, so that what draws them may come later; who asks whether all is right hears that it isn't there.
 *
 * @throws {DefinitionError} with every figure whose module isn't in the folder
 */
export function requireModules(definition: LoadedDefinition, folder: string): void {
  const problems: Problem[] = [];
  for (const [name, { module }] of Object.entries(definition.spec.figures)) {
    if (statSync(join(folder, module), { throwIfNoEntry: false })?.isFile() === true) continue;
    try {
      definition.fail(["figures", name, "module"], "no such file beside the definition", undefined, module);
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new DefinitionError(problems);
}
