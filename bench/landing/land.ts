import { execFile, execFileSync } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import { uploadHandler } from "../../stores/folder/upload-server.ts";

/**
 * Lands one large file by a signed URL, and beside it by `curl -T` to a server that only writes, plus `sha256sum`: the
 * same curl, file, disk and minute. Prints one table; `README.md` explains it.
 */
const megabytes = Number(process.argv[2] ?? 1_000);
const rounds = Number(process.argv[3] ?? 3);
const run = promisify(execFile);
const folder = mkdtempSync(join(process.env["REPRISE_BENCH_DIR"] ?? tmpdir(), "reprise-landing-"));
const file = join(folder, "log");

/** Wall-clock time, and the processor time that the receiving side spent in it: the second doesn't mind neighbours. */
interface Spent {
  readonly ms: number;
  readonly cpuMs: number;
}

const timed = async (work: () => Promise<unknown>): Promise<Spent> => {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 };
};

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });

/** curl's arguments to put the file, quietly, failing on any refusal. */
const curl = (url: string, headers: Readonly<Record<string, string>>): readonly string[] => [
  "--silent",
  "--show-error",
  "--fail",
  "--noproxy",
  "*",
  "--output",
  "/dev/null",
  ...Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
  "--upload-file",
  file,
  url,
];

try {
  execFileSync("sh", ["-c", `head -c ${megabytes}000000 /dev/urandom > "$0"`, file]);
  const bytes = statSync(file).size;
  const { stdout } = await run("sha256sum", [file]); // also brings the file into the page cache
  const sha256 = stdout.slice(0, 64);

  const plainPath = join(folder, "plain");
  const plain = createServer((request, response) => {
    void pipeline(request, createWriteStream(plainPath)).then(() => response.end());
  });
  const plainPort = await listen(plain);

  const uploads = createServer();
  const port = await listen(uploads);
  const store = new FolderStore({
    root: join(folder, "store"),
    clock: systemClock,
    uploads: { baseUrl: () => `http://127.0.0.1:${port}/uploads`, ttlMs: 600_000 },
  });
  const handle = uploadHandler({ store, secret: store.uploadSecret(), path: "/uploads/", clock: systemClock });
  uploads.on("request", handle);
  uploads.on("checkContinue", (request, response) => handle(request, response, "awaitsContinue"));

  const rows: { readonly plain: Spent; readonly sum: Spent; readonly signed: Spent }[] = [];
  for (let round = 0; round < rounds; round++) {
    rmSync(plainPath, { force: true });
    const plainPut = await timed(() => run("curl", curl(`http://127.0.0.1:${plainPort}/log`, {})));
    const sum = await timed(() => run("sha256sum", [plainPath]));
    const key = `runs/bench/log-${round}`;
    const signedPut = await timed(async () => {
      const signed = await store.signPut(key, { sha256, bytes });
      await run("curl", curl(signed.url, signed.headers));
    });
    if ((await store.head(key))?.etag !== sha256) throw new Error("the file didn't land");
    await store.delete(key);
    rows.push({ plain: plainPut, sum, signed: signedPut });
  }
  store.close();
  plain.close();
  uploads.close();

  const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
  const rate = (ms: number): string => `${(ms / 1_000).toFixed(2)} s  ${Math.round(bytes / 1e3 / ms)} MB/s`;
  const show = (name: string, spent: readonly Spent[]): void => {
    const all = spent.map(({ ms }) => (ms / 1_000).toFixed(2)).join(", ");
    const cpu = (median(spent.map(({ cpuMs }) => cpuMs)) / 1_000).toFixed(2);
    process.stdout.write(
      `${name.padEnd(34)} ${rate(median(spent.map(({ ms }) => ms)))}   server CPU ${cpu} s   (${all})\n`,
    );
  };
  process.stdout.write(`${megabytes} MB, median of ${rounds}\n`);
  show(
    "curl -T, server only writes",
    rows.map((row) => row.plain),
  );
  const both = rows.map((row) => ({ ms: row.plain.ms + row.sum.ms, cpuMs: row.plain.cpuMs }));
  show("  + sha256sum of what landed", both);
  show(
    "signed URL, verified and on disk",
    rows.map((row) => row.signed),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
