/**
 * The statistics beside SciPy, in one run, on the same data: `npx tsx bench/statistics/run.ts [python]`.
 *
 * Data are written to a temporary folder as raw doubles and read by both sides; each case is timed after one warm-up, as
 * the quickest of its repetitions, which a busy machine disturbs least. Prints a Markdown table. The Python must have NumPy and SciPy; without one, only our side runs.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  bootstrapInterval,
  generator,
  hierarchicalBootstrap,
  hodgesLehmannShift,
  kernelDensity,
  mannWhitney,
  rollingRates,
  signFlipTest,
} from "../../analysis/statistics/index.ts";

interface BenchCase {
  readonly name: string;
  readonly repetitions: number;
  readonly ours: () => unknown;
}

const random = generator(2024);
const lognormal = (n: number, shift = 0): Float64Array =>
  Float64Array.from({ length: n }, () => Math.exp(0.3 * random.normal() + shift));
const data = {
  large: lognormal(100_000),
  small: lognormal(30),
  a: lognormal(5_000),
  b: lognormal(5_000, 0.01),
  runs: lognormal(20).map((value) => Math.log(value)),
  milliseconds: lognormal(100_000).map((value) => Math.round(50 * value)),
  times: Float64Array.from({ length: 200_000 }, () => Math.floor(random.next() * 60_000)).sort(),
};

const cases: readonly BenchCase[] = [
  {
    name: "bootstrap of the mean, 100,000 values, 10,000 resamples, percentile",
    repetitions: 3,
    ours: () => bootstrapInterval(data.large, { method: "percentile" }),
  },
  {
    name: "bootstrap of the mean, 100,000 whole milliseconds, 10,000 resamples, BCa",
    repetitions: 3,
    ours: () => bootstrapInterval(data.milliseconds),
  },
  {
    name: "bootstrap of the median, 100,000 values, 10,000 resamples, percentile",
    repetitions: 3,
    ours: () => bootstrapInterval(data.large, { statistic: "median", method: "percentile" }),
  },
  {
    name: "bootstrap of the mean, 30 values, 10,000 resamples, BCa",
    repetitions: 20,
    ours: () => bootstrapInterval(data.small),
  },
  { name: "Mann-Whitney's U, 5,000 against 5,000", repetitions: 20, ours: () => mannWhitney(data.a, data.b) },
  {
    name: "Hodges-Lehmann shift with interval, 5,000 against 5,000",
    repetitions: 5,
    ours: () => hodgesLehmannShift(data.a, data.b),
  },
  { name: "sign-flip test, 20 runs, all patterns", repetitions: 5, ours: () => signFlipTest(data.runs) },
  { name: "kernel density, 100,000 values, 200 points", repetitions: 5, ours: () => kernelDensity(data.large) },
  {
    name: "rolling rate, 200,000 events, 1 s",
    repetitions: 5,
    ours: () => rollingRates(data.times, { rule: "untrimmed" }),
  },
];

function quickestMs(run: () => unknown, repetitions: number): number {
  run();
  return Math.min(
    ...Array.from({ length: repetitions }, () => {
      const started = performance.now();
      run();
      return performance.now() - started;
    }),
  );
}

function theirsMs(python: string | undefined): Record<string, number> {
  if (python === undefined) return {};
  const folder = mkdtempSync(join(tmpdir(), "reprise-bench-"));
  try {
    for (const [name, values] of Object.entries(data))
      writeFileSync(join(folder, `${name}.f64`), new Uint8Array(values.buffer));
    const output = execFileSync(python, [fileURLToPath(new URL("scipy_side.py", import.meta.url)), folder], {
      timeout: 900_000,
    });
    return JSON.parse(output.toString("utf8")) as Record<string, number>; // case name to milliseconds, by its own script
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = cases.map(({ name, repetitions, ours }) => ({ name, oursMs: quickestMs(ours, repetitions) }));
const theirs = theirsMs(process.argv[2]);
const format = (milliseconds: number | undefined) =>
  milliseconds === undefined ? "–" : milliseconds < 10 ? milliseconds.toFixed(2) : milliseconds.toFixed(0);
const lines = [
  `Node ${process.version}, ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${cpus().length} CPUs; quickest of several, milliseconds.`,
  "",
  "| case | ours | SciPy | SciPy / ours |",
  "|---|---:|---:|---:|",
  ...rows.map(({ name, oursMs }) => {
    const scipyMs = theirs[name];
    return `| ${name} | ${format(oursMs)} | ${format(scipyMs)} | ${scipyMs === undefined ? "–" : (scipyMs / oursMs).toFixed(1)} |`;
  }),
];
const levels = Array.from({ length: 5 }, (_, h) =>
  Array.from({ length: 20 }, (_unused, r) => data.large.subarray((h * 20 + r) * 1_000, (h * 20 + r + 1) * 1_000)),
);
lines.push(
  "",
  `Without a counterpart: hierarchical bootstrap of 5 hosts × 20 runs × 1,000 iterations, 5,000 resamples: ${format(quickestMs(() => hierarchicalBootstrap(levels), 1))} ms.`,
);
process.stdout.write(`${lines.join("\n")}\n`);
