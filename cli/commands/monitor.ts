import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDurationMs } from "../../core/definition/quantities.ts";
import type { MonitoringSpec } from "../../core/definition/schema.ts";
import { hasExpressions } from "../../core/definition/template.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { ownDashboards } from "../../core/monitoring/own-dashboards.ts";
import { prometheusDuration } from "../../core/monitoring/scrape-config.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import type { CommandContext } from "../context.ts";
import { cacheFolder, findRun, openStore } from "../home.ts";
import { Interrupts } from "../interrupts.ts";
import type { BlockCache } from "../monitor/block-cache.ts";
import { cachedBlocks, linkBlocks, pruneBlocks } from "../monitor/block-cache.ts";
import { freePort } from "../monitor/child.ts";
import type { Child } from "../monitor/child.ts";
import { startGrafana, writeProvisioning } from "../monitor/grafana.ts";
import type { Provisioned } from "../monitor/grafana.ts";
import type { MonitoredAttempt, RunMetrics } from "../monitor/metrics.ts";
import { findMetrics, unpackMetrics } from "../monitor/metrics.ts";
import { findGrafana, findProgram, isProgram } from "../monitor/programs.ts";
import type { PrometheusPlace } from "../monitor/prometheus.ts";
import { addBlocks, refusedQuery, serveBlocks } from "../monitor/prometheus.ts";
import { readStoredRun } from "../stored-definition.ts";
import { counted } from "../output.ts";

interface Options {
  readonly port: string;
  readonly grafanaPort: string;
  readonly output?: string;
  readonly prometheus?: string;
  readonly grafana?: string | false;
}

/** Serves a run's metrics again: Prometheus on a copy of what its trials kept, and Grafana where there is one. */
export async function monitor(
  context: CommandContext,
  name: string,
  filter: string | undefined,
  options: Options,
): Promise<number> {
  const { output, home } = context;
  const ports = { prometheus: portOf("--port", options.port), grafana: portOf("--grafana-port", options.grafanaPort) };
  const program = prometheusProgram(options.prometheus);
  const store = openStore(home);
  const runId = await findRun(store, name);
  const { definition } = await readStoredRun(store, runId);
  const { monitoring, title, name: experiment } = definition.spec;
  const metrics = await findMetrics(store, runId, filter);
  if (monitoring === undefined || metrics.kept.length === 0) throw nothingKept(runId, filter, metrics);
  for (const path of metrics.tooLarge) output.note(`${path}: its metrics were more than ${monitoring.maxSize}`);

  const interrupts = new Interrupts();
  const stopping = new AbortController();
  interrupts.handle(() => {
    stopping.abort(new FailureError({ class: "cancelled", message: "interrupted" }));
  });
  const work = await mkdtemp(join(tmpdir(), "reprise-monitor-"));
  const children: Child[] = [];
  try {
    const place: PrometheusPlace = { program, work, clock: systemClock, signal: stopping.signal };
    const blocks = join(work, "blocks");
    const cache: BlockCache = {
      folder: join(cacheFolder(home), "metrics"),
      most: mostKept,
      now: () => systemClock.now(),
    };
    await pruneBlocks(cache);
    let read = 0;
    const toRead = metrics.kept.values();
    const readAll = async (): Promise<void> => {
      for (const attempt of toRead) {
        const made = await cachedBlocks(cache, attempt.metrics.sha256, async (into, scratch) => {
          await unpackMetrics(store, attempt, scratch);
          await addBlocks({ ...place, work: scratch }, join(scratch, "tsdb"), into);
        });
        await linkBlocks(made, blocks);
        if (read++ % 10 === 0) output.note(`reading metrics: ${read} of ${metrics.kept.length} trials`);
      }
    };
    await settleAll(Array.from({ length: readersAtOnce }, readAll));
    const prometheus = await serveBlocks(place, {
      blocks,
      port: await freePort(ports.prometheus),
      lookbackMs: lookbackMs(monitoring),
    });
    children.push(prometheus);
    const own = ownDashboards(definition);
    await noteRefused(prometheus.url, own, (text) => output.note(text));
    const provisioned = await writeProvisioning(options.output ?? join(work, "grafana"), {
      ...{ runId, title: title ?? experiment, own, hasNodes: monitoring.nodes, trials: metrics.kept.map(trialOf) },
      prometheusUrl: prometheus.url,
      interval: hasExpressions(monitoring.interval) ? undefined : prometheusDuration(monitoring.interval),
    });
    const found = options.grafana === false ? undefined : findGrafana(options.grafana);
    let grafanaUrl: string | undefined;
    if (found !== undefined) {
      output.note("starting Grafana");
      const port = await freePort(ports.grafana);
      const grafana = await startGrafana(found, provisioned, {
        port,
        work,
        clock: systemClock,
        signal: stopping.signal,
      });
      children.push(grafana);
      grafanaUrl = grafana.url;
    } else if (options.grafana !== false) {
      for (const line of withoutGrafana(provisioned, options.grafana)) output.note(line);
    }
    const { from, to } = rangeOf(metrics.kept);
    output.result({
      ...{ runId, prometheusUrl: prometheus.url, grafanaUrl, provisioning: provisioned.provisioning },
      ...{ dashboards: provisioned.dashboards, trials: metrics.kept.length, tooLarge: metrics.tooLarge, from, to },
    });
    output.line(`Prometheus  ${prometheus.url}/${graphOf(from, to)}`);
    if (grafanaUrl !== undefined) output.line(`Grafana     ${grafanaUrl}/`);
    output.line(`${counted(metrics.kept.length, "trial")} between ${from} and ${to}`);
    output.note("Ctrl-C ends it");
    const interrupted = new Promise<undefined>((resolve) => {
      if (stopping.signal.aborted) resolve(undefined);
      stopping.signal.addEventListener("abort", () => {
        resolve(undefined);
      });
    });
    const died = await Promise.race([interrupted, ...children.map(({ ended }) => ended)]);
    if (died === undefined || stopping.signal.aborted) return 0;
    throw new FailureError({ class: "command", message: `a server ended by itself: ${died}` });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await rm(work, { recursive: true, force: true, maxRetries: 5 });
    interrupts.end();
  }
}

/** Trials whose blocks stay for the next time: at most so many, of some megabytes each. */
const mostKept = 1_000;
/** A Prometheus each, for a second or two. */
const readersAtOnce = 2;

/** Waits for all, so that none goes on behind a failure; then the first failure counts. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === "rejected") throw one.reason;
}

function portOf(flag: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new FailureError({ class: "invalid", message: `${flag} takes a port, not "${text}"` });
}

function prometheusProgram(named: string | undefined): string {
  const program = named ?? findProgram(["prometheus"]);
  if (program !== undefined && isProgram(program)) return program;
  throw new FailureError({
    class: "invalid",
    message: named === undefined ? "this machine has no prometheus on its PATH" : `${named} is no program`,
    hint: "`apt-get install prometheus`, or unpack a release and name it: `--prometheus FILE`",
  });
}

function nothingKept(runId: string, filter: string | undefined, { tooLarge, without }: RunMetrics): FailureError {
  if (tooLarge.length > 0) {
    return new FailureError({
      class: "collect",
      message: `${runId} kept no metrics: those of ${tooLarge.length} attempts were too large`,
      hint: "raise `maxSize` of `monitoring:`, or scrape less often",
    });
  }
  return new FailureError({
    class: "collect",
    message:
      filter !== undefined && without === 0
        ? `no attempt of ${runId} matches "${filter}"`
        : `${runId} has no metrics: none of ${without} attempts was monitored`,
    hint: "`monitoring:` in the definition keeps them (docs/monitoring.md)",
  });
}

/** A sample counts for a few intervals, and at least for as long as a scrape may be late. */
function lookbackMs({ interval, targets = [] }: MonitoringSpec): number {
  const intervals = [interval, ...targets.map((target) => target.interval ?? interval)];
  if (intervals.some(hasExpressions)) return 15_000;
  return Math.max(2_000, 4 * Math.max(...intervals.map(parseDurationMs)));
}

const trialOf = ({ manifest }: MonitoredAttempt) => ({
  pointKey: manifest.pointKey,
  trialIndex: manifest.trialIndex,
  attempt: manifest.attempt,
  outcome: manifest.outcome.kind,
  startedAtMs: Date.parse(manifest.startedAt),
  endedAtMs: Date.parse(manifest.endedAt),
});

function rangeOf(kept: readonly MonitoredAttempt[]): { readonly from: string; readonly to: string } {
  const trials = kept.map(trialOf);
  return {
    from: new Date(Math.min(...trials.map(({ startedAtMs }) => startedAtMs))).toISOString(),
    to: new Date(Math.max(...trials.map(({ endedAtMs }) => endedAtMs))).toISOString(),
  };
}

/** Prometheus' own page, at the time of the run. */
function graphOf(from: string, to: string): string {
  const seconds = Math.max(1, Math.ceil((Date.parse(to) - Date.parse(from)) / 1_000));
  const end = to.slice(0, 19).replace("T", " ");
  return `graph?${new URLSearchParams({ "g0.expr": "up", "g0.tab": "0", "g0.range_input": `${seconds}s`, "g0.end_input": end }).toString()}`;
}

async function noteRefused(
  url: string,
  own: ReturnType<typeof ownDashboards>,
  note: (text: string) => void,
): Promise<void> {
  for (const [name, panels] of Object.entries(own)) {
    for (const { title, queries } of panels) {
      for (const query of Object.values(queries)) {
        const reason = await refusedQuery(url, query);
        if (reason !== undefined) note(`dashboard ${name}, "${title}": Prometheus refuses ${query}: ${reason}`);
      }
    }
  }
}

const withoutGrafana = ({ provisioning, home }: Provisioned, folder: string | undefined): string[] => [
  folder === undefined ? "no Grafana is installed here" : `no Grafana is unpacked at ${folder}`,
  "  its data source and dashboards are ready: unpack a release from grafana.com and say `--grafana FOLDER`, or start yours with",
  `  GF_PATHS_PROVISIONING=${provisioning} GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=${home}`,
];
