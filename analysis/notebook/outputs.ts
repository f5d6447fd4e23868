/** What cells show: data that survives being written down, so that an unchanged cell needn't run to be shown. */
import { z } from "zod";
import { captionOf, checkRows } from "../figure.ts";
import type { Figure } from "../figure.ts";
import { renderScreens } from "../render/render-screens.ts";

export const CellOutput = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("text"), text: z.string() }),
  z.object({
    kind: z.literal("table"),
    columns: z.array(z.string()),
    rows: z.array(z.array(z.string())),
    /** Rows that aren't shown. */
    moreRows: z.int().min(0),
  }),
  z.object({
    kind: z.literal("figure"),
    name: z.string(),
    caption: z.string(),
    estimator: z.string(),
    svg: z.string(),
    svgDark: z.string(),
    warnings: z.array(z.string()),
  }),
]);
export type CellOutput = z.infer<typeof CellOutput>;

/** Of a table so many rows are shown. */
const mostRows = 12;

/** Any value as something to look at: rows as a table, text as it is, the rest as JSON. */
export function toOutput(value: unknown): CellOutput {
  if (typeof value === "string") return { kind: "text", text: value };
  if (isRows(value)) {
    const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
    const shown = value.slice(0, mostRows).map((row) => columns.map((column) => cellText(Reflect.get(row, column))));
    return { kind: "table", columns, rows: shown, moreRows: Math.max(0, value.length - mostRows) };
  }
  return { kind: "text", text: cellText(value) };
}

const isRows = (value: unknown): value is readonly object[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((row: unknown) => typeof row === "object" && row !== null && !Array.isArray(row));

function cellText(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(Number(value.toPrecision(8)));
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return String(value);
  if (ArrayBuffer.isView(value) && "length" in value) return `${value.constructor.name}(${String(value.length)})`;
  const text = JSON.stringify(value, (_, item: unknown) =>
    typeof item === "number" && !Number.isFinite(item) ? String(item) : item,
  );
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** A figure for light and dark pages. @throws {FigureRowsError} for rows that aren't the figure's */
export async function drawOutput<Row extends object>(figure: Figure<Row>, rows: readonly Row[]): Promise<CellOutput> {
  const checked = checkRows(figure, rows);
  const spec = figure.spec(checked);
  const [light, dark] = await renderScreens(spec, figure.title ?? figure.name);
  return {
    kind: "figure",
    name: figure.name,
    caption: captionOf(figure, checked),
    estimator: figure.estimator,
    svg: light.svg,
    svgDark: dark.svg,
    warnings: [...light.warnings],
  };
}
