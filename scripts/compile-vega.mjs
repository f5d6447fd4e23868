// Keeps what V8 compiles of dist/vega.cjs while figures are drawn: started by build.mjs, with the folder of the build.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
const dist = process.argv[2];
const load = (name) => import(pathToFileURL(join(dist, name)).href);
const { barChart, boxChart, latencyThroughput, lineChart, renderFigure, smallMultiples, timeSeries } =
  await load("analysis.js");
const { codeNameOf, loadVegaScript, setDrawingFlags } = await load("vega-script.js");
setDrawingFlags();

/** One of each kind: functions that none of them calls are compiled when a figure needs them. */
const rows = ["a", "b", "c"].flatMap((series, at) =>
  [1, 10, 100, 1000].map((x) => ({ series, x, low: x + at, y: 2 * x + at, high: 3 * x + at })),
);
const interval = { low: "low", high: "high" };
const [x, y, series] = [{ field: "x", title: "x" }, { field: "y", title: "y" }, { field: "series" }];
const boxes = rows.map((row) => ({ ...row, q1: row.low + 0.1, median: row.y, q3: row.high - 0.1, x: String(row.x) }));
const time = { time: x, value: y, series, band: interval };
const panels = { by: "series", order: ["a", "b"], columns: 1, width: "single" };
for (const spec of [
  latencyThroughput(rows, { throughput: { ...x, interval }, latency: y, load: "x", series }),
  lineChart(rows, { x, y, series, interval: { ...interval, as: "band" } }),
  barChart(rows, { x: { field: "series", title: "" }, y, interval }),
  barChart(rows, { x: { field: "x", title: "" }, y, series, valueLabels: "upright" }),
  timeSeries(rows, { ...time, events: [{ at: 5, label: "event" }] }),
  smallMultiples(rows, { ...panels, chart: (panel) => timeSeries(panel, time) }),
  boxChart(boxes, { x: { field: "x", title: "" }, series, y: { title: "y" } }),
])
  await renderFigure(spec, { formats: ["svg", "pdf"] });
const script = join(dist, "vega.cjs");
writeFileSync(codeNameOf(script), loadVegaScript().compiledCode());
