import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

/** The papers' own results and what is known of them, beside the checkout; tests that need them are skipped elsewhere. */
const sharedRoot = new URL("../../../../shared/", import.meta.url);

/**
 * The published data; `REPRISE_FRANKENPAXOS_DATA` names a fuller one: the `benchmarks` folder of an upstream checkout has
 * the sources of all figures.
 */
const checkout = process.env["REPRISE_FRANKENPAXOS_DATA"];
const publishedRoot = checkout ? pathToFileURL(`${checkout}/`) : new URL("published/frankenpaxos/", sharedRoot);
const hasShared = existsSync(publishedRoot) && existsSync(new URL("systems/frankenpaxos.reference.json", sharedRoot));

export const hasPublished = (path: string): boolean => hasShared && existsSync(new URL(path, publishedRoot));

/** `describe`, or a visibly skipped one where the published data is absent. */
export const describeShared = hasShared ? describe : describe.skip;

/** A file below the published folder; undefined where there is none. */
export const readPublishedFile = async (path: string): Promise<Uint8Array | undefined> => {
  const url = new URL(path, publishedRoot);
  return existsSync(url) ? readFile(url) : undefined;
};

/** The parts of the reference that tests compare with. */
export interface Reference {
  readonly figures: Readonly<Record<string, ReferenceFigure>>;
  readonly derived: Readonly<Record<string, { readonly value: number }>>;
  readonly time_series: Readonly<
    Record<string, { readonly configurations: Readonly<Record<string, Readonly<Record<string, ReferenceWindow>>>> }>
  >;
  readonly time_series_samples: Readonly<Record<string, unknown>>;
  readonly hyperparameter_best: Readonly<Record<string, ReferenceTuning>>;
  readonly aggregator_golden: Readonly<
    Record<
      string,
      Readonly<Record<"latency" | "start_throughput_1s" | "start_throughput_1s_untrimmed", Record<string, number>>> & {
        readonly rows: number;
      }
    >
  >;
}

/** A chart of a tuning sweep: how many lines it has, and the best three. */
export interface ReferenceTuning {
  readonly number_of_series: number;
  readonly top_series: readonly {
    readonly group: Readonly<Record<string, string | number>>;
    readonly x_values?: readonly number[];
    /** Of lines over what was varied. */
    readonly best?: { readonly x: number; readonly y: number; readonly n: number; readonly n_kept: number };
    /** Of latency over throughput, the latter in thousands a second. */
    readonly peak?: { readonly clients: number; readonly x: number; readonly y: number };
  }[];
}

export interface ReferencePoint {
  readonly clients?: number;
  readonly label?: string;
  readonly x: number;
  readonly y: number;
  readonly x_std?: number;
  readonly y_std?: number;
  readonly n?: number;
  readonly n_kept?: number;
  readonly n_kept_x?: number;
}

export interface ReferenceFigure {
  readonly x: { readonly name: string; readonly unit?: string };
  readonly y: { readonly name: string; readonly unit?: string };
  readonly series?: readonly { readonly label: string; readonly points: readonly ReferencePoint[] }[];
  readonly bars?: readonly (ReferencePoint & { readonly label: string })[];
  readonly sources: readonly string[];
}

export interface ReferenceWindow {
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly std: number;
  readonly n?: number;
  readonly value?: number;
}

export const readReference = (): Reference | undefined =>
  hasShared
    ? (JSON.parse(readFileSync(new URL("systems/frankenpaxos.reference.json", sharedRoot), "utf8")) as Reference) // Written beside us.
    : undefined;

/** Relative distance, absolute where the reference is 0. */
export const deviation = (ours: number, reference: number): number =>
  reference === 0 ? Math.abs(ours) : Math.abs(ours - reference) / Math.abs(reference);

/** A runnable upstream script's points, as text just as results.csv would print them. */
export interface UpstreamSweep {
  readonly runs: number;
  readonly distinct_points: number;
  readonly constants: Readonly<Record<string, string>>;
  readonly varying: readonly string[];
  readonly points: readonly (readonly string[])[];
}

export const readSweeps = (): Readonly<Record<string, UpstreamSweep>> =>
  (
    JSON.parse(readFileSync(new URL("systems/frankenpaxos.reference.json", sharedRoot), "utf8")) as {
      readonly sweeps: Readonly<Record<string, UpstreamSweep>>; // Written beside us.
    }
  ).sweeps;
