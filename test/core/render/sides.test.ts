import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definitionText, loadText } from "../definition/load.ts";
import { commandOf, TrialFixture } from "./trial-fixture.ts";

const duet = (compare: string, job = "") =>
  new TrialFixture(
    loadText(
      definitionText({
        deployments: "{ c: { on: local, roles: { box: { machine: { vcpu: 4 } } } } }",
        trial: `{ jobs: { work: { on: box, run: x ${job} } } }`,
        sweeps: `{ s: { compare: ${compare} } }`,
      }),
    ),
  );

describe("the sides of a duet", () => {
  const split = duet("{ mode: duet, place: split, barrier: true }");
  const units = (trialIndex: number) => split.units("jobs", split.trial("s.default", { trialIndex }));

  it("have CPUs of their own, and know their side, order and CPUs", () => {
    expect(
      [...units(3).values()]
        .slice(1)
        .map(({ name, limits, env }) => [
          name,
          limits.cpus,
          env["REPRISE_ARM"],
          env["REPRISE_ORDER"],
          env["REPRISE_CPUS"],
        ]),
    ).toEqual([
      ["work-0.b", "0-1", "B", "BA", "0-1"],
      ["work-0.a", "2-3", "A", "BA", "2-3"],
    ]);
  });

  it("keep the CPUs that the definition names", () => {
    const named = duet("{ mode: duet, place: split }", ", limits: { cpus: '3' }");
    expect([...named.units("jobs", named.trial("s.default")).values()].map(({ limits }) => limits.cpus)).toEqual([
      "3",
      "3",
    ]);
  });

  it("meet at two pipes, made before they start", () => {
    const [barrier, a, b] = [...units(0).values()];
    expect(barrier).toMatchObject({ name: "barrier", kind: "command", workDir: "." });
    expect([a?.env["REPRISE_BARRIER_SEND"], a?.env["REPRISE_BARRIER_WAIT"]]).toEqual([
      "../barrier/work-0.a",
      "../barrier/work-0.b",
    ]);
    expect([b?.env["REPRISE_BARRIER_SEND"], b?.env["REPRISE_BARRIER_WAIT"]]).toEqual([
      "../barrier/work-0.b",
      "../barrier/work-0.a",
    ]);
    const folder = mkdtempSync(join(tmpdir(), "reprise-barrier-"));
    try {
      const made = spawnSync("sh", ["-e", "-c", commandOf(barrier)], { cwd: folder });
      expect(made.status).toBe(0);
      const pipes = readdirSync(join(folder, "barrier"));
      expect(pipes.sort()).toEqual(["work-0.a", "work-0.b"]);
      expect(pipes.every((name) => statSync(join(folder, "barrier", name)).isFIFO())).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("have no pipes where they drift freely, or run one after the other", () => {
    const free = duet("{ mode: duet }");
    expect([...free.units("jobs", free.trial("s.default")).keys()]).toEqual(["work-0.a", "work-0.b"]);
    const apart = duet("{ mode: interleaved, barrier: true, place: split }");
    const unit = apart.units("jobs", apart.trial("s.default+arm=B")).get("work-0");
    expect(unit?.env["REPRISE_BARRIER_SEND"]).toBeUndefined();
    expect([unit?.env["REPRISE_ARM"], unit?.env["REPRISE_ORDER"], unit?.limits.cpus]).toEqual(["B", undefined, "0-1"]);
  });

  it("are refused by a host with fewer CPUs than its type promised", () => {
    const [check] = [...split.units("reset", split.trial("s.default")).values()];
    expect(check?.name).toBe("reset-cpus");
    const script = commandOf(check);
    const onHostWith = (cpus: number) =>
      spawnSync("sh", ["-e", "-c", `nproc() { echo ${cpus}; }\n${script}`], { encoding: "utf8" });
    expect(onHostWith(2).status).toBe(0);
    expect(onHostWith(1)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("a pair needs 2, and this host has 1") as string,
    });
  });
});
