import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../core/effects/random.ts";
import { Installation, fixture, runIdIn } from "./installation.ts";

interface Row {
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly attempt: number;
  readonly outcome: string;
}

/** Every file that figures are made of, by digest. */
function digests(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".json"))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length), createHash("sha256").update(readFileSync(path)).digest("hex")]),
  );
}

async function figuresOf(installation: Installation, runId: string, name: string): Promise<Record<string, string>> {
  const folder = join(installation.root, name);
  const drawn = await installation.succeed(["figures", fixture("tiny"), "--run", runId, "--output", folder]);
  expect(drawn.stderr).toBe("");
  return digests(folder);
}

describe.each([
  ["that pulls", {}],
  ["that is pushed to", { REPRISE_PUSH: "1" }],
])("kill -9 of an engine %s", (_, env) => {
  let installation: Installation;
  beforeAll(() => {
    installation = new Installation(env);
  });
  afterAll(() => installation.remove());

  it("at random 20 times in a 60-trial sweep, each time resumed: exact set, same figures, nothing left", async () => {
    const calm = await installation.succeed(["run", fixture("tiny")], { timeoutSec: 900 });
    const calmFigures = await figuresOf(installation, runIdIn(calm.stderr), "calm");
    expect(Object.keys(calmFigures).length).toBeGreaterThan(3);

    const started = await installation.succeed(["run", "--detach", fixture("tiny")]);
    const runId = runIdIn(started.stderr);
    const random = seededRandom(20);
    const validBefore: string[][] = [];
    let kills = 0;
    while (kills < 20) {
      await sleep(200 + random.next() * 4_000);
      const pid = installation.enginePid(runId);
      if (pid === undefined) break; // it was done before all kills were spent
      process.kill(pid, "SIGKILL");
      kills++;
      validBefore.push(await validAttempts(installation, runId));
      await installation.succeed(["resume", runId, "--detach"]);
    }
    expect(kills).toBeGreaterThan(5);
    await installation.succeed(["watch", runId], { timeoutSec: 900 });

    const valid = await validAttempts(installation, runId);
    const trials = valid.map((attempt) => attempt.replace(/\/\d+$/, ""));
    expect(trials).toEqual(
      Array.from({ length: 20 }, (_unused, n) => [0, 1, 2].map((t) => `main.n=${n + 1}/${t}`))
        .flat()
        .sort(),
    );
    // What was finished when an engine died is what still counts: it was not measured again.
    for (const before of validBefore) expect(valid).toEqual(expect.arrayContaining(before));
    const attempts = await installation.json<Row[]>(["results", runId]);
    for (const finished of validBefore.at(-1) ?? []) {
      const [pointKey, trialIndex, attempt] = finished.split("/");
      const later = attempts.filter(
        (row) => row.pointKey === pointKey && row.trialIndex === Number(trialIndex) && row.attempt > Number(attempt),
      );
      expect({ finished, later }).toEqual({ finished, later: [] });
    }

    expect(await figuresOf(installation, runId, "killed")).toEqual(calmFigures);
    await installation.succeed(["verify", runId]);
    expect(await installation.settled()).toEqual([]);
  }, 1_800_000);
});

/** `pointKey/trialIndex/attempt` of all valid trials, sorted. */
async function validAttempts(installation: Installation, runId: string): Promise<string[]> {
  const rows = await installation.json<Row[]>(["results", runId]);
  return rows
    .filter((row) => row.outcome === "valid")
    .map((row) => `${row.pointKey}/${row.trialIndex}/${row.attempt}`)
    .sort();
}
