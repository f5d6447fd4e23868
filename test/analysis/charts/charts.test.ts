import { createHash } from "node:crypto";
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

  it("give another figure when one row changes", async () => {
    const spec = structuredClone(examples["bars-with-labels"]!);
    const before = await renderFigure(spec, { formats: ["svg"] });
    (spec as unknown as { data: { values: { medianOps: number }[] } }).data.values[2]!.medianOps += 2_000;
    const after = await renderFigure(spec, { formats: ["svg"] });
    expect(after.svg).not.toEqual(before.svg);
  });
});
