import type { Json } from "../effects/json.ts";
import { canonicalJson, isJsonList, valueAt } from "../definition/json-values.ts";
import { suggest } from "../definition/nearest-name.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import { findTarget } from "../definition/parameters.ts";
import { FailureError } from "../errors/failure.ts";
import type { SweepPoint } from "./points.ts";

/** Chooses points of one sweep. */
export interface Selection {
  readonly sweep: string;
  readonly keeps: (point: SweepPoint) => boolean;
}

const invalid = (message: string, hint?: string): FailureError =>
  new FailureError({ class: "invalid", message, ...(hint === undefined ? {} : { hint }) });

interface Wanted {
  readonly text: string;
  readonly value: Json;
}

const isEqual = (found: Json, wanted: Wanted): boolean =>
  found === wanted.text || canonicalJson(found) === canonicalJson(wanted.value);

const ordered =
  (test: (found: number, wanted: number) => boolean) =>
  (found: Json, { value }: Wanted): boolean =>
    typeof found === "number" && typeof value === "number" && test(found, value);

const operators: Readonly<Record<string, (found: Json, wanted: Wanted) => boolean>> = {
  "=": isEqual,
  "!=": (found, wanted) => !isEqual(found, wanted),
  "<": ordered((found, wanted) => found < wanted),
  "<=": ordered((found, wanted) => found <= wanted),
  ">": ordered((found, wanted) => found > wanted),
  ">=": ordered((found, wanted) => found >= wanted),
};

/**
 * Reads `--only SWEEP[:filter]`; a filter is `clients=4`, `size>=100,variant=boki`: all of them must hold.
 *
 * @throws {FailureError} class invalid, for names that the definition doesn't have
 */
export function readOnly(text: string, definition: LoadedDefinition): Selection {
  const [sweep = "", ...rest] = text.split(":");
  const sweeps = Object.keys(definition.spec.sweeps);
  if (!sweeps.includes(sweep)) throw invalid(`no sweep is named \`${sweep}\``, suggest(sweep, sweeps));
  const filter = rest.join(":");
  if (filter === "") return { sweep, keeps: () => true };
  const conditions = filter.split(",").map((part) => readCondition(part, definition));
  return { sweep, keeps: (point) => conditions.every((holds) => holds(point)) };
}

function readCondition(text: string, definition: LoadedDefinition): (point: SweepPoint) => boolean {
  const match = /^\s*([^=<>!\s]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*$/.exec(text);
  const [, name, operator, written] = match ?? [];
  const test = operator === undefined ? undefined : operators[operator];
  if (name === undefined || test === undefined || written === undefined) {
    throw invalid(
      `not a filter: \`${text}\``,
      "write `parameter=value`; also !=, <, <=, >, >=; several that must all hold with commas, other points as another `SWEEP:filter` behind it",
    );
  }
  const wanted: Wanted = { text: written, value: readScalar(written) };
  if (name === "variant") return (point) => test(point.variant ?? null, wanted);
  const path = name.split(".");
  const target = findTarget(path, definition.parameters);
  if (target.kind !== "parameter" && target.kind !== "inside") {
    throw invalid(`no parameter is named \`${name}\``, suggest(name, [...definition.parameters.declared.keys()]));
  }
  return (point) => test(valueAt(point.parameters, path) ?? null, wanted);
}

function readScalar(text: string): Json {
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The points that one figure needs, sweep by sweep. */
export function selectForFigure(figure: string, definition: LoadedDefinition): Selection[] {
  const figures = definition.spec.figures;
  const spec = figures[figure];
  if (spec === undefined) throw invalid(`no figure is named \`${figure}\``, suggest(figure, Object.keys(figures)));
  return spec.needs.map((need) => {
    if (typeof need === "string") return { sweep: need, keeps: () => true };
    const conditions = Object.entries(need.where).map(([key, wanted]) => {
      const values = isJsonList(wanted) ? wanted : [wanted];
      const among = (found: Json | undefined): boolean =>
        values.some((value) => canonicalJson(value) === canonicalJson(found));
      if (key === "variant") return (point: SweepPoint) => among(point.variant);
      if (key === "arm") return () => true; // a comparison is measured whole
      const path = key.split(".");
      return (point: SweepPoint) => among(valueAt(point.parameters, path));
    });
    return { sweep: need.sweep, keeps: (point: SweepPoint) => conditions.every((holds) => holds(point)) };
  });
}
