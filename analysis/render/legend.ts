/**
 * Lays out a legend in the order it was given, wrapped to the width there is, with swatches that show line, mark and
 * dash together. Vega's own legends sort, can't combine a dash with a mark, and run out of the page.
 */
import type { LegendEntry, LegendHint } from "./layout-hints.ts";
import { resolveTokens } from "./themes.ts";
import type { Theme } from "./themes.ts";
import { fontFamilyNames, measureText } from "./typefaces.ts";

export interface LegendBox {
  readonly width: number;
  readonly height: number;
  /** Scene items with the box's top left corner at 0, 0. */
  readonly marks: readonly object[];
}

/** @param widthLimit where entries wrap to the next row; columns line up when there is more than one row */
export function layoutLegend(hint: LegendHint, theme: Theme, widthLimit: number): LegendBox {
  const fontSize = theme.fontSize.legend;
  const font = fontFamilyNames[theme.family];
  const width = (text: string): number => measureText({ font, fontSize }, text);
  const hasLines = hint.entries.some(({ swatch }) => swatch === "line" || swatch === "line-point" || swatch === "rule");
  const swatchWidth = fontSize * (hasLines ? 2.4 : 1.05);
  const swatchGap = fontSize * 0.45;
  const columnGap = fontSize * 1.5;
  const rowHeight = fontSize * 1.4;
  const entryWidths = hint.entries.map(({ label }) => swatchWidth + swatchGap + width(label));
  const titleWidth = hint.title ? width(hint.title) + columnGap * 0.7 : 0;
  const isColumn = hint.position !== "top";

  const columns = isColumn ? 1 : chooseColumns(entryWidths, { gap: columnGap, limit: widthLimit - titleWidth });
  const rows = Math.ceil(hint.entries.length / columns);
  const columnWidths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...entryWidths.filter((_, index) => index % columns === column)),
  );
  const offsets = columnWidths.map((_, column) =>
    columnWidths.slice(0, column).reduce((sum, w) => sum + w + columnGap, isColumn ? 0 : titleWidth),
  );
  const titleRows = isColumn && hint.title ? 1 : 0;
  const text = (x: number, y: number, label: string): object => ({
    x,
    y,
    text: label,
    font,
    fontSize,
    fill: theme.colors.ink,
    baseline: "middle",
  });
  const items = hint.entries.map((entry, index) => {
    const x = offsets[index % columns] ?? 0;
    const y = (Math.floor(index / columns) + titleRows + 0.5) * rowHeight;
    return {
      swatch: swatchMarks(entry, theme, { x, y, width: swatchWidth, fontSize }),
      label: text(x + swatchWidth + swatchGap, y, entry.label),
    };
  });
  const titles = hint.title ? [text(0, 0.5 * rowHeight, hint.title)] : [];
  const totalWidth = (offsets.at(-1) ?? 0) + (columnWidths.at(-1) ?? 0);
  return {
    width: Math.max(totalWidth, isColumn && hint.title ? width(hint.title) : 0),
    height: (rows + titleRows) * rowHeight,
    marks: [
      ...items.flatMap(({ swatch }) => swatch),
      { marktype: "text", role: "legend", items: [...titles, ...items.map(({ label }) => label)] },
    ],
  };
}

/** The most columns whose aligned widths fit; at least one. */
function chooseColumns(widths: readonly number[], { gap, limit }: { gap: number; limit: number }): number {
  for (let columns = widths.length; columns > 1; columns--) {
    const rows = Math.ceil(widths.length / columns);
    // Five entries in rows of 4 and 1 look forlorn: 3 and 2 take no more room.
    if (rows > 1 && Math.ceil(widths.length / rows) < columns) continue;
    let total = gap * (columns - 1);
    for (let c = 0; c < columns; c++) total += Math.max(0, ...widths.filter((_, i) => i % columns === c));
    if (total <= limit) return columns;
  }
  return 1;
}

function swatchMarks(
  entry: LegendEntry,
  theme: Theme,
  box: { x: number; y: number; width: number; fontSize: number },
): object[] {
  const color = resolveTokens(entry.color, theme);
  const { x, y, width, fontSize } = box;
  const strokeWidth = entry.swatch === "rule" ? theme.line.rule : theme.line.series;
  const line = {
    marktype: "rule",
    items: [
      {
        x,
        y,
        x2: x + width,
        y2: y,
        stroke: color,
        strokeWidth,
        ...(entry.dash && entry.dash.length > 0 ? { strokeDash: entry.dash.map((d) => d * strokeWidth) } : {}),
      },
    ],
  };
  const point = {
    marktype: "symbol",
    items: [
      {
        x: x + width / 2,
        y,
        size: theme.pointSize * 1.15,
        shape: entry.shape ?? "circle",
        fill: color,
        stroke: theme.colors.background,
        strokeWidth: theme.line.series * 0.4,
      },
    ],
  };
  const box_ = (height: number, opacity: number): object => ({
    marktype: "rect",
    items: [{ x, y: y - height / 2, width, height, fill: color, fillOpacity: opacity }],
  });
  switch (entry.swatch) {
    case "line":
    case "rule":
      return [line];
    case "point":
      return [point];
    case "line-point":
      return [line, point];
    case "bar":
      return [box_(fontSize * 0.85, 1)];
    case "band":
      return [box_(fontSize * 0.85, 0.25)];
    default:
      return entry.swatch satisfies never;
  }
}
