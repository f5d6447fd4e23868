import { about } from "../statistics/verdict.ts";
import type { Claim } from "../statistics/verdict.ts";

/** How far a reproduction may be off where neither the paper nor the definition says. */
export const defaultTolerance = 0.1;

const numberPattern = "[-+]?(?:\\d+(?:[,_]\\d{3})*(?:\\.\\d+)?|\\.\\d+)(?:e[-+]?\\d+)?";
const suffix = "\\s*(%|[x×]|[a-zA-Zµ/]+)?";
const forms: readonly (readonly [RegExp, "atLeast" | "atMost" | "about"])[] = [
  [
    new RegExp(`^(?:>=|≥|>|at least|more than|over|above|no less than)\\s*(${numberPattern})${suffix}$`, "i"),
    "atLeast",
  ],
  [
    new RegExp(`^(?:<=|≤|<|at most|less than|under|below|up to|no more than)\\s*(${numberPattern})${suffix}$`, "i"),
    "atMost",
  ],
  [new RegExp(`^(?:about|around|roughly|nearly|almost|~|≈)?\\s*(${numberPattern})${suffix}$`, "i"), "about"],
];
const range = new RegExp(
  `^(?:from\\s+|between\\s+)?(${numberPattern})${suffix}\\s*(?:to|and|–|—|\\.\\.)\\s*(${numberPattern})${suffix}$`,
  "i",
);

/**
 * What a paper's value asks of a measured one. `6` and `about 6×` are 6 within the tolerance; `at least 6x`, `≥ 6` and
 * `< 20 ms` are bounds, which the tolerance makes that much easier; `4 to 6` is a range. Percents are shares: `35 %` is 0.35.
 *
 * @param tolerance a share: 0.1 for 10 %
 * @returns undefined for words that aren't a value
 */
export function readPaperValue(paper: number | string, tolerance: number | undefined): Claim | undefined {
  if (typeof paper === "number") return about(paper, tolerance ?? defaultTolerance);
  const text = paper.trim();
  const asRange = range.exec(text);
  if (asRange !== null) {
    const [, low, lowUnit, high, highUnit] = asRange;
    const unit = highUnit ?? lowUnit;
    const ends = [toNumber(low, unit), toNumber(high, unit)].sort((a, b) => a - b);
    const slack = tolerance ?? 0;
    const [from = NaN, to = NaN] = ends;
    return { kind: "within", low: from - Math.abs(from) * slack, high: to + Math.abs(to) * slack };
  }
  for (const [pattern, kind] of forms) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const value = toNumber(match[1], match[2]);
    const slack = Math.abs(value) * (tolerance ?? 0);
    if (kind === "about") return about(value, tolerance ?? defaultTolerance);
    return kind === "atLeast" ? { kind, value: value - slack } : { kind, value: value + slack };
  }
  return undefined;
}

const toNumber = (digits: string | undefined, unit: string | undefined): number =>
  Number((digits ?? "").replaceAll(/[,_]/g, "")) / (unit === "%" ? 100 : 1);

/** `at least 6`, `between 4.5 and 5.5`. */
export function describeClaim(claim: Claim): string {
  const round = (value: number): string => String(Number(value.toPrecision(4)));
  switch (claim.kind) {
    case "atLeast":
      return `at least ${round(claim.value)}`;
    case "atMost":
      return `at most ${round(claim.value)}`;
    case "within":
      return `between ${round(claim.low)} and ${round(claim.high)}`;
    default:
      return claim satisfies never;
  }
}
