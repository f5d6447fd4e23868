import type { AnyFigure, Figure } from "reprise/analysis";
import type { FigureInputs } from "./published-files.ts";

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
