import { digestOf } from "./digest.ts";
import type { PlannedComparison } from "./types.ts";

/** Which side starts first, by some milliseconds. */
export type StartOrder = "AB" | "BA";

export interface SideTrial {
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly seed: number;
}

/** Who starts first in a trial of a duet: whoever does has an edge, so the sides take turns unless told otherwise. */
export function startOrder(compare: Pick<PlannedComparison, "pattern">, trial: SideTrial): StartOrder {
  switch (compare.pattern) {
    case "AB":
      return "AB";
    case "ABBA":
      return trial.trialIndex % 2 === 0 ? "AB" : "BA";
    case "random":
      return Number.parseInt(digestOf([trial.seed, trial.pointKey]).slice(0, 8), 16) % 2 === 0 ? "AB" : "BA";
    default:
      return compare.pattern satisfies never;
  }
}

/**
 * The CPUs of a side by number, `0-3`; undefined where the kernel decides.
 *
 * With `split` the halves change hands every second trial: CPUs differ, and the change falls together with neither side
 * nor order. Sides that run one after the other are given the same half.
 */
export function cpusOfSide(
  compare: PlannedComparison,
  { arm, trialIndex, vcpus }: { readonly arm: "A" | "B"; readonly trialIndex: number; readonly vcpus: number },
): string | undefined {
  switch (compare.place) {
    case "free":
      return undefined;
    case "same":
      return cpuRange(0, compare.cpus ?? vcpus);
    case "split": {
      const each = compare.cpus ?? Math.max(1, Math.floor(vcpus / 2));
      const isSecond = compare.mode === "duet" && arm === "B";
      const isSwapped = Math.floor(trialIndex / 2) % 2 === 1;
      return cpuRange(isSecond === isSwapped ? 0 : each, each);
    }
    default:
      return compare.place satisfies never;
  }
}

/** Fewer CPUs than this make the sides disturb each other more than anything outside does. */
export const cpusNeeded = ({ mode, place, cpus = 1 }: PlannedComparison): number =>
  place === "split" || (mode === "duet" && place === "free") ? 2 * cpus : cpus;

const cpuRange = (first: number, count: number): string =>
  count === 1 ? String(first) : `${first}-${first + count - 1}`;
