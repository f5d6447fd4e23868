import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { motoProgram as installedMoto } from "../deployed/rig/python-tools.ts";

/** moto's server: `$REPRISE_MOTO_SERVER`, or one installed from PyPI into the temporary folder, once. */
function motoProgram(): string {
  return process.env["REPRISE_MOTO_SERVER"] ?? installedMoto();
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

/** Starts a moto server of one's own and gives its address once it answers. */
export async function startMoto(): Promise<{ readonly endpoint: string; readonly stop: () => Promise<void> }> {
  const port = await freePort();
  const moto = spawn(motoProgram(), ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => moto.once("exit", () => resolve()));
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    moto.kill("SIGTERM");
    await ended;
  };
  for (let tries = 0; tries < 900; tries++) {
    const answered = await fetch(`${endpoint}/moto-api/`).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return { endpoint, stop };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await stop();
  throw new Error(`moto doesn't answer at ${endpoint}`);
}
