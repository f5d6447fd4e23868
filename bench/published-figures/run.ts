/**
 * All figures that published FrankenPaxos data exist for, by `reprise figures` and by pandas with matplotlib, in one run:
 * `npx tsx bench/published-figures/run.ts DATA [python]`. Prints a Markdown table of wall time and peak memory of the whole process
 * tree, then the redraw from cache, time by figure, and how fast recorder files are parsed. The Python must have pandas and matplotlib;
 * without one only our side runs.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { readColumns } from "../../analysis/parse/index.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import { barFigures } from "../../experiments/frankenpaxos/bar-figures.ts";
import { curveFigures } from "../../experiments/frankenpaxos/curve-figures.ts";
import type { PublishedFigure } from "../../experiments/frankenpaxos/published-figure.ts";
import { publishedFigures, windowFigures } from "../../experiments/frankenpaxos/published.ts";
import { scalingFigures } from "../../experiments/frankenpaxos/scaling-figures.ts";
import { tableFigures } from "../../experiments/frankenpaxos/table-figures.ts";
import { theoryFigures } from "../../experiments/frankenpaxos/theory-figures.ts";
import { timelineFigures } from "../../experiments/frankenpaxos/timeline-figures.ts";
import { tuningScalingFigures } from "../../experiments/frankenpaxos/tuning-figures.ts";
import {
  tuningBestFigures,
  tuningCurveFigures,
  tuningLineFigures,
} from "../../experiments/frankenpaxos/tuning-sweeps.ts";

const [data, python] = process.argv.slice(2);
if (data === undefined || !existsSync(data))
  throw new Error("usage: npx tsx bench/published-figures/run.ts DATA [python]");
const repository = fileURLToPath(new URL("../../", import.meta.url));
const repetitions = 3;

/** How the Python side draws a figure; what has no kind here would be seen missing below. */
const kinds: readonly (readonly [kind: string, figures: readonly PublishedFigure[]])[] = [
  ["curve", curveFigures],
  ["bars", barFigures],
  ["panels", theoryFigures],
  ["formula", scalingFigures.filter(({ inputs }) => inputs.length === 0)],
  ["scaling", [...scalingFigures.filter(({ inputs }) => inputs.length > 0), ...tuningScalingFigures]],
  ["tuned lines", tuningLineFigures],
  ["tuned curves", tuningCurveFigures],
  ["tuned best", tuningBestFigures],
  ["table", tableFigures],
  ["timeline", timelineFigures],
  ["windows", windowFigures],
];
/** Those of which any file is there, in the order in which ours draws them. */
const figures = publishedFigures.flatMap((published) => {
  const { figure, inputs } = published;
  const present = inputs.filter((path) => existsSync(join(data, path)));
  const [kind] = kinds.find(([, all]) => all.includes(published)) ?? [];
  return present.length === 0 && inputs.length > 0 ? [] : [{ name: figure.name, kind, inputs: present }];
});

interface Measured {
  readonly seconds: number;
  /** User and system time of all processes: what a busy machine doesn't change. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly stdout: string;
  /** When each line of it came, since the start. */
  readonly lines: readonly { readonly text: string; readonly atMs: number }[];
}

/** Peak memory is the sum over the process tree of resident pages now, looked at every few ms. */
async function measure(command: string, args: readonly string[], stdin = ""): Promise<Measured> {
  const began = performance.now();
  // The shell's own `times` counts what its children took.
  const child: ChildProcess = spawn("/bin/sh", ["-c", '"$@"; code=$?; times >&2; exit $code', "sh", command, ...args], {
    cwd: repository,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr, peakBytes] = ["", "", 0];
  const lines: { text: string; atMs: number }[] = [];
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    const atMs = performance.now() - began;
    lines.push(
      ...chunk
        .toString()
        .trimEnd()
        .split("\n")
        .map((text) => ({ text, atMs })),
    );
  });
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin?.end(stdin);
  const timer = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(child.pid ?? 0))), 10);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${stderr.slice(-2000)}`);
  return { seconds: (performance.now() - began) / 1000, cpuSeconds: cpuSecondsIn(stderr), peakBytes, stdout, lines };
}

/** Of the last line that `times` prints: `0m1.230000s 0m0.120000s`. */
function cpuSecondsIn(text: string): number {
  const [, user = "", system = ""] = /^(\S+s) (\S+s)\s*$/.exec(text.trimEnd().split("\n").at(-1) ?? "") ?? [];
  const seconds = (time: string): number => {
    const [, minutes = "0", rest = "0"] = /^(\d+)m([\d.]+)s$/.exec(time) ?? [];
    return 60 * Number(minutes) + Number(rest);
  };
  return seconds(user) + seconds(system);
}

function residentBytes(pid: number): number {
  try {
    const own = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    return children.reduce((sum, child) => sum + residentBytes(Number(child)), own);
  } catch {
    return 0; // it has ended
  }
}

const folder = mkdtempSync(join(tmpdir(), "bench-figures-"));
const quickest = (runs: readonly Measured[]): Measured => runs.reduce((a, b) => (b.seconds < a.seconds ? b : a));
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  const draw = (target: string, formats: string): Promise<Measured> =>
    measure(process.execPath, [
      "bin/reprise.mjs",
      "--home",
      join(folder, "home"),
      "figures",
      "frankenpaxos",
      "--from",
      data,
      "-o",
      target,
      "--formats",
      formats,
    ]);
  const [ours, all, theirs, cached]: [Measured[], Measured[], Measured[], Measured[]] = [[], [], [], []];
  // One side after the other, so that what the machine does besides falls on both.
  for (let i = 0; i < repetitions; i++) {
    ours.push(await draw(join(folder, `ours-${i}`), "svg,pdf"));
    cached.push(await draw(join(folder, `ours-${i}`), "svg,pdf"));
    all.push(await draw(join(folder, `all-${i}`), "svg,png,pdf"));
    if (python === undefined) continue;
    const target = join(folder, `theirs-${i}`);
    mkdirSync(target);
    theirs.push(
      await measure(python, ["bench/published-figures/pandas_side.py", data, target], JSON.stringify(figures)),
    );
  }
  const digests = [0, 1].map((i) => digestOf(join(folder, `ours-${i}/frankenpaxos`)));
  const a = quickest(ours);
  const line = (what: string, { seconds, cpuSeconds, peakBytes }: Measured): string =>
    `| ${what} | ${seconds.toFixed(2)} | ${cpuSeconds.toFixed(2)} | ${megabytes(peakBytes)} |`;
  print(
    `Node ${process.version}, ${cpus()[0]?.model ?? "unknown"}, ${cpus().length} CPUs; quickest of ${repetitions}.\n`,
  );
  const drawnCount = svgsIn("ours-0/frankenpaxos").length;
  print(`| | wall (s) | CPU (s) | peak memory (MB) |\n|---|---:|---:|---:|`);
  print(line(`reprise figures, ${drawnCount}: SVG, PDF, CSV, provenance`, a));
  print(line("the same with PNG", quickest(all)));
  if (python !== undefined) {
    const b = quickest(theirs);
    if (svgsIn("theirs-0").join() !== svgsIn("ours-0/frankenpaxos").join())
      throw new Error(`the sides drew other figures: ${svgsIn("theirs-0").join(" ")}`);
    print(line(`pandas and matplotlib, the same ${figures.length}: SVG, PDF`, b));
    const ratios = [b.seconds / a.seconds, b.cpuSeconds / a.cpuSeconds, b.peakBytes / a.peakBytes];
    print(`| theirs over ours | ${ratios.map((ratio) => ratio.toFixed(1)).join(" | ")} |`);
    const each = JSON.parse(b.stdout) as Record<string, number>; // what pandas_side.py prints
    const inside = Object.values(each).reduce((sum, one) => sum + one, 0);
    print(`\nOf the Python's time ${inside.toFixed(2)} s are drawing, ${(b.seconds - inside).toFixed(2)} s its start.`);
    printByFigure(drawingTimes(a), each);
  }
  const first = ours[0] ?? a;
  print(`\nIn a home without a cache: ${first.seconds.toFixed(2)} s. Until the first figure is there:`);
  print(
    `${((first.lines[0]?.atMs ?? NaN) / 1000).toFixed(2)} s then, ${((a.lines[0]?.atMs ?? NaN) / 1000).toFixed(2)} s later.`,
  );
  const c = quickest(cached);
  print(`\nRedraw of unchanged inputs: ${c.seconds.toFixed(2)} s, ${megabytes(c.peakBytes)} MB.`);
  print(`Two draws into two folders are ${digests[0] === digests[1] ? "byte-identical" : "NOT the same"}.`);
  await parseSpeed();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Seconds from one figure to the next; the first's begin with the process. */
function drawingTimes({ lines }: Measured): Map<string, number> {
  const times = new Map<string, number>();
  let before = 0;
  for (const { text, atMs } of lines) {
    const name = /([^/]+)\.\{/.exec(text)?.[1];
    if (name === undefined) continue;
    times.set(name, (atMs - before) / 1000);
    before = atMs;
  }
  return times;
}

function printByFigure(ours: ReadonlyMap<string, number>, theirs: Readonly<Record<string, number>>): void {
  print(`\n| figure | ours (ms) | theirs (ms) |\n|---|---:|---:|`);
  for (const [name, seconds] of ours)
    print(`| ${name} | ${(1000 * seconds).toFixed(0)} | ${(1000 * (theirs[name] ?? NaN)).toFixed(0)} |`);
}

function svgsIn(target: string): string[] {
  return readdirSync(join(folder, target))
    .filter((name) => name.endsWith(".svg"))
    .sort();
}

function digestOf(target: string): string {
  const names = readdirSync(target).sort();
  return sha256Hex(names.map((name) => `${name} ${sha256Hex(readFileSync(join(target, name)))}`).join("\n"));
}

/** Recorder files as a run leaves them, in memory and unpacked, again and again until there are 200 MB. */
async function parseSpeed(): Promise<void> {
  for (const path of [
    "vldb20_matchmaker/leader_reconfiguration/f1n1.csv.gz",
    "vldb20_matchmaker/horizontal_leader_reconfiguration/f=1_n=1.csv.gz",
  ]) {
    if (!existsSync(join(data ?? "", path))) continue;
    const whole = gunzipSync(readFileSync(join(data ?? "", path)));
    const headerEnd = whole.indexOf(10) + 1;
    const copies = Math.ceil(200e6 / whole.length);
    const source = async function* () {
      for (let i = 0; i < copies; i++) {
        const bytes = i === 0 ? whole : whole.subarray(headerEnd);
        for (let at = 0; at < bytes.length; at += 1 << 20)
          yield await Promise.resolve(bytes.subarray(at, at + (1 << 20)));
      }
    };
    let best = 0;
    for (let i = 0; i < repetitions; i++) {
      const began = performance.now();
      const reader = readColumns(source(), {
        columns: { start: "timestamp", stop: "timestamp", latency_nanos: "number" },
      });
      for await (const _ of reader.batches);
      best = Math.max(best, reader.byteCount / 1e3 / (performance.now() - began));
    }
    print(`Recorder CSV (${path}), three columns: ${best.toFixed(0)} MB/s on one core.`);
  }
}
