import type { FigureSpec, SmallMultiplesOptions } from "reprise/analysis";
import { smallMultiples } from "reprise/analysis";
import { panelsOf } from "./tuning-grid.ts";
import type { TuningSweep } from "./tuning-grid.ts";

/** A figure's chart, or one for each of its panels where there are several. */
export function inPanels<Row extends { readonly panel: string }>(
  rows: readonly Row[],
  { columns = 3, width, aspect }: TuningSweep,
  how: Pick<SmallMultiplesOptions<Row>, "by" | "chart" | "labels" | "sharedAxes">,
): FigureSpec {
  const panels = panelsOf(rows);
  if (panels.length === 1) return how.chart(rows, rows);
  return smallMultiples(rows, {
    order: panels,
    columns,
    ...(width !== undefined && { width }),
    ...(aspect !== undefined && { aspect }),
    ...how,
  });
}
