import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Podman } from "../support/podman.ts";
import { Installation, fixture, runIdIn } from "./installation.ts";

interface Row {
  readonly sweep: string;
  readonly outcome: string;
  readonly trialIndex: number;
}

/** Duets in containers of a real engine, from the command line to the verdict. */
describe("a duet in containers", () => {
  const podman = new Podman();
  const installation = new Installation();
  const experiment = join(installation.root, "containers");
  let runId = "";
  const attempt = (point: string, trial: number, path: string): string =>
    readFileSync(join(installation.home, `store/objects/runs/${runId}/${point}/trial-${trial}`, path), "utf8");

  beforeAll(() => {
    cpSync(fixture("containers"), experiment, { recursive: true });
    const file = join(experiment, "experiment.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("engine: ENGINE", `engine: ${podman.command}`));
  });
  afterAll(() => {
    installation.remove();
    podman.remove();
  });

  it("runs both sides at once on CPUs of their own, which they exchange, in an image known by its digest", async () => {
    const { code, stderr } = await installation.run(["run", experiment, "--only", "works", "--yes"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    runId = runIdIn(stderr);
    const image = podman.run("image", "inspect", "--format", "{{.Id}}", "work:1");
    const cpusOf = (trial: number, side: "a" | "b"): string =>
      /\d+$/m.exec(attempt("works.default", trial, `attempt-1/box-0/work-0.${side}/cpus.txt`))?.[0] ?? "";
    for (const trial of [0, 1, 2, 3]) {
      expect(attempt("works.default", trial, "attempt-1/box-0/work-0.a/container.txt")).toContain(image);
      expect([cpusOf(trial, "a"), cpusOf(trial, "b")]).toEqual(trial < 2 ? ["0", "1"] : ["1", "0"]);
    }
    const rows = await installation.json<readonly Row[]>(["results", runId]);
    expect(rows.map(({ outcome }) => outcome)).toEqual(["valid", "valid", "valid", "valid"]);
    // They met: neither began its next iteration before the other had begun this one, but for what two clocks differ.
    const startsMs = (trial: number, side: "a" | "b"): number[] => {
      const [, ...lines] = attempt("works.default", trial, `attempt-1/box-0/work-0.${side}/iterations.csv`)
        .trim()
        .split("\n");
      return lines.map((line) => Number(line.split(",")[1]) / 1e6);
    };
    for (const trial of [0, 1, 2, 3]) {
      const [a, b] = [startsMs(trial, "a"), startsMs(trial, "b")];
      expect([a.length, b.length]).toEqual([8, 8]);
      for (let i = 0; i < 7; i++) {
        expect(a[i]).toBeLessThan((b[i + 1] ?? NaN) + 2);
        expect(b[i]).toBeLessThan((a[i + 1] ?? NaN) + 2);
      }
    }
  });

  it("finds that B does half as much work again", async () => {
    const { comparisons } = await installation.json<{
      readonly comparisons: readonly {
        readonly metric: string;
        readonly comparison: { readonly verdict: string; readonly change: number };
      }[];
    }>(["compare", runId, "--metric", "cpuMs"]);
    expect(comparisons.map(({ metric, comparison }) => [metric, comparison.verdict])).toEqual([["cpuMs", "different"]]);
    expect(comparisons[0]?.comparison.change).toBeGreaterThan(0.2);
    // The run's page has the same verdicts beside it, for programs.
    const site = join(installation.root, "site");
    expect(await installation.run(["report", runId, "-o", site])).toMatchObject({ code: 0 });
    const listed = JSON.parse(readFileSync(join(site, "comparisons.json"), "utf8")) as unknown;
    expect(listed).toEqual(expect.arrayContaining(comparisons.map((one) => expect.objectContaining(one) as unknown)));
  });

  it("is exported under the duet tool's names, and reads back to the same verdict", async () => {
    const folder = join(installation.root, "exported");
    const done = await installation.run([
      "export",
      "duet",
      runId,
      folder,
      "--suite",
      "mine",
      "--file",
      "iterations.csv",
    ]);
    expect(done).toMatchObject({ code: 0 });
    expect(readdirSync(folder).filter((name) => name.endsWith(".iterations.csv"))).toEqual(
      [0, 1, 2, 3].flatMap((id) =>
        ["A", "B"].map((pair) => `mine.works.${id}.syncduet.${id % 2 === 0 ? "AB" : "BA"}.${pair}.iterations.csv`),
      ),
    );
    // What decides is CPU time: elapsed time hangs on who else is here.
    writeFileSync(
      join(folder, "mappings.yml"),
      "mine: { format: csv, time: { field: cpu_ns, unit: ns }, start: { field: start_ns, unit: ns } }\n",
    );
    const { comparisons, problems } = await installation.json<{
      readonly comparisons: readonly { readonly benchmark: string; readonly verdict: string; readonly runs: number }[];
      readonly problems: readonly unknown[];
    }>(["import", "duet", folder, "-o", join(installation.root, "imported")]);
    expect(problems).toEqual([]);
    expect(comparisons).toMatchObject([{ benchmark: "works", verdict: "different", runs: 4 }]);
    // A second export doesn't write into the first.
    expect((await installation.run(["export", "duet", runId, folder])).code).toBe(2);
  });

  it("fails when a side fails, and keeps what a side that was stopped had written", async () => {
    const failed = await installation.run(["run", experiment, "--only", "fails", "never-ends", "--yes"]);
    expect(failed.code).not.toBe(0);
    runId = runIdIn(failed.stderr);
    expect(failed.stderr).toMatch(/exit(?:ed with)? (?:code )?9/);
    const folder = join(installation.home, `store/objects/runs/${runId}/never-ends.default/trial-0`);
    const partial = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith("iterations.csv"),
    );
    expect(partial.length).toBeGreaterThan(0);
    for (const path of partial) expect(readFileSync(join(folder, path), "utf8")).toBe("partial\n");
  });

  it("leaves no container and no process", async () => {
    expect(podman.containers()).toEqual([]);
    expect(await installation.settled()).toEqual([]);
  });
});
