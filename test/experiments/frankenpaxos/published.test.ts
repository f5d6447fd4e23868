import { renderFigure } from "../../../analysis/render/render-figure.ts";
import { checkRows } from "../../../analysis/figure.ts";
import { barRow } from "../../../experiments/frankenpaxos/bar-figures.ts";
import type { BarRow } from "../../../experiments/frankenpaxos/bar-figures.ts";
import type { CurveRow } from "../../../experiments/frankenpaxos/curve-figures.ts";
import { collectPublished, publishedFigures } from "../../../experiments/frankenpaxos/published.ts";
import type { CollectedFigure, FolderReader } from "../../../experiments/frankenpaxos/published.ts";
import type { ScalingRow } from "../../../experiments/frankenpaxos/scaling-figures.ts";
import type { TheoryRow } from "../../../experiments/frankenpaxos/theory-figures.ts";
import { describeShared, deviation, hasPublished, readPublishedFile, readReference } from "./shared-data.ts";
import type { ReferenceFigure } from "./shared-data.ts";

const toName = (id: string): string => id.replaceAll(/[._]/g, "-");

async function collect(name: string, read: FolderReader = readPublishedFile): Promise<CollectedFigure> {
  for await (const collected of collectPublished(read, { names: [name] })) return collected;
  throw new Error(`no figure ${name}`);
}

const perUnit: Readonly<Record<string, number>> = {
  "commands/s": 1,
  "thousand commands/s": 1e3,
  "million commands/s": 1e6,
  "million operations/s": 1e6,
  ms: 1,
};
const unitOf = ({ unit = "" }: { readonly unit?: string }): number => {
  const factor = perUnit[unit];
  if (factor === undefined) throw new Error(`unknown unit "${unit}"`);
  return factor;
};

/** The reference has six significant digits. */
const tolerance = 5.1e-6;

/** One number of a figure, ours and theirs. */
interface Pair {
  readonly what: string;
  readonly ours: number;
  readonly reference: number;
}

const pair = (what: string, ours: number | undefined, reference: number | undefined): Pair[] =>
  reference === undefined ? [] : [{ what, ours: ours ?? NaN, reference }];

function curvePairs(rows: readonly CurveRow[], { x, series = [] }: ReferenceFigure): Pair[] {
  return series.flatMap(({ label, points }) => {
    const own = rows.filter((row) => row.series === label);
    return [
      ...pair(`points of ${label}`, own.length, points.length),
      ...points.flatMap((point, index) => {
        const row = own[index];
        const what = `${label}, ${point.clients ?? "?"} clients`;
        return [
          ...pair(`${what}: clients`, row?.clients, point.clients),
          ...pair(`${what}: throughput`, row && row.throughputPerSec / unitOf(x), point.x),
          ...pair(`${what}: deviation`, row && row.throughputDeviationPerSec / unitOf(x), point.x_std),
          ...pair(`${what}: latency`, row?.latencyMs, point.y),
          ...pair(`${what}: repeats`, row?.trialCount, point.n),
          ...pair(`${what}: kept`, row?.keptCount, point.n_kept_x),
        ];
      }),
    ];
  });
}

function barPairs(rows: readonly BarRow[], { y, bars = [] }: ReferenceFigure): Pair[] {
  const isLatency = y.unit === "ms";
  return [
    ...pair("bars", rows.length, bars.length),
    ...bars.flatMap((bar, index) => {
      const row = rows[index];
      expect(row?.configuration).toBe(bar.label);
      const [value, spread] = isLatency
        ? [row?.latencyMs, row?.latencyDeviationMs]
        : [row?.throughputPerSec, row?.throughputDeviationPerSec];
      return [
        ...pair(bar.label, value && value / unitOf(y), bar.y),
        ...pair(`${bar.label}: deviation`, spread && spread / unitOf(y), bar.y_std),
        ...pair(`${bar.label}: repeats`, row?.trialCount, bar.n),
      ];
    }),
  ];
}

function scalingPairs(rows: readonly ScalingRow[], { y, series = [] }: ReferenceFigure): Pair[] {
  return series.flatMap(({ label, points }) => {
    const own = rows.filter((row) => row.series === label);
    return [
      ...pair(`points of ${label}`, own.length, points.length),
      ...points.flatMap((point, index) => {
        const row = own[index];
        const what = `${label} at ${point.x}`;
        return [
          ...pair(`${what}: x`, row?.x, point.x),
          ...pair(what, row && row.throughputPerSec / unitOf(y), point.y),
          ...pair(`${what}: deviation`, row && row.throughputDeviationPerSec / unitOf(y), point.y_std),
          ...pair(`${what}: repeats`, row?.trialCount, point.n),
          ...pair(`${what}: kept`, row?.keptCount, point.n_kept),
        ];
      }),
    ];
  });
}

function pairsOf({ figure, rows }: CollectedFigure, reference: ReferenceFigure): Pair[] {
  const checked: unknown[] = checkRows(figure, rows);
  // Which of the three row types it is, its reference shows.
  if (reference.bars) return barPairs(checked as BarRow[], reference);
  return reference.series?.[0]?.points[0]?.clients === undefined
    ? scalingPairs(checked as ScalingRow[], reference)
    : curvePairs(checked as CurveRow[], reference);
}

const reference = readReference();
const known = Object.entries(reference?.figures ?? {});
const isAtHand = ({ sources }: ReferenceFigure): boolean =>
  sources.every((source) => source.startsWith("formula") || hasPublished(source));

describeShared("published figures against the reference", () => {
  const counts = new Map<string, number>();
  const largest = { deviation: 0, what: "" };

  it.each(known.filter(([, figure]) => isAtHand(figure)))("%s: every point agrees", async (id, figure) => {
    const collected = await collect(toName(id));
    expect(collected.missing).toEqual([]);
    const pairs = pairsOf(collected, figure);
    expect(pairs.length).toBeGreaterThan(10);
    expect(pairs.filter(({ ours, reference: theirs }) => !(deviation(ours, theirs) <= tolerance))).toEqual([]);
    counts.set(id, pairs.length);
    for (const { what, ours, reference: theirs } of pairs)
      if (deviation(ours, theirs) > largest.deviation)
        Object.assign(largest, { deviation: deviation(ours, theirs), what: `${id} ${what}` });
  });

  // Their sources aren't among the published files at hand; an upstream checkout has them.
  for (const [id, figure] of known.filter(([, each]) => !isAtHand(each)))
    it.skip(`${id}: every point agrees (not at hand: ${figure.sources.join(", ")})`, () => undefined);

  afterAll(() => {
    if (process.env["REPRISE_SHOW_DEVIATIONS"])
      process.stderr.write(
        `${counts.size} figures, ${[...counts.values()].reduce((a, b) => a + b, 0)} numbers, largest deviation ${largest.deviation} at ${largest.what}\n`,
      );
  });

  it("knows every figure that the reference has numbers of", () => {
    const names = publishedFigures.map(({ figure }) => figure.name);
    expect(known.map(([id]) => toName(id)).filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  const peakOf = async (name: string, series: string): Promise<number> => {
    const { rows } = await collect(name);
    const own = (rows as readonly CurveRow[]).filter((row) => row.series === series); // A curve figure's rows.
    return Math.max(...own.map(({ throughputPerSec }) => throughputPerSec));
  };
  const compartmentalized = "Compartmentalized MultiPaxos";
  it.each([
    ["nsdi.fig1.f1", "bpaxos0_over_multipaxos", "BPaxos (0.0)", "MultiPaxos"],
    ["nsdi.fig1.f1", "bpaxos0_over_epaxos0", "BPaxos (0.0)", "EPaxos (0.0)"],
    ["nsdi.fig1.f2", "bpaxos0_over_multipaxos", "BPaxos (0.0)", "MultiPaxos"],
    ["nsdi.fig1.f2", "bpaxos0_over_epaxos0", "BPaxos (0.0)", "EPaxos (0.0)"],
    ["vldb21.compartmentalized_lt", "compartmentalized_over_multipaxos", compartmentalized, "MultiPaxos"],
    ["vldb21.compartmentalized_lt", "unreplicated_over_compartmentalized", "Unreplicated", compartmentalized],
    ["vldb21.batched_compartmentalized_lt", "compartmentalized_over_multipaxos", compartmentalized, "MultiPaxos"],
    ["vldb21.batched_compartmentalized_lt", "unreplicated_over_compartmentalized", "Unreplicated", compartmentalized],
    ["vldb21.scalog_lt", "partial_over_scalog", "Partially Compartmentalized Scalog", "Scalog"],
    [
      "vldb21.scalog_lt",
      "compartmentalized_over_partial",
      "Compartmentalized Multipaxos",
      "Partially Compartmentalized Scalog",
    ],
  ])("%s: peaks are in the ratio %s", async (id, ratio, upper, lower) => {
    const ours = (await peakOf(toName(id), upper)) / (await peakOf(toName(id), lower));
    // Ratios have five digits.
    expect(deviation(ours, reference?.derived[`${id}.${ratio}`]?.value ?? NaN)).toBeLessThan(5.1e-5);
  });
});

describeShared("collectPublished", () => {
  const csvFigures = publishedFigures.filter(
    ({ inputs }) => inputs.length > 0 && inputs.every((path) => path.endsWith(".csv") && hasPublished(path)),
  );

  it.each(csvFigures.map(({ figure, inputs }) => [figure.name, inputs] as const))(
    "%s changes with one row of each of its files",
    async (name, inputs) => {
      const before = await collect(name);
      const specOf = ({ figure, rows }: CollectedFigure): string => JSON.stringify(figure.spec(rows));
      for (const path of inputs) {
        const lines = new TextDecoder()
          .decode(await readPublishedFile(path))
          .trimEnd()
          .split("\n");
        const isChangedBy = async (numbers: readonly number[]): Promise<boolean> => {
          const changed = lines.map((line, at) => (numbers.includes(at) ? halved(lines[0] ?? "", line) : line));
          const after = await collect(name, async (each) =>
            each === path ? Buffer.from(changed.join("\n")) : readPublishedFile(each),
          );
          return specOf(after) !== specOf(before);
        };
        // Rows that the figure doesn't pick change nothing: the first that does is where the rows before it do not.
        let [none, some] = [0, lines.length - 1];
        while (some - none > 1) {
          const middle = (none + some) >> 1;
          if (await isChangedBy(range(1, middle))) some = middle;
          else none = middle;
        }
        const isChanged = await isChangedBy([some]);
        expect([path, isChanged]).toEqual([path, true]);
      }
    },
    600_000,
  );

  it("names an absent file and draws without it", async () => {
    const absent = "vldb21_compartmentalized/craq_skew/results.csv";
    const { rows, missing, artifacts } = await collect("vldb21-compartmentalized-skew", async (path) =>
      path === absent ? undefined : readPublishedFile(path),
    );
    expect(missing).toEqual([`${absent}: no such file`]);
    expect(rows).toHaveLength(9);
    expect(artifacts.map(({ key }) => key)).toEqual(["vldb21_compartmentalized/compartmentalized_skew/results.csv"]);
  });

  it("names a line that it can't read by file and number, and a bar that has no row", async () => {
    const path = "vldb21_compartmentalized/batched_ablation/coupled_results.csv";
    const text = new TextDecoder().decode(await readPublishedFile(path));
    const cut = text.split("\n").map((line, index) => (index === 0 ? line : line.slice(0, 40)));
    const { missing } = await collect("vldb21-batched-ablation", async (each) =>
      each === path ? Buffer.from(cut.join("\n")) : readPublishedFile(each),
    );
    expect(missing[0]).toMatch(`${path}:2: `);
    expect(missing[1]).toBe(`coupled: no row in ${path}`);
  });

  it("reads a checkout, where the files lie below benchmarks/", async () => {
    const name = "vldb21-batched-ablation";
    const fromCheckout = await collect(name, async (path) =>
      path.startsWith("benchmarks/") ? readPublishedFile(path.slice("benchmarks/".length)) : undefined,
    );
    expect(fromCheckout).toEqual(await collect(name));
  });
});

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** A row with its measurements halved. */
function halved(header: string, line: string): string {
  const names = header.split(",");
  return line
    .split(",")
    .map((value, index) =>
      /(latency|throughput)/.test(names[index] ?? "") && Number(value) > 0 ? String(Number(value) / 2) : value,
    )
    .join(",");
}

describe("figures that the papers' data has nothing for", () => {
  it("have no rows and say which files are absent", async () => {
    for await (const { figure, rows, missing } of collectPublished(() => Promise.resolve(undefined))) {
      if (figure.name.includes("-theory")) continue; // Formulas.
      expect(rows).toEqual([]);
      expect(missing.length).toBeGreaterThan(0);
      expect(missing.every((what) => what.endsWith(": no such file"))).toBe(true);
    }
  });

  it("make no bar of no row", () => {
    expect(barRow({ label: "coupled", step: 0 }, [])).toBeUndefined();
  });
});

describe("the model of reads and writes", () => {
  it("is drawn as the Evelyn draft has it, from no file", async () => {
    const valueOf = async (name: string, panel: string, series: string, x: number): Promise<number | undefined> => {
      const { figure, rows } = await collect(name, () => Promise.resolve(undefined));
      const own = checkRows(figure, rows) as TheoryRow[]; // Its row type.
      return own.find((row) => row.panel === panel && row.series === series && Math.abs(row.x - x) < 1e-9)?.value;
    };
    // Six replicas of 100,000/s, a tenth writes: each executes 40,000 writes and a sixth of 360,000 reads.
    expect(await valueOf("evelyn-theory-replicas", "all operations", "10% writes", 6)).toBeCloseTo(400_000);
    expect(await valueOf("evelyn-theory-fraction", "writes", "6 replicas", 0.9)).toBeCloseTo(40_000);
    expect(await valueOf("evelyn-theory-fraction", "reads", "any number", 0.9)).toBeCloseTo(900_000);
    // Half of each is writes, the other halves are reads.
    expect(await valueOf("evelyn-theory-fixed-writes", "throughput", "50,000 writes/s", 6)).toBe(350_000);
    expect(await valueOf("evelyn-theory-fixed-writes", "share of reads", "50,000 writes/s", 6)).toBeCloseTo(6 / 7);
    expect(await valueOf("evelyn-theory-writes", "throughput", "6 replicas", 100_000)).toBe(100_000);
  });

  it.each(["replicas", "fraction", "fixed-writes", "writes"])("has lines that can be told apart: %s", async (name) => {
    const { figure, rows } = await collect(`evelyn-theory-${name}`, () => Promise.resolve(undefined));
    const own = checkRows(figure, rows) as TheoryRow[]; // Its row type.
    expect(new Set(own.map(({ series }) => series)).size).toBeLessThanOrEqual(8);
    const { warnings } = await renderFigure(figure.spec(own), { formats: ["svg"] });
    expect(warnings).toEqual([]);
  });

  it("draws without any file", async () => {
    const { figure, rows } = await collect("vldb21-theory", () => Promise.resolve(undefined));
    const { svg } = await renderFigure(figure.spec(checkRows(figure, rows)), { formats: ["svg"] });
    expect(svg).toContain("number of replicas");
  });
});
