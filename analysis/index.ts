/**
 * From what runs left to the paper's figures: parse → typed rows → estimators → Vega-Lite specs → SVG, PNG, PDF.
 *
 * An experiment's figures module goes: trials (`Trial`, `artifactsNamed`) → rows (`parseCsv`, or `readColumns` into
 * `ValueDigest` for large logs) → one row a point (`acrossTrials`, `summarizeBy`, or a danfo frame by `toFrame`) → a chart
 * (`latencyThroughput`, `lineChart`, …) inside `defineFigure`. `drawFigure` does the rest. Importing this is cheap: Vega,
 * danfo.js and the canvas load when first used.
 */
export * from "./charts/index.ts";
export * from "./compare/index.ts";
export * from "./digest/index.ts";
export * from "./duet/index.ts";
export { drawnData, drawnRows } from "./drawn-data.ts";
export type { Annotation, DrawnData } from "./drawn-data.ts";
export { checkRows, defineFigure, FigureNameError, FigureRowsError, missingTrials, trialsFor } from "./figure.ts";
export type { AnyFigure, Figure, FigureNeeds, PlannedTrial } from "./figure.ts";
export { figureFolder } from "./figure-folder.ts";
export * from "./frames/index.ts";
export * from "./gallery/index.ts";
export { linkMarks, marksOf } from "./mark-links.ts";
export type { FigureMarks, LinkedSpec, MarkLink, TrialName } from "./mark-links.ts";
export * from "./parse/index.ts";
export * from "./render/index.ts";
export {
  acrossTrials,
  RequestRow,
  summarizeBy,
  summarizeDigest,
  summarizeLatencies,
  toTrialSummaryRows,
} from "./rows.ts";
export type { AcrossTrialsOptions, AcrossTrialsRow, LatencySummary, TrialInterval, TrialSummaryRow } from "./rows.ts";
export * from "./statistics/index.ts";
export { toCsv } from "./to-csv.ts";
export {
  artifactsNamed,
  describeTrial,
  MissingArtifactError,
  numberParameter,
  textParameter,
  TrialParameterError,
  watchReads,
} from "./trials.ts";
export type { Trial, TrialArtifact, TrialComparison } from "./trials.ts";
export { drawFigure, FigureProvenance, findDrawn, inputKeyOf, readProvenance, writeFigure } from "./write-figure.ts";
export type { DrawFromTrials, DrawnFigure, DrawOptions, FigureFiles, FigureOrigin } from "./write-figure.ts";
