import type { Problem } from "./problem.ts";
import { DefinitionError } from "./problem.ts";

/** Mistakes that come up one after the other, each place once, whatever values it fails with. */
export class ProblemList {
  readonly #problems = new Map<string, Problem>();

  readonly tell = (problems: readonly Problem[]): void => {
    for (const problem of problems) {
      const place = `${problem.file}:${problem.line}:${problem.column}`;
      if (!this.#problems.has(place)) this.#problems.set(place, problem);
    }
  };

  /** @returns what it gives, undefined where a definition's mistake keeps it from it */
  try<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      // What follows from a field that something else stands for is no mistake of its own.
      const paths = new Set([...this.#problems.values()].map(({ path }) => path));
      this.tell(error.problems.filter(({ path }) => !paths.has(path)));
      return undefined;
    }
  }

  /** @throws {DefinitionError} with all of them, in the order of the file, if there are any */
  throwIfAny(): void {
    if (this.#problems.size === 0) return;
    const inOrder = (a: Problem, b: Problem): number => a.line - b.line || a.column - b.column;
    throw new DefinitionError([...this.#problems.values()].sort(inOrder));
  }
}
