import { exitCodes } from "../core/errors/failure.ts";
import type { Progress } from "../core/progress/progress.ts";

/** 0 for a complete run with everything taken down; else the class that a script can act on. */
export function finishedExitCode(progress: Progress): number {
  if (progress.stillThere > 0) return exitCodes.defect;
  if (progress.stopping) return exitCodes.cancelled;
  if (progress.outcome === undefined) return exitCodes.defect;
  if (progress.outcomeClass === undefined) return 0;
  return exitCodes[progress.outcomeClass];
}
