import { checkRows } from "../../../analysis/figure.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";
import { collectPublished } from "../../../experiments/frankenpaxos/published.ts";
import type { CollectedFigure } from "../../../experiments/frankenpaxos/published.ts";
import type { ScalingRow } from "../../../experiments/frankenpaxos/scaling-figures.ts";
import type { LatencyCell } from "../../../experiments/frankenpaxos/table-figures.ts";
import { windowRows } from "../../../experiments/frankenpaxos/window-figures.ts";
import type { WindowRow } from "../../../experiments/frankenpaxos/window-figures.ts";
import { describeShared, deviation, readPublishedFile, readReference } from "./shared-data.ts";

async function collect(name: string): Promise<CollectedFigure> {
  for await (const collected of collectPublished(readPublishedFile, { names: [name] })) return collected;
  throw new Error(`no figure ${name}`);
}

describe("windowRows", () => {
  it("takes both windows' ends, and throughput without each window's first second", () => {
    const elapsedMs = Float64Array.from({ length: 201 }, (_, index) => index * 100);
    const latencyMs = elapsedMs.map((ms) => (ms <= 10_000 ? 1 : 3));
    const rows = windowRows("1 client", { elapsedMs, latencyMs, counts: elapsedMs.map(() => 1) });
    expect(
      rows.map(({ panel, window, median, valueCount }) => [panel, window.slice(0, 6), median, valueCount]),
    ).toEqual([
      ["throughput", "before", 10, 91],
      ["latency", "before", 1, 101],
      ["throughput", "during", 10, 91],
      ["latency", "during", 3, 101],
    ]);
  });
});

describeShared("the papers' other figures", () => {
  const reference = readReference();

  it.each([
    ["matchmaker-leader-reconfiguration-f1-windows", "matchmaker.leader_reconfiguration", "f1n1"],
    ["matchmaker-horizontal-leader-reconfiguration-windows", "matchmaker.horizontal_leader_reconfiguration", "n1"],
  ])("%s has the quartiles of the reference", async (name, id, run) => {
    const { figure, rows } = await collect(name);
    const windows = checkRows(figure, rows) as WindowRow[]; // Its row type.
    const expected = reference?.time_series[id]?.configurations[run];
    for (const panel of ["throughput", "latency"] as const)
      for (const [at, when] of ["before", "during"].entries()) {
        const own = windows.filter((row) => row.panel === panel && row.clients === "1 client")[at];
        const theirs = expected?.[`${panel}_${when}`];
        for (const [ours, value] of [
          [own?.q1, theirs?.p25],
          [own?.median, theirs?.p50],
          [own?.q3, theirs?.p75],
        ])
          expect(deviation(ours ?? NaN, value ?? NaN)).toBeLessThan(5.1e-7);
      }
    const { svg } = await renderFigure(figure.spec(windows), { formats: ["svg"] });
    expect(svg).toContain("during (10–20 s)");
  });

  it("nsdi-fig1-latencies has every cell of the table", async () => {
    const { figure, rows, missing } = await collect("nsdi-fig1-latencies");
    const cells = checkRows(figure, rows) as LatencyCell[]; // Its row type.
    expect(missing).toEqual([]);
    expect(cells).toHaveLength(21);
    const curves = reference?.figures["nsdi.fig1.f1"]?.series ?? [];
    expect(curves).toHaveLength(7);
    for (const { label, points } of curves)
      for (const { clients = NaN, y } of points.filter((point) => [1, 10, 50].includes(point.clients ?? NaN))) {
        const own = cells.find((cell) => cell.protocol === label && parseInt(cell.clients, 10) === clients);
        expect(deviation(own?.latencyMs ?? NaN, y)).toBeLessThan(5.1e-6);
      }
  });

  it.each([
    ["tuning-ablation", "vldb21.ablation.hyperparameter", 1e5],
    ["tuning-weak-read-scale-100", "vldb21.weak_read_scale.hyperparameter.all_reads_v1", 1e5],
    ["tuning-weak-read-scale-90", "vldb21.weak_read_scale.hyperparameter.some_writes_v1.0.9", 1e5],
    ["tuning-weak-read-scale-60", "vldb21.weak_read_scale.hyperparameter.some_writes_v1.0.6", 1e5],
    ["tuning-compartmentalized-skew", "vldb21.compartmentalized_skew.hyperparameter", 1],
  ])("%s has its lines and peaks as in the reference", async (name, id, unit) => {
    const { figure, rows, missing } = await collect(name);
    expect(missing).toEqual([]);
    const peaks = new Map<string, ScalingRow>();
    // Its row type.
    for (const row of checkRows(figure, rows) as ScalingRow[])
      if (row.throughputPerSec > (peaks.get(row.series)?.throughputPerSec ?? 0)) peaks.set(row.series, row);
    const ours = [...peaks.values()].sort((a, b) => b.throughputPerSec - a.throughputPerSec);
    const theirs = reference?.hyperparameter_best[id]?.top_series ?? [];
    expect(theirs.length).toBeGreaterThan(2);
    expect(ours).toHaveLength(reference?.hyperparameter_best[id]?.number_of_series ?? NaN);
    for (const [index, { best: peak }] of theirs.entries()) {
      expect(ours[index]?.x).toBe(peak?.x);
      expect(deviation((ours[index]?.throughputPerSec ?? NaN) / unit, peak?.y ?? NaN)).toBeLessThan(5.1e-6);
    }
  });
});
