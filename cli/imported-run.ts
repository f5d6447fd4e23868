/** Writes results that somebody else measured as a run of ours, so that figures, claims, reports and `verify` take them. */
import type { LoadedDefinition } from "../core/definition/program.ts";
import type { Clock } from "../core/effects/clock.ts";
import type { JsonObject } from "../core/effects/json.ts";
import { buildAttemptManifest, writeAttemptManifest } from "../core/evidence/attempt-manifest.ts";
import type { Artifact } from "../core/evidence/attempt-manifest.ts";
import { canonicalJson } from "../core/evidence/canonical-json.ts";
import { sealRun } from "../core/evidence/seal-run.ts";
import { sha256Hex } from "../core/evidence/sha256.ts";
import type { Failure } from "../core/errors/failure.ts";
import { toBytes } from "../core/flow/effects.ts";
import { submitRun } from "../core/flow/submit.ts";
import { attemptKeys, buildRunId, runKeys, runPrefix } from "../core/names/keys.ts";
import type { Plan, PlannedPoint } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { counted } from "./output.ts";

/** A trial as it was found. */
export interface FoundTrial {
  readonly sweep: string;
  /** What makes its point; trials of one sweep with equal ones are repeats, numbered as they come. */
  readonly parameters: JsonObject;
  readonly summary: Readonly<Record<string, number>>;
  /** Where it was found, for messages: `ablation/results.csv:12`. */
  readonly origin: string;
  readonly files: readonly { readonly path: string; readonly body: Uint8Array }[];
  /** When it was measured, ms since the epoch, where anything says so. */
  readonly measured?: { readonly fromMs: number; readonly toMs: number } | undefined;
  /** Why its results can't be used. */
  readonly failure?: Failure | undefined;
}

export interface FoundResults {
  readonly trials: readonly FoundTrial[];
  /** Files kept as they are, by their path below the folder: what published figures are drawn from. */
  readonly files: readonly { readonly path: string; readonly body: Uint8Array }[];
  /** What couldn't be read or was left out, with file and line. */
  readonly problems: readonly string[];
}

export interface ImportInto {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly owner: string;
  readonly version: string;
  /** Four letters. */
  readonly suffix: string;
}

export interface ImportedRun {
  readonly runId: string;
  readonly points: number;
  readonly trials: number;
  readonly failed: number;
  readonly rootDigest: string;
}

/** Files are small, and a store takes its time for each. */
const writersAtOnce = 16;

/** Where an imported run keeps the files that it came from. */
export const importedPrefix = (runId: string): string => `${runPrefix(runId)}/imported/`;

/** Writes everything, the seal last. */
export async function writeImportedRun(
  definition: LoadedDefinition,
  { trials, files, problems }: FoundResults,
  { store, clock, owner, version, suffix }: ImportInto,
): Promise<ImportedRun> {
  const now = clock.now();
  const createdAt = new Date(now).toISOString();
  const experiment = definition.spec.name;
  const runId = buildRunId(experiment, now, suffix);
  const writer = `import:${owner}:${createdAt}`;
  const points = pointsOf(trials);
  const plan = planOf(definition, points);
  await submitRun(
    {
      record: {
        ...{ runId, experiment, definitionDigest: definition.digest, owner, createdAt, repriseVersion: version },
        ...{ until: "trials", keep: false, reuse: "run", deploymentsAtOnce: 1 },
      },
      definitionText: definition.text,
      plan,
      bundle: new Uint8Array(),
      sha256: sha256Hex,
    },
    store,
  );
  for (const { path, body } of files) await store.putIfAbsent(`${importedPrefix(runId)}${path}`, body, writer);
  if (problems.length > 0) await store.putIfAbsent(`${importedPrefix(runId)}problems.json`, toBytes(problems), writer);

  const planDigest = sha256Hex(toBytes(plan));
  const writeTrial = async (point: FoundPoint, trialIndex: number, trial: FoundTrial): Promise<void> => {
    const ref = { runId, pointKey: point.pointKey, trialIndex, attempt: 1 };
    const artifacts: Artifact[] = [];
    for (const { path, body } of trial.files) {
      const key = attemptKeys(ref).artifact("imported", path);
      await store.putIfAbsent(key, body, writer);
      const relative = key.slice(runPrefix(runId).length + 1);
      artifacts.push({ key: relative, bytes: body.length, sha256: sha256Hex(body), complete: true });
    }
    const trialKey = trialKeyOf(point, trialIndex, trial);
    const manifest = buildAttemptManifest({
      ...{ ref, experiment, sweep: point.sweep, parameters: point.parameters, trialKey, seed: 0, epoch: 1, lane: 0 },
      outcome: trial.failure === undefined ? { kind: "valid" } : { kind: "failed", failure: trial.failure },
      deployment: { name: "imported", id: `${runId}-imported-1`, round: 0 },
      hosts: [],
      phases: [],
      artifacts,
      missing: [],
      checks: [{ name: "imported", passed: trial.failure === undefined, detail: trial.origin }],
      summary: trial.summary,
      sources: {},
      ...{ definitionDigest: definition.digest, planDigest, repriseVersion: version },
      // Without a word on when it was measured, when it was read is all that is known.
      startedAt: trial.measured?.fromMs ?? now,
      endedAt: trial.measured?.toMs ?? now,
    });
    const { sha256 } = await writeAttemptManifest(store, manifest, writer);
    if (trial.failure !== undefined) return;
    const outcome = { trialKey, ...ref, manifestSha256: sha256, recordedAt: createdAt };
    await store.putIfAbsent(runKeys(runId).outcome(trialKey), toBytes(outcome), writer);
  };
  const queue = points.flatMap((point) => point.trials.map((trial, trialIndex) => ({ point, trialIndex, trial })));
  await Promise.all(
    Array.from({ length: writersAtOnce }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift())
        await writeTrial(next.point, next.trialIndex, next.trial);
    }),
  );
  const failed = trials.filter(({ failure }) => failure !== undefined).length;
  const total = trials.length;
  const event = async (n: number, kind: string, text: string, data: JsonObject): Promise<void> => {
    const key = `${runKeys(runId).events}${createdAt.replace(/[:.]/g, "-")}-import${n}.json`;
    await store.putIfAbsent(key, toBytes({ at: createdAt, kind, text, data }), writer);
  };
  await event(0, "run-admitted", `${counted(total, "trial")} found`, { epoch: 1, remaining: failed, total });
  await event(1, "imported", `${counted(files.length, "file")} kept, ${problems.length} things to know`, {});
  await event(2, "run-finished", `imported: ${total - failed} of ${total} trials valid`, {
    epoch: 1,
    valid: total - failed,
    total,
  });
  const sealed = await sealRun(store, runId, { now: () => clock.now(), writer });
  return { runId, points: points.length, trials: total, failed, rootDigest: sealed.rootDigest };
}

interface FoundPoint {
  readonly sweep: string;
  readonly pointKey: string;
  readonly parameters: JsonObject;
  readonly trials: readonly FoundTrial[];
}

/** Points in order of first appearance, named by what varies within their sweep. */
function pointsOf(trials: readonly FoundTrial[]): FoundPoint[] {
  const sweeps = new Map<string, Map<string, FoundTrial[]>>();
  for (const trial of trials) {
    const points = sweeps.get(trial.sweep) ?? new Map<string, FoundTrial[]>();
    sweeps.set(trial.sweep, points);
    const name = canonicalJson(trial.parameters);
    points.set(name, [...(points.get(name) ?? []), trial]);
  }
  return [...sweeps].flatMap(([sweep, points]) => {
    const all = [...points.values()].flatMap(([first]) => (first === undefined ? [] : [flat(first.parameters)]));
    const names = [...new Set(all.flatMap((one) => [...one.keys()]))];
    const varied = names.filter((name) => new Set(all.map((one) => one.get(name))).size > 1);
    return [...points].flatMap(([canonical, own]): FoundPoint[] => {
      const [first] = own;
      if (first === undefined) return [];
      const values = flat(first.parameters);
      const words = varied.map((name) => `${name.split(".").at(-1) ?? name}=${values.get(name) ?? ""}`);
      return [{ sweep, pointKey: pointKeyOf(sweep, words, canonical), parameters: first.parameters, trials: own }];
    });
  });
}

/** Longer names make paths that some file systems refuse. */
const longestName = 120;

/** File-safe; cut and told apart by a digest where it would be long, or where characters had to go. */
function pointKeyOf(sweep: string, words: readonly string[], canonical: string): string {
  const full = [sweep, ...(words.length === 0 ? [] : [words.join(",")])].join(".");
  const safe = full.replaceAll(/[^A-Za-z0-9._=+@-]/g, "_");
  const isPlain = safe === full.replaceAll(",", "_") && safe.length <= longestName;
  return isPlain ? safe : `${safe.slice(0, longestName)}-${sha256Hex(canonical).slice(0, 8)}`;
}

function flat(value: object, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    if (typeof item === "object" && item !== null && !Array.isArray(item))
      for (const [name, text] of flat(item, `${prefix}${key}.`)) found.set(name, text);
    else found.set(prefix + key, typeof item === "string" ? item : JSON.stringify(item));
  }
  return found;
}

/** What it is, not where or when it was read: the same results are the same trial in every import. */
const trialKeyOf = ({ sweep, parameters }: FoundPoint, trialIndex: number, trial: FoundTrial): string =>
  sha256Hex(
    canonicalJson({
      imported: sweep,
      parameters,
      trialIndex,
      files: trial.files.map(({ path, body }) => [path, sha256Hex(body)]),
    }),
  );

function planOf(definition: LoadedDefinition, points: readonly FoundPoint[]): Plan {
  return {
    schema: "reprise/plan@1",
    experiment: definition.spec.name,
    title: definition.spec.title ?? definition.spec.name,
    definitionDigest: definition.digest,
    bundle: { sha256: sha256Hex(""), bytes: 0 },
    sources: {},
    deployments: [],
    points: points.map(({ sweep, pointKey, parameters }): PlannedPoint => ({
      ...{ pointKey, sweep, deployment: "imported", parameters, timeoutMs: 0, expectedMs: 0 },
    })),
    blocks: points.map(({ trials, ...point }, index) => ({
      deployment: "imported",
      trials: trials.map((trial, trialIndex) => ({
        ...{ point: index, trialIndex, trialKey: trialKeyOf({ ...point, trials }, trialIndex, trial), seed: 0 },
      })),
    })),
    retries: {},
    stopAfterFailures: undefined,
    budgetDollars: undefined,
    files: definition.files,
  };
}
