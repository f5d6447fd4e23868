import type { Json, JsonObject } from "../effects/json.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ResultRow } from "./result-rows.ts";

export type Cell = string | number | boolean | null;

export interface Column {
  readonly name: string;
  /** string also holds lists and mixtures, as JSON. */
  readonly type: "string" | "number" | "boolean";
}

/** A rectangle: every row has a cell for every column. */
export interface ResultTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Columns that every table begins with, before parameters and metrics. */
const fixedColumns = ["runId", "experiment", "sweep", "pointKey", "trialIndex", "attempt", "outcome"] as const;
/** Columns at the end: for whoever asks where a number comes from. */
const originColumns = [
  "failureClass",
  "failureMessage",
  "deploymentId",
  "startedAt",
  "durationSec",
  "reusedFrom",
  "trialKey",
  "manifestKey",
] as const;

/**
 * Rows as a table: fixed columns, parameters and metrics in the order they first appear, origin. Nested parameters
 * become `outer.inner`; a parameter or metric whose name is taken gets `param.` or `metric.` before it; what a row
 * doesn't have is null.
 */
export function buildResultTable(rows: readonly ResultRow[]): ResultTable {
  const flat = rows.map((row) => ({ row, parameters: flatten(row.parameters), metrics: Object.entries(row.summary) }));
  const taken = new Set<string>([...fixedColumns, ...originColumns]);
  const parameters = nameColumns(
    flat.flatMap((f) => [...f.parameters.keys()]),
    "param",
    taken,
  );
  const metrics = nameColumns(
    flat.flatMap((f) => f.metrics.map(([name]) => name)),
    "metric",
    taken,
  );

  const cells = flat.map(({ row, parameters: values, metrics: entries }): Cell[] => {
    const summary = new Map(entries);
    return [
      ...fixedColumns.map((name) => row[name]),
      ...[...parameters.keys()].map((name) => values.get(name) ?? null),
      ...[...metrics.keys()].map((name) => summary.get(name) ?? null),
      ...originColumns.map((name) => row[name] ?? null),
    ];
  });
  const names = [...fixedColumns, ...parameters.values(), ...metrics.values(), ...originColumns];
  const columns = names.map((name, i) => ({ name, type: typeOf(cells.map((row) => row[i] ?? null)) }));
  return { columns, rows: cells.map((row) => row.map((cell, i) => toType(cell, columns[i]?.type ?? "string"))) };
}

/** Column name by parameter or metric name. */
function nameColumns(names: readonly string[], prefix: string, taken: Set<string>): ReadonlyMap<string, string> {
  const columns = new Map<string, string>();
  for (const name of names) {
    if (columns.has(name)) continue;
    let column = name;
    while (taken.has(column)) column = `${prefix}.${column}`;
    taken.add(column);
    columns.set(name, column);
  }
  return columns;
}

function flatten(parameters: JsonObject, prefix = ""): Map<string, Cell> {
  const flat = new Map<string, Cell>();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    if (isObject(value)) for (const [inner, cell] of flatten(value, `${prefix}${name}.`)) flat.set(inner, cell);
    else flat.set(`${prefix}${name}`, isList(value) ? canonicalJson(value) : value);
  }
  return flat;
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json): value is JsonObject => typeof value === "object" && value !== null && !isList(value);

/** The one type that all cells share; columns without any cell count as text. */
function typeOf(cells: readonly Cell[]): Column["type"] {
  const types = new Set(cells.filter((cell) => cell !== null).map((cell) => typeof cell));
  if (types.size === 1 && types.has("number")) return "number";
  return types.size === 1 && types.has("boolean") ? "boolean" : "string";
}

const toType = (cell: Cell, type: Column["type"]): Cell =>
  type === "string" && cell !== null && typeof cell !== "string" ? String(cell) : cell;
