import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Podman } from "../../support/podman.ts";
import { Installation, runIdIn } from "../installation.ts";

const repository = join(import.meta.dirname, "../../..");
const standIns = join(repository, "test/fixtures/stand-ins/suites");
const sha256 = (file: string): string => `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}`;

/**
 * The suites' own definitions and recipes, through the whole flow: built on one host, shipped to another, run there. The base
 * image, the JVM and the suites are stand-ins (test/fixtures/stand-ins/suites), and campaigns are cut to a few short runs.
 */
describe("the suites", () => {
  const builder = new Podman();
  const runner = new Podman({ empty: true });
  const installation = new Installation();
  const suites = join(installation.root, "duet-suites");
  const jar = join(installation.root, "suite.jar");
  const archive = join(installation.root, "speccpu.tar");

  beforeAll(() => {
    cpSync(join(repository, "experiments/duet-suites"), suites, { recursive: true });
    writeFileSync(jar, "a stand-in for a suite's JAR\n");
    execFileSync("tar", ["-C", join(standIns, "speccpu"), "-cf", archive, "media"]);
    builder.run("build", "--tag", "base:1", standIns);
    const engine = join(installation.root, "podman");
    writeFileSync(
      engine,
      `#!/bin/sh\n[ "$REPRISE_ROLE" = builder ] && exec ${builder.command} "$@"\nexec ${runner.command} "$@"\n`,
    );
    chmodSync(engine, 0o755);
    for (const name of readdirSync(suites).filter((file) => file.endsWith(".yaml")))
      writeFileSync(
        join(suites, name),
        shortened(readFileSync(join(suites, name), "utf8"), {
          engine,
          base: "localhost/base:1",
          jar,
          jarDigest: sha256(jar),
          archive,
          archiveDigest: sha256(archive),
          pieces: 2,
          diskMiB: 200,
          repetitions: 6,
          iterations: 6,
        }),
      );
  });
  afterAll(() => {
    installation.remove();
    for (const podman of [builder, runner]) podman.remove();
  });

  const run = async (suite: string, only: readonly string[]): Promise<string> => {
    const { code, stderr } = await installation.run(
      ["run", join(suites, `${suite}.yaml`), "--only", ...only, "--yes"],
      { timeoutSec: 1_100 },
    );
    if (code !== 0) throw new Error(stderr.slice(-4_000));
    return runIdIn(stderr);
  };
  const kept = (runId: string): string[] =>
    readdirSync(join(installation.home, "store/objects/runs", runId), { recursive: true, encoding: "utf8" });
  const drawn = async (runId: string, suite: string): Promise<string[]> => {
    const folder = join(installation.root, `figures-${suite}`);
    const { code, stderr } = await installation.run(
      ["figures", join(suites, `${suite}.yaml`), "--run", runId, "-o", folder, "--formats", "svg"],
      { timeoutSec: 200 },
    );
    if (code !== 0) throw new Error(stderr);
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  };

  it.each([
    ["renaissance", ["duet:benchmark=mnemonics", "sequential:benchmark=mnemonics"], "results.json", 8],
    ["dacapo", ["duet:benchmark=fop", "syncduet:benchmark=fop"], "results.csv", 8],
    ["speccpu", ["duet:benchmark=505.mcf_r"], "CPU2017.002.log", 4],
  ] as const)(
    "%s: its image is built on one host and shipped to the other, by its digest",
    async (suite, only, file, files) => {
      const runId = await run(suite, only);
      const image =
        /image: \{ default: "?([^",]+)/.exec(readFileSync(join(suites, `${suite}.yaml`), "utf8"))?.[1] ?? "";
      const digest = builder.run("image", "inspect", "--format", "{{.Id}}", image);
      expect(runner.run("image", "inspect", "--format", "{{.Id}}", image)).toBe(digest);
      const paths = kept(runId);
      expect(paths.filter((path) => path.endsWith(`/${file}`))).toHaveLength(files);
      const containers = paths.filter((path) => path.endsWith("/container.txt"));
      expect(containers).toHaveLength(files);
      for (const path of containers)
        expect(readFileSync(join(installation.home, "store/objects/runs", runId, path), "utf8")).toContain(digest);
      expect(await drawn(runId, suite)).toEqual(expect.arrayContaining([expect.stringContaining("forest.svg")]));
      expect(runner.containers()).toEqual([]);
    },
    1_200_000,
  );
});

/** A definition with other defaults, and two trials where it has more. */
function shortened(text: string, defaults: Readonly<Record<string, string | number>>): string {
  let short = text.replaceAll(/^ {4}trials: \d+$/gm, "    trials: 2");
  for (const [name, value] of Object.entries(defaults)) {
    const written = JSON.stringify(value);
    short = short
      .replace(new RegExp(`^( {2}${name}: )(\\d+)$`, "m"), `$1${written}`)
      .replace(new RegExp(`^( {2}${name}:\\s+(?:\\{ |#.*\\n\\s+)?default: )("[^"]*"|[^\\s,]+)`, "m"), `$1${written}`);
  }
  return short;
}
