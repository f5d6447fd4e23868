import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";

/** What the control plane pays for each call to the folder store: median and 99th percentile of small records. */
const calls = Number(process.argv[2] ?? 2_000);
const folder = mkdtempSync(join(process.env["REPRISE_BENCH_DIR"] ?? tmpdir(), "reprise-calls-"));
const store = new FolderStore({ root: folder, clock: systemClock });
const body = new TextEncoder().encode(JSON.stringify({ text: "x".repeat(500) }));
const attempt = (i: number): string => `runs/r/clients=4/trial-${i}/attempt-1`;

const measure = async (name: string, count: number, work: (i: number) => Promise<unknown>): Promise<void> => {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await work(i);
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(count * share)] ?? NaN).toFixed(3);
  process.stdout.write(`${name.padEnd(40)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms\n`);
};

const drain = async (entries: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of entries);
};

try {
  await measure("warm-up", calls, (i) => store.putIfAbsent(`warm/${i}`, body, "w"));
  await measure("putIfAbsent, new folders", calls, (i) =>
    store.putIfAbsent(`${attempt(i)}/phases/a/h.json`, body, "w"),
  );
  await measure("putIfAbsent, same folder", calls, (i) => store.putIfAbsent(`runs/r/events/${i}.json`, body, "w"));
  await measure("putIfAbsent, on disk (outcomes)", calls / 4, (i) =>
    store.putIfAbsent(`runs/r/outcomes/${i}.json`, body, "w"),
  );
  await measure("putIfAbsent, mine", calls, (i) => store.putIfAbsent(`runs/r/events/${i}.json`, body, "w"));
  await measure("get", calls, (i) => store.get(`runs/r/events/${i}.json`));
  await measure("get, absent", calls, (i) => store.get(`runs/r/events/${i}.none`));
  await measure("head", calls, (i) => store.head(`runs/r/events/${i}.json`));
  await measure("list, one entry", calls, (i) => drain(store.list(`${attempt(i)}/phases/a/`)));
  await store.putIfAbsent("runs/r/boards/b.json", body, "w");
  let etag = sha256Hex(body);
  await measure("replace", calls, async (i) => {
    const answer = await store.replace("runs/r/boards/b.json", new TextEncoder().encode(`{"next":${i}}`), etag);
    if (answer === "conflict") throw new Error("nobody else writes here");
    etag = answer.etag;
  });
} finally {
  store.close();
  rmSync(folder, { recursive: true, force: true });
}
