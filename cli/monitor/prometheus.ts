import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { withoutVariables } from "../../core/monitoring/queries.ts";
import type { Child } from "./child.ts";
import { freePort, startChild } from "./child.ts";

export interface PrometheusPlace {
  readonly program: string;
  /** A folder of this command's own, that goes with it. */
  readonly work: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const readyTimeoutMs = 120_000;

/** Serves a folder of data to this machine, scraping nothing. */
async function startPrometheus(
  place: PrometheusPlace,
  options: { readonly data: string; readonly port: number; readonly flags: readonly string[] },
): Promise<Child & { readonly url: string }> {
  const { program, work, clock, signal } = place;
  const { data, port, flags } = options;
  const config = join(work, "prometheus.yml");
  await writeFile(config, "global: {}\n");
  const url = `http://127.0.0.1:${port}`;
  const child = await startChild({
    name: "Prometheus",
    argv: [
      program,
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      "--storage.tsdb.retention.time=100y",
      `--web.listen-address=127.0.0.1:${port}`,
      ...flags,
    ],
    cwd: work,
    log: join(work, `prometheus-${port}.log`),
    readyUrl: `${url}/-/ready`,
    readyTimeoutMs,
    clock,
    signal,
  });
  return { ...child, url };
}

const snapshotAnswer = z.object({ status: z.literal("success"), data: z.object({ name: z.string() }) });

/**
 * Turns one trial's data, part of which is still the log that Prometheus writes first, into finished blocks, and moves
 * them to where those of all trials come together. The trial's own folder is gone then.
 */
export async function addBlocks(place: PrometheusPlace, data: string, blocks: string): Promise<void> {
  const port = await freePort(0);
  const prometheus = await startPrometheus(place, { data, port, flags: ["--web.enable-admin-api"] });
  try {
    const answer = await fetch(`${prometheus.url}/api/v1/admin/tsdb/snapshot`, {
      method: "POST",
      signal: place.signal,
    });
    const body: unknown = await answer.json();
    const snapshot = snapshotAnswer.safeParse(body);
    if (!snapshot.success) {
      throw new FailureError({ class: "command", message: `Prometheus made no snapshot: ${JSON.stringify(body)}` });
    }
    const folder = join(data, "snapshots", snapshot.data.data.name);
    await mkdir(blocks, { recursive: true });
    for (const block of await readdir(folder)) await rename(join(folder, block), join(blocks, block));
  } finally {
    await prometheus.stop("SIGKILL"); // it is a copy's copy: nothing is lost
  }
  await rm(data, { recursive: true, force: true });
}

/**
 * Serves blocks of all trials.
 *
 * @param lookbackMs how long a sample counts as the value of now: a trial's last ones should not reach into the next
 */
export const serveBlocks = (
  place: PrometheusPlace,
  options: { readonly blocks: string; readonly port: number; readonly lookbackMs: number },
): Promise<Child & { readonly url: string }> =>
  startPrometheus(place, {
    data: options.blocks,
    port: options.port,
    flags: [`--query.lookback-delta=${options.lookbackMs}ms`],
  });

const refusal = z.object({ status: z.literal("error"), error: z.string() });

/** Why Prometheus would refuse a dashboard's query, or undefined. */
export async function refusedQuery(url: string, query: string): Promise<string | undefined> {
  const body = new URLSearchParams({ query: withoutVariables(query) });
  const answer = await fetch(`${url}/api/v1/format_query`, { method: "POST", body });
  const parsed = refusal.safeParse(await answer.json());
  return parsed.success ? parsed.data.error : undefined;
}
