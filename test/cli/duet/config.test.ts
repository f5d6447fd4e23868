import { spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDuetConfig } from "../../../cli/duet/config.ts";
import { definitionOfConfig } from "../../../cli/duet/definition.ts";
import { loadText } from "../../core/definition/load.ts";
import { TrialFixture } from "../../core/render/trial-fixture.ts";

const config = `
duetbench:
  name: Demo 1
  suite: renaissance
  image: bench-image
  schedule: randomized_interleaving_trials
  seed: 0
  duet_repetitions: 3
  syncduet_repetitions: 2
  sequential_repetitions: 4
  timeout: 300
  run_base: java -jar suite.jar
  syncduet_run_base: java -agent=$$ -jar suite.jar
  results: [/out/r.json]
  artifacts: { date: date, meminfo: cat /proc/meminfo }
  duets: [kmeans, chi.square]
kmeans:
  timeout: 0
  A: { run: fj-kmeans }
  B: { run: 'fj-kmeans --x "a b"', image: newer, run_base: java -Xint -jar suite.jar }
chi.square:
  A: { run: chi-square }
disabled:
  A: { run: nothing }
`;
const parse = (text: string) => parseDuetConfig(text, "demo.yml", "demo");
const edited = (from: string | RegExp, to: string) => parse(config.replace(from, to));

describe("parseDuetConfig", () => {
  it("inherits from the nearest level, and leaves out what isn't listed", () => {
    const { duets, seed, isMixed, name } = parse(config);
    expect([name, seed, isMixed]).toEqual(["Demo 1", undefined, true]);
    expect(duets.map((duet) => [duet.name, duet.timeoutSec, duet.b === undefined])).toEqual([
      ["kmeans", undefined, false],
      ["chi.square", 300, true],
    ]);
    const [kmeans] = duets;
    expect(kmeans?.a).toMatchObject({ image: "bench-image", command: "java -jar suite.jar fj-kmeans" });
    expect(kmeans?.b).toEqual({
      image: "newer",
      command: 'java -Xint -jar suite.jar fj-kmeans --x "a b"',
      synchronousCommand: 'java -agent=$$ -jar suite.jar fj-kmeans --x "a b"',
      results: ["/out/r.json"],
    });
    expect(kmeans?.repetitions).toEqual({ duet: 3, syncduet: 2, seqn: 4 });
  });

  it.each([
    [
      "unknown keys, at any level",
      () => edited("A: { run: chi-square }", "A: { run: chi-square, cpus: 2 }"),
      /chi\.square\.A.*cpus/,
    ],
    ["a name that is reserved", () => edited("duets: [kmeans", "duets: [artifacts"), /can't be called artifacts/],
    ["a duet twice", () => edited("duets: [kmeans", "duets: [kmeans, kmeans"), /kmeans is listed twice/],
    ["a duet without a block", () => edited("duets: [kmeans", "duets: [kmeens"), /kmeens has no block/],
    ["a name that its parser would ignore", () => edited("duets: [kmeans", "duets: [k means"), /letters, digits/],
    ["a side without a command", () => edited("A: { run: chi-square }", "A: {}"), /chi\.square\.A: no run/],
    [
      "an unknown suite",
      () => edited("suite: renaissance", "suite: renaisance"),
      /unknown suite "renaisance" \(did you mean `renaissance`/,
    ],
    ["synchronous runs that nothing synchronises", () => edited("-agent=$$", "-agent=x"), /has no \$\$/],
    ["synchronous runs without a command", () => edited(/ {2}syncduet_run_base.*\n/, ""), /no syncduet_run_base/],
    ["results that overwrite each other", () => edited("[/out/r.json]", "[/out/r.json, /b/r.json]"), /would overwrite/],
    ["relative results", () => edited("[/out/r.json]", "[r.json]"), /no absolute path/],
    ["a file without the block", () => parse("a: 1"), /no block `duetbench`/],
    ["what isn't YAML", () => parse("a: ["), /no duet config/],
  ])("refuses %s", (_, read, message) => {
    expect(read).toThrow(message);
  });
});

describe("definitionOfConfig", () => {
  const made = definitionOfConfig(parse(config), "demo.yml");
  const fixture = new TrialFixture(loadText(made.definition));

  it("is a valid definition with the config's repetitions, mixed", () => {
    const bySweep = new Map<string, number>();
    for (const { trials } of fixture.plan.blocks) {
      const point = fixture.plan.points[trials[0]?.point ?? 0];
      const key = `${point?.compare?.mode ?? ""} ${String(point?.compare?.barrier)}`;
      bySweep.set(key, (bySweep.get(key) ?? 0) + trials.length);
    }
    expect(Object.fromEntries(bySweep)).toEqual({ "duet false": 6, "duet true": 4, "independent false": 16 });
    const order = fixture.plan.blocks.map(({ trials }) => fixture.plan.points[trials[0]?.point ?? 0]?.sweep);
    expect(order).not.toEqual([...order].sort());
  });

  it("gives each side its own image and command, with its limit", () => {
    const trial = fixture.trial("duet.benchmark=kmeans", { seed: 7 });
    const jobs = fixture.units("jobs", trial);
    expect(jobs.get("benchmark-0.a")?.script).toContain("'bench-image' -c");
    expect(jobs.get("benchmark-0.b")?.script).toContain("'newer' -c");
    expect(jobs.get("benchmark-0.b")?.script).toContain("fj-kmeans --x");
    expect(jobs.get("benchmark-0.a")?.timeoutMs).toBe((24 * 3600 + 180) * 1000);
    expect(fixture.units("jobs", fixture.trial("duet-2.benchmark=chi.square")).get("benchmark-0.a")?.script).toContain(
      "timeout -k 10 300",
    );
  });

  it("makes the harness' barrier in A, and lets B go on when it is there", () => {
    const jobs = fixture.units("jobs", fixture.trial("syncduet.benchmark=kmeans"));
    const inner = jobs.get("benchmark-0.a")?.script ?? "";
    expect(inner).toContain("--ipc=host");
    expect(inner).toContain("/barrier/make-barrier");
    expect(jobs.get("benchmark-0.b")?.env["REPRISE_BARRIER_WAIT"]).toBe("../barrier/benchmark-0.a");
  });

  it("runs a synchronous command with the barrier's name in it", () => {
    const lines = loadText(made.definition).spec.trial.jobs["benchmark"]?.run.split("\n") ?? [];
    const replace = lines.find((line) => line.includes("sed 's"))?.trim() ?? "";
    const folder = mkdtempSync(join(tmpdir(), "reprise-duet-"));
    try {
      const script = `command='java -agent=$$ -x'; barrier=run-1.kmeans.0.1; ${replace}; printf '%s' "$command"`;
      expect(spawnSync("sh", ["-e", "-c", script], { cwd: folder, encoding: "utf8" }).stdout).toBe(
        "java -agent=run-1.kmeans.0.1 -x",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("keeps facts of the host for each trial", () => {
    const [reset] = [...fixture.units("reset", fixture.trial("duet.benchmark=kmeans")).values()].filter(
      ({ name }) => name === "reset-0",
    );
    const folder = mkdtempSync(join(tmpdir(), "reprise-duet-"));
    try {
      mkdirSync(join(folder, "bin"));
      writeFileSync(join(folder, "bin", "date"), "#!/bin/sh\necho today\n", { mode: 0o755 });
      const { status } = spawnSync("sh", ["-c", reset?.script ?? "exit 9"], {
        cwd: folder,
        env: { PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`, REPRISE_ROOT: folder },
      });
      expect(status).toBe(0);
      expect(readFileSync(join(folder, "artifacts", "date"), "utf8")).toBe("today\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses what one definition can't hold", () => {
    expect(() => definitionOfConfig(edited("chi.square:\n", "chi.square:\n  suite: dacapo\n"), "x")).toThrow(
      /2 suites/,
    );
    expect(() => definitionOfConfig(edited("A: { run: chi-square }", "A: { run: c, results: [/a, /b] }"), "x")).toThrow(
      /different lengths/,
    );
    expect(() =>
      definitionOfConfig(edited(/(duet|syncduet|sequential)_repetitions: \d/g, "$1_repetitions: 0"), "x"),
    ).toThrow(/no duet has a repetition/);
  });
});
