import type { Json, JsonObject } from "../effects/json.ts";
import { isJsonList } from "./json-values.ts";
import type { Assignment, Parameters, Report } from "./parameters.ts";
import { findTarget, readAssignments } from "./parameters.ts";
import { suggest } from "./nearest-name.ts";
import type { ValueObject } from "./expression/values.ts";
import type { Path } from "./problem.ts";
import { DefinitionError, formatPath } from "./problem.ts";
import type { Problem } from "./problem.ts";
import type { Program } from "./program.ts";
import type { SweepSpec } from "./schema.ts";
import { zipGroups } from "./zip-groups.ts";

/** One position on an axis. */
export interface Setting {
  /** The variant's name on the axis of variants. */
  readonly variant: string | undefined;
  readonly assignments: readonly Assignment[];
}

/** A sweep with every setting read and checked; its points are the product of the axes. */
export interface SweepAxes {
  readonly base: readonly Assignment[];
  /** The first is the slowest. */
  readonly axes: readonly (readonly Setting[])[];
  readonly include: readonly (readonly Assignment[])[];
  readonly exclude: readonly (readonly Assignment[])[];
  readonly arms: { readonly A: readonly Assignment[]; readonly B: readonly Assignment[] } | undefined;
}

export interface SweepReader {
  readonly parameters: Parameters;
  readonly lists: Program["lists"];
  readonly report: Report;
  readonly problems: Problem[];
}

/**
 * Reads a sweep's axes in the order in which they are written: variants, cross, zip, points as the file has them.
 *
 * @param written the sweep as it stands in the file, for the order of its fields
 */
export function readSweepAxes(name: string, sweep: SweepSpec, written: JsonObject, reader: SweepReader): SweepAxes {
  const at: Path = ["sweeps", name];
  const { parameters, report } = reader;
  const read = (settings: JsonObject, path: Path): Assignment[] => readAssignments(settings, parameters, report, path);
  const axes: (readonly Setting[])[] = [];

  const readVariants = (): void => {
    const variants = Object.entries(sweep.variants ?? {});
    if (variants.length === 0) return;
    axes.push(
      variants.map(([variant, settings]) => ({ variant, assignments: read(settings, [...at, "variants", variant]) })),
    );
  };
  const readCross = (): void => {
    for (const [key, written] of Object.entries(sweep.cross ?? {})) {
      const path = [...at, "cross", key];
      if (!isKnown(key, path, reader)) continue;
      const values = readList(written, path, reader);
      if (values.length === 0 && typeof written !== "string") continue;
      if (values.length === 0) report(path, "a list without values leaves no points", { value: written });
      axes.push(
        values.map((value, index) => ({
          variant: undefined,
          assignments: readOne(key, value, [...path, index], isJsonList(written), reader),
        })),
      );
    }
  };
  const readZip = (): void => {
    for (const { path, lists } of zipGroups(sweep.zip, [...at, "zip"])) {
      const known = Object.entries(lists).filter(([key]) => isKnown(key, [...path, key], reader));
      const columns = known.map(([key, written]) => ({
        key,
        written,
        values: readList(written, [...path, key], reader),
      }));
      const [first] = columns;
      if (first === undefined) continue;
      const odd = columns.find((column) => column.values.length !== first.values.length);
      if (odd !== undefined) {
        report([...path, odd.key], `a list of ${odd.values.length} beside \`${first.key}\` of ${first.values.length}`, {
          hint: "lists that are zipped have the same length",
          value: odd.written,
        });
        continue;
      }
      axes.push(
        first.values.map((_, index) => ({
          variant: undefined,
          assignments: columns.flatMap(({ key, written, values }) =>
            readOne(key, values[index] ?? null, [...path, key, index], isJsonList(written), reader),
          ),
        })),
      );
    }
  };
  const readPoints = (): void => {
    if (sweep.points === undefined) return;
    axes.push(
      sweep.points.map((point, index) => ({ variant: undefined, assignments: read(point, [...at, "points", index]) })),
    );
  };
  const readers: Readonly<Record<string, () => void>> = {
    variants: readVariants,
    cross: readCross,
    zip: readZip,
    points: readPoints,
  };
  // The written order decides which axis is slow.
  for (const field of Object.keys(written)) readers[field]?.();

  const { compare } = sweep;
  const armA = compare === undefined ? [] : read(compare.A, [...at, "compare", "A"]);
  return {
    base: read(sweep.set, [...at, "set"]),
    axes,
    include: sweep.include.map((point, index) => read(point, [...at, "include", index])),
    exclude: sweep.exclude.map((point, index) => read(point, [...at, "exclude", index])),
    arms:
      compare === undefined
        ? undefined
        : { A: armA, B: compare.B === undefined ? armA : read(compare.B, [...at, "compare", "B"]) },
  };
}

/** A key is told once, however many values it has. */
function isKnown(key: string, path: Path, reader: SweepReader): boolean {
  if (findTarget(key.split("."), reader.parameters).kind !== "unknown") return true;
  reader.report(path, `no parameter is named \`${key}\``, {
    atKey: true,
    hint: suggest(key, [...reader.parameters.declared.keys()]),
  });
  return false;
}

/** Reads one value of a list; mistakes are told at the value, or at the expression that made the list. */
function readOne(key: string, value: Json, path: Path, isWritten: boolean, reader: SweepReader): Assignment[] {
  const valuePath = isWritten ? path : path.slice(0, -1);
  const report: Report = (inner, message, options = {}) => {
    const below = inner.slice(path.length + 1);
    const at = isWritten ? [...valuePath, ...below] : valuePath;
    reader.report(at, message, { ...options, atKey: isWritten && below.length > 0 && options.atKey === true });
  };
  return readAssignments({ [key]: value }, reader.parameters, report, path);
}

function readList(written: string | readonly Json[], path: Path, reader: SweepReader): readonly Json[] {
  if (typeof written !== "string") return written;
  const slot = reader.lists.get(formatPath(path));
  if (slot === undefined) return [];
  try {
    return slot({ params: reader.parameters.defaults as ValueObject }); // defaults have no absent members
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    reader.problems.push(...error.problems);
    return [];
  }
}
