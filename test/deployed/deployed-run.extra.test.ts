import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runKeys, sweepExecution, teardownExecution } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import {
  callsInHistories,
  callsInInvocations,
  callsOfValid,
  manifestsOf,
  stillThere,
  storedHistories,
  storyOf,
} from "./rig/evidence.ts";
import { patientQuickstart } from "./rig/patient-quickstart.ts";
import { Rig, root } from "./rig/rig.ts";

/**
 * The stack really deployed, its definitions and bundles really running, hosts as processes of this machine; started and
 * looked at through the command line alone. What no emulator has a life in is played by `rig/` and said there.
 */
const minutes = 60_000;

describe("a deployed control plane", () => {
  let rig: Rig;
  let fewTrials: string[] = [];
  let deployedRun = "";
  beforeAll(async () => {
    rig = await Rig.start();
    fewTrials = onThisMachine(patientQuickstart(rig.folder));
    await rig.deploy();
  }, 25 * minutes);
  afterAll(async () => {
    await rig.stop();
  }, minutes);

  const reprise = (...args: string[]) => rig.reprise(["--engine", "aws", ...args]);

  it(
    "runs an experiment, keeps its evidence, takes everything down, and its figures come from the bucket",
    async () => {
      const ran = await reprise("run", ...fewTrials);
      expect(ran).toMatchObject({ code: 0 });
      const runId = runIdOf(ran.stderr);
      expect(ran.stderr).toContain(`console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/`);

      const rows = JSON.parse((await reprise("--json", "results", runId)).stdout) as { outcome: string }[];
      expect(rows.map((row) => row.outcome)).toEqual(["valid", "valid", "valid"]);
      expect(await stillThere(rig.store, runId)).toEqual([]);
      expect(hostsUp(rig)).toEqual([]);
      expect((await reprise("verify", runId)).code).toBe(0);

      expect((await reprise("history", runId)).stdout).toMatch(/RunTrials[^]*FinishRun[^]*ExecutionSucceeded/);

      const figures = join(rig.folder, "figures");
      const drawn = await rig.reprise([
        ...["figures", "experiments/quickstart", "--run", runId],
        ...["--from", `s3://${rig.outputs.bucket}`, "-o", figures],
      ]);
      expect(drawn).toMatchObject({ code: 0 });
      expect(existsSync(join(figures, "quickstart", "latency-throughput.svg"))).toBe(true);
      deployedRun = runId;
    },
    25 * minutes,
  );

  it(
    "leaves the histories and manifests that the embedded engine leaves of the same definition",
    async () => {
      const home = mkdtempSync(join(tmpdir(), "reprise-embedded-"));
      try {
        const own = await rig.reprise(["--home", home, "run", ...fewTrials]);
        expect(own).toMatchObject({ code: 0 });
        const ownRun = runIdOf(own.stderr);
        const ownStore = new FolderStore({ root: join(home, "store"), clock: systemClock });
        expect(await manifestsOf(rig.store, deployedRun)).toEqual(await manifestsOf(ownStore, ownRun));

        const there = await storedHistories(rig.store, deployedRun);
        const here = await storedHistories(ownStore, ownRun);
        for (const execution of [sweepOf, teardownOf]) {
          const story = storyOf(here.get(execution(ownRun)));
          expect(story.at(-1)).toBe("ExecutionSucceeded");
          expect(storyOf(there.get(execution(deployedRun)))).toEqual(story);
        }
        const calls = callsInInvocations(rig.functions.invocations, deployedRun);
        const ownCalls = callsInHistories(here.values());
        const ofTrials = await callsOfValid(ownStore, ownRun, ownCalls);
        expect(Object.keys(ofTrials)).toHaveLength(3);
        expect(await callsOfValid(rig.store, deployedRun, calls)).toEqual(ofTrials);
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
    25 * minutes,
  );

  it(
    "goes on when the command line is killed, and a later one follows it to its end",
    async () => {
      const { program, args, env } = rig.commandLine(["--engine", "aws", "run", ...fewTrials]);
      const child = spawn(program, args, { env, cwd: root, stdio: ["ignore", "ignore", "pipe"] });
      const runId = await new Promise<string>((resolve, reject) => {
        let said = "";
        child.once("exit", (code) => reject(new Error(`it ended by itself with ${code ?? "a signal"}: ${said}`)));
        child.stderr.on("data", (chunk: Buffer) => {
          said += chunk.toString();
          // In the middle of the first trial.
          if (/trial 0$/m.test(said)) resolve(runIdOf(said));
        });
      });
      child.kill("SIGKILL");
      const watched = await reprise("watch", runId);
      expect(watched).toMatchObject({ code: 0 });
      expect(watched.stderr).toContain("3 of 3 trials valid");
      expect(await stillThere(rig.store, runId)).toEqual([]);
    },
    25 * minutes,
  );

  it(
    "stops a run: what ran is collected, nothing new starts, everything is taken down",
    async () => {
      const runId = (await reprise("run", "--detach", ...fewTrials)).stdout.trim();
      await seen(rig.store, runId, "trial-started");
      const stopped = await reprise("stop", runId, "--reason", "enough");
      expect(stopped.code).toBe(0);
      const status = JSON.parse((await reprise("--json", "status", runId)).stdout) as { outcome: string }[];
      expect(status[0]?.outcome).toContain("stopped (enough)");
      expect(await stillThere(rig.store, runId)).toEqual([]);
      expect(hostsUp(rig)).toEqual([]);
    },
    25 * minutes,
  );

  it(
    "runs the same trials to the same end when functions crash in their middle and upload URLs die before their use",
    async () => {
      const crashes = new Map([
        ["startPhase", 2],
        ["record", 1],
        ["endpoint", 3],
      ]);
      rig.functions.fault = (name) => {
        const left = crashes.get(name) ?? 0;
        crashes.set(name, left - 1);
        return left > 0 ? "crash" : undefined;
      };
      rig.sessions.endBeforeUse = 3;
      const ran = await reprise("run", ...fewTrials);
      rig.functions.fault = () => undefined;
      expect(ran).toMatchObject({ code: 0 });
      const runId = runIdOf(ran.stderr);
      expect(rig.sessions.refused).toBeGreaterThanOrEqual(3);
      expect((await reprise("verify", runId)).code).toBe(0);
      expect(rig.functions.invocations.filter((one) => one.error === "Runtime.ExitError").length).toBeGreaterThan(3);
      expect(await stillThere(rig.store, runId)).toEqual([]);
    },
    25 * minutes,
  );

  it(
    "is updated while a run lives, which ends with the code that it began with; what begins later has the new",
    async () => {
      const go = join(rig.folder, "go");
      const experiment = patientQuickstart(rig.folder, { jobsAwait: go });
      const runId = (await reprise("run", "--detach", ...onThisMachine(experiment))).stdout.trim();
      await seen(rig.store, runId, "trial-started");
      // A variable of every function: each gets a new version.
      await rig.update({ maxLeaseHours: "100", reaperMinutes: "30" });
      const before = rig.functions.invocations.length;
      writeFileSync(go, "");
      const watched = await reprise("watch", runId);
      expect(watched).toMatchObject({ code: 0 });
      expect(watched.stderr).toContain("3 of 3 trials valid");
      expect(await stillThere(rig.store, runId)).toEqual([]);
      const after = rig.functions.invocations.slice(before);
      const versionsOf = (...names: string[]) => [
        ...new Set(after.filter((one) => names.includes(one.function)).map(({ version }) => version)),
      ];
      expect(versionsOf("claim", "startPhase", "verify", "record", "release", "finish")).toEqual([1]);
      expect(versionsOf("close", "destroy", "observeGone", "receipt")).toEqual([2]);
    },
    25 * minutes,
  );

  it(
    "is deleted",
    async () => {
      await rig.deleteStack();
      const listed = await reprise("list");
      expect(listed).toMatchObject({ code: 2 });
      expect(listed.stderr).toContain("`reprise deploy` makes it");
    },
    5 * minutes,
  );
});

const onThisMachine = (experiment: string): string[] => [
  experiment,
  ...["--on", "local", "--yes", "--only", "load:clients=2"],
];
const runIdOf = (text: string): string => /^run (\S+)$/m.exec(text)?.[1] ?? "";
const sweepOf = (runId: string): string => sweepExecution(runId, 1);
const teardownOf = (runId: string): string => teardownExecution(`${runId}-main-1`, 1);

/** The inventory of the one cloud there is here: hosts that have a folder. */
const hostsUp = (rig: Rig): string[] =>
  readdirSync(join(rig.folder, "hosts", "hosts")).filter((name) => !name.startsWith("."));

async function seen(store: ObjectStore, runId: string, kind: string): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    for await (const { key } of store.list(runKeys(runId).events)) {
      const stored = await store.get(key);
      if (stored !== undefined && new TextDecoder().decode(stored.body).includes(`"kind":"${kind}"`)) return;
    }
    await sleep(300);
  }
  throw new Error(`${runId} told of no ${kind}`);
}
