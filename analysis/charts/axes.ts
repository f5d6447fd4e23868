/** Axes with clean ticks: numbers that a reader can say aloud, powers on log scales, one format an axis. */

export type NumberScale = "linear" | "log" | "log2";

/** An axis as an author asks for it. */
export interface AxisOptions {
  /** With its unit: `latency (ms)`. */
  readonly title: string;
  /** @default "linear" */
  readonly scale?: NumberScale;
  /** Whether a linear axis starts at zero. @default true */
  readonly zero?: boolean;
  /** @default the data's extent, widened to the next round number */
  readonly domain?: readonly [number, number];
  /** A d3 format for tick labels. @default one for all labels of the axis, by their size */
  readonly format?: string;
  /** Exact ticks, where the values are few and matter: client counts, replica counts. */
  readonly ticks?: readonly number[];
  /** @default true on y, false on x */
  readonly grid?: boolean;
}

export interface NumberAxis {
  readonly type: "quantitative";
  readonly title: string;
  readonly scale: Record<string, unknown>;
  readonly axis: Record<string, unknown>;
}

const finite = (values: Iterable<number>): number[] => [...values].filter((value) => Number.isFinite(value));

/** The smallest and largest finite value. @returns undefined when there is none */
export function extentOf(values: Iterable<number>): readonly [number, number] | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : undefined;
}

/** @param values everything drawn on the axis, interval ends included */
export function numberAxis(values: Iterable<number>, options: AxisOptions): NumberAxis {
  const drawn = finite(values);
  const scale = options.scale ?? "linear";
  switch (scale) {
    case "linear":
      return linearAxis(drawn, options);
    case "log":
      return logAxis(drawn, options, 10);
    case "log2":
      return logAxis(drawn, options, 2);
    default:
      return scale satisfies never;
  }
}

function linearAxis(values: readonly number[], options: AxisOptions): NumberAxis {
  const [low, high] = options.domain ?? extentOf(values) ?? [0, 1];
  const isZero = !options.domain && (options.zero ?? true);
  const from = isZero ? Math.min(0, low) : low;
  const to = isZero ? Math.max(0, high) : high;
  // A constant series would have an axis of no length, and one constant but for rounding errors ticks that say nothing.
  const magnitude = Math.max(Math.abs(from), Math.abs(to));
  const reach = to - from <= magnitude * 1e-9 || magnitude < 1e-300 ? (magnitude < 1e-300 ? 1 : magnitude * 0.5) : 0;
  const ticks = niceTicks(from - (isZero ? 0 : reach), to + reach);
  const domain = options.domain ?? [ticks[0] ?? from, ticks.at(-1) ?? to];
  const shown = options.ticks ?? ticks.filter((tick) => tick >= domain[0] && tick <= domain[1]);
  return {
    type: "quantitative",
    title: options.title,
    scale: { domain, nice: false, zero: false },
    axis: {
      values: shown,
      // Vega thins even explicit ticks out to its own count, and rounds labels to that count's step: an author's ticks,
      // which needn't be as fine as their numbers are, would be called by others (12 among 4, 8, 12 by 10).
      tickCount: options.ticks ? shown.length * 1_000 : shown.length,
      format: options.format ?? labelFormat(domain),
      // An SI format takes one prefix for the whole axis and would write "0k".
      labelExpr: "datum.value === 0 ? '0' : datum.label",
      ...(options.grid !== undefined && { grid: options.grid }),
    },
  };
}

/**
 * Four to seven round numbers, a step of 1, 2 or 5 apart, that enclose the values. Chosen here and not by the scale, so
 * that the axis ends at a tick and panels of any height agree; labels that don't fit are thinned out when drawn.
 */
function niceTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const exponent = Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].find((digit) => digit * 10 ** exponent >= rough * 0.82) ?? 10;
  // Counted in steps and written from digits, since 3 * 0.1 isn't 0.3.
  const first = Math.floor(low / (unit * 10 ** exponent) + 1e-9);
  const last = Math.ceil(high / (unit * 10 ** exponent) - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(`${(first + i) * unit}e${exponent}`));
}

function labelFormat([low = 0, high = 0]: readonly number[]): string {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  // "~s" would write 0.2 as 200m, which a systems reader takes for something else.
  return largest >= 10_000 ? "~s" : "~r";
}

function logAxis(values: readonly number[], options: AxisOptions, base: 2 | 10): NumberAxis {
  const positive = values.filter((value) => value > 0);
  const [low, high] = options.domain ?? extentOf(positive) ?? [1, 10];
  const steps = base === 2 ? [1] : high / low > 30 ? [1] : [1, 2, 5];
  const ends = base === 2 ? [1] : [1, 2, 5];
  const domain: readonly [number, number] = options.domain ?? [floorTo(low, ends, base), ceilTo(high, ends, base)];
  const major = options.ticks ? [...options.ticks] : ticksBetween(domain, steps, base);
  const minor = options.ticks || base === 2 ? [] : ticksBetween(domain, [1, 2, 3, 4, 5, 6, 7, 8, 9], 10);
  const all = [...new Set([...major, ...minor])].sort((a, b) => a - b);
  const isMajor = `indexof(${JSON.stringify(major)}, datum.value) >= 0`;
  const format = options.format ?? (domain[1] >= 10_000 ? undefined : "~r");
  const label = format
    ? `format(datum.value, '${format}')`
    : `datum.value >= 1000 ? format(datum.value, '~s') : format(datum.value, '~r')`;
  return {
    type: "quantitative",
    title: options.title,
    scale: { type: "log", base, domain, nice: false },
    axis: {
      values: all,
      tickCount: all.length,
      labelExpr: `${isMajor} ? (${label}) : ''`,
      gridOpacity: { condition: { test: isMajor, value: 1 }, value: 0 },
      // Empty labels count as labels for Vega's own thinning; these ticks are few by choice.
      labelOverlap: false,
      ...(options.grid !== undefined && { grid: options.grid }),
    },
  };
}

/** Exact: 10 ** -3 * 5 and 5 / 10 ** 3 aren't the same number, and a tick's label is found by its value. */
const step = (digit: number, exponent: number, base: number): number =>
  base === 10 ? Number(`${digit}e${exponent}`) : digit * base ** exponent;

function ticksBetween([low = 1, high = 10]: readonly number[], digits: readonly number[], base: 2 | 10): number[] {
  const ticks: number[] = [];
  const first = Math.floor(Math.log(low) / Math.log(base) + 1e-9) - 1;
  const last = Math.ceil(Math.log(high) / Math.log(base) - 1e-9) + 1;
  for (let exponent = first; exponent <= last; exponent++)
    for (const digit of digits) {
      const tick = step(digit, exponent, base);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  return ticks;
}

const floorTo = (value: number, digits: readonly number[], base: 2 | 10): number =>
  ticksBetween([value / (base * 1.01), value], digits, base).at(-1) ?? value;

const ceilTo = (value: number, digits: readonly number[], base: 2 | 10): number =>
  ticksBetween([value, value * base * 1.01], digits, base)[0] ?? value;
