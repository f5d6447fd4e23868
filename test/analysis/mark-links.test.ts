import { z } from "zod";
import {
  boxChart,
  defineFigure,
  drawnData,
  drawnRows,
  lineChart,
  linkMarks,
  marksOf,
  smallMultiples,
} from "../../analysis/index.ts";
import type { FigureSpec } from "../../analysis/index.ts";
import { trialFixture } from "./trial-fixture.ts";

const rows = [
  { protocol: "a", clients: 1, ops: 10 },
  { protocol: "a", clients: 2, ops: 20 },
  { protocol: "b", clients: 1, ops: 30 },
  { protocol: "b", clients: 2, ops: 40 },
];
type Row = (typeof rows)[number];
const chart = (own: readonly Row[]): FigureSpec =>
  lineChart(own, {
    x: { field: "clients", title: "clients" },
    y: { field: "ops", title: "operations/s" },
    series: { field: "protocol" },
  });
const figure = defineFigure<Row>({
  name: "ops",
  caption: "",
  estimator: "",
  row: z.object({ protocol: z.string(), clients: z.number(), ops: z.number() }),
  spec: chart,
});
const trials = [1, 2].flatMap((clients) =>
  [0, 1].map((trialIndex) => trialFixture({ pointKey: `clients=${clients}`, trialIndex, parameters: { clients } })),
);

describe("linkMarks", () => {
  it("gives each point a link to its row, and each line one to all of its rows", () => {
    const { links } = linkMarks(chart(rows));
    const byId = new Map(links.map(({ id, rows: numbers }) => [id, numbers]));
    expect(byId.get("row-3")).toEqual([3]);
    expect(byId.get("line-0")).toEqual([0, 1]);
    expect(byId.get("line-2")).toEqual([2, 3]);
  });

  it("leaves the spec that it is given, and the rows of the linked one in their order", () => {
    const spec = chart(rows);
    const before = JSON.stringify(spec);
    const linked = linkMarks(spec).spec;
    expect(JSON.stringify(spec)).toBe(before);
    expect(drawnRows(linked)).toMatchObject(drawnRows(spec));
  });

  it("counts on from panel to panel", () => {
    const panels = smallMultiples(rows, { by: "protocol", columns: 2, chart: (own) => chart(own) });
    const { links } = linkMarks(panels);
    expect(links.flatMap(({ id }) => (id.startsWith("row-") ? [id] : []))).toEqual([
      "row-0",
      "row-1",
      "row-2",
      "row-3",
    ]);
  });

  it("links the marks of layers that pick some of the rows, and no annotation", () => {
    const boxes = ["a", "b"].map((name, at) => ({ name, low: at, q1: 1, median: 2, q3: 3, high: 4 }));
    const spec = boxChart(boxes, {
      x: { field: "name", title: "" },
      y: { title: "" },
      rules: [{ at: 2, axis: "y", label: "limit" }],
    });
    const { spec: linked, links } = linkMarks(spec);
    expect(links).toEqual([
      { id: "row-0", rows: [0] },
      { id: "row-1", rows: [1] },
    ]);
    expect(JSON.stringify(linked).match(/"#row-1"/g)?.length).toBeGreaterThanOrEqual(3);
    expect(drawnData(linked)).toMatchObject({ rows: boxes, annotations: [{ values: { at: 2, label: "limit" } }] });
  });
});

describe("marksOf", () => {
  const { links } = linkMarks(chart(rows));

  it("takes a row for that of the trials whose parameters have its values", () => {
    const { marks, sets, trials: named } = marksOf(figure, { links, rows, trials });
    expect(sets[marks["row-1"]!.set]!.map((index) => named[index]!.pointKey)).toEqual(["clients=2", "clients=2"]);
    expect(marks["row-1"]!.row).toEqual({ protocol: "a", clients: 2, ops: 20 });
    expect(sets[marks["line-0"]!.set]).toHaveLength(4);
  });

  it("lets a figure say itself what a row rests on", () => {
    const own = {
      ...figure,
      isFrom: (row: Row, trial: { trialIndex: number }) => trial.trialIndex === row.clients - 1,
    };
    const { marks, sets, trials: named } = marksOf(own, { links, rows, trials });
    expect(sets[marks["row-0"]!.set]!.map((index) => named[index]!.trialIndex)).toEqual([0, 0]);
  });

  it("says the points of a line that has no marks for them, without its gaps", () => {
    const series = [
      { host: "a", atSec: 0, rate: 5 },
      { host: "a", atSec: 1, rate: null },
      { host: "a", atSec: 2, rate: 7 },
    ];
    const line = { id: "line-0", rows: [0, 1, 2] };
    const { marks } = marksOf(figure, { links: [line], rows: series, trials: [] });
    expect(marks["line-0"]).toEqual({
      set: 0,
      row: { host: "a" },
      line: {
        fields: ["atSec", "rate"],
        rows: [
          [0, 5],
          [2, 7],
        ],
      },
    });
    const withPoints = marksOf(figure, { links: [line, { id: "row-0", rows: [0] }], rows: series, trials: [] });
    expect(withPoints.marks["line-0"]).toEqual({ set: 0 });
  });
});
