import { fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Loads a bundle's handler as Lambda does, in a process of its own, and answers one event after another. */
const program = `
import { pathToFileURL } from "node:url";
const { handler } = await import(pathToFileURL(process.argv[2]).href);
process.on("message", async ({ id, event }) => {
  try {
    process.send({ id, answer: await handler(event, {}) });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.send({ id: 0 });
`;

interface Message {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

export interface CloudProcess {
  readonly invoke: (event: unknown) => Promise<unknown>;
  close(): void;
}

/** @param folder where the little program is written to */
export function startCloudProcess(
  folder: string,
  bundle: string,
  env: Readonly<Record<string, string>>,
): Promise<CloudProcess> {
  const file = join(folder, "lambda.mjs");
  writeFileSync(file, program);
  const child = fork(file, [bundle], { env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  const wait = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
  child.on("message", (message) => {
    const { id, answer, error } = message as Message; // our own program's
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(answer);
    else waiter?.reject(new Error(error));
  });
  child.on("exit", (code) => {
    for (const { reject } of waiting.values())
      reject(new Error(`the function's process ended with ${code ?? "a signal"}`));
  });
  let calls = 0;
  return wait(0).then(() => ({
    invoke: (event) => {
      calls += 1;
      const answer = wait(calls);
      child.send({ id: calls, event });
      return answer;
    },
    close: () => void child.kill("SIGKILL"),
  }));
}
