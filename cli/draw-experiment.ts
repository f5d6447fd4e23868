import { join, relative } from "node:path";
import { figureFolder } from "../analysis/figure-folder.ts";
import type { Figure, PlannedTrial } from "../analysis/figure.ts";
import { trialsFor } from "../analysis/figure.ts";
import type { Trial } from "../analysis/trials.ts";
import type { DrawnFigure } from "../analysis/write-figure.ts";
import { drawFigure } from "../analysis/write-figure.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { version } from "../engines/embedded/version.ts";
import { loadFiguresModule } from "./figures-module.ts";
import { cacheFolder } from "./home.ts";

export interface ExperimentToDraw {
  readonly runId: string;
  /** Of the experiment, where its figures' modules lie. */
  readonly folder: string;
  /** Modules of figures, relative to the folder. */
  readonly modules: readonly string[];
  readonly trials: readonly Trial[];
  readonly planned: readonly PlannedTrial[];
  /** Where to. */
  readonly target: string;
  readonly home: string;
  readonly note: (text: string) => void;
}

/**
 * Draws every figure of an experiment that has trials in the run.
 *
 * @throws {FailureError} class integrity, which names the figure and its module
 */
export async function drawExperiment(what: ExperimentToDraw): Promise<DrawnFigure[]> {
  const drawn: DrawnFigure[] = [];
  for (const file of what.modules) {
    const module = await loadFiguresModule(join(what.folder, file), join(cacheFolder(what.home), "figures"));
    for (const figure of module.figures) {
      if (trialsFor(figure, what.trials).length === 0) {
        what.note(`${figure.name}: not drawn, ${what.runId} has none of its trials`);
        continue;
      }
      // A module's figures differ in their rows, which only they know and check.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- AnyFigure is Figure<any>
      const own: Figure<object> = figure;
      try {
        drawn.push(
          await drawFigure(own, {
            trials: what.trials,
            planned: what.planned,
            codeVersion: version,
            figureSourceSha256: module.sourceSha256,
            files: figureFolder(what.target),
            options: { forScreen: true },
          }),
        );
      } catch (error) {
        throw new FailureError(
          {
            class: "integrity",
            message: `figure ${figure.name} (${relative(".", join(what.folder, file))}): ${messageOf(error)}`,
          },
          { cause: error },
        );
      }
    }
  }
  return drawn;
}
