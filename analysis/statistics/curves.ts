import { fiellerInterval } from "./ratio.ts";
import type { RatioEstimate } from "./ratio.ts";
import { SampleError } from "./samples.ts";
import type { Samples } from "./samples.ts";

/** One point of a latency-throughput curve: what a load gave. */
export interface CurvePoint {
  /** Offered load or number of clients; orders the curve. */
  readonly load: number;
  readonly throughputPerSec: number;
  readonly latencyMs: number;
}

/** The point of greatest throughput; the lowest load of several. */
export function peakThroughput<P extends CurvePoint>(points: readonly P[]): P {
  return best(byLoad(points), ({ throughputPerSec }) => throughputPerSec);
}

/**
 * The knee of the curve: from there on more load buys latency rather than throughput.
 *
 * `power`: greatest throughput over latency (L. Kleinrock, "Power and deterministic rules of thumb", ICC 1979). `chord`:
 * farthest from the line between the curve's ends, both axes scaled to 1, up to the peak (V. Satopää et al., "Finding a
 * 'kneedle' in a haystack", 2011, without smoothing).
 */
export function knee<P extends CurvePoint>(points: readonly P[], method: "power" | "chord" = "power"): P {
  const curve = byLoad(points);
  if (method === "power") return best(curve, ({ throughputPerSec, latencyMs }) => throughputPerSec / latencyMs);
  const peak = curve.indexOf(best(curve, ({ throughputPerSec }) => throughputPerSec));
  const rising = curve.slice(0, peak + 1);
  const [first, last] = [rising[0] as P, rising[rising.length - 1] as P]; // the peak is in it
  const width = last.throughputPerSec - first.throughputPerSec || 1;
  const height = last.latencyMs - first.latencyMs || 1;
  return best(
    rising,
    (point) => (point.throughputPerSec - first.throughputPerSec) / width - (point.latencyMs - first.latencyMs) / height,
  );
}

/**
 * The greatest throughput with latency within a limit, along the curve with straight lines between points, up to its first
 * crossing of the limit.
 *
 * @returns undefined when even the lightest load exceeds the limit
 */
export function throughputWithin(points: readonly CurvePoint[], latencyLimitMs: number): number | undefined {
  const curve = byLoad(points);
  let greatest: number | undefined;
  for (const [i, point] of curve.entries()) {
    if (point.latencyMs <= latencyLimitMs) {
      greatest = Math.max(greatest ?? 0, point.throughputPerSec);
      continue;
    }
    const before = curve[i - 1];
    if (before === undefined) return undefined;
    const share = (latencyLimitMs - before.latencyMs) / (point.latencyMs - before.latencyMs);
    return Math.max(
      greatest ?? 0,
      before.throughputPerSec + share * (point.throughputPerSec - before.throughputPerSec),
    );
  }
  return greatest;
}

function byLoad<P extends CurvePoint>(points: readonly P[]): P[] {
  if (points.length === 0) throw new SampleError("a curve without points");
  return [...points].sort((a, b) => a.load - b.load);
}

function best<P>(points: readonly P[], worth: (point: P) => number): P {
  let found = points[0] as P; // curves aren't empty
  for (const point of points) if (worth(point) > worth(found)) found = point;
  return found;
}

/**
 * How many times as fast: the ratio of means over trials, with Fieller's interval.
 *
 * @param baseline one value a trial
 * @param improved one value a trial, same unit
 * @param kind rates rise with speed, times fall
 */
export function speedup(baseline: Samples, improved: Samples, kind: "rate" | "time", confidence = 0.95): RatioEstimate {
  return kind === "rate"
    ? fiellerInterval(baseline, improved, confidence)
    : fiellerInterval(improved, baseline, confidence);
}
