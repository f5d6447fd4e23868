import { captionOf, checkRows } from "../../../analysis/figure.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";
import type { Trial } from "../../../analysis/trials.ts";
import { collectPublished } from "../../../experiments/frankenpaxos/published.ts";
import type { CollectedFigure } from "../../../experiments/frankenpaxos/published.ts";
import type { BestSettingRow } from "../../../experiments/frankenpaxos/tuning-best.ts";
import type { TuningCurveRow } from "../../../experiments/frankenpaxos/tuning-curves.ts";
import type { TuningRow } from "../../../experiments/frankenpaxos/tuning-lines.ts";
import {
  tuningBestFigures,
  tuningCurveFigures,
  tuningLineFigures,
} from "../../../experiments/frankenpaxos/tuning-sweeps.ts";
import { describeShared, deviation, hasPublished, readPublishedFile, readReference } from "./shared-data.ts";
import type { ReferenceTuning } from "./shared-data.ts";

async function collect(name: string, text?: string): Promise<CollectedFigure> {
  const read = text === undefined ? readPublishedFile : () => Promise.resolve(Buffer.from(text));
  for await (const collected of collectPublished(read, { names: [name] })) return collected;
  throw new Error(`no figure ${name}`);
}

/** A line by its panel and settings, and the best of its points. */
interface Line {
  readonly panel: string;
  readonly setting: string;
  readonly xs: readonly number[];
  readonly best: { readonly x: number; readonly y: number; readonly latencyMs?: number; n: number; kept: number };
}

function linesOf(rows: readonly (TuningRow | TuningCurveRow)[]): Line[] {
  const lines = new Map<string, Line>();
  for (const row of rows) {
    const point =
      "clients" in row
        ? { x: row.clients, y: row.throughputPerSec, latencyMs: row.latencyMs }
        : { x: row.x, y: row.value };
    const own = { ...point, n: row.trialCount, kept: row.keptCount };
    const key = `${row.panel}|${row.setting}`;
    const line = lines.get(key) ?? { panel: row.panel, setting: row.setting, xs: [], best: own };
    lines.set(key, { ...line, xs: [...line.xs, point.x], best: own.y > line.best.y ? own : line.best });
  }
  return [...lines.values()].sort((a, b) => b.best.y - a.best.y);
}

/** What a group's column says, as our settings have it. */
const valueIn = (value: string | number): string => {
  const seconds = /^0:00:(\d\d\.\d+)$/.exec(String(value))?.[1];
  if (seconds !== undefined) return String(Number(seconds) * 1_000);
  return value === "True" ? "1" : value === "False" ? "0" : String(value);
};

/** Settings stand in the line's own, or in its panel's title; what a figure holds fixed in neither. */
function isOfGroup(
  { panel, setting }: Line,
  group: ReferenceTuning["top_series"][number]["group"],
  fixed: readonly string[],
): boolean {
  const own = new Map(setting.split(" ").map((part) => [part.split("=")[0] ?? "", part.split("=")[1] ?? ""]));
  const inTitle = panel.replaceAll(",", "").split(/[^\d.%]+/);
  return Object.entries(group)
    .filter(([column]) => !fixed.includes(column))
    .every(([column, value]) => {
      const known = own.get(ours[column] ?? column);
      if (known !== undefined) return known === valueIn(value);
      return inTitle.includes(column === "workload.point_fraction" ? `${Number(value) * 100}%` : valueIn(value));
    });
}

/** Columns that have another name among our settings. */
const ours: Readonly<Record<string, string>> = {
  num_clients: "clients",
  "server_options.push_period": "server_options.push_period_ms",
};

const [shards, replicas, proxyReplicas] = ["num_shards", "num_replicas", "num_proxy_replicas"];
const [pushSize, pushPeriod] = ["server_options.push_size", "server_options.push_period"];
const cutsAndExecution = ["aggregator_options.num_shard_cuts_per_proposal", "replica_options.unsafe_yolo_execution"];
/** What figures of Scalog neither vary nor have panels of. */
const scalogFixed: Readonly<Record<string, readonly string[]>> = {
  smoke: [proxyReplicas, pushSize, ...cutsAndExecution.slice(1)],
  cuts: [shards, replicas, proxyReplicas, pushSize, ...cutsAndExecution.slice(1)],
  roles: [pushSize, pushPeriod, ...cutsAndExecution],
  "push-period": [shards, replicas, pushSize, ...cutsAndExecution],
  "unsafe-execution": [shards, pushSize, ...cutsAndExecution],
  "push-size": [proxyReplicas, pushPeriod, ...cutsAndExecution],
  shards: [pushPeriod, ...cutsAndExecution],
  "batch-size": [shards, replicas, proxyReplicas, pushPeriod, ...cutsAndExecution],
  "safe-execution": [proxyReplicas, pushSize, pushPeriod, ...cutsAndExecution],
};

interface Case {
  readonly id: string;
  readonly figure: string;
  /** Has the chart's other lines. */
  readonly other?: string;
  /** @default all rows of the figure */
  readonly pick?: (line: Pick<Line, "panel" | "setting">) => boolean;
  /** Of the reference's unit. */
  readonly unit: number;
  readonly fixed?: readonly string[];
}

const inPanel = (text: string) => (line: Pick<Line, "panel">) => line.panel.includes(text);
const readScale = (number: number, figure: string, pick?: Case["pick"]): Case => ({
  id: `vldb21.read_scale.hyperparameter.${number}`,
  figure: `tuning-read-scale-${figure}`,
  unit: 1e5,
  ...(pick && { pick }),
});
const scalog = (label: string, figure: string, pick?: Case["pick"]): Case => ({
  id: `vldb21.scalog_lt.hyperparameter.${label}`,
  figure: `tuning-scalog-${figure}`,
  unit: 1e3,
  fixed: scalogFixed[figure] ?? [],
  ...(pick && { pick }),
});

const cases: readonly Case[] = [
  {
    id: "vldb21.compartmentalized_lt.hyperparameter",
    figure: "tuning-compartmentalized-lt",
    other: "tuning-compartmentalized-lt-more-replicas",
    unit: 1e5,
  },
  readScale(1, "acceptors"),
  readScale(2, "proxy-leaders"),
  readScale(3, "v1", inPanel("60%")),
  readScale(4, "v1", inPanel("85%")),
  readScale(5, "v2", inPanel("60%")),
  readScale(6, "v2", inPanel("90%")),
  readScale(7, "v3"),
  ...[1, 2].map((sweep) => ({
    id: `vldb21.craq_skew.hyperparameter.craq_sweep_${sweep}`,
    figure: "tuning-craq-skew-throughput",
    pick: ({ setting }: Pick<Line, "setting">) => setting === `workload_label=${sweep - 1}`,
    unit: 1,
  })),
  ...[16, 100, 1_000].map((bytes) => ({
    id: `vldb21.unreplicated_lt.hyperparameter.${bytes}B`,
    figure: "tuning-unreplicated-lt",
    pick: ({ panel }: Pick<Line, "panel">) => panel === `${bytes.toLocaleString("en-US")} bytes`,
    unit: 1e3,
  })),
  ...[100, 1_000].map((bytes) => ({
    id: `vldb21.bigger_values.hyperparameter.${bytes}B`,
    figure: `tuning-bigger-values-${bytes}`,
    unit: 1e3,
  })),
  scalog("smoke", "smoke"),
  scalog("sweep_v1", "cuts"),
  scalog("sweep_v2", "roles", inPanel("more shards")),
  scalog("proxy_leaders_v1", "roles", inPanel("with proxy replicas")),
  scalog("proxy_leaders_v2", "roles", inPanel("a replica less")),
  scalog("smaller_push_period_v1", "push-period"),
  scalog("yolo_v1", "unsafe-execution", inPanel("3 replicas")),
  scalog("yolo_v2", "unsafe-execution", inPanel("2 replicas")),
  scalog("push_size_v1", "push-size"),
  scalog("big_sweep_v1", "shards"),
  scalog("batch_size_sweep_v1", "batch-size"),
  scalog("no_yolo_v1", "safe-execution"),
];

describeShared("tuning figures against the reference", () => {
  const reference = readReference();

  it.each(cases.map((each) => [each.id, each.figure, each] as const))(
    "%s has its lines and its best ones in %s",
    async (id, _, { figure: name, other, pick = () => true, unit, fixed = [] }) => {
      const checked: (TuningRow | TuningCurveRow)[] = [];
      for (const each of other === undefined ? [name] : [name, other]) {
        const { figure, rows, missing } = await collect(each);
        expect(missing).toEqual([]);
        checked.push(...(checkRows(figure, rows) as (TuningRow | TuningCurveRow)[])); // A line or curve figure's.
      }
      const lines = linesOf(checked.filter(pick));
      const theirs = reference?.hyperparameter_best[id];
      expect(lines).toHaveLength(theirs?.number_of_series ?? NaN);
      for (const [index, { group, x_values, best, peak }] of (theirs?.top_series ?? []).entries()) {
        const own = lines[index];
        expect([group, own && isOfGroup(own, group, fixed)]).toEqual([group, true]);
        if (x_values) expect(own?.xs).toEqual(x_values);
        expect(own?.best.x).toBe(best?.x ?? peak?.clients);
        expect(deviation((own?.best.y ?? NaN) / unit, best?.y ?? peak?.x ?? NaN)).toBeLessThan(5.1e-6);
        if (best) expect([own?.best.n, own?.best.kept]).toEqual([best.n, best.n_kept]);
        if (peak) expect(deviation(own?.best.latencyMs ?? NaN, peak.y)).toBeLessThan(5.1e-6);
      }
    },
  );

  it("covers every tuning chart that the reference has numbers of", () => {
    // Five are checked with the scaling figures.
    const others = /ablation|weak_read_scale|compartmentalized_skew/;
    const known = Object.keys(reference?.hyperparameter_best ?? {}).filter((id) => !others.test(id));
    expect(cases.map(({ id }) => id).sort()).toEqual(known.sort());
  });

  it("tuning-bigger-values-100-best and tuning-scalog-best begin as the reference's lists do", async () => {
    const bestOf = async (name: string): Promise<BestSettingRow[]> => {
      const { figure, rows } = await collect(name);
      return checkRows(figure, rows) as BestSettingRow[]; // Its row type.
    };
    const ranked = (await bestOf("tuning-bigger-values-100-best")).slice(0, 3).map((row) => row.throughputPerSec / 1e3);
    const lists = reference?.hyperparameter_best ?? {};
    const bigger = lists["vldb21.bigger_values.hyperparameter.100B"]?.top_series ?? [];
    expect(ranked.map((value, index) => deviation(value, bigger[index]?.peak?.x ?? NaN) < 5.1e-6)).toEqual(
      bigger.map(() => true),
    );
    const sweeps = await bestOf("tuning-scalog-best");
    expect(sweeps).toHaveLength(12);
    for (const { panel, throughputPerSec, settingCount, clients } of sweeps) {
      const theirs = lists[`vldb21.scalog_lt.hyperparameter.${panel}`];
      expect(deviation(throughputPerSec / 1e3, theirs?.top_series[0]?.peak?.x ?? NaN)).toBeLessThan(5.1e-6);
      expect([clients, settingCount]).toEqual([theirs?.top_series[0]?.peak?.clients, theirs?.number_of_series]);
    }
  });

  it("has all 58 charts of batched read scale, no line left out", async () => {
    let panelCount = 0;
    const own = tuningLineFigures.filter(({ inputs }) => inputs[0]?.includes("batched_read_scale"));
    for (const { figure } of own) {
      const { rows, missing } = await collect(figure.name);
      expect(missing).toEqual([]);
      panelCount += new Set((rows as readonly TuningRow[]).map(({ panel }) => panel)).size;
    }
    expect(panelCount).toBe(58);
  });

  const figures = [...tuningLineFigures, ...tuningCurveFigures, ...tuningBestFigures].filter(({ inputs }) =>
    inputs.every(hasPublished),
  );
  it.each(figures.map(({ figure }) => figure.name))("%s is laid out cleanly, its lines told apart", async (name) => {
    const { figure, rows } = await collect(name);
    const checked = checkRows(figure, rows) as readonly { series: string }[]; // What all of them have.
    expect(new Set(checked.map(({ series }) => series)).size).toBeLessThanOrEqual(
      tuningBestFigures.some((best) => best.figure === figure) ? Infinity : 8,
    );
    for (const theme of ["paper", "screen"] as const) {
      const { warnings } = await renderFigure(figure.spec(checked), { theme, formats: ["svg"] });
      expect(warnings).toEqual([]);
    }
  });
});

/** Statistics as `results.csv` has them, of which figures take the median and the 90th percentile. */
const measured = (prefix: string): string[] => [
  ...["mean", "median", "min", "max", "p90", "p95", "p99"].map((name) => `${prefix}latency.${name}_ms`),
  ...["mean", "median", "min", "max", "p90", "p95", "p99"].map((name) => `${prefix}start_throughput_1s.${name}`),
];

interface Run {
  readonly [column: string]: string | number;
}

/** A file of runs; `rate` and `ms` are what was measured, of `reads` or else writes. */
function csvOf(runs: readonly Run[]): string {
  const inputs = Object.keys(runs[0] ?? {}).filter((name) => !["rate", "ms"].includes(name));
  const columns = ["num_client_procs", "num_clients_per_proc", ...inputs, ...measured("output.")];
  const lines = runs.map((run) => [
    ...[run["clients"], 1],
    ...inputs.map((name) => run[name]),
    ...Array.from({ length: 7 }, () => run["ms"]),
    ...Array.from({ length: 7 }, () => run["rate"]),
  ]);
  return [columns, ...lines].map((line) => line.join(",")).join("\n");
}

describe("a tuning figure of lines", () => {
  const run = (over: Run): Run => ({
    workload_label: "read_only_v2",
    "workload.num_operations": 5,
    num_replicas: 2,
    clients: 1_000,
    rate: 100,
    ms: 2,
    ...over,
  });
  const name = "tuning-batched-reads-v2";
  const rowsOf = async (runs: readonly Run[]): Promise<{ rows: TuningRow[]; missing: readonly string[] }> => {
    const { figure, rows, missing } = await collect(name, csvOf(runs));
    return { rows: rows.length === 0 ? [] : (checkRows(figure, rows) as TuningRow[]), missing }; // Its row type.
  };

  it("has a panel a batch, a line a number of clients, and counts operations", async () => {
    const { rows, missing } = await rowsOf([
      run({ clients: 10_000, "workload.num_operations": 10 }),
      run({ clients: 1_500, rate: 200 }),
      run({}),
      run({ num_replicas: 3 }),
      run({ workload_label: "read_only_v1" }),
    ]);
    expect(missing).toEqual([]);
    expect(
      rows
        .filter(({ measure }) => measure === "throughput")
        .map(({ panel, series, setting, x, value }) => [panel, series, setting, x, value]),
    ).toEqual([
      ["batches of 5: throughput", "1,000 clients", "clients=1000", 2, 500],
      ["batches of 5: throughput", "1,000 clients", "clients=1000", 3, 500],
      ["batches of 5: throughput", "1,500 clients", "clients=1500", 2, 1_000],
      ["batches of 10: throughput", "10,000 clients", "clients=10000", 2, 1_000],
    ]);
    expect(rows.filter(({ measure }) => measure === "latency").map(({ value }) => value)).toEqual([2, 2, 2, 2]);
  });

  it("leaves out repeats under half of the largest, and says of how many points", async () => {
    const { figure, rows } = await collect(
      name,
      csvOf([run({ rate: 100, ms: 50 }), run({ rate: 40 }), run({ rate: 60 })]),
    );
    const [throughput, latency] = checkRows(figure, rows) as TuningRow[]; // Its row type.
    expect(throughput).toMatchObject({ value: 400, trialCount: 3, keptCount: 2 });
    // The authors' rule for latencies too.
    expect(latency).toMatchObject({ value: 50, trialCount: 3, keptCount: 1 });
    expect(captionOf(figure, rows)).toContain("At 2 of 2 points repeats are left out.");
  });

  it("draws the best eight of more lines, and names the others", async () => {
    const runs = Array.from({ length: 10 }, (_, index) =>
      run({ clients: index + 1, rate: index === 3 ? 1 : 50 + index }),
    );
    const { rows, missing } = await rowsOf(runs);
    expect(missing).toEqual(["2 of 10 lines, the best are drawn: not 1 client; 4 clients"]);
    expect(new Set(rows.map(({ series }) => series)).size).toBe(8);
  });

  it("leads each mark to its own trials", async () => {
    const { figure, rows } = await collect(name, csvOf([run({}), run({ clients: 1_500 })]));
    const trial = (
      over: Record<string, unknown>,
      sweep = "vldb21-compartmentalized-batched-read-scale-hyperparameter",
    ) =>
      ({
        ...{ runId: "r", experiment: "e", pointKey: "p", trialIndex: 0, trialKey: "k", attempt: 1 },
        ...{ sweep, summary: {}, artifacts: [] },
        parameters: {
          ...{ clientProcesses: 1_000, clientsPerProcess: 1, replicas: 2, operations: 5 },
          upstream: { workload_label: "read_only_v2" },
          ...over,
        },
      }) satisfies Trial;
    const trials = [
      trial({}),
      trial({ clientProcesses: 1_500 }),
      trial({ replicas: 3 }),
      trial({ operations: 10 }),
      trial({ upstream: { workload_label: "read_only_v1" } }),
      trial({}, "another"),
    ];
    expect(rows.map((row) => trials.flatMap((each, at) => (figure.isFrom?.(row, each) === true ? [at] : [])))).toEqual([
      [0],
      [1],
      [0],
      [1],
    ]);
  });

  it("says that a folder has no row of it", async () => {
    const { rows, missing } = await rowsOf([run({ workload_label: "another" })]);
    expect(rows).toEqual([]);
    expect(missing).toEqual([expect.stringContaining("tuning-batched-reads-v2: no row in ")]);
  });
});

describe("a tuning figure of curves", () => {
  const run = (over: Run): Run => ({
    workload_label: "batch_size_sweep_v1",
    num_shards: 4,
    num_replicas: 2,
    num_proxy_replicas: 4,
    "server_options.push_size": 75,
    "server_options.push_period": "0:00:00.000250",
    "aggregator_options.num_shard_cuts_per_proposal": 1,
    "replica_options.unsafe_yolo_execution": "True",
    clients: 500,
    rate: 100,
    ms: 2,
    ...over,
  });

  it("goes along the clients and leaves out repeats that were too slow", async () => {
    const { figure, rows } = await collect(
      "tuning-scalog-batch-size",
      csvOf([
        run({ clients: 1_000, rate: 180, ms: 4 }),
        run({}),
        run({ rate: 5, ms: 90 }),
        run({ "server_options.push_size": 100, rate: 7, ms: 20 }),
      ]),
    );
    const points = checkRows(figure, rows) as TuningCurveRow[]; // Its row type.
    expect(
      points.map(({ clients, throughputPerSec, trialCount, keptCount }) => [
        clients,
        throughputPerSec,
        trialCount,
        keptCount,
      ]),
    ).toEqual([
      [500, 100, 2, 1],
      [1_000, 180, 1, 1],
    ]);
    expect(captionOf(figure, rows)).toContain("Repeats of 20 ms and more are left out");
  });

  it("calls lines by what differs among them, in the order of its values", async () => {
    const { rows } = await collect(
      "tuning-scalog-push-period",
      csvOf(
        ["0:00:00.002000", "0:00:00.000250", "0:00:00.010000"].map((period) =>
          run({ workload_label: "smaller_push_period_v1", "server_options.push_period": period }),
        ),
      ),
    );
    expect((rows as TuningCurveRow[]).map(({ series }) => series)).toEqual([
      "push every 0.25 ms",
      "push every 2 ms",
      "push every 10 ms",
    ]);
  });

  it("finds the best setting of each sweep by its peak", async () => {
    const { figure, rows } = await collect(
      "tuning-scalog-best",
      csvOf([
        run({ workload_label: "smoke", "replica_options.unsafe_yolo_execution": "False", rate: 50 }),
        run({ num_replicas: 3, clients: 2_000, rate: 130 }),
        run({ num_replicas: 3, rate: 20 }),
        run({ rate: 120 }),
        run({ rate: 900, ms: 60 }),
      ]),
    );
    const best = checkRows(figure, rows) as BestSettingRow[]; // Its row type.
    expect(
      best.map(({ item, series, clients, throughputPerSec, settingCount }) => [
        item,
        series,
        clients,
        throughputPerSec,
        settingCount,
      ]),
    ).toEqual([
      ["smoke: 4 shards, 2 replicas, 4 proxy replicas", "safe execution", 500, 50, 1],
      ["batch_size_sweep_v1: 4 shards, 3 replicas, 4 proxy replicas", "unsafe execution", 2_000, 130, 2],
    ]);
  });
});

describe("the best of all settings", () => {
  it("is found at each x, whichever setting it is, and keeps its name", async () => {
    const run = (over: Run): Run => ({
      ...{ "workload.num_operations": 50, "workload.read_fraction": 1, num_replicas: 2, num_proxy_leaders: 2 },
      ...{ num_acceptor_groups: 2, num_acceptors_per_group: 2, clients: 100, rate: 10, ms: 2 },
      ...over,
    });
    const { rows } = await collect(
      "tuning-batched-best",
      csvOf([
        run({}),
        run({ clients: 200, rate: 30 }),
        run({ num_replicas: 3, rate: 40 }),
        run({ num_replicas: 3, clients: 200, rate: 20 }),
        run({ "workload.num_operations": 100, rate: 1_000 }),
        run({ "workload.read_fraction": 0 }),
      ]),
    );
    expect(
      (rows as TuningRow[]).map(({ series, x, value, setting }) => [series, x, value, setting.split(" ")[0]]),
    ).toEqual([
      ["0% reads", 2, 500, "clients=100"],
      ["100% reads", 2, 1_500, "clients=200"],
      ["100% reads", 3, 2_000, "clients=100"],
    ]);
  });
});
