import type { CommandContext } from "./context.ts";

export interface ImportOptions {
  readonly all?: true;
  readonly strict?: true;
  /** For what becomes files rather than a run. */
  readonly output?: string;
}

/** Reads results that a system's own harness left, from a folder of this machine. */
export type Importer = (context: CommandContext, folder: string, options: ImportOptions) => Promise<number>;
