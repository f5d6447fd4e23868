import { interpolatedOfSorted, standardDeviation } from "./descriptive.ts";
import { SampleError, toFloat64, toSorted } from "./samples.ts";
import type { Samples } from "./samples.ts";

/** One bar: values in [low, high), the last bar closed on both sides. */
export interface HistogramBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Share of all values per unit of the axis: the bars' areas add up to 1. */
  readonly density: number;
}

export interface HistogramOptions {
  /** Number of bars, or the Freedman–Diaconis rule (width 2·IQR/∛n; Sturges' count where IQR is 0), at most 1,000. */
  readonly bins?: number | "auto";
  /** Range of the axis; values outside aren't counted. @default the values' range */
  readonly range?: readonly [low: number, high: number];
}

/** Counts in equal bars. @throws {SampleError} without values */
export function histogram(samples: Samples, options: HistogramOptions = {}): HistogramBin[] {
  const sorted = toSorted(samples, "a histogram");
  const [first, last] = options.range ?? [sorted[0] as number, sorted[sorted.length - 1] as number]; // at least one value
  // One single value still gets a bar with a width.
  const [low, high] = first === last ? [first - 0.5, last + 0.5] : [first, last];
  const bins = options.bins === undefined || options.bins === "auto" ? automaticBins(sorted, high - low) : options.bins;
  if (!Number.isInteger(bins) || bins < 1) throw new SampleError(`a histogram of ${bins} bins`);
  const width = (high - low) / bins;
  const counts = new Uint32Array(bins);
  for (const value of sorted) {
    if (value < low || value > high) continue;
    const bin = Math.min(bins - 1, Math.floor((value - low) / width));
    counts[bin] = (counts[bin] as number) + 1; // bin < bins
  }
  return Array.from(counts, (count, bin) => ({
    low: low + bin * width,
    high: bin === bins - 1 ? high : low + (bin + 1) * width,
    count,
    density: count / (sorted.length * width),
  }));
}

function automaticBins(sorted: Float64Array, span: number): number {
  const quartiles = interpolatedOfSorted(sorted, 0.75) - interpolatedOfSorted(sorted, 0.25);
  const width = (2 * quartiles) / Math.cbrt(sorted.length);
  const bins = width > 0 ? Math.ceil(span / width) : Math.ceil(Math.log2(sorted.length)) + 1;
  return Math.max(1, Math.min(1_000, bins));
}

/** One step of an empirical distribution: `share` of the values are at or below `value`. */
export interface EcdfStep {
  readonly value: number;
  readonly share: number;
}

/**
 * The empirical distribution function, one step a distinct value, ascending; the last share is 1.
 *
 * @param maximumSteps thins long tables to about this many steps, evenly in share, ends kept. @default all
 */
export function empiricalDistribution(samples: Samples, maximumSteps = Infinity): EcdfStep[] {
  const sorted = toSorted(samples, "an empirical distribution");
  const n = sorted.length;
  const steps: EcdfStep[] = [];
  for (let i = 0; i < n; i++) {
    if (i + 1 < n && sorted[i + 1] === sorted[i]) continue;
    steps.push({ value: sorted[i] as number, share: (i + 1) / n });
  }
  if (steps.length <= maximumSteps) return steps;
  const kept: EcdfStep[] = [];
  let nextShare = 0;
  for (const [i, step] of steps.entries()) {
    if (i === steps.length - 1 || step.share >= nextShare) {
      kept.push(step);
      while (nextShare <= step.share) nextShare += 1 / Math.max(1, maximumSteps - 1);
    }
  }
  return kept;
}

/** A point of a density curve: `density` per unit of `value`. */
export interface DensityPoint {
  readonly value: number;
  readonly density: number;
}

export interface DensityOptions {
  /** Standard deviation of the kernel, in the values' unit. @default Silverman's rule, see `silvermanBandwidth` */
  readonly bandwidth?: number;
  /** Points of the curve. @default 200 */
  readonly points?: number;
  /** Axis. @default the values' range and three bandwidths on both sides */
  readonly range?: readonly [low: number, high: number];
}

/**
 * Gaussian kernel density at evenly spaced points: what a ridgeline or violin draws. Values are first binned linearly to
 * a fine grid (M. P. Wand, "Fast computation of multivariate kernel estimators", 1994), so that a million samples cost
 * no more than one pass; the error against the direct sum is below 1e-3 of the peak.
 */
export function kernelDensity(samples: Samples, options: DensityOptions = {}): DensityPoint[] {
  const given = toFloat64(samples, "a density");
  const bandwidth = options.bandwidth ?? silvermanBandwidth(given);
  if (!(bandwidth > 0)) throw new SampleError(`a bandwidth of ${bandwidth}`, { hint: "give a positive bandwidth" });
  let low = Infinity;
  let high = -Infinity;
  for (const value of given) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const [from, to] = options.range ?? [low - 3 * bandwidth, high + 3 * bandwidth];
  const points = options.points ?? 200;
  if (!Number.isInteger(points) || points < 2) throw new SampleError(`a density of ${points} points`);
  // A constant is one value, however often it was measured.
  const values = low === high ? given.subarray(0, 1) : given;
  // Grid cells of an eighth of a bandwidth; exact sums for few values.
  const cells = Math.ceil(((high - low) / bandwidth) * 8) + 1;
  const exact = values.length <= cells || cells > 1_000_000;
  const grid = exact ? undefined : linearBins(values, low, high, cells);
  const cell = (high - low) / Math.max(1, cells - 1);
  const curve: DensityPoint[] = [];
  const norm = 1 / (values.length * bandwidth * Math.sqrt(2 * Math.PI));
  for (let k = 0; k < points; k++) {
    const at = from + ((to - from) * k) / (points - 1);
    let total = 0;
    if (grid === undefined) {
      for (const value of values) total += kernel((at - value) / bandwidth);
    } else {
      const first = Math.max(0, Math.floor((at - 9 * bandwidth - low) / cell));
      const last = Math.min(cells - 1, Math.ceil((at + 9 * bandwidth - low) / cell));
      for (let i = first; i <= last; i++) total += (grid[i] as number) * kernel((at - low - i * cell) / bandwidth);
    }
    curve.push({ value: at, density: total * norm });
  }
  return curve;
}

const kernel = (z: number): number => Math.exp(-0.5 * z * z);

function linearBins(values: Float64Array, low: number, high: number, cells: number): Float64Array {
  const grid = new Float64Array(cells + 1);
  const scale = (cells - 1) / (high - low);
  for (const value of values) {
    const position = (value - low) * scale;
    const below = Math.floor(position);
    const share = position - below;
    // below ≤ cells − 1, and the grid has one cell more.
    grid[below] = (grid[below] as number) + 1 - share;
    grid[below + 1] = (grid[below + 1] as number) + share;
  }
  return grid;
}

/** 0.9·min(s, IQR/1.349)·n^(−1/5) (Silverman 1986, eq. 3.31); for constant values a thousandth of their size, or 1. */
export function silvermanBandwidth(samples: Samples): number {
  const sorted = toSorted(samples, "a bandwidth");
  const spread = sorted.length > 1 ? standardDeviation(sorted) : 0;
  const quartiles = (interpolatedOfSorted(sorted, 0.75) - interpolatedOfSorted(sorted, 0.25)) / 1.349;
  const scale = quartiles > 0 ? Math.min(spread, quartiles) : spread;
  if (scale > 0) return 0.9 * scale * sorted.length ** -0.2;
  return Math.abs(sorted[0] as number) / 1_000 || 1;
}

export interface RidgelineOptions {
  readonly points?: number;
  readonly bandwidth?: number;
  readonly range?: readonly [low: number, high: number];
}

/** One curve of a ridgeline; `height` is the density over the highest density of the whole plot, in [0, 1]. */
export interface RidgePoint {
  readonly group: string;
  readonly value: number;
  readonly density: number;
  readonly height: number;
}

/**
 * Densities of several groups on one common axis, in the groups' order: the rows of a ridgeline plot.
 *
 * @param groups group name and its samples; all in one unit
 */
export function ridgeline(groups: ReadonlyMap<string, Samples>, options: RidgelineOptions = {}): RidgePoint[] {
  let low = Infinity;
  let high = -Infinity;
  const bandwidths = new Map<string, number>();
  for (const [group, samples] of groups) {
    const values = toFloat64(samples, `a ridge of "${group}"`);
    const bandwidth = options.bandwidth ?? silvermanBandwidth(values);
    bandwidths.set(group, bandwidth);
    for (const value of values) {
      low = Math.min(low, value - 3 * bandwidth);
      high = Math.max(high, value + 3 * bandwidth);
    }
  }
  const curves = [...groups].map(([group, samples]) => {
    const bandwidth = bandwidths.get(group);
    return {
      group,
      curve: kernelDensity(samples, {
        range: options.range ?? [low, high],
        ...(options.points === undefined ? {} : { points: options.points }),
        ...(bandwidth === undefined ? {} : { bandwidth }),
      }),
    };
  });
  let peak = 0;
  for (const { curve } of curves) for (const point of curve) peak = Math.max(peak, point.density);
  return curves.flatMap(({ group, curve }) =>
    curve.map(({ value, density }) => ({ group, value, density, height: peak > 0 ? density / peak : 0 })),
  );
}
