import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GetExecutionHistoryCommand } from "@aws-sdk/client-sfn";
import { attemptManifestSchema } from "../../core/evidence/attempt-manifest.ts";
import { unpackHistory } from "../../core/evidence/history-chunk.ts";
import { readRecord, requireRecord } from "../../core/flow/effects.ts";
import { attemptKeys, deploymentKeys, runKeys, sweepExecution } from "../../core/names/keys.ts";
import { executionArn } from "../../core/names/stack.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { receiptSchema } from "../../core/records/schemas.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import { Rig, root } from "./rig/rig.ts";

/**
 * The stack really deployed, its definitions and bundles really running, hosts as processes of this machine; started and
 * looked at through the command line alone. What no emulator has a life in is played by `rig/` and said there.
 */
const minutes = 60_000;

/** The quickstart with more patience: every call here is a process of its own, on a machine that may be busy. */
function patientQuickstart(folder: string): string[] {
  const experiment = join(folder, "quickstart");
  cpSync(join(root, "experiments", "quickstart"), experiment, { recursive: true });
  const file = join(experiment, "experiment.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("timeout: 60s", "timeout: 600s"));
  return [experiment, "--on", "local", "--yes", "--only", "load:clients=2"];
}

describe("a deployed control plane", () => {
  let rig: Rig;
  let fewTrials: string[] = [];
  beforeAll(async () => {
    rig = await Rig.start();
    fewTrials = patientQuickstart(rig.folder);
    await rig.deploy();
  }, 20 * minutes);
  afterAll(async () => {
    await rig.stop();
  }, minutes);

  const reprise = (...args: string[]) => rig.reprise(["--engine", "aws", ...args], 8 * minutes);

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

      await ended(rig, runId);
      expect((await reprise("history", runId)).stdout).toMatch(/RunTrials[^]*FinishRun[^]*ExecutionSucceeded/);

      const figures = join(rig.folder, "figures");
      const drawn = await rig.reprise([
        ...["figures", "experiments/quickstart", "--run", runId],
        ...["--from", `s3://${rig.outputs.bucket}`, "-o", figures],
      ]);
      expect(drawn).toMatchObject({ code: 0 });
      expect(existsSync(join(figures, "quickstart", "latency-throughput.svg"))).toBe(true);

      // The embedded engine runs the same files: the same states in the same order, and manifests of the same shape.
      const home = mkdtempSync(join(tmpdir(), "reprise-embedded-"));
      try {
        const own = await rig.reprise(["--home", home, "run", ...fewTrials], 8 * minutes);
        expect(own).toMatchObject({ code: 0 });
        const ownId = runIdOf(own.stderr);
        const ownStore = new FolderStore({ root: join(home, "store"), clock: systemClock });
        const ownHistory = await storedHistory(ownStore, ownId);
        expect(withoutRepeats(statesOf(await serviceHistory(rig, runId)))).toEqual(
          withoutRepeats(statesOf(ownHistory)),
        );
        expect(await manifestShapes(rig.store, runId)).toEqual(await manifestShapes(ownStore, ownId));
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
    20 * minutes,
  );

  it(
    "goes on when the command line is killed, and a later one follows it to its end",
    async () => {
      const { program, args, env } = rig.commandLine(["--engine", "aws", "run", ...fewTrials]);
      const child = spawn(program, args, { env, cwd: root, stdio: ["ignore", "ignore", "pipe"] });
      const runId = await new Promise<string>((resolve) => {
        let said = "";
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
    15 * minutes,
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
    15 * minutes,
  );

  it(
    "runs the same trials to the same end when functions crash in their middle",
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
      const ran = await reprise("run", ...fewTrials);
      rig.functions.fault = () => undefined;
      expect(ran).toMatchObject({ code: 0 });
      expect(rig.functions.invocations.filter((one) => one.error === "Runtime.ExitError").length).toBeGreaterThan(3);
      expect(await stillThere(rig.store, runIdOf(ran.stderr))).toEqual([]);
    },
    15 * minutes,
  );

  it(
    "is updated and deleted",
    async () => {
      await rig.cdk(["deploy", "--require-approval", "never", "-c", "providers=local", "-c", "reaperMinutes=30"]);
      await rig.deleteStack();
      const listed = await reprise("list");
      expect(listed).toMatchObject({ code: 2 });
      expect(listed.stderr).toContain("`reprise deploy` makes it");
    },
    15 * minutes,
  );
});

const runIdOf = (text: string): string => /^run (\S+)$/m.exec(text)?.[1] ?? "";

/** Resources that a run's receipts name as still there, and deployments without a receipt. */
async function stillThere(store: ObjectStore, runId: string): Promise<string[]> {
  const left: string[] = [];
  const seenIds = new Set<string>();
  for await (const { key } of store.list(runKeys(runId).deployments)) {
    const id = key.slice(runKeys(runId).deployments.length).split("/")[0] ?? "";
    if (seenIds.has(id)) continue;
    seenIds.add(id);
    const receipt = await readRecord(store, deploymentKeys(runId, id).receipt, receiptSchema);
    if (receipt === undefined) left.push(`${id} has no receipt`);
    else for (const one of receipt.value.resources) if (one.outcome === "still there") left.push(one.name);
  }
  return left;
}

/** The inventory of the one cloud there is here: hosts that have a folder. */
const hostsUp = (rig: Rig): string[] =>
  readdirSync(join(rig.folder, "hosts", "hosts")).filter((name) => !name.startsWith("."));

async function seen(store: ObjectStore, runId: string, kind: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    for await (const { key } of store.list(runKeys(runId).events)) {
      const stored = await store.get(key);
      if (stored !== undefined && new TextDecoder().decode(stored.body).includes(`"kind":"${kind}"`)) return;
    }
    await sleep(300);
  }
  throw new Error(`${runId} told of no ${kind}`);
}

/** The rule has done its part: the sweep's history is in the store. */
async function ended(rig: Rig, runId: string): Promise<void> {
  const chunk = runKeys(runId).historyChunk(sweepExecution(runId, 1), 0);
  for (let tries = 0; tries < 300; tries++) {
    if ((await rig.store.head(chunk)) !== undefined) return;
    await sleep(300);
  }
  throw new Error(`the history of ${runId} was not kept`);
}

interface Entered {
  readonly type: string;
  readonly name: string | undefined;
}

async function serviceHistory(rig: Rig, runId: string): Promise<Entered[]> {
  const arn = executionArn(rig.outputs.sweepArn, sweepExecution(runId, 1));
  const { events = [] } = await rig.sfn.send(new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1_000 }));
  return events.map((event) => ({ type: event.type ?? "", name: event.stateEnteredEventDetails?.name }));
}

async function storedHistory(store: ObjectStore, runId: string): Promise<Entered[]> {
  const entered: Entered[] = [];
  for await (const { key } of store.list(runKeys(runId).historyPrefix(sweepExecution(runId, 1)))) {
    const stored = await store.get(key);
    for (const line of unpackHistory(stored?.body ?? new Uint8Array())) {
      const event = JSON.parse(line) as { type: string; stateEnteredEventDetails?: { name: string } };
      entered.push({ type: event.type, name: event.stateEnteredEventDetails?.name });
    }
  }
  return entered;
}

const statesOf = (events: readonly Entered[]): string[] =>
  events.flatMap(({ type, name }) => (type.endsWith("StateEntered") ? [name ?? ""] : []));

/** How often hosts are looked at while they boot is a matter of speed. */
const withoutRepeats = (names: readonly string[]): string[] => {
  const waits = new Set(["WaitForHosts", "ObserveHosts", "HostsReady"]);
  return names.filter((name) => !waits.has(name));
};

/** Fields of the manifests of a run's valid attempts: names and types, no values. */
async function manifestShapes(store: ObjectStore, runId: string): Promise<string[]> {
  const shapes = new Set<string>();
  for await (const { key } of store.list(runKeys(runId).outcomes)) {
    const stored = await store.get(key);
    const outcome = JSON.parse(new TextDecoder().decode(stored?.body)) as Parameters<typeof attemptKeys>[0];
    const manifest = await requireRecord(store, attemptKeys(outcome).manifest, attemptManifestSchema);
    for (const path of pathsOf(manifest, "")) shapes.add(path);
  }
  return [...shapes].sort();
}

function pathsOf(value: unknown, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, `${at}[]`));
  if (typeof value !== "object" || value === null) return [`${at}: ${typeof value}`];
  return Object.entries(value).flatMap(([name, child]) => pathsOf(child, `${at}.${name}`));
}
