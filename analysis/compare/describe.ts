import { describeComparison, percent } from "../statistics/verdict.ts";
import type { HigherMeans } from "../statistics/verdict.ts";
import type { PointComparison } from "./compare-trials.ts";

/** The verdict in words, and what more trials would bring. */
export function describePoint({ metric, comparison, outlook, basis }: PointComparison): string {
  const said = describeComparison(comparison, higherMeans(metric));
  if (comparison.verdict !== "cannot tell" || outlook === undefined) return said;
  const what = basis === "independent" ? "trials a side" : "pairs";
  const more = (count: number): string | undefined =>
    Number.isFinite(count) && count > 0 ? `${count.toLocaleString("en")} more ${what}` : undefined;
  const show = more(outlook.moreToShow);
  const same = more(outlook.moreToShowSame);
  const none = `that there is none beyond ${percent(comparison.margin)}`;
  if (show !== undefined && same !== undefined) {
    return `${said} ${show} would likely show a change of this size, ${same} ${none}.`;
  }
  if (show !== undefined) return `${said} ${show} would likely show a change of this size.`;
  return same === undefined ? said : `${said} ${same} would likely show ${none}.`;
}

/** From the unit that ends a metric's name, or a recorded file's column: more milliseconds are slower, more per second is faster. */
export function higherMeans(metric: string): HigherMeans {
  const [, column, stat] = metric.split(":");
  const name = column ?? metric;
  if (stat === "count") return "more";
  if (/PerSec$/.test(name)) return "faster";
  return /(?:Ns|Us|Ms|Sec|Min)$/.test(name) ? "slower" : "more";
}

/** `+5 %`: the sign says which way. */
export const signedPercent = (share: number): string => `${share > 0 ? "+" : ""}${percent(share)}`;
