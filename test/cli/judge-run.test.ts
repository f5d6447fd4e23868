import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Trial } from "../../analysis/trials.ts";
import { undrawnFailure } from "../../cli/draw-experiment.ts";
import { writeImportedRun } from "../../cli/imported-run.ts";
import { judgeRun } from "../../cli/judge-run.ts";
import { loadTrials } from "../../cli/load-trials.ts";
import { readStoredRun } from "../../cli/stored-definition.ts";
import { readDefinition } from "../../core/definition/read-definition.ts";
import { VirtualClock } from "../../engines/clock/virtual-clock.ts";
import { MemoryStore } from "../../stores/memory/memory-store.ts";

/** Metrics that only the experiment's own code knows: the number in the file. */
const module = `
export const trialMetrics = async ({ artifacts: [file] }) => {
  let text = "";
  for await (const bytes of file.open()) text += new TextDecoder().decode(bytes);
  if (text.startsWith("bad")) throw new Error("data.csv:7: \\"nan\\" is not a number");
  return { longestMs: Number(text), never: NaN };
};
`;
const claims = `
claims:
  - { name: short, metric: longestMs, of: { sweep: load, where: { clients: 1 } }, reduce: max, paper: at most 9 }
  - { name: known, metric: p50Ms, of: { sweep: load, where: { clients: 1 } }, reduce: mean, paper: at most 9 }
  - { name: lost, metric: longestMs, of: { sweep: load, where: { clients: 8 } }, reduce: max, paper: at most 9 }
`;
const text = `${await readFile("experiments/quickstart/experiment.yaml", "utf8")}${claims}`;
const read = readDefinition(text, "experiment.yaml", () => undefined);
if (!read.ok) throw new Error(`the definition reads: ${read.problems[0]?.message ?? ""}`);
const { definition } = read;

const folder = await mkdtemp(join(tmpdir(), "judge-"));
await writeFile(join(folder, "figures.ts"), module);
afterAll(() => rm(folder, { recursive: true, force: true }));

const clock = new VirtualClock(Date.UTC(2026, 0, 1, 9));
const store = new MemoryStore({ clock });
const trial = (clients: number, body: string) => ({
  ...{ sweep: "load", parameters: { clients }, summary: { p50Ms: 2 + 0.01 * body.length }, origin: "data.csv" },
  files: [{ path: "data.csv", body: Buffer.from(body) }],
});
const { runId } = await writeImportedRun(
  definition,
  { trials: [trial(1, "3.0"), trial(1, "3.25"), trial(1, "bad"), trial(8, "bad too")], files: [], problems: [] },
  { store, clock, owner: "somebody", version: "0.1.0", suffix: "abcd" },
);
const { plan } = await readStoredRun(store, runId);
const trials = await loadTrials(store, runId, plan);
const judge = (of: readonly Trial[]) =>
  judgeRun({ runId, spec: definition.spec, plan, trials: of, folder, home: folder });
const unreadable = (change: Partial<Trial["artifacts"][number]> = {}): Trial[] =>
  trials.map((one) => ({
    ...one,
    artifacts: one.artifacts.map((artifact) => ({
      ...artifact,
      ...change,
      open: () => {
        throw new Error("nobody may read it");
      },
    })),
  }));

describe("judgeRun", () => {
  it("judges claims without a trial that can't be read, and names it with the reason", async () => {
    const { claims: judged, unread } = await judge(trials);
    expect(judged.map(({ name, verdict, passCount }) => [name, verdict, passCount])).toEqual([
      ["short", "holds", 2],
      ["known", "holds", 3],
      ["lost", "cannot tell", 0],
    ]);
    const problem = 'data.csv:7: "nan" is not a number';
    expect(judged[0]?.reason).toContain(`load.clients=1 trial 2 left out: ${problem}`);
    expect(judged[1]?.reason).not.toContain("left out: ");
    expect(judged[2]).toMatchObject({
      reason: `load.clients=8 trial 0 left out: ${problem}`,
      wouldTake: "a file that can be read, or the trial measured again",
    });
    expect(unread).toEqual([
      { name: "load.clients=1 trial 2", reason: problem },
      { name: "load.clients=8 trial 0", reason: problem },
    ]);
    expect(undrawnFailure([], unread)?.message).toContain(`judged without load.clients=1 trial 2: ${problem}`);
  });

  it("reads a trial once, until a file of it or the code changes", async () => {
    const before = await judge(trials);
    const again = await judge(unreadable());
    expect(again.claims[0]?.measured).toEqual(before.claims[0]?.measured);
    expect(again.unread.map(({ name }) => name)).toEqual(["load.clients=1 trial 2", "load.clients=8 trial 0"]);
    const changed = await judge(unreadable({ sha256: "0".repeat(64) }));
    expect(changed.unread).toHaveLength(4);
    await writeFile(join(folder, "figures.ts"), `${module}export const other = 1;\n`);
    expect((await judge(unreadable())).unread).toHaveLength(4);
    await writeFile(join(folder, "figures.ts"), module);
  });

  it("makes metrics again where what was kept can't be understood", async () => {
    await judge(trials);
    await writeFile(join(folder, "cache/claims", `${runId}.json`), '{"cut sho');
    expect((await judge(trials)).unread).toHaveLength(2);
  });

  it("judges by the summaries alone where a module can't be loaded, and says so", async () => {
    await writeFile(join(folder, "figures.ts"), "export const x = ;");
    const { claims: judged, unread } = await judge(trials);
    await writeFile(join(folder, "figures.ts"), module);
    expect(judged.map(({ verdict }) => verdict)).toEqual(["cannot tell", "holds", "cannot tell"]);
    expect(unread).toEqual([{ name: "figures.ts", reason: expect.stringContaining("Unexpected") as string }]);
  });
});
