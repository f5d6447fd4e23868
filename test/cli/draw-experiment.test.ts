import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawExperiment, undrawnFailure } from "../../cli/draw-experiment.ts";
import { drawPublished, drawPublishedFigures } from "../../cli/published.ts";
import { createOutput } from "../../cli/output.ts";
import { trialFixture } from "../analysis/trial-fixture.ts";

/** Figures that need no package: a module of them may lie anywhere. */
const module = `
const row = { safeParse: (data) => ({ success: true, data }) };
const spec = (rows) => ({
  data: { values: rows },
  mark: "point",
  encoding: { x: { field: "x", type: "quantitative" }, y: { field: "x", type: "quantitative" } },
});
const figure = (name, rows) => ({ name, caption: name, estimator: "none", row, spec, rows });
export const a = figure("a-empty", () => []);
export const b = figure("b-broken", () => { throw new Error("results.csv:7: not a number"); });
export const c = figure("c-good", () => [{ x: 1 }]);
const rows = { "a-empty": [], "b-broken": undefined, "c-good": [{ x: 1 }] };
export const publishedFigures = [a, b, c].map((figure) => ({ figure, inputs: ["a.csv"] }));
export async function* collectPublished(read, { names }) {
  for (const name of names) {
    if (rows[name] === undefined) throw new Error("a.csv:3: too short");
    yield { figure: publishedFigures.find(({ figure }) => figure.name === name).figure, rows: rows[name], artifacts: [], missing: [] };
  }
}
`;
const folder = await mkdtemp(join(tmpdir(), "draw-"));
await writeFile(join(folder, "figures.mjs"), module);
await writeFile(join(folder, "broken.mjs"), "export const x = ;");
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("drawExperiment", () => {
  it("draws all that can be drawn, and names the rest with the reason", async () => {
    const { drawn, undrawn } = await drawExperiment({
      ...{ runId: "r", folder, modules: ["broken.mjs", "figures.mjs"], target: join(folder, "made"), home: folder },
      ...{ trials: [trialFixture({ parameters: {} }, {})], planned: [], hasImports: false },
      imported: () => Promise.resolve(undefined),
      formats: ["svg"],
      note: () => undefined,
    });
    expect(drawn.map(({ name }) => name)).toEqual(["c-good"]);
    expect(await readdir(join(folder, "made"))).toContain("c-good.svg");
    expect(undrawn.map(({ name }) => name.split("/").at(-1))).toEqual(["broken.mjs", "a-empty", "b-broken"]);
    expect(undrawn.map(({ reason }) => reason)).toEqual([
      expect.stringContaining("Unexpected"),
      expect.stringContaining("has no rows"),
      expect.stringContaining("results.csv:7: not a number"),
    ]);
    const failure = undrawnFailure(undrawn);
    expect([failure?.failure.class, failure?.message]).toEqual([
      "integrity",
      expect.stringMatching(/broken.mjs.*\n.*a-empty/),
    ]);
    expect(undrawnFailure([])).toBeUndefined();
  });
});

describe("drawPublishedFigures", () => {
  it("goes on behind a figure whose file can't be read", async () => {
    const outcomes = [];
    for await (const outcome of drawPublishedFigures({
      ...{ module: join(folder, "figures.mjs"), target: join(folder, "published"), home: folder, trials: [] },
      ...{ hasFormulas: true, options: { formats: ["svg"] as const } },
      read: () => Promise.resolve(Buffer.from("x")),
    }))
      outcomes.push(outcome);
    expect(outcomes).toMatchObject([
      { kind: "no data", name: "a-empty", inputs: ["a.csv"] },
      { kind: "failed", name: "b-broken", reason: "a.csv:3: too short" },
      { kind: "drawn", figure: { name: "c-good" }, isFormula: false },
    ]);
  });
});

describe("drawPublished", () => {
  it("fails where a folder has none of the figures' files, though formulas are drawn", async () => {
    const experiment = join(folder, "paper");
    await mkdir(join(folder, "nothing"), { recursive: true });
    await mkdir(experiment);
    await writeFile(
      join(experiment, "published.ts"),
      module
        .replace('inputs: ["a.csv"]', 'inputs: figure.name === "c-good" ? [] : ["a.csv"]')
        .replace('"b-broken": undefined', '"b-broken": []'),
    );
    const lines: string[] = [];
    const say = (text = ""): void => void lines.push(text);
    const output = { ...createOutput({ json: false }), line: say, note: () => undefined };
    const drawn = drawPublished({ output, home: folder }, experiment, join(folder, "nothing"), {
      target: join(folder, "from-nothing"),
      formats: ["svg"],
    });
    await expect(drawn).rejects.toThrow("nothing has none of the files that figures of");
    expect(lines).toEqual([expect.stringContaining("c-good.{svg,csv}")]);
  });
});
