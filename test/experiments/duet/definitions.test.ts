import { readFileSync } from "node:fs";
import { loadText } from "../../core/definition/load.ts";
import { TrialFixture } from "../../core/render/trial-fixture.ts";

const read = (file: string, edit: (text: string) => string = (text) => text): TrialFixture =>
  new TrialFixture(loadText(edit(readFileSync(new URL(`../../../experiments/${file}`, import.meta.url), "utf8"))));
const readSuite = (suite: string, edit?: (text: string) => string): TrialFixture =>
  read(`duet-suites/${suite}.yaml`, edit);

/** Section 2.3 of the duet description: benchmarks analysed, and repetitions as duet, synchronous duet, alone. */
const campaign = [
  ["renaissance", 24, [5, 0, 5], 300],
  ["dacapo", 10, [5, 5, 5], 300],
  ["scalabench", 21, [5, 5, 5], 300],
  ["speccpu", 16, [2, 0, 2], 1_800],
] as const;

describe("the thesis' suites", () => {
  it.each(campaign)(
    "%s has its benchmarks, repetitions and limit",
    (suite, benchmarks, [duet, sync, alone], limitSec) => {
      const { plan } = readSuite(suite);
      const trials = new Map<string, number>();
      for (const block of plan.blocks)
        for (const { point } of block.trials) {
          const sweep = plan.points[point]?.sweep ?? "";
          trials.set(sweep, (trials.get(sweep) ?? 0) + 1);
        }
      expect(trials.get("duet")).toBe(benchmarks * duet);
      expect(trials.get("syncduet") ?? 0).toBe(benchmarks * sync);
      expect(trials.get("sequential")).toBe(benchmarks * alone * 2);
      expect(plan.points[0]?.timeoutMs).toBe((limitSec + 180) * 1_000);
    },
  );

  it("run in a container whose shared memory is its own where the sides don't wait for each other", () => {
    const dacapo = readSuite("dacapo");
    const { script } = dacapo.units("jobs", dacapo.trial("duet.benchmark=fop")).get("benchmark-0.a") ?? { script: "" };
    expect(script).toContain("dacapo.sh");
    expect(script).toContain("--ipc=private");
  });

  it.each(["renaissance", "dacapo", "scalabench"])("%s runs as processes where no container engine is", (suite) => {
    const fixture = readSuite(suite, (text) => text.replace("default: container", "default: process"));
    const jobs = fixture.units("jobs", fixture.trial(fixture.plan.points[0]?.pointKey ?? ""));
    expect([...jobs.keys()].sort()).toEqual(["process-0.a", "process-0.b"]);
    expect(jobs.get("process-0.a")?.script).toContain('"$REPRISE_SHARED/suite.jar"');
  });

  it.each(campaign.map(([suite]) => suite))("%s needs a CPU for each side of a duet", (suite) => {
    const { plan } = readSuite(suite);
    expect(plan.points.every(({ compare }) => compare?.mode !== "duet" || compare.cpus === 1)).toBe(true);
  });

  it.each(["dacapo", "scalabench"])("%s hands the barrier to both sides of a synchronous duet", (suite) => {
    const fixture = readSuite(suite);
    const point = fixture.plan.points.find(({ compare }) => compare?.barrier === true)?.pointKey ?? "";
    const jobs = fixture.units("jobs", fixture.trial(point));
    for (const side of ["a", "b"]) {
      const unit = jobs.get(`benchmark-0.${side}`);
      expect(unit?.script).toMatch(/dacapo\.sh.* \/barrier\b/);
      expect(unit?.script).toContain("--ipc=host");
      expect(unit?.env["REPRISE_BARRIER_SEND"]).toBe(`../barrier/benchmark-0.${side}`);
    }
  });
});

describe("duets for this machine", () => {
  it.each(["duet-node", "duet-compress"])("%s plans pinned sides that meet", (name) => {
    const { plan } = read(`${name}/experiment.yaml`);
    const duets = plan.points.flatMap(({ compare }) => (compare?.mode === "duet" ? [compare] : []));
    expect(duets.length).toBeGreaterThan(0);
    expect(duets.every(({ barrier, place, cpus }) => barrier && place !== "free" && cpus === 1)).toBe(true);
  });
});
