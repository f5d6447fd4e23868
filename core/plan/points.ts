import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../effects/json.ts";
import type { Assignment } from "../definition/parameters.ts";
import { applyAssignments } from "../definition/parameters.ts";
import { canonicalJson, isJsonObject, valueAt } from "../definition/json-values.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import type { Setting, SweepAxes } from "../definition/sweep-axes.ts";

/** A point before it is named for the plan: what it sets, and where it stands on its sweep's axes. */
export interface SweepPoint {
  readonly key: string;
  readonly parameters: JsonObject;
  readonly variant: string | undefined;
  /** Both sides of a comparison; `parameters` are then without either. */
  readonly arms: { readonly A: JsonObject; readonly B: JsonObject } | undefined;
  /** Index on each axis; none for points that were added. */
  readonly position: readonly number[] | undefined;
}

const maxPoints = 1_000_000;
const maxKeyLength = 120;

/**
 * All points of a sweep: the product of its axes, the first the slowest, less those excluded, then those included.
 *
 * The same point twice is one point.
 */
export function expandSweep(definition: LoadedDefinition, name: string): SweepPoint[] {
  const axes = definition.sweeps[name];
  if (axes === undefined) throw new TypeError(`no sweep ${name}`); // names were checked when read
  const size = axes.axes.reduce((product, axis) => product * axis.length, 1);
  if (size > maxPoints) {
    definition.fail(
      ["sweeps", name],
      `${size} points are more than ${maxPoints}`,
      "split the sweep, or use fewer values",
    );
  }
  const defaults = definition.parameters.defaults;
  const base = applyAssignments(defaults, axes.base);
  const shortNames = shortNamesOf(axes);
  const points: SweepPoint[] = [];
  const seen = new Set<string>();
  const add = (settings: readonly Setting[], position: readonly number[] | undefined): void => {
    const assignments = settings.flatMap((setting) => setting.assignments);
    const parameters = applyAssignments(base, assignments);
    if (position !== undefined && axes.exclude.some((excluded) => holds(excluded, parameters))) return;
    const variant = settings.find((setting) => setting.variant !== undefined)?.variant;
    const key = buildPointKey(name, settings, shortNames);
    const identity = `${variant ?? ""} ${canonicalJson(parameters)}`;
    if (seen.has(identity)) return;
    seen.add(identity);
    const arms =
      axes.arms === undefined
        ? undefined
        : { A: applyAssignments(parameters, axes.arms.A), B: applyAssignments(parameters, axes.arms.B) };
    points.push({ key, parameters, variant, arms, position });
  };
  for (const { settings, position } of product(axes.axes)) add(settings, position);
  for (const assignments of axes.include) add([{ variant: undefined, assignments }], undefined);
  return distinctKeys(points);
}

function* product(
  axes: readonly (readonly Setting[])[],
): Generator<{ readonly settings: readonly Setting[]; readonly position: readonly number[] }> {
  const position = axes.map(() => 0);
  if (axes.some((axis) => axis.length === 0)) return;
  for (;;) {
    yield {
      settings: axes.flatMap((axis, n) => axis[position[n] ?? 0] ?? []),
      position: [...position],
    };
    let n = axes.length - 1;
    for (; n >= 0; n--) {
      const next = (position[n] ?? 0) + 1;
      if (next < (axes[n]?.length ?? 0)) {
        position[n] = next;
        break;
      }
      position[n] = 0;
    }
    if (n < 0) return;
  }
}

const holds = (assignments: readonly Assignment[], parameters: JsonObject): boolean =>
  assignments.every(({ path, value }) => {
    const found = valueAt(parameters, path);
    if (isJsonObject(value) && isJsonObject(found)) {
      return Object.entries(value).every(([key, inner]) => canonicalJson(found[key]) === canonicalJson(inner));
    }
    return found !== undefined && canonicalJson(found) === canonicalJson(value);
  });

/** The last step of each swept path where that is unmistakable, else the whole path. */
function shortNamesOf(axes: SweepAxes): ReadonlyMap<string, string> {
  const paths = new Set<string>();
  for (const assignments of [...axes.axes.flat().map((setting) => setting.assignments), ...axes.include]) {
    for (const { path } of assignments) paths.add(path.join("."));
  }
  const last = (path: string): string => path.slice(path.lastIndexOf(".") + 1);
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(last(path), (counts.get(last(path)) ?? 0) + 1);
  return new Map([...paths].map((path) => [path, counts.get(last(path)) === 1 ? last(path) : path]));
}

/** `load.clients=4+size=100`: readable, and a name for files, keys and folders everywhere. */
function buildPointKey(sweep: string, settings: readonly Setting[], names: ReadonlyMap<string, string>): string {
  const parts = settings.flatMap((setting) =>
    setting.variant !== undefined
      ? [`variant=${setting.variant}`]
      : setting.assignments.map(({ path, value }) => {
          const full = path.join(".");
          return `${names.get(full) ?? full}=${keyText(value)}`;
        }),
  );
  const key = `${sweep}.${parts.length === 0 ? "default" : parts.join("+")}`;
  return key.length <= maxKeyLength ? key : `${key.slice(0, maxKeyLength - 9)}-${shortDigest(key)}`;
}

/** A value as part of a key; one that can't be written out is told apart by its digest. */
function keyText(value: Json): string {
  const text = typeof value === "object" ? canonicalJson(value) : String(value);
  const safe = text.replaceAll(/[^A-Za-z0-9._@-]+/g, "-").slice(0, 40);
  return safe === text ? text : `${safe.replace(/^-+|-+$/g, "").slice(0, 24)}-${shortDigest(text)}`;
}

const shortDigest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);

/** Different points never share a key, not even where file systems ignore case. */
function distinctKeys(points: readonly SweepPoint[]): SweepPoint[] {
  const seen = new Map<string, number>();
  return points.map((point) => {
    const folded = point.key.toLowerCase();
    const before = seen.get(folded) ?? 0;
    seen.set(folded, before + 1);
    return before === 0 ? point : { ...point, key: `${point.key}-${shortDigest(canonicalJson(point.parameters))}` };
  });
}
