import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requireModules } from "../../cli/check-figures.ts";
import { requireReadableScripts } from "../../cli/check-scripts.ts";
import { loadDefinition, loadExperiment, withoutCredentials } from "../../cli/load.ts";

describe("withoutCredentials", () => {
  it.each([
    ["https://token@host.example/a/b.git", "https://host.example/a/b.git"],
    ["https://user:secret@host.example/a/b.git", "https://host.example/a/b.git"],
    ["https://host.example/a@b.git", "https://host.example/a@b.git"],
    ["git@host.example:a/b.git", "git@host.example:a/b.git"],
    ["ssh://git@host.example/a/b.git", "ssh://git@host.example/a/b.git"],
  ])("of %s is %s", (repository, expected) => {
    expect(withoutCredentials(repository)).toBe(expected);
  });
});

describe("loadExperiment --set", () => {
  const home = mkdtempSync(join(tmpdir(), "reprise-load-"));
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const tiny = fileURLToPath(new URL("../fixtures/experiments/tiny", import.meta.url));

  it("plans with another default, in the definition that runs too", async () => {
    const { plan, definition } = await loadExperiment(tiny, { set: ["sleepSec=0.5"], only: ["main:n=1"] }, home);
    expect(plan.points.map(({ parameters }) => parameters)).toEqual([{ n: 1, sleepSec: 0.5 }]);
    expect(definition.text).toContain("sleepSec: 0.5\n");
    const { plan: usual } = await loadExperiment(tiny, { only: ["main:n=1"] }, home);
    expect(plan.blocks[0]?.trials[0]?.trialKey).not.toBe(usual.blocks[0]?.trials[0]?.trialKey);
  });

  it("refuses what a sweep sets itself", async () => {
    await expect(loadExperiment(tiny, { set: ["n=3"] }, home)).rejects.toThrow(/--set n=3: sweep main sets it itself/);
  });
});

describe("requireModules", () => {
  it("tells of every figure whose module isn't in the folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reprise-load-"));
    try {
      cpSync(fileURLToPath(new URL("../../experiments/quickstart", import.meta.url)), folder, { recursive: true });
      const { definition } = await loadDefinition(folder);
      requireModules(definition, folder);
      rmSync(join(folder, "figures.ts"));
      expect(() => requireModules(definition, folder)).toThrow(
        /^3 problems\n.*figures\.latency-throughput\.module: no such file/,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("sources", () => {
  it.each([
    ["{ path: ../nowhere }", /experiment\.yaml:1:23: sources\.a\.path: there is no folder .*nowhere/],
    ["{ repository: ./nowhere.git, commit: main }", /experiment\.yaml:1:15: sources\.a: can't be resolved: \S/],
  ])("that aren't there are told where they are named: %s", async (source, told) => {
    const folder = mkdtempSync(join(tmpdir(), "reprise-load-"));
    try {
      cpSync(fileURLToPath(new URL("../../experiments/quickstart", import.meta.url)), folder, { recursive: true });
      const file = join(folder, "experiment.yaml");
      const text = readFileSync(file, "utf8").replace(/^# yaml-language-server.*\n/, "");
      writeFileSync(file, `sources: { a: ${source} }\n${text}`);
      await expect(loadExperiment(folder, {}, join(folder, "home"))).rejects.toThrow(told);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("requireReadableScripts", () => {
  const withRun = async (run: string): Promise<() => void> => {
    const folder = mkdtempSync(join(tmpdir(), "reprise-load-"));
    try {
      const text = {
        reprise: 1,
        name: "scripts",
        parameters: { word: "it's" },
        deployments: { main: { roles: { a: {} } } },
        trial: {
          services: { fill: { on: "a", ready: "exit", run: "cat <<EOF\n$(echo `date`) ${{ params.word }}\nEOF" } },
          jobs: { load: { on: "a", run }, python: { on: "a", run: "#!/usr/bin/env python3\nprint('if (')" } },
        },
        sweeps: { main: { cross: { word: ["it's", "a b"] } } },
      };
      writeFileSync(join(folder, "experiment.json"), JSON.stringify(text));
      const { definition, plan } = await loadExperiment(folder, {}, join(folder, "home"));
      return () => requireReadableScripts(definition, plan);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it("takes what a shell can read", async () => {
    expect(await withRun(`for i in 1 2; do echo "$i \${{ params.word }}"; done # don't`)).not.toThrow();
  });

  it.each([`echo "\${{ params.word }}`, "if true; then echo", "echo $(date", "echo 'x"])(
    "tells where a script is written that no shell can read: %s",
    async (run) => {
      expect(await withRun(run)).toThrow(/trial\.jobs\.load: the shell can't read its script: \S/);
    },
  );
});

describe("loadExperiment", () => {
  const root = mkdtempSync(join(tmpdir(), "reprise-load-"));
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", join(root, "tree"), "-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
      encoding: "utf8",
    });

  it("makes a local tree's commit and its uncommitted changes part of each trial's identity", async () => {
    const experiment = join(root, "experiment");
    cpSync(fileURLToPath(new URL("../../experiments/quickstart", import.meta.url)), experiment, { recursive: true });
    const file = join(experiment, "experiment.yaml");
    writeFileSync(file, `${readFileSync(file, "utf8")}\nsources:\n  tree: { path: ../tree }\n`);
    cpSync(join(experiment, "src"), join(root, "tree"), { recursive: true });
    git("init", "-q", "-b", "main");
    git("remote", "add", "origin", "https://secret-token@host.example/a/b.git");
    git("add", ".");
    git("commit", "-q", "-m", "first");
    const load = async () => (await loadExperiment(experiment, {}, join(root, "home"))).plan;
    const keyOf = (plan: Awaited<ReturnType<typeof load>>) => plan.blocks[0]?.trials[0]?.trialKey;

    const clean = await load();
    expect(clean.sources["tree"]).toEqual({
      repository: "https://host.example/a/b.git",
      commit: git("rev-parse", "HEAD").trim(),
      diffDigest: undefined,
    });
    writeFileSync(join(root, "tree/client.mjs"), "// changed\n");
    const changed = await load();
    expect(changed.sources["tree"]?.diffDigest).toMatch(/^[0-9a-f]{64}$/);
    writeFileSync(join(root, "tree/new.mjs"), "// and not yet added\n");
    const added = await load();
    expect(new Set([keyOf(clean), keyOf(changed), keyOf(added)]).size).toBe(3);
    expect(JSON.stringify(added)).not.toContain("secret-token");
  });
});
