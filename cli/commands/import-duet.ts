import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { contrastsOfBenchmarks } from "../../analysis/compare/contrast.ts";
import { compareBenchmarks } from "../../analysis/duet/compare-benchmarks.ts";
import type { BenchmarkResult } from "../../analysis/duet/compare-benchmarks.ts";
import { describeRun } from "../../analysis/duet/runs.ts";
import { describeComparison, percent } from "../../analysis/statistics/verdict.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { toCsv, toJson, toParquet } from "../../stores/export/result-files.ts";
import { drawContrasts } from "../draw-contrasts.ts";
import { parseDuetConfig } from "../duet/config.ts";
import { definitionOfConfig } from "../duet/definition.ts";
import { findIterations, overlapsTable, tableOf, unifiedTable } from "../duet/results.ts";
import type { CommandContext } from "../context.ts";
import type { Output } from "../output.ts";
import { counted, table } from "../output.ts";

interface Options {
  /** Where to. */
  readonly output?: string;
  /** A file or line that isn't understood is an error. */
  readonly strict?: true;
}

const mostPrinted = 20;

/**
 * What the original duet tool left: a config (`FILE.yml`) becomes an experiment; results (a folder, a folder of folders, or a
 * unified table as CSV) become tables, verdicts and figures.
 */
export async function importDuet(context: CommandContext, path: string, options: Options): Promise<number> {
  return /\.ya?ml$/.test(path) ? importConfig(context, path, options) : importResultFiles(context, path, options);
}

async function importConfig({ output }: CommandContext, path: string, options: Options): Promise<number> {
  const text = await readFile(path, "utf8").catch(() => {
    throw new FailureError({ class: "invalid", message: `there is no file ${path}` });
  });
  const config = parseDuetConfig(text, path, basename(path).replace(/(?:\.duet)?\.ya?ml$/, ""));
  const made = definitionOfConfig(config, basename(path));
  const folder = options.output ?? join("experiments", made.name);
  const isTaken = await access(join(folder, "experiment.yaml")).then(
    () => true,
    () => false,
  );
  if (isTaken) {
    throw new FailureError({
      class: "invalid",
      message: `${folder} has an experiment already`,
      hint: "choose another folder with `-o`",
    });
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "experiment.yaml"), made.definition);
  await writeFile(join(folder, "figures.ts"), made.figures);
  output.line(folder);
  output.note(`${config.duets.length} duets; look at its deployment, then \`reprise plan ${folder}\``);
  output.result({ folder, name: made.name, duets: config.duets.map(({ name }) => name) });
  return 0;
}

async function importResultFiles({ output }: CommandContext, path: string, options: Options): Promise<number> {
  const { rows, problems, folders } = await findIterations(path);
  for (const { path: file, reason, skipped } of problems.slice(0, mostPrinted)) {
    const [first] = skipped;
    output.note(`${file}: ${reason}${first === undefined ? "" : ` (line ${first.lineNumber}: ${first.reason})`}`);
  }
  if (problems.length > mostPrinted) output.note(`… ${problems.length - mostPrinted} more`);
  if (rows.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${path} holds no iterations`,
      hint: "a result folder of the duet tool, a folder of such, its unified table as .csv, or its config as .yml",
    });
  }
  const into = options.output ?? join("figures", basename(path).replace(/\.csv$/, ""));
  await mkdir(into, { recursive: true });
  await writeTable(into, "iterations", unifiedTable(rows));
  const overlaps = overlapsTable(rows);
  if (overlaps.rows.length > 0) await writeTable(into, "overlaps", overlaps);

  const results = compareBenchmarks(rows);
  await writeTable(into, "comparisons", tableOf(results.map(toRecord)));
  tell(output, results);
  const figures = await drawContrasts(contrastsOfBenchmarks(results, "time", nameOf), {
    into,
    title: basename(path),
    estimator: "Per run: ln(B/A) of steady iterations, paired by index where synchronised, else over the common time.",
    trials: [],
  });
  for (const name of figures) output.line(`${join(into, name)}.{svg,png,pdf,csv}`);
  output.note(
    `${rows.length} iterations of ${Math.max(1, folders)} folder${folders > 1 ? "s" : ""} in ${join(into, "iterations")}.{csv,json,parquet}`,
  );
  output.result({ into, iterations: rows.length, problems, comparisons: results.map(toRecord), figures });
  return options.strict === true && problems.length > 0 ? 1 : 0;
}

async function writeTable(into: string, name: string, content: ReturnType<typeof tableOf>): Promise<void> {
  await writeFile(join(into, `${name}.csv`), toCsv(content));
  await writeFile(join(into, `${name}.json`), toJson(content));
  await writeFile(join(into, `${name}.parquet`), toParquet(content));
}

const nameOf = ({ benchmark, type, environment }: BenchmarkResult): string =>
  [benchmark, type, ...(environment === undefined ? [] : [environment])].join(", ");

const toRecord = (result: BenchmarkResult): object => ({
  suite: result.suite,
  benchmark: result.benchmark,
  environment: result.environment ?? null,
  type: result.type,
  verdict: result.comparison?.verdict ?? "no valid run",
  change: result.comparison?.change ?? null,
  low: result.comparison?.interval?.low ?? null,
  high: result.comparison?.interval?.high ?? null,
  margin: result.comparison?.margin ?? null,
  p: result.comparison?.p ?? null,
  adjusted_p: result.adjustedP ?? null,
  runs: result.valid.length,
  excluded_runs: result.invalid.length,
  hosts: result.comparison?.hosts ?? 0,
  correlation: result.budget?.correlation ?? null,
  order_effect: result.orderEffect?.difference?.estimate ?? null,
});

function tell(output: Output, results: readonly BenchmarkResult[]): void {
  const rows = results.map(({ comparison, adjustedP, valid, invalid, ...result }) => [
    nameOf({ comparison, adjustedP, valid, invalid, ...result }),
    comparison?.verdict ?? "no valid run",
    comparison === undefined ? "" : percent(comparison.change),
    comparison?.interval === undefined
      ? ""
      : `${percent(comparison.interval.low)} to ${percent(comparison.interval.high)}`,
    `${counted(valid.length, "run")}${invalid.length === 0 ? "" : `, ${invalid.length} excluded`}`,
    adjustedP?.toFixed(3) ?? "",
  ]);
  for (const line of table([["benchmark", "verdict", "change", "interval", "from", "adjusted p"], ...rows]))
    output.line(line);
  const different = results.filter(({ comparison }) => comparison?.verdict === "different");
  for (const { comparison, ...result } of different) {
    if (comparison !== undefined)
      output.line(`${nameOf({ comparison, ...result })}: ${describeComparison(comparison)}`);
  }
  const excluded = results.flatMap(({ invalid }) => invalid);
  for (const { run, reason, detail } of excluded.slice(0, mostPrinted)) {
    output.note(`excluded: ${describeRun(run)}: ${reason} (${detail})`);
  }
  if (excluded.length > mostPrinted)
    output.note(`… ${excluded.length - mostPrinted} more excluded runs in comparisons.csv`);
}
