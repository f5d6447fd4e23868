import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { masterSecretBytes } from "../../core/identity/index.ts";

/** Where the embedded engine keeps things: one folder, nothing outside it. */
export const homePaths = (home: string) => {
  const root = resolve(home);
  return {
    root,
    store: join(root, "store"),
    hosts: join(root, "hosts"),
    /** From which every key of every run is derived: mode 600, never copied into the store. */
    secret: join(root, "secret"),
    engines: join(root, "engines"),
    engineState: (runId: string) => join(root, "engines", `${runId}.json`),
    /** The port that hosts of this run were told: the next engine takes it again. */
    enginePort: (runId: string) => join(root, "engines", `${runId}.port`),
    engineLog: (runId: string) => join(root, "engines", `${runId}.log`),
  };
};

/** The master secret, made on first use. */
export async function readSecret(home: string): Promise<Uint8Array> {
  const { root, secret } = homePaths(home);
  const read = async (): Promise<Uint8Array> => Buffer.from((await readFile(secret, "utf8")).trim(), "hex");
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // node:fs errors carry a code
  }
  await mkdir(root, { recursive: true });
  const mine = `${secret}.${process.pid}`;
  await writeFile(mine, `${randomBytes(masterSecretBytes).toString("hex")}\n`, { mode: 0o600 });
  // Linked, not renamed: of two first uses at once, the second finds the first one's secret.
  await link(mine, secret).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // node:fs errors carry a code
  });
  await unlink(mine);
  return read();
}
