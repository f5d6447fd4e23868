import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { figures } from "../../../cli/commands/figures.ts";
import { openStore } from "../../../cli/home.ts";
import { writeImportedRun } from "../../../cli/imported-run.ts";
import { createOutput } from "../../../cli/output.ts";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";

/** Needs no package: the experiment may lie anywhere. */
const module = `
export const peak = {
  name: "peak",
  caption: "Peak.",
  estimator: "none",
  row: { safeParse: (data) => ({ success: true, data }) },
  rows: async (trials) => trials.map(({ summary }) => ({ x: summary.p50Ms })),
  spec: (rows) => ({
    data: { values: rows },
    mark: "point",
    encoding: { x: { field: "x", type: "quantitative" }, y: { field: "x", type: "quantitative" } },
  }),
};
`;
const quickstart = await readFile("experiments/quickstart/experiment.yaml", "utf8");
const home = await mkdtemp(join(tmpdir(), "figures-"));
afterAll(() => rm(home, { recursive: true, force: true }));

const clock = new VirtualClock(Date.UTC(2026, 0, 1, 9));
const runs: Record<string, string> = {};
for (const name of ["alpha", "beta"]) {
  const text = `${quickstart.slice(0, quickstart.indexOf("\nfigures:"))}\nfigures:\n  peak: { module: figures.mjs, needs: [load] }\n`;
  const definition = text.replace("name: quickstart", `name: ${name}`);
  const folder = join(home, name);
  await mkdir(folder);
  await writeFile(join(folder, "experiment.yaml"), definition);
  await writeFile(join(folder, "figures.mjs"), module);
  const read = readDefinition(definition, "experiment.yaml", () => undefined);
  if (!read.ok) throw new Error(read.problems[0]?.message);
  const trial = {
    sweep: "load",
    parameters: { clients: 1 },
    summary: { p50Ms: 2 },
    origin: "results.csv:2",
    files: [],
  };
  const into = { store: openStore(home), clock, owner: "somebody", version: "0.1.0", suffix: "abcd" };
  const made = await writeImportedRun(read.definition, { trials: [trial], files: [], problems: [] }, into);
  runs[name] = made.runId;
}

const draw = async (name: string | undefined, run: string | undefined, output: string): Promise<number> =>
  figures(
    {
      output: { ...createOutput({ json: false }), line: () => undefined, note: () => undefined },
      engine: "embedded",
      stack: { stack: "reprise", region: "" },
      home,
    },
    name,
    { output: join(home, output), formats: ["svg"], ...(run === undefined ? {} : { run }) },
  );

describe("figures", () => {
  it("draws a run by the figures of its own experiment", async () => {
    expect(await draw(join(home, "alpha"), runs["alpha"], "own")).toBe(0);
    expect(await readdir(join(home, "own"))).toEqual(["alpha"]);
    expect(await readdir(join(home, "own/alpha"))).toContain("peak.svg");
  });

  it("refuses to draw a run by the figures of another experiment", async () => {
    await expect(draw(join(home, "alpha"), runs["beta"], "mixed")).rejects.toThrow(
      "holds alpha, and the run is one of beta",
    );
    await expect(draw(undefined, runs["beta"], "mixed")).rejects.toThrow("is not among the experiments here");
    expect(await readdir(home)).not.toContain("mixed");
  });

  it("takes the newest run of the experiment that was named, whatever came after it", async () => {
    expect(await draw(join(home, "alpha"), undefined, "newest")).toBe(0);
    const provenance = await readFile(join(home, "newest/alpha/peak.provenance.json"), "utf8");
    expect(JSON.parse(provenance)).toMatchObject({ origin: { trials: [{ runId: runs["alpha"] }] } });
  });
});
