import type { AnyFigure, Figure, Trial } from "reprise/analysis";
import { sweepsOf } from "./own-sweeps.ts";
import type { FigureInputs } from "./published-files.ts";
import type { ResultRow } from "./results-csv.ts";
import { toInputs } from "./upstream-inputs.ts";

/** A figure of one of the papers, and how its rows come from the published files. */
export interface PublishedFigure {
  readonly figure: AnyFigure;
  /** Paths of the files it is made from; none for a formula. */
  readonly inputs: readonly string[];
  readonly collect: (inputs: FigureInputs) => Promise<readonly object[]>;
}

/** Holds the figure's rows to its row type, which {@link PublishedFigure} forgets. */
export const publishedFigure = <Row extends object>(definition: {
  readonly figure: Figure<Row>;
  readonly inputs: readonly string[];
  readonly collect: (inputs: FigureInputs) => Promise<readonly Row[]>;
}): PublishedFigure => ({ ...definition, inputs: [...new Set(definition.inputs)] });

/** The papers, as captions name them. */
export const papers = {
  nsdi: "Bipartisan Paxos (arXiv 2003.00331)",
  eurosys: "Compartmentalized Consensus (EuroSys 2020 submission)",
  matchmaker: "Matchmaker Paxos (arXiv 2007.09468)",
  evelyn: "Evelyn Paxos (VLDB 2021 submission)",
  compartmentalized: "Compartmentalization (PVLDB 14, 2021, arXiv 2012.15762)",
} as const;

const asRows = new WeakMap<Trial, Pick<ResultRow, "file" | "lineNumber" | "inputs" | "clients">>();

/** An imported trial as the line that it was, without what was measured. */
export function importedRow(trial: Trial): ResultRow {
  const known = asRows.get(trial);
  const row = known ?? {
    file: trial.pointKey,
    lineNumber: trial.trialIndex,
    inputs: toInputs(trial.parameters),
    clients: Number(trial.parameters["clientProcesses"]) * Number(trial.parameters["clientsPerProcess"]),
  };
  if (!known) asRows.set(trial, row);
  return { ...row, outputs: {} };
}

/** Whether an imported trial is one of the lines of a published file that a series is drawn from. */
export function isTrialOf(
  { path, pick = () => true }: { readonly path: string; readonly pick?: (row: ResultRow) => boolean },
  trial: Trial,
): boolean {
  return sweepsOf(path).includes(trial.sweep) && pick(importedRow(trial));
}
