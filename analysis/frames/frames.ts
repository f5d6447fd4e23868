/**
 * danfo.js frames as a working surface: filter, join, pivot and describe rows in the way of pandas, then come back to
 * typed rows. The library is loaded on first use (half a second) and is slow on millions of rows: reduce logs with
 * digests or `summarizeBy` first.
 */
import type * as danfo from "danfojs-node";
import type { z } from "zod";
import { RepriseError } from "../../core/errors/reprise-error.ts";

export type Frame = danfo.DataFrame;

/** As much of a frame as is read back: what danfo's own methods return has another type than its frames. */
export interface FrameLike {
  readonly columns: readonly string[];
  readonly values: unknown;
}

/** A frame whose rows aren't what they were said to be. */
export class FrameError extends RepriseError {
  override readonly name = "FrameError";
}

/** danfo.js itself, for what has no helper here. */
export const loadDanfo = (): Promise<typeof danfo> => import("danfojs-node");

/** A frame of rows: one column a field, in the order of the first row; a field that a row hasn't got is NaN. */
export async function toFrame(rows: readonly object[]): Promise<Frame> {
  if (rows.length === 0)
    throw new FrameError("a frame needs at least one row", { hint: "check what the parser skipped" });
  const { DataFrame: NewFrame } = await loadDanfo();
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const data = rows.map((row) => {
    const fields = new Map<string, unknown>(Object.entries(row));
    return columns.map((column) => fields.get(column) ?? NaN);
  });
  return new NewFrame(data, { columns });
}

/** A frame's rows through a schema. @throws {FrameError} which names the first bad row and field */
export function toRows<Row>(frame: FrameLike, schema: z.ZodType<Row>): Row[] {
  const columns = frame.columns;
  // A frame holds rows of cells, whatever its typings say of series.
  const values = frame.values as unknown[][];
  return values.map((cells, index) => {
    const parsed = schema.safeParse(Object.fromEntries(columns.map((column, i) => [column, cells[i]])));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new FrameError(`row ${index}, ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "bad"}`, {
      hint: `the frame's columns are ${columns.join(", ")}`,
    });
  });
}

/** How a column of a group becomes a number. */
export type Aggregate =
  "count" | "sum" | "mean" | "median" | "min" | "max" | "std" | ((values: readonly number[]) => number);

/**
 * Groups a frame and gives one typed row a group: its keys, then the aggregates by name.
 *
 * @example
 * await aggregateFrame(frame, ["clients"], { medianMs: { column: "latencyMs", by: "median" } })
 */
export async function aggregateFrame<Key extends string, Name extends string>(
  frame: FrameLike,
  keys: readonly Key[],
  aggregates: Readonly<Record<Name, { readonly column: string; readonly by: Aggregate }>>,
): Promise<(Record<Key, string | number | boolean> & Record<Name, number>)[]> {
  const columns = frame.columns;
  const wanted = [...keys, ...Object.values<{ column: string }>(aggregates).map(({ column }) => column)];
  const missing = wanted.filter((column) => !columns.includes(column));
  if (missing.length > 0)
    throw new FrameError(`the frame has no column ${missing.join(", ")}`, { hint: `it has ${columns.join(", ")}` });
  const { Series } = await loadDanfo();
  const groups = new Map<string, unknown[][]>();
  for (const cells of frame.values as unknown[][]) {
    const name = JSON.stringify(keys.map((key) => cells[columns.indexOf(key)]));
    const group = groups.get(name);
    if (group) group.push(cells);
    else groups.set(name, [cells]);
  }
  const aggregate = (values: number[], by: Aggregate): number => {
    if (typeof by === "function") return by(values);
    if (by === "count") return values.length;
    return new Series(values)[by]();
  };
  return [...groups.values()].map((group) => {
    const key = keys.map((name) => [name, group[0]?.[columns.indexOf(name)]]);
    const values = Object.entries<{ column: string; by: Aggregate }>(aggregates).map(([name, { column, by }]) => [
      name,
      aggregate(
        group.map((cells) => Number(cells[columns.indexOf(column)])).filter((value) => !Number.isNaN(value)),
        by,
      ),
    ]);
    // The entries are the keys and names asked for.
    return Object.fromEntries([...key, ...values]) as Record<Key, string | number | boolean> & Record<Name, number>;
  });
}
