import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { AttemptManifest } from "../../core/evidence/attempt-manifest.ts";
import { attemptManifestSchema } from "../../core/evidence/attempt-manifest.ts";
import { readRecord } from "../../core/flow/effects.ts";
import type { LandedMetrics } from "../../core/monitoring/landed.ts";
import { landedMetrics } from "../../core/monitoring/landed.ts";
import { attemptKeys, attemptPrefix, runKeys, runPrefix } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { outcomeRecordSchema } from "../../core/records/schemas.ts";

export interface MonitoredAttempt {
  readonly manifest: AttemptManifest;
  readonly metrics: Extract<LandedMetrics, { readonly kind: "kept" }>;
}

export interface RunMetrics {
  readonly kept: readonly MonitoredAttempt[];
  /** Attempts whose metrics were more than `maxSize`. */
  readonly tooLarge: readonly string[];
  /** Attempts that kept none: not monitored, or failed before there were any. */
  readonly without: number;
}

/**
 * Which of a run's attempts kept metrics: its own, valid or not, and those of other runs that its results were taken
 * over from. In the order in which they began.
 *
 * @param filter only attempts with this in their path: `{point}/trial-{n}/attempt-{k}`
 */
export async function findMetrics(store: ObjectStore, runId: string, filter = ""): Promise<RunMetrics> {
  const keys = new Set<string>();
  for await (const { key } of store.list(`${runPrefix(runId)}/`)) {
    if (/\/trial-\d+\/attempt-\d+\/manifest\.json$/.test(key)) keys.add(key);
  }
  for await (const { key } of store.list(runKeys(runId).outcomes)) {
    const outcome = await readRecord(store, key, outcomeRecordSchema);
    if (outcome !== undefined) keys.add(attemptKeys(outcome.value).manifest);
  }
  const kept: MonitoredAttempt[] = [];
  const tooLarge: string[] = [];
  let without = 0;
  for (const key of keys) {
    const manifest = (await readRecord(store, key, attemptManifestSchema))?.value;
    if (manifest === undefined) continue;
    const path = attemptPrefix(manifest).slice(runPrefix(manifest.runId).length + 1);
    if (!path.includes(filter)) continue;
    const metrics = landedMetrics(manifest);
    if (metrics.kind === "kept") kept.push({ manifest, metrics });
    else if (metrics.kind === "tooLarge") tooLarge.push(path);
    else without += 1;
  }
  kept.sort((a, b) => (a.manifest.startedAt < b.manifest.startedAt ? -1 : 1));
  return { kept, tooLarge, without };
}

/**
 * Unpacks an attempt's metrics into a folder that it makes.
 *
 * @throws {FailureError} class integrity when the archive isn't what the manifest says
 */
export async function unpackMetrics(
  store: ObjectStore,
  { manifest, metrics }: MonitoredAttempt,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tar = spawn("tar", ["-xzf", "-", "-C", folder], { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  tar.stderr.on("data", (chunk: Buffer) => (said += chunk.toString().slice(0, 2_000)));
  const ended = new Promise<string | undefined>((resolve) => {
    tar.once("error", (error) => {
      resolve(messageOf(error));
    });
    tar.once("close", (code) => {
      resolve(code === 0 ? undefined : `tar: exit code ${String(code)}: ${said.trim()}`);
    });
  });
  tar.stdin.on("error", () => undefined); // it ended early: its exit code says why
  const hash = createHash("sha256");
  for (const key of metrics.keys) {
    for await (const chunk of (await store.read(key)) ?? []) {
      hash.update(chunk);
      if (!tar.stdin.destroyed && !tar.stdin.write(chunk)) {
        await Promise.race([once(tar.stdin, "drain").catch(() => undefined), ended]);
      }
    }
  }
  tar.stdin.end();
  const failure = await ended;
  const isWhole = hash.digest("hex") === metrics.sha256;
  if (isWhole && failure === undefined) return;
  throw new FailureError({
    class: "integrity",
    message: `the metrics of ${attemptPrefix(manifest)} ${isWhole ? `can't be unpacked: ${failure ?? ""}` : "aren't what its manifest says"}`,
    hint: `\`reprise verify ${manifest.runId}\` names every file that isn't as it was`,
  });
}
