import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a server that listens on loopback, waits until it answers, and can end it. */
export async function startServer(what: {
  readonly command: readonly [string, ...string[]];
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly cwd: string;
}): Promise<ServerProcess> {
  const [program, ...args] = what.command;
  const log = openSync(what.logFile, "a");
  const child = spawn(program, args, {
    env: { ...process.env, ...what.env },
    stdio: ["ignore", log, log],
    cwd: what.cwd,
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${what.port}`;
  for (let tries = 0; ; tries++) {
    const answered = await fetch(url).then(
      () => true,
      () => false, // not listening yet
    );
    if (answered) break;
    if (child.exitCode !== null || tries > 600) throw new Error(`${program} didn't start: see ${what.logFile}`);
    await sleep(200);
  }
  return {
    url,
    port: what.port,
    stop: async () => {
      child.kill("SIGKILL"); // it holds nothing but memory
      await exited;
    },
  };
}

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo; // listening on TCP
      probe.close(() => resolve(port));
    });
  });
