import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Installation, fixture, runIdIn } from "./installation.ts";

interface Manifest {
  readonly sources: Readonly<Record<string, { readonly commit: string; readonly diff?: string }>>;
}

/** Runs the `whole` and `rough` fixtures as people run theirs: the command line, real processes, real files. */
describe("a definition that asks for everything", () => {
  const installation = new Installation();
  const { root } = installation;
  let runId = "";
  let stderr = "";
  /** Where the hosts' supervisors put what they run, where the kernel lets them. */
  const groups: string[] = [];
  const controlGroups = (): string[] => {
    const hosts = join(installation.home, "hosts/hosts");
    // By name, not by a walk: hosts are at work, and their folders come and go.
    return readdirSync(hosts)
      .map((host) => join(hosts, host, "home/.reprise"))
      .flatMap((runs) => readdirSync(runs).map((run) => join(runs, run, ".state/cgroup")))
      .flatMap((path) => readFileSync(path, "utf8").split(/\s+/))
      .filter((path) => path.startsWith("/sys/"));
  };
  const evidence = (path: string): string =>
    readFileSync(join(installation.home, "store/objects/runs", runId, path), "utf8");

  beforeAll(async () => {
    const git = (folder: string, ...args: readonly string[]): string =>
      execFileSync("git", ["-C", join(root, folder), "-c", "user.name=a", "-c", "user.email=a@b", ...args], {
        encoding: "utf8",
      });
    for (const [folder, file, text] of [
      ["remote.git", "tool.sh", "echo from-repository\n"],
      ["tree", "main.c", "int main() { return 0; }\n"],
    ] as const) {
      mkdirSync(join(root, folder));
      git(folder, "init", "-q", "-b", "main");
      writeFileSync(join(root, folder, file), text);
      git(folder, "add", ".");
      git(folder, "commit", "-q", "-m", "first");
      git(folder, "tag", "v1");
    }
    writeFileSync(join(root, "tree/main.c"), "int main() { return 7; }\n");
    cpSync(fixture("whole"), join(root, "whole"), { recursive: true });
    const path = join(root, "whole/experiment.yaml");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("ROOT", root));
    const running = installation.start(["run", join(root, "whole")]);
    await running.saw(/^\S+ main\S* trial 0$/m);
    groups.push(...controlGroups());
    const done = await running.done;
    stderr = done.stderr;
    runId = runIdIn(stderr);
    expect({ code: done.code, stderr }).toMatchObject({ code: 0 });
  });
  afterAll(() => installation.remove());

  it("measures what each event does to the service", async () => {
    const rows = await installation.json<{ event: string; answeredShare: number }[]>(["results", runId]);
    const share = Object.fromEntries(rows.map((row) => [row.event, row.answeredShare]));
    expect(share["none"]).toBe(1);
    expect(share["kill"]).toBeLessThan(0.9);
    expect(share["pause"]).toBeLessThan(0.95);
    expect(share["restart"]).toBeGreaterThan(share["kill"] ?? 1);
    const actions = (event: string): string[] =>
      evidence(`main.event=${event}/trial-0/attempt-1/server-0/events.csv`)
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.split(",").slice(2).join(" "));
    expect(actions("kill")).toEqual(["event-kill fire"]);
    expect(actions("pause")).toEqual(["event-pause fire", "event-pause undo"]);
    expect(actions("log")).toEqual(["event-on-log fire", "event-on-log undo"]);
    expect(existsSync(join(root, "saw"))).toBe(false);
  });

  it("makes and deletes the definition's own resource, with a line in the receipt", () => {
    expect(existsSync(join(root, "table"))).toBe(false);
    const [deployment = ""] = readdirSync(join(installation.home, "store/objects/runs", runId, "deployments"));
    const receipt = JSON.parse(evidence(`deployments/${deployment}/receipt.json`)) as {
      readonly resources: readonly { readonly name: string; readonly outcome: string }[];
    };
    expect(receipt.resources.find((line) => line.name === "table")?.outcome).toBe("gone");
    expect(receipt.resources.every((line) => line.outcome === "gone")).toBe(true);
  });

  it("hands publications on by digest, and a secret past store, logs and histories", () => {
    const [deployment = ""] = readdirSync(join(installation.home, "store/objects/runs", runId, "deployments"));
    const published = JSON.parse(evidence(`deployments/${deployment}/published/binary.json`)) as { bytes: number };
    expect(published.bytes).toBe(70_016);
    // The definition itself says "hush-$(…)": the secret is what it became.
    expect(
      textsBelow(installation.home).filter((path) => /hush-[0-9a-f]{16}/.test(readFileSync(path, "latin1"))),
    ).toEqual([]);
  });

  it("records its sources: a repository's commit, a local tree's commit and changes", () => {
    const manifest = JSON.parse(evidence("main.event=none/trial-0/attempt-1/manifest.json")) as Manifest;
    expect(manifest.sources["tool"]?.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(manifest.sources["tree"]?.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(JSON.stringify(manifest.sources["tree"])).toMatch(/diff/i);
  });

  it("leaves nothing behind, no control groups either", async () => {
    expect(await installation.settled()).toEqual([]);
    expect(groups.filter((path) => existsSync(path))).toEqual([]);
  });
});

function textsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("trials that go wrong", () => {
  const installation = new Installation();
  afterAll(() => installation.remove());

  it("each fail by their own class, keep their evidence, and leave the next trial a clean host", async () => {
    const done = await installation.run(["run", fixture("rough")]);
    const runId = runIdIn(done.stderr);
    expect(done.code).not.toBe(0);
    const rows = await installation.json<{ what: string; outcome: string; failureClass?: string }[]>([
      "results",
      runId,
    ]);
    const ended = Object.fromEntries(rows.map((row) => [row.what, row.failureClass ?? row.outcome]));
    expect(ended).toEqual({
      works: "valid",
      "exit-255": "command",
      killed: "command",
      "never-ends": "timeout",
      "ignores-term": "timeout",
      "missing-log": "collect",
      "no-row": "integrity",
      "no-number": "valid",
      daemon: "valid",
      "service-dies": "command",
      "growing-log": "valid",
      loud: "valid",
      "works-after-all": "valid",
    });
    expect(await installation.settled()).toEqual([]);
  });
});
