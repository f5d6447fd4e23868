import {
  barChart,
  boxChart,
  drawnData,
  drawnRows,
  lineChart,
  smallMultiples,
  timeSeries,
} from "../../analysis/index.ts";
import { ridgeChart } from "../../analysis/compare/figures.ts";

const rows = [
  { clients: 1, ops: 2 },
  { clients: 2, ops: 3 },
];
type Row = (typeof rows)[number];
const axes = { x: { field: "clients", title: "clients" }, y: { field: "ops", title: "ops/s" } } as const;

describe("drawnData", () => {
  it("joins the rows of panels, and says in which an annotation is", () => {
    const spec = smallMultiples(rows, {
      by: "clients",
      columns: 2,
      labels: { 1: "one client" },
      chart: (panel: readonly Row[]) =>
        lineChart(panel, { ...axes, rules: [{ at: 2.5, axis: "y", ...(panel[0]?.clients === 2 && { label: "x" }) }] }),
    });
    expect(drawnRows(spec)).toEqual(rows);
    expect(drawnData(spec).annotations).toEqual([
      { panel: "one client", mark: "rule", values: { at: 2.5, label: "" } },
      { panel: "2", mark: "rule+text", values: { at: 2.5, label: "x" } },
    ]);
  });

  it("has each event once, with its label and its end", () => {
    const spec = timeSeries(rows, {
      time: { field: "clients", title: "s" },
      value: { field: "ops", title: "ops" },
      events: [
        { at: 1, label: "failure" },
        { at: 1.5, until: 2, label: "repair" },
      ],
    });
    expect(drawnData(spec).annotations).toMatchObject([
      { mark: "rect", values: { at: 1.5, until: 2, label: "repair" } },
      { mark: "rule+text", values: { at: 1, label: "failure" } },
      { mark: "rule+text", values: { at: 1.5, label: "repair" } },
    ]);
  });

  it("tells rows once that layers pick from them", () => {
    const boxes = [{ name: "a", low: 0, q1: 1, median: 2, q3: 3, high: 4 }];
    const box = boxChart(boxes, { x: { field: "name", title: "" }, y: { title: "" } });
    expect(drawnData(box)).toEqual({ rows: boxes, annotations: [] });
    const pairs = [1, 2].map((changePercent) => ({ item: "a", changePercent, height: 0, kind: "pair" as const }));
    expect(drawnData(ridgeChart(pairs))).toMatchObject({
      rows: pairs,
      annotations: [{ mark: "rule", values: { at: 0 } }],
    });
  });

  it("finds nothing beside the rows of a plain chart", () => {
    expect(drawnData(barChart(rows, axes))).toEqual({ rows, annotations: [] });
  });
});
