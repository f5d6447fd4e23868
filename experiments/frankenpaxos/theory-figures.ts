/** What the Evelyn draft's model says: formulas, of which no point was measured. */
import { defineFigure, lineChart, smallMultiples } from "reprise/analysis";
import type { FigureSpec } from "reprise/analysis";
import { z } from "zod";
import { papers, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { peakOfReplicas } from "./scaling-figures.ts";

/** A value of a formula. */
export const TheoryRow = z.object({
  panel: z.string(),
  series: z.string(),
  /** Replicas, the share of reads or writes a second, as the figure's x axis says. */
  x: z.number(),
  /** Commands per second, or a share where the panel's name says so. */
  value: z.number(),
  /** Nothing was measured. */
  trialCount: z.literal(0),
});
export type TheoryRow = z.infer<typeof TheoryRow>;

type TheoryPoint = Omit<TheoryRow, "trialCount">;

/** Of one replica, and so the most writes that a system of any size takes. */
const replicaPerSec = 100_000;
const replicas = Array.from({ length: 29 }, (_, i) => i + 2);
/** More than eight lines can't be told apart: of the draft's, captions say which are left out. */
const fewReplicas = [1, 2, 3, 4, 5, 6, 9];

const parts = ["all operations", "writes", "reads"] as const;

/** A peak, and what of it are writes and reads. */
const split = (series: string, x: number, peak: number, writeShare: number): TheoryPoint[] =>
  [peak, peak * writeShare, peak * (1 - writeShare)].map((value, i) => ({ panel: parts[i] ?? "", series, x, value }));

const byReplicas = (): TheoryPoint[] =>
  [0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1].flatMap((writeShare) =>
    replicas.flatMap((n) =>
      split(`${writeShare * 100}% writes`, n, peakOfReplicas(n, writeShare, replicaPerSec), writeShare),
    ),
  );

/** Shares from none to all in hundredths, by twos. */
const shares = (from: number): number[] => Array.from({ length: (100 - from) / 2 + 1 }, (_, i) => (from + 2 * i) / 100);

const byFraction = (): TheoryPoint[] => [
  ...fewReplicas.flatMap((n) =>
    shares(0).flatMap((writeShare) =>
      split(
        n === 1 ? "1 replica" : `${n} replicas`,
        1 - writeShare,
        peakOfReplicas(n, writeShare, replicaPerSec),
        writeShare,
      ),
    ),
  ),
  // Writes alone bound ever more replicas; below a tenth of writes that is off the figure.
  ...shares(10).flatMap((writeShare) => split("any number", 1 - writeShare, replicaPerSec / writeShare, writeShare)),
];

/** Peak of n replicas that take so many writes a second: what is left of each is reads. */
const withFixedWrites = (n: number, writesPerSec: number): number => writesPerSec + n * (replicaPerSec - writesPerSec);

const byFixedWrites = (): TheoryPoint[] =>
  [0, 0.1, 0.2, 0.3, 0.5, 0.75, 0.9, 1].flatMap((share) =>
    replicas.flatMap((n) => {
      const writesPerSec = share * replicaPerSec;
      const peak = withFixedWrites(n, writesPerSec);
      const row = { series: `${writesPerSec.toLocaleString("en-US")} writes/s`, x: n };
      return [
        { ...row, panel: "throughput", value: peak },
        { ...row, panel: "share of reads", value: (peak - writesPerSec) / peak },
      ];
    }),
  );

const byWrites = (): TheoryPoint[] =>
  fewReplicas.flatMap((n) =>
    Array.from({ length: 51 }, (_, i) => (replicaPerSec * i) / 50).map((writesPerSec) => ({
      panel: "throughput",
      series: n === 1 ? "1 replica" : `${n} replicas`,
      x: writesPerSec,
      value: withFixedWrites(n, writesPerSec),
    })),
  );

const ofReplicas = { title: "number of replicas", domain: [2, 30], ticks: [2, 10, 20, 30] } as const;
const ofReads = { title: "share of reads", domain: [0, 1], ticks: [0, 0.5, 1] } as const;
const perSec = "peak throughput (commands/s)";

interface TheoryDefinition {
  readonly name: string;
  readonly title: string;
  readonly formula: string;
  readonly rows: () => TheoryPoint[];
  /** Lines of the draft that aren't drawn. */
  readonly leftOut?: string;
  readonly x: { readonly title: string; readonly domain: readonly [number, number]; readonly ticks: readonly number[] };
}

function theoryFigure({ name, title, formula, rows, x, leftOut }: TheoryDefinition): PublishedFigure {
  const panelOf = (panel: readonly TheoryRow[], all: readonly TheoryRow[]): FigureSpec =>
    lineChart(panel, {
      x: { field: "x", zero: false, ...x },
      y: { field: "value", title: panel[0]?.panel === "share of reads" ? "share of reads" : perSec },
      series: { field: "series", order: [...new Set(all.map(({ series }) => series))] },
      points: false,
      legend: "right",
    });
  return publishedFigure({
    figure: defineFigure<TheoryRow>({
      name,
      title,
      caption: `${title}. A formula, not a measurement: ${formula}, for n replicas of a = 100,000 commands/s each.${leftOut === undefined ? "" : ` The draft also draws ${leftOut}.`} ${papers.evelyn}.`,
      estimator: "none: the formula's values",
      row: TheoryRow,
      // Nothing was measured that a mark could lead to.
      isFrom: () => false,
      spec: (drawn) => {
        const panels = [...new Set(drawn.map(({ panel }) => panel))];
        if (panels.length === 1) return panelOf(drawn, drawn);
        return smallMultiples(drawn, {
          by: "panel",
          order: panels,
          columns: panels.length,
          width: "double",
          aspect: 0.36,
          // Writes are few beside reads, and shares no rates.
          sharedAxes: false,
          chart: panelOf,
        });
      },
    }),
    inputs: [],
    collect: () => Promise.resolve(rows().map((row) => ({ ...row, trialCount: 0 as const }))),
  });
}

/** @see section 4.2 of the FrankenPaxos description, `evelyn.theory` */
export const theoryFigures: readonly PublishedFigure[] = [
  theoryFigure({
    name: "evelyn-theory-replicas",
    title: "Peak throughput by replicas and share of writes, and what of it are writes and reads",
    formula: "n·a / (n·w + 1 − w) with a share w of writes",
    rows: byReplicas,
    x: ofReplicas,
  }),
  theoryFigure({
    name: "evelyn-theory-fraction",
    title: "Peak throughput by share of reads and replicas, and what of it are writes and reads",
    formula: "n·a / (n·w + 1 − w) with a share w of writes, and a / w for any number of replicas",
    rows: byFraction,
    leftOut: "7 and 8 replicas",
    x: ofReads,
  }),
  theoryFigure({
    name: "evelyn-theory-fixed-writes",
    title: "Peak throughput by replicas with a fixed load of writes, and its share of reads",
    formula: "v + n·(a − v) with v writes/s",
    rows: byFixedWrites,
    leftOut: "40,000 and 95,000 writes/s",
    x: ofReplicas,
  }),
  theoryFigure({
    name: "evelyn-theory-writes",
    title: "Peak throughput by load of writes and replicas",
    formula: "v + n·(a − v) with v writes/s",
    rows: byWrites,
    leftOut: "7 and 8 replicas",
    x: { title: "writes/s", domain: [0, replicaPerSec], ticks: [0, 50_000, 100_000] },
  }),
];
