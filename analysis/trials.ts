/** What figures are made from: the valid trials of one or more runs, with their artifacts at hand but not yet read. */
import type { JsonObject } from "../core/effects/json.ts";
import { RepriseError } from "../core/errors/reprise-error.ts";
import type { ByteSource } from "./parse/byte-source.ts";

/** A file that a trial left. */
export interface TrialArtifact {
  /** Its place in the store, under the run. */
  readonly key: string;
  readonly host: string;
  /** Its path on the host, or the end of it: `load/requests.csv`. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Its bytes, packed or not, from the start at each call. */
  readonly open: () => ByteSource;
}

/** How a trial belongs to a comparison of A and B. */
export interface TrialComparison {
  readonly mode: "interleaved" | "duet" | "independent";
  /** Whether a duet's sides waited for each other before every iteration. */
  readonly barrier: boolean;
  readonly place: "free" | "split" | "same";
  /** Its side; none in a duet, which measures both. */
  readonly arm: "A" | "B" | undefined;
  /** Which side of a duet started first. */
  readonly order: "AB" | "BA" | undefined;
}

export interface Trial {
  readonly runId: string;
  readonly experiment: string;
  readonly sweep: string;
  readonly pointKey: string;
  readonly parameters: JsonObject;
  readonly trialIndex: number;
  readonly trialKey: string;
  readonly attempt: number;
  /** The metrics that the definition's `summary:` named. */
  readonly summary: Readonly<Record<string, number>>;
  readonly artifacts: readonly TrialArtifact[];
  /** Only where its sweep compares. */
  readonly comparison?: TrialComparison;
}

/** A trial without the file that a figure needs. */
export class MissingArtifactError extends RepriseError {
  override readonly name = "MissingArtifactError";
}

/**
 * The artifacts of a trial with this file name, one a host, by host.
 *
 * @param fileName the last part of the path, or more of it: `requests.csv`, `load/requests.csv`; also with `.gz`
 * @throws {MissingArtifactError} when no host left one
 */
export function artifactsNamed(trial: Trial, fileName: string): TrialArtifact[] {
  const found = trial.artifacts
    .filter(({ path }) => [fileName, `${fileName}.gz`].some((name) => path === name || path.endsWith(`/${name}`)))
    .sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.path < b.path ? -1 : 1));
  if (found.length > 0) return found;
  throw new MissingArtifactError(`${describeTrial(trial)} has no file ${fileName}`, {
    hint: `it has ${trial.artifacts.map(({ path }) => path).join(", ") || "no files"}; is the file in the step's collect:?`,
  });
}

/** How a trial is named in messages. */
export const describeTrial = ({ runId, pointKey, trialIndex }: Trial): string =>
  `${runId} ${pointKey} trial ${trialIndex}`;

/** A parameter that must be a number. @throws {RepriseError} when it isn't */
export function numberParameter(trial: Trial, name: string): number {
  const value = trial.parameters[name];
  if (typeof value === "number") return value;
  throw parameterError(trial, name, "a number");
}

/** A parameter that must be text; numbers and booleans are written out. */
export function textParameter(trial: Trial, name: string): string {
  const value = trial.parameters[name];
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw parameterError(trial, name, "text");
}

/** A parameter of another kind than a figure takes it for. */
export class TrialParameterError extends RepriseError {
  override readonly name = "TrialParameterError";
}
const parameterError = (trial: Trial, name: string, kind: string): TrialParameterError =>
  new TrialParameterError(
    `${describeTrial(trial)}: parameter ${name} is ${JSON.stringify(trial.parameters[name])}, not ${kind}`,
    { hint: `its parameters are ${Object.keys(trial.parameters).join(", ")}` },
  );

/** All of a trial that decides what is made of it: its artifacts by their digests, without their readers. */
export const trialInputs = ({ artifacts, ...trial }: Trial): object => ({
  ...trial,
  artifacts: artifacts.map(({ key, sha256 }) => [key, sha256]),
});

/** The same trials, with a list of the artifacts that were opened: what a figure's numbers really rest on. */
export function watchReads(trials: readonly Trial[]): { trials: Trial[]; opened: () => TrialArtifact[] } {
  const opened = new Map<string, TrialArtifact>();
  return {
    trials: trials.map((trial) => ({
      ...trial,
      artifacts: trial.artifacts.map((artifact) => ({
        ...artifact,
        open: () => {
          opened.set(`${trial.runId}/${artifact.key}`, artifact);
          return artifact.open();
        },
      })),
    })),
    opened: () => [...opened].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, artifact]) => artifact),
  };
}
