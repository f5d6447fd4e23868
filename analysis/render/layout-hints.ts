/**
 * What a spec asks of the page around its plot, kept in the spec itself under `usermeta.reprise`: plain Vega-Lite
 * everywhere else, so that a spec opens in any Vega-Lite editor.
 */
import type { TopLevelSpec } from "vega-lite";
import { z } from "zod";

export const LegendEntry = z.strictObject({
  label: z.string(),
  swatch: z.enum(["line", "line-point", "point", "bar", "band", "rule"]),
  /** A colour or a theme token such as `@series/0`. */
  color: z.string(),
  shape: z.string().optional(),
  /** In line widths. */
  dash: z.array(z.number()).optional(),
});
export type LegendEntry = z.infer<typeof LegendEntry>;

export const LegendHint = z.strictObject({
  entries: z.array(LegendEntry),
  title: z.string().optional(),
  position: z.enum(["top", "right", "top-left", "top-right", "bottom-left", "bottom-right"]).default("top"),
});
export type LegendHint = z.infer<typeof LegendHint>;

export const LayoutHints = z.strictObject({
  /** Column width of the theme, or inches. */
  width: z.union([z.enum(["single", "double"]), z.number().positive()]).default("single"),
  /** Height over width, legend included; the theme's own where absent. */
  aspect: z.number().positive().optional(),
  /** Panels side by side in a facet or concatenation, whose sizes are then solved for. */
  panels: z.strictObject({ columns: z.int().positive(), rows: z.int().positive() }).optional(),
  legend: LegendHint.optional(),
});
export type LayoutHints = z.infer<typeof LayoutHints>;

/** A Vega-Lite specification, with `usermeta.reprise` read as {@link LayoutHints}. */
export type FigureSpec = TopLevelSpec;

export function layoutHintsOf(spec: FigureSpec): LayoutHints {
  return LayoutHints.parse(spec.usermeta?.["reprise"] ?? {});
}

/** Text marks in a layer whose name starts so are moved, or left out, rather than cover something. */
export const movableLabels = "movableLabels";

/** Texts in a layer whose name starts so slide along the rule that they name, to where it is free. */
export const ruleLabels = "ruleLabels";
