import { FailureError, exitCodes } from "../core/errors/failure.ts";
import { toBytes } from "../core/flow/effects.ts";
import { finishedExitCode } from "./exit-code.ts";
import { Interrupts } from "./interrupts.ts";
import { runKeys } from "../core/names/keys.ts";
import { whyBeyondLimits } from "../core/plan/stack-limits.ts";
import type { Plan } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import type { EngineTask } from "../engines/embedded/launch.ts";
import { findEngine, launchEngine } from "../engines/embedded/launch.ts";
import { distFile } from "../engines/embedded/package-files.ts";
import { stackOf } from "./deployed/place.ts";
import { followRun } from "./follow.ts";
import { homePaths } from "../engines/embedded/home.ts";
import { newestEpoch, openStore } from "./home.ts";
import type { CommandContext } from "./context.ts";
import type { Driver } from "./driver.ts";
import { spendOf, spentText } from "./spend.ts";

/** The engine that drives a run, or takes down what it left; undefined when none does. */
export async function engineOf(home: string, runId: string): Promise<Driver | undefined> {
  const stack = stackOf(home, process.env);
  if (stack !== undefined) return (await deployed(home, stack)).driverOf(runId);
  const engine = await findEngine(homePaths(home).engineState(runId));
  return engine === undefined ? undefined : { description: `process ${engine.pid}`, epoch: engine.epoch };
}

/**
 * Starts an engine on a run: the embedded one as a process of its own, the deployed one as an execution.
 *
 * @returns where a person can look at it, if anywhere
 */
export async function startEngine(
  home: string,
  runId: string,
  epoch: number,
  task: EngineTask,
): Promise<string | undefined> {
  const stack = stackOf(home, process.env);
  if (stack !== undefined) return (await deployed(home, stack)).start({ runId, epoch, task });
  const paths = homePaths(home);
  await launchEngine(
    {
      entry: distFile("engine.js"),
      home: paths.root,
      runId,
      epoch,
      task,
      paths: { state: paths.engineState(runId), log: paths.engineLog(runId) },
    },
    systemClock,
  );
  return undefined;
}

/** Refuses a plan whose hosts the engine of this home can't reach. */
export async function requireReachable(home: string, plan: Plan): Promise<void> {
  const stack = stackOf(home, process.env);
  if (stack === undefined) return (await import("./clouds.ts")).requireSignedIn(plan);
  const { requireProviders } = await import("./deployed/drive.ts");
  const { readStack } = await import("./deployed/stack.ts");
  const outputs = await readStack(stack);
  requireProviders(plan, outputs);
  const why = whyBeyondLimits(plan, outputs);
  if (why !== undefined) throw new FailureError(why);
}

/** Writes the stop flag, then tells the engine, which cuts short what waits. */
export async function askToStop(
  home: string,
  runId: string,
  reason: string,
  store: ObjectStore,
  how: { readonly now: boolean } = { now: false },
): Promise<"asked" | "not driven"> {
  const epoch = Math.max(1, await newestEpoch(store, runId));
  const stack = stackOf(home, process.env);
  if (stack !== undefined) return (await deployed(home, stack)).stop({ runId, epoch, reason, now: how.now });
  const at = new Date(systemClock.now()).toISOString();
  await store.putIfAbsent(runKeys(runId).stop(epoch), toBytes({ reason, at, by: "cli" }), "cli");
  const engine = await findEngine(homePaths(home).engineState(runId));
  if (engine === undefined) return "not driven";
  try {
    process.kill(engine.pid, how.now ? "SIGKILL" : "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // kill throws errno errors only
    return "not driven";
  }
  return how.now ? "not driven" : "asked";
}

/**
 * How the evidence of a run that nothing drives stands. A deployed run's is sealed by the rule on ended executions, which
 * comes a little after the end; the embedded engine seals before it ends.
 *
 * @returns to be asked until it isn't "waiting"; "unsealed" when the rule had its time
 */
export function sealWatch(home: string, runId: string): () => Promise<"waiting" | "sealed" | "unsealed"> {
  const stack = stackOf(home, process.env);
  if (stack === undefined) return () => Promise.resolve("sealed");
  let sinceMs: number | undefined;
  return async () => {
    const { sealTakesMs } = await import("./deployed/drive.ts");
    const seal = await (await deployed(home, stack)).sealOf(runId);
    if (seal === "whole") return "sealed";
    const now = systemClock.now();
    sinceMs ??= now; // this clock may be behind the service's
    return seal === "awaited" && now - sinceMs < sealTakesMs ? "waiting" : "unsealed";
  };
}

/** The deployed engine's side of these; its SDKs are loaded only here. */
async function deployed(home: string, stack: { readonly stack: string; readonly region: string }) {
  const { openDeployed } = await import("./deployed/open.ts");
  return openDeployed(stack, openStore(home));
}

export interface Following {
  /** Only events from here on belong to what is followed. @default all */
  readonly sinceMs?: number;
  /** @default "stop" */
  readonly whenInterrupted?: "stop" | "leave";
  /** Signals taken so far. @default from now on */
  readonly interrupts?: Interrupts;
  /** Whether the engine is to end the run, or only to take down what is left of it. @default "run" */
  readonly task?: "run" | "teardown";
}

/** Follows a run to its end and gives the exit code that its outcome deserves. */
export async function follow({ output, home }: CommandContext, runId: string, how: Following = {}): Promise<number> {
  const store = openStore(home);
  const sealing = sealWatch(home, runId);
  const spent = spendOf(runId, { store, clock: systemClock });
  const { progress, detached } = await followRun({
    runId,
    store,
    output,
    sinceMs: how.sinceMs ?? 0,
    whenInterrupted: how.whenInterrupted ?? "stop",
    interrupts: how.interrupts ?? new Interrupts(),
    isDriven: async () => (await engineOf(home, runId)) !== undefined || (await sealing()) === "waiting",
    stop: async (reason) => {
      await askToStop(home, runId, reason, store);
    },
    spent,
  });
  if (detached) {
    output.result({ runId, detached: true });
    output.note(`detached: \`reprise watch ${runId}\` follows it again, \`reprise stop ${runId}\` ends it`);
    return 0;
  }
  const sum = await spent();
  output.result({ runId, ...progress, spentDollars: sum });
  if (sum !== 0) output.note(spentText(sum));
  if (progress.stillThere > 0) output.note(`something is still there: \`reprise teardown ${runId}\` tries again`);
  if ((await sealing()) === "unsealed") {
    output.note("its evidence is not sealed: the rule on ended executions has not done its part");
    output.note("  try: the log of the stack's function `ended`, and its queue of undelivered events");
  }
  if (how.task === "teardown") return progress.stillThere > 0 ? exitCodes.defect : 0;
  if (progress.outcome === undefined) {
    const log =
      stackOf(home, process.env) === undefined
        ? `its log is ${homePaths(home).engineLog(runId)}`
        : `\`reprise history ${runId}\` shows where`;
    output.note(`the engine ended before the run did; ${log}`);
    output.note(`  try: \`reprise resume ${runId}\` takes it up, \`reprise stop ${runId}\` takes it down`);
  }
  return finishedExitCode(progress);
}
