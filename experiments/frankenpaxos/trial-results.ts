/** A trial of ours in the form of a row of `results.csv`: the recorders' files, merged and summed up as the harness did. */
import { describeTrial, MissingArtifactError, numberParameter, ParseError } from "reprise/analysis";
import type { Trial } from "reprise/analysis";
import { aggregate } from "./aggregate.ts";
import { mergeRecordings, readRecording } from "./recorder-csv.ts";
import type { Recording } from "./recorder-csv.ts";
import type { OutputLabel, ResultRow } from "./results-csv.ts";

const recorderFile = /(?:^|\/)client_\d+_data\.csv(?:\.gz)?$/;

/**
 * @returns a row whose inputs are the trial's own parameters, by their names in the definition
 * @throws {MissingArtifactError} when no client left a recorder file
 * @throws {ParseError} when a line of one isn't understood: recorders are programs
 */
export async function toResultRow(trial: Trial): Promise<ResultRow> {
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
  const merged = mergeRecordings(recordings);
  const labels: readonly OutputLabel[] = ["read", "write"];
  const outputs = Object.fromEntries(
    labels.flatMap((label) => {
      const measured = aggregate(merged, { label });
      return measured ? [[label, measured]] : [];
    }),
  );
  const inputs = Object.fromEntries(
    Object.entries(trial.parameters).flatMap(([name, value]) =>
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[name, value]] : [],
    ),
  );
  return {
    file: files[0]?.key ?? "",
    lineNumber: 1,
    inputs,
    outputs,
    clients: numberParameter(trial, "clientProcesses") * numberParameter(trial, "clientsPerProcess"),
  };
}
