/**
 * How often does a comparison of eight pairs find 2 % more work, and how often does it find something where there is
 * nothing? Runs `bench/duet/experiment.yaml` on this machine, or reads a run that is there, and cuts each sweep's trials
 * into comparisons of eight.
 *
 * `npx tsx bench/duet/run.ts [HOME [RUN]]` after `npm run build`; about half an hour on two cores.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { compareSides } from "../../analysis/compare/compare-trials.ts";
import type { PointComparison } from "../../analysis/compare/compare-trials.ts";
import { wilsonInterval } from "../../analysis/statistics/proportion.ts";
import { compareRuns, percent } from "../../analysis/statistics/verdict.ts";
import { findRun, openStore } from "../../cli/home.ts";
import { loadTrials } from "../../cli/load-trials.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";

const pairsEach = 8;
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const [home = "/tmp/reprise-bench-duet", name] = process.argv.slice(2);

if (name === undefined) {
  mkdirSync(path("work"), { recursive: true });
  for (const file of ["worker.mjs", "workloads.mjs"])
    cpSync(path(`../../experiments/duet-node/src/${file}`), path(`work/${file}`));
  const { status } = spawnSync(
    process.execPath,
    [path("../../bin/reprise.mjs"), "--home", home, "run", path("."), "--yes"],
    {
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  if (status !== 0) process.exit(status ?? 1);
}
const store = openStore(home);
const runId = await findRun(store, name ?? "last");
const { plan } = await openStoredRun(runId, store);
const trials = await loadTrials(store, runId, plan);

/** The verdicts on each eight pairs of a sweep, in the order in which they ran. */
function verdicts(
  { logRatios }: PointComparison,
  margin: number,
): { different: number; same: number; significant: number; all: number } {
  const all = Math.floor(logRatios.length / pairsEach);
  const found = Array.from({ length: all }, (_, i) =>
    compareRuns(logRatios.slice(i * pairsEach, (i + 1) * pairsEach), { margin }),
  );
  return {
    different: found.filter(({ verdict }) => verdict === "different").length,
    same: found.filter(({ verdict }) => verdict === "same").length,
    significant: found.filter(({ interval }) => interval !== undefined && (interval.low > 0 || interval.high < 0))
      .length,
    all,
  };
}

const share = (count: number, all: number): string => {
  const { low, high } = wilsonInterval(count, all);
  return `${count} of ${all} (${Math.round(100 * low)}–${Math.round(100 * high)} %)`;
};

const out: string[] = [
  `${runId}: comparisons of ${pairsEach} pairs, ${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} CPUs, load ${loadavg()
    .map((l) => l.toFixed(1))
    .join(" ")} at the end`,
  "",
  "| measure | method | truth | change of all pairs | deviation of a pair | interval leaves out 0 | different by > 1 % | same within 1 % |",
  "|---|---|---|---:|---:|---:|---:|---:|",
];
for (const metric of ["cpuMs", "elapsedMs"]) {
  for (const point of compareSides(trials, metric)) {
    const [method = "", truth = ""] = point.point.split(".")[0]?.split("-") ?? [];
    const { significant, different, same, all } = verdicts(point, 0.01);
    out.push(
      `| ${metric} | ${method} | ${truth === "same" ? "no change" : "2 % more"} | ${percent(point.comparison.change)} | ${percent(point.comparison.logDeviation ?? NaN)} | ${share(significant, all)} | ${share(different, all)} | ${share(same, all)} |`,
    );
  }
}
process.stdout.write(`${out.join("\n")}\n`);
