/**
 * The papers' figures again, from the papers' own results: the folder of published files, or a checkout of the upstream
 * repository, goes in; checked rows with their origin come out, one figure at a time, ready for `writeFigure`.
 */
import { barFigures } from "./bar-figures.ts";
import { curveFigures } from "./curve-figures.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { watchedInputs } from "./published-files.ts";
import type { FolderReader, ReadFile } from "./published-files.ts";
import { scalingFigures } from "./scaling-figures.ts";
import { tableFigures } from "./table-figures.ts";
import { theoryFigures } from "./theory-figures.ts";
import { reconfiguredRuns, timelineFigures } from "./timeline-figures.ts";
import { tuningFigures } from "./tuning-figures.ts";
import { windowFigure } from "./window-figures.ts";
import type { AnyFigure } from "reprise/analysis";

export type { FolderReader, ReadFile } from "./published-files.ts";
export type { PublishedFigure } from "./published-figure.ts";

export const windowFigures: readonly PublishedFigure[] = [
  windowFigure(
    "matchmaker-leader-reconfiguration-f1-windows",
    "Matchmaker MultiPaxos before and while its acceptors are reconfigured, f = 1",
    reconfiguredRuns.f1,
  ),
  windowFigure(
    "matchmaker-leader-reconfiguration-f2-windows",
    "Matchmaker MultiPaxos before and while its acceptors are reconfigured, f = 2",
    reconfiguredRuns.f2,
  ),
  windowFigure(
    "matchmaker-horizontal-leader-reconfiguration-windows",
    "MultiPaxos with horizontal reconfiguration before and while its acceptors are reconfigured",
    reconfiguredRuns.horizontal,
  ),
];

/** Every figure of the papers that is known, in the papers' order, whether or not its files are at hand. */
export const publishedFigures: readonly PublishedFigure[] = [
  ...curveFigures,
  ...barFigures,
  ...scalingFigures,
  ...theoryFigures,
  ...tableFigures,
  // Windows stand behind the time series of the same run, which is then read once for both.
  ...timelineFigures.flatMap((timeline) => [
    timeline,
    ...windowFigures.filter(({ inputs }) => inputs.join() === timeline.inputs.join()),
  ]),
  ...tuningFigures,
];

/** One figure's rows and where they came from. */
export interface CollectedFigure {
  readonly figure: AnyFigure;
  /** Empty when none of its files is in the folder: nothing to draw, and `missing` says so. */
  readonly rows: readonly object[];
  /** For the origin of `writeFigure`: paths below the folder, with digests. */
  readonly artifacts: readonly ReadFile[];
  /** Absent files, skipped lines (`file:line: reason`) and points without rows. */
  readonly missing: readonly string[];
}

/**
 * The rows of all figures, or of those whose names are given, one at a time: no more than one recording is held.
 *
 * @throws {ParseError} for a file that is there and can't be what it should be; file and line are named
 */
export async function* collectPublished(
  read: FolderReader,
  { names }: { readonly names?: readonly string[] } = {},
): AsyncGenerator<CollectedFigure> {
  for (const { figure, collect } of publishedFigures) {
    if (names && !names.includes(figure.name)) continue;
    const inputs = watchedInputs(read);
    const rows = await collect(inputs);
    yield { figure: figure, rows, artifacts: inputs.files(), missing: inputs.missing() };
  }
}
