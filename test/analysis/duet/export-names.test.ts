import { compareBenchmarks } from "../../../analysis/duet/compare-benchmarks.ts";
import { nameResults } from "../../../analysis/duet/export-names.ts";
import { iterationsCsv, readTrialIterations } from "../../../analysis/duet/from-trials.ts";
import { readResults } from "../../../analysis/duet/read-results.ts";
import type { ResultFile } from "../../../analysis/duet/read-results.ts";
import type { Trial, TrialComparison } from "../../../analysis/trials.ts";
import { textParameter } from "../../../analysis/trials.ts";
import { trialFixture } from "../trial-fixture.ts";

const csv = (startMs: number, factor: number): string =>
  [
    "start_ns,duration_ns",
    ...Array.from(
      { length: 10 },
      (_, i) => `${(startMs + i * 20) * 1e6},${Math.round((10 + (i % 3) * 0.1) * factor * 1e6)}`,
    ),
    "",
  ].join("\n");
const sides: TrialComparison = { mode: "duet", barrier: true, place: "split", arm: undefined, order: "BA" };

function trial(
  trialIndex: number,
  comparison: Partial<TrialComparison>,
  files: Readonly<Record<string, string>>,
): Trial {
  const fixture = trialFixture(
    {
      trialIndex,
      comparison: { ...sides, ...comparison },
      pointKey: `s.benchmark=fj.kmeans+arm=${comparison.arm ?? "none"}`,
      parameters: { benchmark: "fj.kmeans" },
    },
    files,
  );
  // As a run's evidence has them: a host's name leads to it, and paths are the host's own.
  const artifacts = fixture.artifacts.map((artifact) => ({
    ...artifact,
    key: artifact.key.replace("trial-0", `trial-${trialIndex}`),
    path: artifact.path.slice(artifact.path.indexOf("/") + 1),
  }));
  return { ...fixture, artifacts };
}
const duet = (trialIndex: number, over: Partial<TrialComparison> = {}): Trial =>
  trial(trialIndex, over, {
    "box-0/work-0.a/r.csv": csv(1_700_000_000_000 + trialIndex * 1e6, 1),
    "box-0/work-0.b/r.csv": csv(1_700_000_000_000 + trialIndex * 1e6, 1.05 + trialIndex / 1e3),
    "box-0/work-0.a.out": "not a result",
    "box-0/reset-0/artifacts/date": "today",
  });
const alone = (trialIndex: number, arm: "A" | "B"): Trial =>
  trial(
    trialIndex,
    { mode: "interleaved", arm, order: undefined },
    { "box-0/work-0/r.csv": csv(1_700_000_000_000 + trialIndex * 1e6, arm === "A" ? 1 : 1.05) },
  );
const naming = { suite: "mine", benchmark: (t: Trial) => textParameter(t, "benchmark") };
const namesOf = (trials: readonly Trial[], over = {}): string[] =>
  nameResults(trials, { ...naming, ...over }).map(({ path }) => path);

describe("nameResults", () => {
  it("names a side's results by suite, benchmark, run, way of running, order and side", () => {
    expect(namesOf([duet(0), duet(1, { barrier: false, order: "AB" })])).toEqual([
      "mine.fj_kmeans.0.syncduet.BA.A.r.csv",
      "mine.fj_kmeans.0.syncduet.BA.B.r.csv",
      "mine.fj_kmeans.1.duet.AB.A.r.csv",
      "mine.fj_kmeans.1.duet.AB.B.r.csv",
    ]);
    expect(namesOf([alone(3, "A"), alone(3, "B")])).toEqual([
      "mine.fj_kmeans.3.seqn.None.A.r.csv",
      "mine.fj_kmeans.3.seqn.None.B.r.csv",
    ]);
  });

  it("keeps a result that is a folder one, and takes only what is asked for", () => {
    const spec = trial(0, {}, { "box-0/work-0.a/result/CPU2017.002.log": "x", "box-0/work-0.a/notes.txt": "x" });
    expect(namesOf([spec], { files: ["result"] })).toEqual(["mine.fj_kmeans.0.syncduet.BA.A.result/CPU2017.002.log"]);
  });

  it("refuses two results of one name, but not one that two sweeps share, and trials without sides", () => {
    const twice = trial(0, {}, { "box-0/work-0.a/r.csv": "x", "box-0/work-1.a/r.csv": "y" });
    expect(() => namesOf([twice])).toThrow(/work-0\.a\/r\.csv and .*work-1\.a\/r\.csv would both be mine\.fj_kmeans/);
    expect(namesOf([duet(0), { ...duet(0), sweep: "other" }])).toHaveLength(2);
    expect(() => namesOf([trialFixture()])).toThrow(/has no sides/);
  });

  it("gives what `readResults` reads back: the same iterations and the same verdict", async () => {
    const trials = [duet(0), duet(1), duet(2), alone(0, "A"), alone(0, "B")];
    const files: ResultFile[] = [];
    for (const { path, artifact } of nameResults(trials, naming)) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of artifact.open()) chunks.push(chunk);
      files.push({ path, text: Buffer.concat(chunks).toString() });
    }
    files.push({ path: "artifacts/hostname", text: "box-0\n" });
    const back = readResults(files, { mappings: new Map([["mine", iterationsCsv]]) });
    expect(back.problems).toEqual([]);
    const direct = await readTrialIterations(trials, { ...naming, file: "r.csv", read: iterationsCsv });
    const bare = (rows: readonly object[]): unknown[] =>
      rows.map((row) => ({ ...row, benchmark: "", date: undefined, hostname: undefined }));
    expect(bare(back.rows)).toEqual(bare(direct));
    const verdictOf = (rows: Parameters<typeof compareBenchmarks>[0]) =>
      compareBenchmarks(rows).map(({ type, comparison }) => [type, comparison?.verdict, comparison?.change]);
    expect(verdictOf(back.rows)).toEqual(verdictOf(direct));
    expect(verdictOf(back.rows)[0]?.[1]).toBe("different");
  });
});
