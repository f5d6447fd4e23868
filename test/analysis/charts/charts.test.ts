import { createHash } from "node:crypto";
import { smallMultiples, timeSeries } from "../../../analysis/charts/index.ts";
import { renderFigure } from "../../../analysis/render/render-figure.ts";
import { expectGolden, roundCoordinates } from "../golden.ts";
import { examples } from "./examples.ts";

/** A spec with its rows told by number and digest, so that a golden shows the encoding and not the data. */
const withoutRows = (spec: object): string =>
  JSON.stringify(
    spec,
    (key, value: unknown) =>
      key === "values" && Array.isArray(value) && value.length > 20
        ? `${value.length} rows, sha256 ${createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16)}`
        : value,
    1,
  ) + "\n";

describe("chart builders", () => {
  it.each(Object.entries(examples))("draw %s as its golden, with nothing overlapping", async (name, spec) => {
    const { svg = "", warnings } = await renderFigure(spec, { formats: ["svg"], embedsFonts: false });
    expect(warnings).toEqual([]);
    expectGolden(name, "spec.txt", withoutRows(spec));
    expectGolden(name, "svg", roundCoordinates(svg));
  });

  it.each(["screen", "screen-dark"] as const)("lay every example out cleanly in the %s theme", async (theme) => {
    for (const spec of Object.values(examples)) {
      const { warnings } = await renderFigure(spec, { theme, formats: ["svg"], embedsFonts: false });
      expect(warnings).toEqual([]);
    }
  });

  it("draw events in each of several panels", async () => {
    const rows = ["reads", "writes"].flatMap((kind) => [0, 1, 2].map((sec) => ({ kind, sec, rate: sec + 1 })));
    const spec = smallMultiples(rows, {
      by: "kind",
      columns: 1,
      chart: (panel) =>
        timeSeries(panel, {
          time: { field: "sec", title: "time (s)" },
          value: { field: "rate", title: "operations/s" },
          events: [{ at: 1, label: `${panel[0]?.kind ?? ""} fail` }],
        }),
    });
    const { svg, warnings } = await renderFigure(spec, { formats: ["svg"], embedsFonts: false });
    expect(warnings).toEqual([]);
    expect(svg).toContain("reads fail");
    expect(svg).toContain("writes fail");
  });

  it("give another figure when one row changes", async () => {
    const spec = structuredClone(examples["bars-with-labels"]!);
    const before = await renderFigure(spec, { formats: ["svg"] });
    (spec as unknown as { data: { values: { medianOps: number }[] } }).data.values[2]!.medianOps += 2_000;
    const after = await renderFigure(spec, { formats: ["svg"] });
    expect(after.svg).not.toEqual(before.svg);
  });
});
