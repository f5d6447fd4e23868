import { readFileSync } from "node:fs";

/** A function's arguments and what SciPy gives for them. */
export interface Case {
  readonly args: readonly number[];
  readonly value: number;
}

interface TwoSamples {
  readonly a: readonly number[];
  readonly b: readonly number[];
}
interface IntervalCase {
  readonly estimate: number;
  readonly interval: readonly [number, number];
}
interface QuantileCase {
  readonly p: number;
  readonly value: number;
}
type Pair = readonly [number, number];

/** What reference.py writes. */
export interface Reference {
  readonly versions: Readonly<Record<string, string>>;
  readonly distributions: Readonly<Record<string, readonly Case[]>>;
  readonly descriptive: {
    readonly values: readonly number[];
    readonly weights: readonly number[];
    readonly mean: number;
    readonly variance: number;
    readonly geometricMean: number;
    readonly trimmedMean: number;
    readonly robustDeviation: number;
    readonly weightedMean: number;
    readonly weightedQuantiles: readonly QuantileCase[];
    readonly nearestRank: readonly QuantileCase[];
    readonly interpolated: readonly QuantileCase[];
    readonly bandwidth: number;
    readonly density: readonly { readonly value: number; readonly density: number }[];
    readonly histogram: readonly number[];
    readonly histogramAutoBins: number;
  };
  readonly intervals: {
    readonly a: readonly number[];
    readonly b: readonly number[];
    readonly c: readonly number[];
    readonly t: Pair;
    readonly welch: Pair;
    readonly wilson: Pair;
    readonly clopperPearson: Pair;
    readonly tTestP: number;
    readonly equivalenceP: number;
    readonly equivalenceMargin: number;
    readonly logStandardError: number;
    readonly pairedFieller: Pair;
    readonly fieller: Pair;
    readonly signFlipP: number;
    readonly binomialLimits: Pair;
  };
  readonly bootstraps: {
    readonly values: readonly number[];
    readonly cases: readonly {
      readonly statistic: "mean" | "median" | "p90";
      readonly method: "percentile" | "bca";
      readonly distribution: readonly number[] | null;
      readonly interval: Pair;
      readonly longInterval: Pair;
      readonly longStandardError: number;
    }[];
    readonly ratio: TwoSamples & { readonly percentile: Pair; readonly bca: Pair };
    readonly pairedRatio: TwoSamples & { readonly bca: Pair };
  };
  readonly ranks: {
    readonly mannWhitneyExact: readonly (TwoSamples & { readonly statistic: number; readonly p: number })[];
    readonly mannWhitneyNormal: readonly (TwoSamples & { readonly statistic: number; readonly p: number })[];
    readonly mannWhitneyTied: readonly (TwoSamples & { readonly p: number })[];
    readonly wilcoxonExact: readonly {
      readonly differences: readonly number[];
      readonly statistic: number;
      readonly p: number;
    }[];
    readonly wilcoxonNormal: readonly {
      readonly differences: readonly number[];
      readonly statistic: number;
      readonly p: number;
    }[];
    readonly wilcoxonTied: readonly { readonly differences: readonly number[]; readonly p: number }[];
    readonly shift: TwoSamples & IntervalCase;
    readonly longShift: TwoSamples & IntervalCase;
    readonly centre: IntervalCase & { readonly values: readonly number[] };
    readonly a12: TwoSamples & { readonly value: number };
  };
  readonly adjusted: {
    readonly ps: readonly number[];
    readonly benjaminiHochberg: readonly number[];
    readonly holm: readonly number[];
  };
  readonly power: {
    readonly power: readonly {
      readonly runs: number;
      readonly logDeviation: number;
      readonly change: number;
      readonly value: number;
    }[];
    readonly sameness: readonly {
      readonly runs: number;
      readonly logDeviation: number;
      readonly change: number;
      readonly margin: number;
      readonly value: number;
    }[];
  };
  readonly looks: readonly {
    readonly spending: "obrienFleming" | "pocock";
    readonly runs: readonly number[];
    readonly critical: readonly number[];
  }[];
  readonly steps: readonly {
    readonly values: readonly number[];
    readonly penalty: number;
    readonly starts: readonly number[];
  }[];
  readonly rates: {
    readonly timesMs: readonly number[];
    readonly values: readonly number[];
    readonly windowMs: number;
    readonly rates: readonly number[];
    readonly p95: readonly number[];
    readonly median: readonly number[];
  };
}

/** The committed values; reference.py says how they were made. */
export const reference = JSON.parse(readFileSync(new URL("reference.json", import.meta.url), "utf8")) as Reference; // its own script writes this shape

/** Largest difference relative to the expected value, or absolute where that is below 1e-300. */
export const relativeError = (actual: number, expected: number): number =>
  actual === expected ? 0 : Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-300);
