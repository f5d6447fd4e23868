import type { JsonObject } from "../effects/json.ts";
import { parseDurationMs } from "../definition/quantities.ts";
import type { Definition, MonitoringSpec, MonitorTargetSpec } from "../definition/schema.ts";
import { hasExpressions } from "../definition/template.ts";
import { portNames } from "../definition/scopes.ts";
import { monitoringNames } from "./names.ts";

/** One entry of Prometheus' `scrape_configs`, before values are filled in. */
export interface ScrapeJob {
  /** Without the prefix of all. */
  readonly job: string;
  /** The target of the definition that it is made of; undefined: it was found by itself. */
  readonly targetIndex: number | undefined;
  readonly config: JsonObject;
}

/** What is scraped in a trial: the definition's targets, or whatever has a port for it, and the node exporters. */
export function scrapeJobs(trial: Definition["trial"], monitoring: MonitoringSpec): readonly ScrapeJob[] {
  const jobs = (monitoring.targets ?? foundTargets(trial)).flatMap((target, index) =>
    jobsOf(target, trial, monitoring).map((made) => ({
      ...made,
      targetIndex: monitoring.targets === undefined ? undefined : index,
    })),
  );
  if (!monitoring.nodes) return jobs;
  const nodes = entry(
    monitoringNames.nodeExporter,
    { jobPrefix: undefined },
    {
      path: "/metrics",
      interval: nodeInterval(monitoring.interval),
      lists: [processTargets(`services["${monitoringNames.nodeExporter}"]`, "metrics")],
    },
  );
  return [...jobs, { ...nodes, targetIndex: undefined }];
}

/** Services and jobs that have a port named `metrics`, as targets that could have been written. */
export function foundTargets(trial: Definition["trial"]): readonly MonitorTargetSpec[] {
  const all = [...Object.entries(trial.services), ...Object.entries(trial.jobs)];
  return all
    .filter(([, spec]) => portNames(spec.ports).includes("metrics"))
    .map(([name]) => ({ of: name, port: "metrics", path: "/metrics", labels: {} }));
}

function jobsOf(
  target: MonitorTargetSpec,
  trial: Definition["trial"],
  monitoring: MonitoringSpec,
): Pick<ScrapeJob, "job" | "config">[] {
  const names = [target.of ?? target.on ?? []].flat();
  const lists = names.map((name) =>
    target.of === undefined
      ? hostTargets(name, target.port)
      : processTargets(`${Object.hasOwn(trial.services, name) ? "services" : "jobs"}["${name}"]`, target.port),
  );
  if (target.job !== undefined) return [entry(target.job, monitoring, { ...target, lists })];
  return names.map((name, index) =>
    entry(name.replaceAll("-", "_"), monitoring, { ...target, lists: lists.slice(index, index + 1) }),
  );
}

function entry(
  job: string,
  { jobPrefix }: Pick<MonitoringSpec, "jobPrefix">,
  target: Pick<MonitorTargetSpec, "path" | "interval"> & {
    readonly labels?: MonitorTargetSpec["labels"];
    readonly lists: readonly string[];
  },
): Pick<ScrapeJob, "job" | "config"> {
  const labels = Object.entries(target.labels ?? {});
  return {
    job,
    config: {
      job_name: `${jobPrefix ?? ""}${job}`,
      metrics_path: target.path,
      ...(target.interval === undefined ? {} : { scrape_interval: prometheusDuration(target.interval) }),
      static_configs: `\${{ ${target.lists.join(" + ")} }}`,
      ...(labels.length === 0
        ? {}
        : {
            relabel_configs: labels.map(([name, value]) => ({
              target_label: name,
              // `$` begins a reference to a group of the pattern there.
              replacement: hasExpressions(value) ? value : value.replaceAll("$", "$$$$"),
            })),
          }),
    },
  };
}

const trialLabels =
  "run: run.id, point: point.key, trial: text(trial.index), attempt: text(trial.attempt), host: HOST.name, role: HOST.role";

// A space between braces: two of them would end the expression.
const processTargets = (list: string, port: string | number): string =>
  `[{targets: [p.address + ":" + text(p.ports.${port})], labels: {${trialLabels.replaceAll("HOST", "p.host")}, unit: p.name} } for p in ${list}]`;

const hostTargets = (group: string, port: string | number): string =>
  `[{targets: [h.address + ":${port}"], labels: {${trialLabels.replaceAll("HOST", "h")}, unit: h.name} } for h in hosts["${group}"]]`;

/** Reading all of a kernel's counters takes a while: at least a second between two readings, and as long for each. */
const nodeInterval = (interval: string): string =>
  !hasExpressions(interval) && parseDurationMs(interval) > 1_000 ? interval : "1s";

/** As Prometheus writes it, in whole milliseconds; one with expressions is for the author to get right. */
export const prometheusDuration = (text: string): string =>
  hasExpressions(text) ? text : `${Math.max(1, Math.round(parseDurationMs(text)))}ms`;
