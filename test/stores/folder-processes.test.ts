import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { seededRandom } from "../../core/effects/random.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import { digestOf, keysOf, patternBytes, text, utf8 } from "./store-contract.ts";
import { tempFolder } from "./temp-folder.ts";

const clock = { now: () => Date.UTC(2026, 0, 1), sleep: () => Promise.resolve() };

/** Runs one worker; kills it by SIGKILL right after its `killAfter`-th acknowledged write. */
async function runWorker(
  root: string,
  name: string,
  options: { readonly rounds: number; readonly killAfter: number | undefined },
): Promise<{ readonly lines: readonly string[]; readonly stderr: string }> {
  const worker: ChildProcess = spawn(
    process.execPath,
    [
      ...["--import", "tsx", join(process.cwd(), "test/stores/folder-worker.ts"), root, name, String(options.rounds)],
      ...(options.killAfter === undefined ? [] : ["doomed"]),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const lines: string[] = [];
  let stderr = "";
  worker.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const reader = createInterface({ input: worker.stdout! });
  reader.on("line", (line) => {
    lines.push(line);
    if (lines.length === options.killAfter) worker.kill("SIGKILL");
  });
  await Promise.all([
    new Promise((resolve) => reader.once("close", resolve)),
    new Promise((resolve) => worker.once("close", resolve)),
  ]);
  return { lines, stderr };
}

describe("FolderStore among processes that are killed", () => {
  let folder: ReturnType<typeof tempFolder>;
  beforeEach(() => {
    folder = tempFolder("processes");
  });
  afterEach(() => folder.remove());

  it("keeps what it acknowledged, whole, exactly once", async () => {
    const root = folder.path;
    const store = new FolderStore({ root, clock });
    await store.putIfAbsent("counter", text('{"n":0}'), "test");
    const random = seededRandom(11);
    const rounds = 25;
    const drawKill = () => 1 + Math.floor(random.next() * rounds * 3);
    // Each name runs twice: the first is killed on its way, the second starts anew over what it left.
    const runs = await Promise.all(
      ["a", "b", "c"].map(async (name) => {
        const killed = await runWorker(root, name, { rounds, killAfter: drawKill() });
        const second = await runWorker(root, name, { rounds, killAfter: undefined });
        return { killed, second };
      }),
    );
    for (const { killed, second } of runs) {
      expect(killed.lines).not.toContain("done");
      expect([second.lines.at(-1), second.stderr]).toEqual(["done", ""]);
    }
    const lines = runs.flatMap(({ killed, second }) => [...killed.lines, ...second.lines]);

    for (const line of lines.filter((l) => l.startsWith("put records/"))) {
      const key = line.slice(4);
      expect(JSON.parse(utf8((await store.get(key))?.body)!)).toMatchObject({ name: expect.any(String) as string });
    }
    for await (const entry of store.list("files/")) {
      const i = Number(entry.key.split("-")[1]);
      expect(digestOf((await store.get(entry.key))!.body)).toEqual(digestOf(patternBytes(40_000, i + 1)));
    }
    expect(await keysOf(store.list("files/"))).toHaveLength(3 * rounds);
    expect(await keysOf(store.list("records/"))).toHaveLength(3 * rounds);

    // A killed winner's line may be lost, but nobody is told "created" of what is another's.
    const winners = lines.filter((line) => line.startsWith("won ")).map((line) => line.split(" "));
    expect(new Set(winners.map(([, key]) => key)).size).toBe(winners.length);
    for (const [, key = "", name] of winners) expect(utf8((await store.get(key))?.body)).toBe(name);

    const counted = lines.filter((line) => line === "counted").length;
    const { n } = JSON.parse(utf8((await store.get("counter"))?.body)!) as { n: number };
    expect(n).toBeGreaterThanOrEqual(counted);
    expect(n).toBeLessThanOrEqual(counted + 3); // one unacknowledged count for each kill

    store.close();
    const after = new FolderStore({ root, clock }); // sweeps what the killed ones left
    expect(readdirSync(join(root, "locks"))).toEqual([]);
    expect(readdirSync(join(root, "tmp"))).toEqual([]);
    after.close();
  });
});
