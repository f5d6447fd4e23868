import { spawn } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, open, readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { FileLocks } from "../../stores/folder/file-lock.ts";
import { isAlive, ownerOf } from "../../stores/folder/owner.ts";

/** What an engine process says of itself in a file beside the store, so that any command finds it again. */
const engineStateSchema = z.object({
  pid: z.number().int(),
  /** Process, its start time and the boot: a reused pid is not taken for it. */
  owner: z.string(),
  runId: z.string(),
  epoch: z.number().int(),
  startedAt: z.string(),
});
export type EngineState = z.infer<typeof engineStateSchema>;

export interface EnginePaths {
  readonly state: string;
  readonly log: string;
}

/** The engine that drives a run on this machine, or undefined when none is alive. */
export async function findEngine(stateFile: string): Promise<EngineState | undefined> {
  return livingEngine(await readFile(stateFile, "utf8").catch(() => ""));
}

function livingEngine(text: string): EngineState | undefined {
  const state = engineStateSchema.safeParse(parseJson(text));
  return state.success && isAlive(state.data.owner) ? state.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // absent, or torn by a full disk: nobody's
  }
}

/**
 * Called by the engine process itself, before it does anything: one engine a run, whoever starts how many.
 *
 * @throws FailureError class invalid, when another living process drives the run
 */
export async function announceEngine(
  stateFile: string,
  engine: Pick<EngineState, "runId" | "epoch">,
  clock: Clock,
): Promise<void> {
  const owner = ownerOf(process.pid);
  const startedAt = new Date(clock.now()).toISOString();
  const state: EngineState = { ...engine, pid: process.pid, owner, startedAt };
  const folder = dirname(stateFile);
  const identityPath = join(folder, `.process.${owner}`);
  await mkdir(folder, { recursive: true });
  const locks = new FileLocks({ identityPath, owner, clock, patienceMs: 10_000 });
  try {
    await locks.hold(`${stateFile}.lock`, () => {
      const other = livingEngine(readIfThere(stateFile));
      if (other !== undefined && other.pid !== process.pid) throw drivenAlready(other);
      writeFileSync(`${stateFile}.${process.pid}`, JSON.stringify(state));
      renameSync(`${stateFile}.${process.pid}`, stateFile);
    });
  } finally {
    await unlink(identityPath).catch(() => undefined);
  }
}

const drivenAlready = (engine: EngineState): FailureError =>
  new FailureError({
    class: "invalid",
    message: `${engine.runId} is being driven already, by process ${engine.pid}`,
    hint: `\`reprise watch ${engine.runId}\` follows it`,
  });

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export const retireEngine = (stateFile: string): Promise<void> => unlink(stateFile).catch(() => undefined);

/** A process on a busy machine may take long to load its code. */
const announceEveryMs = 50;
const announceTries = 1_200;

export type EngineTask = "sweep" | "teardown";

/**
 * Starts an engine as a process of its own session: it outlives whoever started it, and is found by its state file.
 *
 * @throws FailureError when it hasn't announced itself in time; the message has the end of its log
 */
export async function launchEngine(
  options: {
    readonly entry: string;
    readonly home: string;
    readonly runId: string;
    readonly epoch: number;
    readonly task: EngineTask;
    readonly paths: EnginePaths;
  },
  clock: Clock,
): Promise<void> {
  await mkdir(dirname(options.paths.log), { recursive: true });
  const log = await open(options.paths.log, "a");
  try {
    const argv = [
      options.entry,
      "--home",
      options.home,
      "--run",
      options.runId,
      "--epoch",
      String(options.epoch),
      "--task",
      options.task,
    ];
    const child = spawn(process.execPath, argv, { detached: true, stdio: ["ignore", log.fd, log.fd] });
    let exited = false;
    child.once("exit", () => (exited = true));
    child.unref();
    for (let tries = 0; tries < announceTries; tries++) {
      const engine = await findEngine(options.paths.state);
      if (engine !== undefined && engine.pid === child.pid) return;
      // A very short task may be done before it is seen.
      if (hasExited(exited) && child.exitCode === 0) return;
      if (hasExited(exited)) {
        if (engine !== undefined) throw drivenAlready(engine);
        break;
      }
      await clock.sleep(announceEveryMs);
    }
  } finally {
    await log.close();
  }
  const said = (await readFile(options.paths.log, "utf8").catch(() => "")).trimEnd().split("\n").slice(-5).join("\n");
  throw new FailureError({
    class: "defect",
    message: `the engine did not start: ${said}`,
    hint: `its log is ${options.paths.log}`,
  });
}

/** Reads the flag anew: it changes in a callback, which the compiler's narrowing doesn't know. */
const hasExited = (flag: boolean): boolean => flag;
