import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { FailureError } from "../../core/errors/failure.ts";
import type { Clock } from "../../core/effects/clock.ts";

/** A server that this command starts for its own time. */
export interface ChildOptions {
  /** What messages call it. */
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where its output goes. */
  readonly log: string;
  /** Answers with 200 as soon as it can be used. */
  readonly readyUrl: string;
  readonly readyTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Child {
  readonly pid: number;
  /** Resolves when it has ended, whyever; with the last lines that it wrote. */
  readonly ended: Promise<string>;
  /** Ends it and waits for its end; by force when it takes longer than 10 s. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const lookEveryMs = 100;
const stopGraceMs = 10_000;

/** Starts a server and waits until it is ready. @throws {FailureError} class command, with its last words, when it isn't */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, argv, clock, signal } = options;
  const [program, ...args] = argv;
  const log = openSync(options.log, "w");
  const process_ = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const state: { hasEnded: boolean } = { hasEnded: false };
  const ended = new Promise<string>((resolve) => {
    const end = (reason: string): void => {
      if (state.hasEnded) return;
      state.hasEnded = true;
      void lastLines(options.log).then((lines) => {
        resolve([reason, ...lines].join("\n"));
      });
    };
    process_.once("error", (error) => {
      end(error.message);
    });
    process_.once("exit", (code, by) => {
      end(by === null ? `exit code ${String(code)}` : `ended by ${by}`);
    });
  });
  const stop = async (how: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> => {
    if (state.hasEnded) return;
    process_.kill(how);
    const waiting = new AbortController();
    const force = clock.sleep(stopGraceMs, waiting.signal).then(
      () => void process_.kill("SIGKILL"),
      () => undefined, // it ended in time
    );
    await ended;
    waiting.abort();
    await force;
  };
  const until = clock.now() + options.readyTimeoutMs;
  try {
    while (!(await answers(options.readyUrl, signal))) {
      if (state.hasEnded) {
        throw new FailureError({ class: "command", message: `${name} ended at once: ${await ended}` });
      }
      if (clock.now() > until) {
        const lines = await lastLines(options.log);
        throw new FailureError({
          class: "timeout",
          message: `${name} wasn't ready within ${options.readyTimeoutMs / 1_000} s: ${lines.join("\n")}`,
        });
      }
      await clock.sleep(lookEveryMs, signal);
    }
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  }
  return { pid: process_.pid ?? 0, ended, stop };
}

async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    signal.throwIfAborted();
    return false; // it doesn't listen yet
  }
}

const lastLines = async (file: string): Promise<string[]> =>
  (await readFile(file, "utf8").catch(() => "")).trimEnd().split("\n").slice(-5);

/** A port of this machine that nothing listens on now; or the one that is asked for. */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new FailureError({ class: "invalid", message: `port ${wanted} of this machine is taken` }, { cause }));
    });
    server.listen(wanted, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : wanted;
}
