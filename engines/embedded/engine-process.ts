import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Random } from "../../core/effects/random.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { afterSweep, openDeploymentIds } from "../../core/flow/after-execution.ts";
import { finishRun } from "../../core/flow/finish.ts";
import { stopRun } from "../../core/flow/stop.ts";
import { sealAtLast } from "../../core/flow/seal.ts";
import { startTeardown } from "../../core/flow/teardown.ts";
import { verifyCapability } from "../../core/identity/index.ts";
import { parseDeploymentId, runKeys, sweepExecution } from "../../core/names/keys.ts";
import { LocalProvider } from "../../providers/local/index.ts";
import { runRecordSchema } from "../../core/records/schemas.ts";
import { requireRecord } from "../../core/flow/effects.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import { readSupervisorFiles } from "../../transports/agent/index.ts";
import { systemClock } from "../clock/system-clock.ts";
import { mayNeedSsm, openPlannedClouds, openSsmWay } from "./clouds.ts";
import type { EmbeddedEngine } from "./embedded-engine.ts";
import { createEmbeddedEngine } from "./embedded-engine.ts";
import { homePaths, readSecret } from "./home.ts";
import { openHostEndpoint } from "./host-endpoint.ts";
import { announceEngine, retireEngine } from "./launch.ts";
import { distFile } from "./package-files.ts";
import { createWorld, openStoredRun, plannedMachines } from "./world.ts";
import { version } from "./version.ts";

/**
 * The engine as a process: drives one run (or only its teardown) to the last receipt, then ends.
 *
 * It is started detached, finds everything in the folder it is given, and is found by its state file there. SIGTERM
 * asks it to stop the run; killed in any other way, `resume` takes the run up from the store.
 */
const { values } = parseArgs({
  options: {
    home: { type: "string" },
    run: { type: "string" },
    epoch: { type: "string" },
    task: { type: "string" },
  },
});
/** A host that vanishes takes so much of what it printed along, and `logs -f` is so far behind. */
const growthEveryMs = 5_000;
const home = values.home ?? "";
const runId = values.run ?? "";
const epoch = Number(values.epoch);
const log = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);

// Before anybody can find this process: whoever does may signal at once.
let stopAsked: string | undefined;
let stop = (why: string): void => {
  stopAsked ??= why;
};
process.on("SIGTERM", () => {
  stop("asked to stop");
});
process.on("SIGINT", () => {
  stop("interrupted");
});
process.on("SIGHUP", () => undefined); // the terminal that started us may close

const paths = homePaths(home);
await announceEngine(paths.engineState(runId), { runId, epoch }, systemClock);
const secret = await readSecret(home);
const endpoint = await openHostEndpoint(systemClock, paths.enginePort(runId));
const store = new FolderStore({
  root: paths.store,
  clock: systemClock,
  uploads: { baseUrl: () => endpoint.uploadUrl, ttlMs: Number(process.env["REPRISE_UPLOAD_TTL_MS"] ?? 15 * 60_000) },
});
endpoint.takeUploads(store);
const { plan } = await openStoredRun(runId, store);
const knownHosts = join(homedir(), ".ssh", "known_hosts");
const random: Random = { next: () => Math.random() };
const { onDeployment } = await requireRecord(store, runKeys(runId).run, runRecordSchema);
const world = createWorld({
  runId,
  loginRunId: onDeployment?.runId,
  machines: await plannedMachines(plan, existsSync(knownHosts) ? knownHosts : undefined),
  store,
  clock: systemClock,
  secret,
  // Pulling is three times cheaper on one machine (bench/scale); pushing is how hosts of a deployed control plane report.
  ...(process.env["REPRISE_PUSH"] === undefined ? {} : { callUrl: endpoint.callUrl }),
  supervisor: await readSupervisorFiles(distFile(".")),
  providers: [
    new LocalProvider(
      {
        root: paths.hosts,
        command: [process.execPath, distFile("local-host.js")],
        // A process a host is what a machine is; with hundreds of them memory matters more.
        hostsPerProcess: Math.max(...plan.deployments.map((d) => d.hosts.length)) > 20 ? 10 : 1,
      },
      { clock: systemClock },
    ),
  ],
  clouds: await openPlannedClouds(plan, { environment: process.env, clock: systemClock, random }),
  ssm: await openSsmWay(mayNeedSsm(plan), { environment: process.env, clock: systemClock, random }),
  version,
});
const engine: EmbeddedEngine = createEmbeddedEngine({
  runId,
  clock: systemClock,
  random,
  newId: randomUUID,
  store,
  machineFiles: Object.fromEntries(
    ["sweep", "trial", "teardown"].map((name) => [
      `${name}.asl.json`,
      readFileSync(distFile(`statemachines/${name}.asl.json`), "utf8"),
    ]),
  ),
  world: world.effects,
  growth: { everyMs: growthEveryMs, forget: (key) => store.delete(key) },
});

endpoint.serve({ flow: engine.effects, verify: (token, now) => verifyCapability(secret, token, now) });

let isStopping = false;
stop = (why) => {
  if (isStopping) return;
  isStopping = true;
  log(`stopping: ${why}`);
  stopRun(runId, epoch, why, "engine", engine.effects).catch((error: unknown) => {
    log(`stop: ${messageOf(error)}`);
  });
};
if (stopAsked !== undefined) stop(stopAsked);

try {
  log(`engine for ${runId}, epoch ${epoch}, task ${values.task ?? ""}`);
  if (values.task === "teardown") await tearDownOpen(engine);
  else {
    const name = sweepExecution(runId, epoch);
    await engine.asl.start("sweep", name, { runId, epoch });
    const ended = await engine.asl.wait(name);
    log(`sweep ${ended.status}`);
    await afterSweep({ runId, epoch, status: ended.status }, engine.effects);
  }
  // The sweep hands its deployments over to teardown executions: the run ends with the last of them.
  for (let running = engine.asl.listRunning(); running.length > 0; running = engine.asl.listRunning()) {
    await Promise.all(running.map((execution) => engine.asl.wait(execution.name)));
  }
  // The engine that should have told how the run ended is dead.
  if (values.task === "teardown" && (await store.head(runKeys(runId).stop(epoch))) !== undefined)
    await finishRun({ runId, epoch }, engine.effects);
} catch (error) {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 70;
} finally {
  await endpoint.close();
  await engine.close();
  await sealAtLast(runId, engine.effects).catch((error: unknown) => {
    log(`seal: ${messageOf(error)}`);
  });
  await world.close();
  await retireEngine(paths.engineState(runId));
}

/** Every deployment of the run that has no receipt yet. */
async function tearDownOpen({ effects }: EmbeddedEngine): Promise<void> {
  for (const deploymentId of await openDeploymentIds(runId, effects)) {
    const deployment = parseDeploymentId(runId, deploymentId).name;
    await startTeardown({ runId, epoch, deployment, deploymentId, reason: "asked to take it down" }, effects);
  }
}
