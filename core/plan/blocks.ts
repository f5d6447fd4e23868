import type { LoadedDefinition } from "../definition/program.ts";
import type { SweepSpec } from "../definition/schema.ts";
import { seededRandom, shuffled } from "../effects/random.ts";
import { digestOf } from "./digest.ts";
import type { SweepPoint } from "./points.ts";

/** One measurement as a block names it, before it has a key. */
export interface TrialSlot {
  readonly point: SweepPoint;
  readonly arm: "A" | "B" | undefined;
  readonly trialIndex: number;
}

/** Trials that one lane runs without letting go. */
export type BlockSlots = readonly TrialSlot[];

/** The trials of a sweep in the order in which they are to run, as blocks. */
export function orderBlocks(definition: LoadedDefinition, name: string, points: readonly SweepPoint[]): BlockSlots[] {
  const sweep = definition.spec.sweeps[name];
  if (sweep === undefined) throw new TypeError(`no sweep ${name}`); // names were checked when read
  const ordered = sweep.order === "interleaved" ? interleave(points) : points;
  const shuffle = <T>(items: readonly T[], pass: number): readonly T[] =>
    sweep.order === "random" ? shuffled(items, orderRandom(definition, name, pass)) : items;

  const units = ordered.flatMap((point) => unitsOf(point, sweep));
  const blocksOf = (unit: OrderUnit, pass: number): BlockSlots => buildBlock(unit, pass, sweep, definition.spec.seed);
  const passes = Array.from({ length: passCount(sweep) }, (_, pass) => pass);
  switch (sweep.repeat) {
    case "passes":
      return passes.flatMap((pass) => shuffle(units, pass).map((unit) => blocksOf(unit, pass)));
    case "adjacent":
      return shuffle(units, 0).flatMap((unit) => passes.map((pass) => blocksOf(unit, pass)));
    case "mixed":
      return [
        ...shuffle(
          passes.flatMap((pass) => units.map((unit) => blocksOf(unit, pass))),
          0,
        ),
      ];
    default:
      return sweep.repeat satisfies never;
  }
}

/** What is ordered: a point, one side of it, or both sides as a pair. */
interface OrderUnit {
  readonly point: SweepPoint;
  readonly arms: readonly ("A" | "B" | undefined)[];
}

function unitsOf(point: SweepPoint, sweep: SweepSpec): OrderUnit[] {
  const mode = sweep.compare?.mode;
  switch (mode) {
    case undefined:
    case "duet":
      return [{ point, arms: [undefined] }];
    case "independent":
      return [
        { point, arms: ["A"] },
        { point, arms: ["B"] },
      ];
    case "interleaved":
      return [{ point, arms: ["A", "B"] }];
    default:
      return mode satisfies never;
  }
}

const isAbba = (sweep: SweepSpec): boolean => sweep.compare?.mode === "interleaved" && sweep.compare.pattern === "ABBA";

/** A pass of ABBA measures two trials of each side. */
const passCount = (sweep: SweepSpec): number => (isAbba(sweep) ? Math.ceil(sweep.trials / 2) : sweep.trials);

function buildBlock(unit: OrderUnit, pass: number, sweep: SweepSpec, seed: number): BlockSlots {
  const { point, arms } = unit;
  const slots = (trialIndex: number, order: OrderUnit["arms"]): TrialSlot[] =>
    trialIndex < sweep.trials ? order.map((arm) => ({ point, arm, trialIndex })) : [];
  const backwards = [...arms].reverse();
  if (isAbba(sweep)) return [...slots(2 * pass, arms), ...slots(2 * pass + 1, backwards)];
  if (arms.length === 2 && sweep.compare?.pattern === "random") {
    const draw = seededRandom(Number.parseInt(digestOf([seed, point.key, pass]).slice(0, 8), 16)).next();
    return slots(pass, draw < 0.5 ? arms : backwards);
  }
  return slots(pass, arms);
}

const orderRandom = (definition: LoadedDefinition, sweep: string, pass: number) =>
  seededRandom(Number.parseInt(digestOf([definition.spec.seed, sweep, pass]).slice(0, 8), 16));

/** Makes the slowest axis the fastest, so that what it compares alternates; added points stay behind. */
function interleave(points: readonly SweepPoint[]): readonly SweepPoint[] {
  const rotated = (point: SweepPoint): readonly number[] => {
    const [slowest, ...others] = point.position ?? [];
    return slowest === undefined ? [] : [...others, slowest];
  };
  return [...points].sort((a, b) => {
    if (a.position === undefined || b.position === undefined) {
      return Number(a.position === undefined) - Number(b.position === undefined);
    }
    const left = rotated(a);
    const right = rotated(b);
    const at = left.findIndex((value, index) => value !== right[index]);
    return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
  });
}
