import type { HostSamples, TrialLog } from "../../analysis/report/index.ts";
import { defaultLogLimits, parseSamples, showLog } from "../../analysis/report/index.ts";
import type { Artifact, AttemptManifest } from "../../core/evidence/attempt-manifest.ts";
import { attemptManifestSchema } from "../../core/evidence/attempt-manifest.ts";
import { classifyRunFile } from "../../core/evidence/run-files.ts";
import { readRecord } from "../../core/flow/effects.ts";
import type { AttemptRef } from "../../core/names/keys.ts";
import { attemptKeys, attemptPrefix, runKeys, runPrefix } from "../../core/names/keys.ts";
import type { Key, ObjectStore } from "../../core/ports/object-store.ts";
import { outcomeRecordSchema } from "../../core/records/schemas.ts";

/** What a trial's page takes from the store. */
export interface TrialContent {
  readonly manifest: AttemptManifest | undefined;
  readonly otherAttempts: readonly { readonly attempt: number; readonly outcome: string; readonly message: string }[];
  readonly samples: Readonly<Record<string, HostSamples>>;
  readonly logs: readonly TrialLog[];
  readonly leftOutLogs: number;
}

const isLog = (path: string): boolean => /\.(?:out|err|log|txt)$/.test(path);
/** A page with more of them is slow to open. */
const mostLogs = 60;
/** One sample a second and unit: many hours. */
const mostSampleBytes = 32 * 1024 ** 2;

/** @param trialKey names the valid attempt; without one the last attempt is shown */
export async function readTrial(
  store: ObjectStore,
  trial: { readonly runId: string; readonly pointKey: string; readonly trialIndex: number; readonly trialKey: string },
): Promise<TrialContent> {
  const outcome = await readRecord(store, runKeys(trial.runId).outcome(trial.trialKey), outcomeRecordSchema);
  const { attempts, live } = await listAttempts(store, trial);
  const chosen: AttemptRef | undefined = outcome?.value ?? attempts.at(-1);
  const manifest = chosen && (await readRecord(store, attemptKeys(chosen).manifest, attemptManifestSchema))?.value;
  const otherAttempts = [];
  for (const ref of attempts) {
    if (chosen !== undefined && attemptPrefix(ref) === attemptPrefix(chosen)) continue;
    const other = (await readRecord(store, attemptKeys(ref).manifest, attemptManifestSchema))?.value;
    if (other === undefined) continue;
    const failures =
      other.outcome.kind === "failed"
        ? [other.outcome.failure]
        : other.outcome.kind === "invalid"
          ? other.outcome.failures
          : [];
    otherAttempts.push({
      attempt: ref.attempt,
      outcome: other.outcome.kind,
      message: failures.map((failure) => `${failure.class}: ${failure.message}`).join("; "),
    });
  }
  const samples: Record<string, HostSamples> = {};
  const logs: TrialLog[] = [];
  let leftOutLogs = 0;
  for (const artifact of manifest?.artifacts ?? []) {
    const { host, path } = placeOf(artifact);
    if (path === "samples.csv") {
      const bytes = await readEnds(store, trial.runId, artifact, { headBytes: mostSampleBytes, tailBytes: 0 });
      samples[host] = parseSamples(new TextDecoder().decode(bytes));
    } else if (isLog(path)) {
      if (logs.length >= mostLogs) leftOutLogs++;
      else logs.push(await readLog(store, manifest?.runId ?? trial.runId, artifact));
    }
  }
  const growing = live.filter(({ attempt }) => attempt > (manifest?.attempt ?? 0));
  return {
    manifest,
    otherAttempts,
    samples,
    logs: [...logs, ...(await readLive(store, growing))],
    leftOutLogs,
  };
}

/** `{point}/trial-{n}/attempt-{k}/{host}/{path}` */
function placeOf({ key }: Artifact): { readonly host: string; readonly path: string } {
  const [, , , host = "", ...path] = key.split("/");
  return { host, path: path.join("/") };
}

interface LiveChunk {
  readonly attempt: number;
  readonly host: string;
  readonly path: string;
  readonly key: Key;
}

async function listAttempts(
  store: ObjectStore,
  trial: { readonly runId: string; readonly pointKey: string; readonly trialIndex: number },
): Promise<{ readonly attempts: readonly AttemptRef[]; readonly live: readonly LiveChunk[] }> {
  const prefix = `${runPrefix(trial.runId)}/${trial.pointKey}/trial-${trial.trialIndex}/`;
  const attempts: AttemptRef[] = [];
  const live: LiveChunk[] = [];
  for await (const { key } of store.list(prefix)) {
    const file = classifyRunFile(trial.runId, key);
    if (file.kind === "manifest") attempts.push(file.attempt);
    if (file.kind !== "live" || file.attempt === undefined) continue;
    const [host = "", ...path] = file.of.slice(attemptPrefix(file.attempt).length + 1).split("/");
    live.push({ attempt: file.attempt.attempt, host, path: path.join("/"), key });
  }
  return { attempts: attempts.sort((a, b) => a.attempt - b.attempt), live };
}

async function readLog(store: ObjectStore, runId: string, artifact: Artifact): Promise<TrialLog> {
  const { host, path } = placeOf(artifact);
  const { headBytes, tailBytes } = defaultLogLimits;
  if (artifact.bytes <= headBytes + tailBytes) {
    const whole = await readEnds(store, runId, artifact, { headBytes: artifact.bytes, tailBytes: 0 });
    return { host, path, bytes: artifact.bytes, isPartial: !artifact.complete, ...showLog(whole) };
  }
  // The two ends as one, with the limits at the seam: what is between them was never read.
  const ends = await readEnds(store, runId, artifact, { headBytes, tailBytes });
  const shown = showLog(ends, { headBytes, tailBytes: tailBytes - 1 });
  const between = artifact.bytes - ends.length;
  return {
    host,
    path,
    bytes: artifact.bytes,
    isPartial: !artifact.complete,
    text: shown.text.replace(/\n… [\d,]+ bytes left out here …\n/, () => {
      const count = (shown.leftOutBytes + between).toLocaleString("en-US");
      return `\n… ${count} bytes left out here …\n`;
    }),
    leftOutBytes: shown.leftOutBytes + between,
  };
}

/** The first and the last bytes of a file, which may be kept in parts; together they are the file where it is short. */
async function readEnds(
  store: ObjectStore,
  runId: string,
  artifact: Artifact,
  { headBytes, tailBytes }: { readonly headBytes: number; readonly tailBytes: number },
): Promise<Uint8Array> {
  const parts = artifact.parts ?? [artifact];
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const part of parts) {
    const end = at + part.bytes;
    const ranges = [
      { from: at, to: Math.min(end, headBytes) },
      { from: Math.max(at, headBytes, artifact.bytes - tailBytes), to: tailBytes > 0 ? end : at },
    ];
    for (const { from, to } of ranges)
      if (to > from) pieces.push(await readRange(store, `${runPrefix(runId)}/${part.key}`, from - at, to - at));
    at = end;
  }
  return Buffer.concat(pieces);
}

async function readRange(store: ObjectStore, key: Key, from: number, to: number): Promise<Uint8Array> {
  const body = await store.read(key, from);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    pieces.push(piece);
    length += piece.length;
    if (length >= to - from) break;
  }
  return Buffer.concat(pieces).subarray(0, to - from);
}

/** Tails of logs that still grow: their last pieces, as far as there is room. */
async function readLive(store: ObjectStore, chunks: readonly LiveChunk[]): Promise<TrialLog[]> {
  const files = new Map<string, LiveChunk[]>();
  for (const chunk of chunks) {
    const name = `${chunk.host}/${chunk.path}`;
    files.set(name, [...(files.get(name) ?? []), chunk]);
  }
  const logs: TrialLog[] = [];
  for (const own of files.values()) {
    const [first] = own;
    if (first === undefined || !isLog(first.path)) continue;
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (const { key } of [...own].reverse()) {
      const stored = await store.get(key);
      if (stored === undefined) continue;
      pieces.unshift(stored.body);
      length += stored.body.length;
      if (length > defaultLogLimits.tailBytes) break;
    }
    const { host, path } = first;
    logs.push({ host, path, bytes: length, isPartial: true, ...showLog(Buffer.concat(pieces)) });
  }
  return logs;
}
