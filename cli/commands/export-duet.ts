import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { stringify } from "yaml";
import { basePoint } from "../../analysis/compare/compare-trials.ts";
import { nameResults } from "../../analysis/duet/export-names.ts";
import type { NamedResult } from "../../analysis/duet/export-names.ts";
import { iterationsCsv } from "../../analysis/duet/from-trials.ts";
import { builtInSuites } from "../../analysis/duet/read-results.ts";
import { textParameter } from "../../analysis/trials.ts";
import type { Trial, TrialArtifact } from "../../analysis/trials.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { attemptManifestSchema } from "../../core/evidence/attempt-manifest.ts";
import type { AttemptManifest } from "../../core/evidence/attempt-manifest.ts";
import { requireRecord } from "../../core/flow/effects.ts";
import { runPrefix } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { imageFile } from "../../core/render/container.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { mappingsFile } from "../duet/results.ts";
import { findRun, openStore } from "../home.ts";
import { loadTrials } from "../load-trials.ts";
import type { CommandContext } from "../context.ts";
import { counted } from "../output.ts";

export interface ExportOptions {
  readonly suite?: string;
  /** Parameter that names benchmarks. */
  readonly benchmark?: string;
  readonly file?: readonly string[];
  readonly point?: string;
}

/**
 * Writes a comparison's results as the original duet tool leaves them: raw files under its names, facts of the host in
 * `artifacts/`; a folder for each host where there are several. `reprise import duet` and that tool's own scripts read them.
 */
export async function exportDuet(
  context: CommandContext,
  name: string,
  folder: string,
  options: ExportOptions,
): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  const { plan } = await openStoredRun(runId, store);
  const trials = (await loadTrials(store, runId, plan)).filter(
    ({ comparison, pointKey }) =>
      comparison !== undefined && (options.point === undefined || pointKey.includes(options.point)),
  );
  if (trials.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} has no valid trial of a comparison${options.point === undefined ? "" : ` with "${options.point}"`}`,
      hint: "results of the duet tool have sides A and B: give a sweep a `compare:`",
    });
  }
  await checkEmpty(folder);
  const suite = options.suite ?? plan.experiment.replace(/^duet-/, "");
  const benchmark = benchmarkOf(trials, options.benchmark);
  const results = nameResults(trials, {
    suite,
    benchmark,
    ...(options.file === undefined ? {} : { files: options.file }),
  }).filter(({ path }) => !path.endsWith(`.${imageFile}`));
  const hosts = [...new Set(results.map(({ host }) => host))].sort();
  const folderOf = (host: string): string => (hosts.length === 1 ? folder : join(folder, host));
  for (const { host, path, artifact } of results) await writeArtifact(artifact, join(folderOf(host), path));
  for (const host of hosts) {
    const first = results.find((result) => result.host === host);
    if (first !== undefined) await writeFacts(store, first, folderOf(host));
    if (!builtInSuites.includes(suite)) {
      // What a harness of one's own is best off with; of another format, the experiment's author says which.
      await writeFile(join(folderOf(host), mappingsFile), stringify({ [suite]: iterationsCsv }));
    }
  }
  output.line(`${counted(results.length, "result")} of ${counted(trials.length, "trial")} in ${folder}`);
  if (!builtInSuites.includes(suite)) {
    output.note(
      `${mappingsFile} says how suite "${suite}" is read back: start_ns and duration_ns of a CSV; mend it if it isn't so`,
    );
  }
  output.result({ runId, folder, suite, hosts, results: results.map(({ host, path }) => ({ host, path })) });
  return 0;
}

/** The parameter that is asked for, else `benchmark` where there is one, else what the point is called. */
function benchmarkOf(trials: readonly Trial[], parameter: string | undefined): (trial: Trial) => string {
  const has = (name: string): boolean => trials.every((trial) => trial.parameters[name] !== undefined);
  if (parameter !== undefined && !has(parameter)) {
    throw new FailureError({
      class: "invalid",
      message: `no parameter is called ${parameter}`,
      hint: `there are ${Object.keys(trials[0]?.parameters ?? {}).join(", ")}`,
    });
  }
  const named = parameter ?? (has("benchmark") ? "benchmark" : undefined);
  if (named !== undefined) return (trial) => textParameter(trial, named);
  // A point of default values is its sweep: `words.default` is words.
  return ({ pointKey }) => basePoint(pointKey).replace(/\.default$/, "");
}

async function checkEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  if (entries.length === 0) return;
  throw new FailureError({ class: "invalid", message: `${folder} isn't empty`, hint: "choose a new folder" });
}

/** @throws {FailureError} class integrity when the bytes aren't those that the manifest lists */
async function writeArtifact(artifact: TrialArtifact, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const hash = createHash("sha256");
  await pipeline(
    Readable.from(artifact.open()),
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path),
  );
  if (hash.digest("hex") !== artifact.sha256) {
    throw new FailureError({
      class: "integrity",
      message: `${artifact.key} in the store isn't what its manifest lists`,
    });
  }
}

const factNames = ["date", "hostname", "uname", "lscpu", "meminfo"] as const;

/** What the experiment kept of the host in `artifacts/`, as the original's configs do; the rest from the trial's manifest. */
async function writeFacts(store: ObjectStore, { trial, host, artifact }: NamedResult, folder: string): Promise<void> {
  await mkdir(join(folder, "artifacts"), { recursive: true });
  // The attempt that was measured may be of another point, whose trial is the same.
  const attempt = artifact.key.slice(0, artifact.key.indexOf(`/${host}/`));
  const manifest = await requireRecord(
    store,
    `${runPrefix(trial.runId)}/${attempt}/manifest.json`,
    attemptManifestSchema,
  );
  const known = factsOf(manifest, host);
  for (const name of factNames) {
    const kept = trial.artifacts.find(
      (artifact) => artifact.host === host && artifact.path.endsWith(`artifacts/${name}`),
    );
    const path = join(folder, "artifacts", name);
    if (kept !== undefined) await writeArtifact(kept, path);
    else if (known[name] !== undefined) await writeFile(path, `${known[name]}\n`);
  }
}

function factsOf(manifest: AttemptManifest, name: string): Partial<Record<(typeof factNames)[number], string>> {
  const facts = manifest.hosts.find((host) => host.name === name)?.facts;
  return {
    date: manifest.startedAt,
    hostname: name,
    ...(facts === undefined
      ? {}
      : {
          uname: `Linux ${name} ${facts.kernel} ${facts.architecture}`,
          lscpu: `Model name: ${facts.cpuModel}`,
          meminfo: `MemTotal: ${Math.round(facts.memoryBytes / 1024)} kB`,
        }),
  };
}
