/** A trial of ours in the form of a row of `results.csv`: the recorders' files, merged and summed up as the harness did. */
import { describeTrial, MissingArtifactError, numberParameter, ParseError, readText } from "reprise/analysis";
import type { Trial } from "reprise/analysis";
import { aggregate } from "./aggregate.ts";
import { totalLatencyOf, totalThroughputOf } from "./estimators.ts";
import { mergeRecordings, readRecording } from "./recorder-csv.ts";
import type { Recording } from "./recorder-csv.ts";
import { parseResults } from "./results-csv.ts";
import type { OutputLabel, ResultRow } from "./results-csv.ts";

const recorderFile = /(?:^|\/)(?:client_\d+_data\.csv|data\.csv)(?:\.gz)?$/;

/**
 * Metrics of a trial for claims and tables: the papers' throughput and latency, reads and writes together, and of each alone
 * where they are told apart.
 */
export function summaryOf(row: ResultRow): Record<string, number> {
  const each = Object.entries(row.outputs).flatMap(([label, { latencyMs, startThroughputPerSec: rates }]) =>
    label === "all"
      ? []
      : [
          [`${label}LatencyMs`, latencyMs.median],
          ...(rates === undefined ? [] : [[`${label}ThroughputPerSec`, rates.p90]]),
        ],
  );
  return {
    throughputPerSec: totalThroughputOf(row),
    latencyMs: totalLatencyOf(row),
    ...(Object.fromEntries(each) as Record<string, number>), // names with numbers
  };
}

/** What `reprise claims` compares: see {@link summaryOf}. */
export const trialMetrics = async (trial: Trial): Promise<Record<string, number>> =>
  trial.artifacts.some(({ path }) => recorderFile.test(path) || path === "results.csv")
    ? summaryOf(await toResultRow(trial))
    : {};

/**
 * An imported trial brings the harness' own line of `results.csv`; of others the recordings are summed up.
 *
 * @returns a row whose inputs are the trial's own parameters, by their names in the definition
 * @throws {MissingArtifactError} when no client left a recorder file
 * @throws {ParseError} when a line of one isn't understood: recorders are programs
 */
export async function toResultRow(trial: Trial): Promise<ResultRow> {
  const imported = trial.artifacts.find(({ path }) => path === "results.csv");
  if (imported !== undefined) {
    const [row] = parseResults(await readText(imported.open(), imported.key), { file: imported.key }).rows;
    if (row === undefined)
      throw new ParseError({ file: imported.key, lineNumber: 2, problem: "not a row of results.csv" });
    return { ...row, inputs: plainParameters(trial) };
  }
  const recording = withoutWarmup(await readTrialRecording(trial), trial);
  const labels: readonly OutputLabel[] = ["read", "write"];
  const outputs = Object.fromEntries(
    labels.flatMap((label) => {
      const measured = aggregate(recording, { label });
      return measured ? [[label, measured]] : [];
    }),
  );
  return {
    file: trial.artifacts.find(({ path }) => recorderFile.test(path))?.key ?? "",
    lineNumber: 1,
    inputs: plainParameters(trial),
    outputs,
    clients: numberParameter(trial, "clientProcesses") * numberParameter(trial, "clientsPerProcess"),
  };
}

/**
 * The requests of all client processes, sorted by start: of their recorders' files, or of the merged one that an import brings.
 *
 * @throws {MissingArtifactError} when no client left a recorder file
 * @throws {ParseError} when a line of one isn't understood
 */
export async function readTrialRecording(trial: Trial): Promise<Recording> {
  const files = trial.artifacts.filter(({ path }) => recorderFile.test(path));
  if (files.length === 0)
    throw new MissingArtifactError(`${describeTrial(trial)} has no recorder file`, {
      hint: "clients leave client_0_data.csv and so on when they end by themselves: see their stdout",
    });
  const recordings: Recording[] = [];
  for (const { key, open } of files) {
    const recording = await readRecording(open(), key);
    const first = recording.skipped[0];
    if (first)
      throw new ParseError({ file: key, lineNumber: first.lineNumber, problem: `${first.reason}: "${first.line}"` });
    recordings.push(recording);
  }
  return mergeRecordings(recordings);
}

/** EPaxos' clients record their warm-up, too: it ends where all others' recordings begin. */
function withoutWarmup(recording: Recording, trial: Trial): Recording {
  if (trial.parameters["protocol"] !== "epaxos") return recording;
  const { startMs, stopMs, latencyMs, counts, labelCodes } = recording;
  const warmupSec = numberParameter(trial, "warmupSec") + numberParameter(trial, "warmupSleepSec");
  const measuredFromMs = (startMs[0] ?? NaN) + 1_000 * warmupSec;
  const first = startMs.findIndex((start) => start >= measuredFromMs);
  const from = first === -1 ? startMs.length : first;
  return {
    ...recording,
    startMs: startMs.subarray(from),
    stopMs: stopMs.subarray(from),
    latencyMs: latencyMs.subarray(from),
    counts: counts.subarray(from),
    labelCodes: labelCodes.subarray(from),
  };
}

const plainParameters = ({ parameters }: Trial): ResultRow["inputs"] =>
  Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) =>
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[name, value]] : [],
    ),
  );
