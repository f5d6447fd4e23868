import { mkdir } from "node:fs/promises";
import type { Contrast } from "../analysis/compare/contrast.ts";
import { comparisonFigures, forestRows, intervalByTrialsRows, ridgeRows } from "../analysis/compare/figures.ts";
import { figureFolder } from "../analysis/figure-folder.ts";
import type { Figure } from "../analysis/figure.ts";
import type { Trial } from "../analysis/trials.ts";
import { writeFigure } from "../analysis/write-figure.ts";
import { version } from "../engines/embedded/version.ts";

export interface DrawnContrasts {
  readonly into: string;
  readonly title: string;
  /** How a pair's log ratio comes from what was measured. */
  readonly estimator: string;
  readonly trials: readonly Trial[];
}

/** The figures that suit every comparison; those without rows (single pairs, independent series) are left out. */
export async function drawContrasts(
  contrasts: readonly Contrast[],
  { into, title, estimator, trials }: DrawnContrasts,
): Promise<string[]> {
  const [forest, intervals, ridges] = comparisonFigures({ contrasts: () => contrasts, title, estimator });
  await mkdir(into, { recursive: true });
  const files = figureFolder(into);
  const drawn: string[] = [];
  const one = async <Row extends object>(figure: Figure<Row>, rows: readonly Row[]): Promise<void> => {
    if (rows.length === 0) return;
    const origin = { trials, artifacts: [], missing: [], codeVersion: version };
    drawn.push((await writeFigure(figure, rows, { origin, files })).name);
  };
  await one(forest, forestRows(contrasts));
  await one(intervals, intervalByTrialsRows(contrasts));
  await one(ridges, ridgeRows(contrasts));
  return drawn;
}
