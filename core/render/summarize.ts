import type { Json } from "../effects/json.ts";
import type { Scope } from "../definition/expression/values.ts";
import { isJsonList, isJsonObject } from "../definition/json-values.ts";
import type { Program } from "../definition/program.ts";
import type { MetricSpec } from "../definition/schema.ts";
import type { LandedFiles, PlannedPoint } from "../plan/types.ts";
import { filesOf } from "./landed.ts";
import type { LandedFile } from "./landed.ts";
import { Samples, statisticOf } from "./statistics.ts";
import { csvRecordsOf, linesOf, textOfFile } from "./text-stream.ts";

const maxJsonBytes = 64 * 2 ** 20;

/**
 * The metrics of a trial from its landed files; one that finds no number is left out.
 *
 * In a duet each metric is there for each side, as `p99Ms.A` and `p99Ms.B`.
 */
export async function summarizeTrial(
  program: Program,
  point: PlannedPoint,
  scope: Scope,
  files: LandedFiles,
): Promise<Readonly<Record<string, number>>> {
  const metrics: Record<string, number> = {};
  for (const { name, spec, scale } of program.summary) {
    const factor = scale(scope);
    const landed = filesOf(files, spec.from, spec.file);
    const sides =
      point.arms === undefined
        ? [{ suffix: "", files: landed }]
        : (["a", "b"] as const).map((side) => ({
            suffix: `.${side.toUpperCase()}`,
            files: landed.filter(({ unit }) => !unit.includes(".") || unit.endsWith(`.${side}`)),
          }));
    for (const side of sides) {
      const samples = new Samples();
      for (const file of side.files) await extract(spec, file, files, samples);
      const value = statisticOf(spec.stat, samples);
      if (value !== undefined && Number.isFinite(value)) metrics[`${name}${side.suffix}`] = value * factor;
    }
  }
  return metrics;
}

async function extract(spec: MetricSpec, file: LandedFile, files: LandedFiles, samples: Samples): Promise<void> {
  const bytes = files.read(file.host, file.path);
  if (spec.csv !== undefined) await fromCsv(spec.csv, bytes, samples);
  else if (spec.regex !== undefined) await fromLines(new RegExp(spec.regex, "u"), bytes, samples);
  else {
    const text = await textOfFile(bytes, maxJsonBytes);
    if (text !== undefined) fromJson(spec.json ?? "", text, samples);
  }
}

async function fromCsv(
  csv: NonNullable<MetricSpec["csv"]>,
  bytes: AsyncIterable<Uint8Array>,
  samples: Samples,
): Promise<void> {
  let column = -1;
  let conditions: readonly { readonly index: number; readonly wanted: string }[] | undefined;
  for await (const record of csvRecordsOf(bytes)) {
    if (conditions === undefined) {
      const header = record.map((field) => field.trim());
      column = header.indexOf(csv.column);
      conditions = Object.entries(csv.where).map(([key, wanted]) => ({
        index: header.indexOf(key),
        wanted: String(wanted),
      }));
      if (column < 0) return;
      continue;
    }
    if (!conditions.every(({ index, wanted }) => record[index]?.trim() === wanted)) continue;
    const field = record[column]?.trim();
    const value = field === undefined || field === "" ? NaN : Number(field);
    if (Number.isFinite(value) && !samples.add(value)) return;
  }
}

async function fromLines(pattern: RegExp, bytes: AsyncIterable<Uint8Array>, samples: Samples): Promise<void> {
  for await (const line of linesOf(bytes)) {
    const found = pattern.exec(line)?.[1];
    const value = found === undefined || found === "" ? NaN : Number(found);
    if (Number.isFinite(value) && !samples.add(value)) return;
  }
}

function fromJson(path: string, text: string, samples: Samples): void {
  let value: Json;
  try {
    value = JSON.parse(text) as Json; // what JSON.parse gives is JSON
  } catch {
    return;
  }
  const visit = (node: Json | undefined, steps: readonly string[]): void => {
    const [step, ...rest] = steps;
    if (step === undefined) {
      if (typeof node === "number") samples.add(node);
      else if (isJsonList(node)) node.forEach((item) => visit(item, []));
      return;
    }
    if (isJsonList(node)) {
      if (step === "*") node.forEach((item) => visit(item, rest));
      else visit(node[Number(step)], rest);
    } else if (isJsonObject(node)) {
      if (step === "*") Object.values(node).forEach((item) => visit(item, rest));
      else visit(node[step], rest);
    }
  };
  visit(value, path.split("."));
}
