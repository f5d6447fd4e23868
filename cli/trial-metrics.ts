/**
 * Metrics that an experiment's own code makes of trials, for claims. Recordings take seconds to read, and every page of a run
 * that goes on asks again: what was made is kept, a file a run, under a digest of all that it was made from.
 */
import { join } from "node:path";
import { z } from "zod";
import type { FigureFiles } from "../analysis/write-figure.ts";
import type { Trial } from "../analysis/trials.ts";
import { trialInputs } from "../analysis/trials.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { sha256Hex } from "../core/evidence/sha256.ts";
import { version } from "../engines/embedded/version.ts";
import { loadExperimentModule } from "./figures-module.ts";

/** What a module of figures may export beside them: metrics of a trial that `summary:` can't express. */
type TrialMetrics = (trial: Trial) => Promise<Readonly<Record<string, number>>>;

type Metrics = Readonly<Record<string, number>>;

/** JSON has no NaN: such numbers stand by their names. */
const Kept = z.record(
  z.string(),
  z.record(z.string(), z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)])),
);

export interface MetricsSource {
  /** The metrics of a trial, or why there are none. */
  readonly of: (trial: Trial) => Promise<{ readonly metrics: Metrics } | { readonly problem: string }>;
  /** Keeps those of the trials that were asked for, and no others: call it once all were. */
  readonly keep: () => Promise<void>;
}

/**
 * @param modules of the experiment; the first that exports `trialMetrics` makes them
 * @param kept where `RUN.json` of each run is kept
 * @returns undefined where no module makes any
 */
export async function openMetrics(
  runId: string,
  { folder, modules, cacheFolder, kept }: MetricsPlaces,
): Promise<{ readonly source: MetricsSource | undefined; readonly problems: readonly ModuleProblem[] }> {
  const problems: ModuleProblem[] = [];
  for (const module of new Set(modules)) {
    try {
      const { exports, sourceSha256 } = await loadExperimentModule(join(folder, module), cacheFolder);
      const found = exports["trialMetrics"];
      // Its type is the experiment's contract.
      if (typeof found === "function")
        return { source: await sourceOf(found as TrialMetrics, sourceSha256, { runId, kept }), problems };
    } catch (error) {
      problems.push({ name: module, reason: messageOf(error) });
    }
  }
  return { source: undefined, problems };
}

export interface MetricsPlaces {
  /** Of the experiment. */
  readonly folder: string;
  readonly modules: readonly string[];
  readonly cacheFolder: string;
  readonly kept: FigureFiles;
}

export interface ModuleProblem {
  readonly name: string;
  readonly reason: string;
}

async function sourceOf(
  make: TrialMetrics,
  sourceSha256: string,
  { runId, kept }: { readonly runId: string; readonly kept: FigureFiles },
): Promise<MetricsSource> {
  const path = `${runId}.json`;
  const known = await readKept(path, kept);
  const asked = new Map<string, Metrics>();
  let isNew = false;
  return {
    of: async (trial) => {
      const key = sha256Hex(JSON.stringify({ trial: trialInputs(trial), sourceSha256, version }));
      const before = known[key];
      if (before !== undefined) {
        asked.set(key, before);
        return { metrics: before };
      }
      try {
        const metrics = await make(trial);
        asked.set(key, metrics);
        isNew = true;
        return { metrics };
      } catch (error) {
        return { problem: messageOf(error) };
      }
    },
    keep: async () => {
      if (!isNew) return;
      const text = JSON.stringify(Object.fromEntries(asked), (_, value: unknown) =>
        typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
      );
      await kept.write(path, Buffer.from(text));
    },
  };
}

async function readKept(path: string, kept: Pick<FigureFiles, "read">): Promise<Readonly<Record<string, Metrics>>> {
  const bytes = await kept.read(path);
  if (bytes === undefined) return {};
  try {
    return Kept.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    return {}; // An older version's, or cut short: the metrics are made again.
  }
}
