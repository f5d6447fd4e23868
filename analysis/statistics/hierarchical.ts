import { mean, sum, variance } from "./descriptive.ts";
import { generator } from "./generator.ts";
import type { Generator } from "./generator.ts";
import { percentileInterval } from "./bootstrap.ts";
import { sumOfDraws } from "./resampled-means.ts";
import { requireProbability, SampleError, toFloat64 } from "./samples.ts";
import type { Estimate, Samples } from "./samples.ts";
import { tInterval } from "./t-interval.ts";
import type { TEstimate } from "./t-interval.ts";

/**
 * Measurements that hang together, from the outside in: hosts hold runs hold iterations. A leaf is a list of values; all
 * leaves lie at the same depth. Values of one unit share that unit's luck, so only the top-level units are independent.
 */
export type Levels = Samples | readonly Levels[];

interface Leaf {
  readonly kind: "leaf";
  readonly values: Float64Array;
}
interface Branch {
  readonly kind: "branch";
  readonly units: readonly Node[];
}
type Node = Leaf | Branch;

function toNode(levels: Levels, what: string): Node {
  const first: number | Levels | undefined = levels[0];
  if (first === undefined)
    throw new SampleError(`${what}: a unit without values`, { hint: "exclude empty runs first, with a reason" });
  if (typeof first === "number") return { kind: "leaf", values: toFloat64(levels as Samples, what) }; // its first entry is a number
  return { kind: "branch", units: Array.from(levels as readonly Levels[], (unit) => toNode(unit, what)) }; // its first entry is a list
}

function depthOf(node: Node): number {
  if (node.kind === "leaf") return 1;
  const depths = new Set(node.units.map(depthOf));
  if (depths.size > 1)
    throw new SampleError("units of one level have different depths", { hint: "give every host the same levels" });
  return 1 + Math.max(...depths);
}

const meanOf = (node: Node): number => (node.kind === "leaf" ? mean(node.values) : mean(node.units.map(meanOf)));

const unitMeans = (node: Node): Float64Array =>
  node.kind === "leaf" ? node.values : Float64Array.from(node.units, meanOf);

/**
 * Grand mean with the interval of Kalibera and Jones: only the top level's means are independent, so t with (number of
 * top-level units − 1) degrees of freedom, however many iterations lie below. Units weigh equally at each level.
 *
 * @see T. Kalibera and R. Jones, "Quantifying performance changes with effect size confidence intervals", TR 4-12, Kent 2012, 6
 * @throws {SampleError} with fewer than two top-level units
 */
export function grandMeanInterval(levels: Levels, confidence = 0.95): TEstimate {
  return tInterval(unitMeans(toNode(levels, "a grand mean")), confidence);
}

/** Variance of one level, numbered from the inside: 1 are the values within their innermost unit. */
export interface LevelVariance {
  readonly level: number;
  /** S²: the variance of this level's means as observed, averaged over their units. */
  readonly observed: number;
  /** T²: what this level itself adds, without what the levels below leave over. Can come out slightly negative. */
  readonly component: number;
  /** Units of this level in one unit of the next: harmonic mean where they differ. */
  readonly repetitions: number;
}

/**
 * Where the spread comes from: iterations, runs, hosts. Unbiased for balanced data; for unequal counts the method of
 * unweighted means, with harmonic counts.
 *
 * @returns one entry a level, the innermost first. The outermost level's T² tells whether more hosts or more iterations help
 * @see T. Kalibera and R. Jones, "Rigorous benchmarking in reasonable time", ISMM 2013, 7
 */
export function varianceComponents(levels: Levels): LevelVariance[] {
  const root = toNode(levels, "variance components");
  const depth = depthOf(root);
  const result: LevelVariance[] = [];
  for (let level = 1; level <= depth; level++) {
    const groups = nodesAtHeight(root, depth, level);
    const spreads = groups.map(unitMeans).filter((means) => means.length > 1);
    if (spreads.length === 0) {
      throw new SampleError(`level ${level} has one unit everywhere`, {
        hint: "repeat at that level at least twice to see its variance",
      });
    }
    const below = result[level - 2];
    const observed = mean(spreads.map(variance));
    result.push({
      level,
      observed,
      component: below === undefined ? observed : observed - below.observed / below.repetitions,
      repetitions: groups.length / sum(groups.map((group) => 1 / unitMeans(group).length)),
    });
  }
  return result;
}

/** The nodes whose children are units of this level, counted from the inside. */
function nodesAtHeight(node: Node, height: number, wanted: number): Node[] {
  if (height === wanted) return [node];
  return node.kind === "leaf" ? [] : node.units.flatMap((unit) => nodesAtHeight(unit, height - 1, wanted));
}

/** How often to repeat inside one unit of the next level, for the narrowest interval that a budget can buy. */
export interface OptimalRepetitions {
  readonly level: number;
  /** A whole number of at least 1, or Infinity when the next level adds no variance of its own. */
  readonly repetitions: number;
}

/**
 * Repetition counts from variance components and costs: rᵢ = ⌈√(cᵢ₊₁/cᵢ · Tᵢ²/Tᵢ₊₁²)⌉. The top level has no optimum: repeat it
 * until the interval is as narrow as needed.
 *
 * @param components from `varianceComponents` of a pilot
 * @param costs cost of one more unit of each level, innermost first, in any one unit (seconds, dollars): an iteration, a
 *   run's start and warm-up, a host's boot
 * @see Kalibera and Jones, ISMM 2013, 6
 */
export function optimalRepetitions(
  components: readonly LevelVariance[],
  costs: readonly number[],
): OptimalRepetitions[] {
  if (costs.length !== components.length || costs.some((cost) => !(cost > 0))) {
    throw new SampleError(`costs ${costs.join(", ")} for ${components.length} levels`, {
      hint: "give one positive cost a level",
    });
  }
  const result: OptimalRepetitions[] = [];
  for (let i = 0; i + 1 < components.length; i++) {
    const own = components[i] as LevelVariance; // i is below the length
    const next = components[i + 1] as LevelVariance;
    const ratio =
      ((costs[i + 1] as number) / (costs[i] as number)) * (Math.max(0, own.component) / Math.max(0, next.component));
    const repetitions = next.component <= 0 ? Infinity : Math.max(1, Math.ceil(Math.sqrt(ratio) - 1e-9));
    result.push({ level: own.level, repetitions });
  }
  return result;
}

export interface HierarchicalOptions {
  /** Combines the drawn values. `meanOfMeans` weighs units equally; a function sees all drawn values in one list. @default "meanOfMeans" */
  readonly statistic?: "meanOfMeans" | ((pooled: Float64Array) => number);
  /** Which levels are drawn with replacement, the outermost first; others are kept whole. @default all */
  readonly draw?: readonly boolean[];
  /** Values are drawn in runs of this many consecutive ones, which keeps their autocorrelation. @default 1 */
  readonly blockLength?: number;
  /** @default 5,000 */
  readonly resamples?: number;
  /** @default 0.95 */
  readonly confidence?: number;
  /** @default 1 */
  readonly seed?: number;
}

export interface HierarchicalEstimate extends Estimate {
  readonly resamples: number;
  readonly seed: number;
  readonly standardError: number;
  /** Independent units at the top: below about 5 the interval is narrower than the truth. */
  readonly topLevelUnits: number;
}

/**
 * Percentile bootstrap that draws hosts, within them runs, within them iterations, each with replacement.
 *
 * @see S. Ren et al., "Nonparametric bootstrapping for hierarchical data", J. Applied Statistics 37(9), 2010; Kalibera and Jones 2013, 9
 */
export function hierarchicalBootstrap(levels: Levels, options: HierarchicalOptions = {}): HierarchicalEstimate {
  const { statistic = "meanOfMeans", resamples = 5_000, confidence = 0.95, seed = 1, blockLength = 1 } = options;
  requireProbability(confidence, "the confidence");
  const root = toNode(levels, "a hierarchical bootstrap");
  const depth = depthOf(root);
  const draw = options.draw ?? Array.from({ length: depth }, () => true);
  if (draw.length !== depth) {
    throw new SampleError(`${draw.length} flags for ${depth} levels`, {
      hint: "say for each level whether it is drawn, the outermost first",
    });
  }
  const random = generator(seed);
  const distribution = new Float64Array(resamples);
  if (statistic === "meanOfMeans") {
    for (let r = 0; r < resamples; r++) distribution[r] = drawnMean(root, draw, 0, blockLength, random);
  } else {
    for (let r = 0; r < resamples; r++) {
      const parts: Float64Array[] = [];
      collectDrawn(root, draw, 0, blockLength, random, parts);
      distribution[r] = statistic(concatenate(parts));
    }
  }
  const pooled: Float64Array[] = [];
  collectDrawn(
    root,
    draw.map(() => false),
    0,
    1,
    random,
    pooled,
  );
  const centre = mean(distribution);
  return {
    estimate: statistic === "meanOfMeans" ? meanOf(root) : statistic(concatenate(pooled)),
    ...percentileInterval(distribution, confidence),
    confidence,
    resamples,
    seed,
    standardError: Math.sqrt(mean(distribution.map((value) => (value - centre) ** 2))),
    topLevelUnits: root.kind === "leaf" ? root.values.length : root.units.length,
  };
}

function drawnMean(
  node: Node,
  draw: readonly boolean[],
  level: number,
  blockLength: number,
  random: Generator,
): number {
  if (node.kind === "leaf") {
    const { values } = node;
    if (draw[level] !== true) return mean(values);
    if (blockLength > 1) return mean(drawnBlocks(values, blockLength, random));
    return sumOfDraws(values, random) / values.length;
  }
  const { units } = node;
  let total = 0;
  for (let i = 0; i < units.length; i++) {
    const unit = units[draw[level] === true ? random.below(units.length) : i] as Node; // below its length
    total += drawnMean(unit, draw, level + 1, blockLength, random);
  }
  return total / units.length;
}

function collectDrawn(
  node: Node,
  draw: readonly boolean[],
  level: number,
  blockLength: number,
  random: Generator,
  into: Float64Array[],
): void {
  if (node.kind === "leaf") {
    into.push(draw[level] === true ? drawnBlocks(node.values, blockLength, random) : node.values);
    return;
  }
  for (let i = 0; i < node.units.length; i++) {
    const unit = node.units[draw[level] === true ? random.below(node.units.length) : i] as Node; // below its length
    collectDrawn(unit, draw, level + 1, blockLength, random, into);
  }
}

/** Circular blocks of consecutive values, as many as make up the length; the last one is cut (Politis and Romano 1992). */
function drawnBlocks(values: Float64Array, blockLength: number, random: Generator): Float64Array {
  const drawn = new Float64Array(values.length);
  for (let i = 0; i < drawn.length;) {
    const start = random.below(values.length);
    for (let k = 0; k < blockLength && i < drawn.length; k++, i++)
      drawn[i] = values[(start + k) % values.length] as number; // a remainder of its length
  }
  return drawn;
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
