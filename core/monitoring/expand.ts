import { suggest } from "../definition/nearest-name.ts";
import type { Parameters, Report } from "../definition/parameters.ts";
import type { Path } from "../definition/problem.ts";
import { parseSizeBytes } from "../definition/quantities.ts";
import type { Definition, MonitoringSpec, MonitorTargetSpec, ServiceSpec, StepSpec } from "../definition/schema.ts";
import { roleSchema } from "../definition/schema-hosts.ts";
import { serviceSchema, stepSchema } from "../definition/schema-processes.ts";
import { checkSchema } from "../definition/schema-trial.ts";
import { hostGroups, portNames } from "../definition/scopes.ts";
import { hasExpressions } from "../definition/template.ts";
import type { YamlSource } from "../definition/yaml-source.ts";
import { monitoringNames, sampleLabels } from "./names.ts";
import { foundTargets, prometheusDuration, scrapeJobs } from "./scrape-config.ts";
import { installScript, installVariables, packScript, scrapingScript } from "./scripts.ts";

/**
 * `monitoring:` is a short way to write what any definition could: this writes it out. A role (or one that is there), a
 * set-up step that installs, a service `prometheus` with its `prometheus.yml`, a service `node-exporter` on all hosts,
 * and a check that packs the metrics when the services have ended. From here on nothing knows of monitoring: hosts,
 * identity of trials, life cycle and evidence are those of every service.
 */
export interface Expanded {
  readonly definition: Definition;
  /** The source, with what was written out here standing where the author wrote its reason. */
  readonly source: YamlSource;
}

/** Writes a definition's `monitoring:` out; one without it stays as it is. */
export function expandMonitoring(
  definition: Definition,
  {
    parameters,
    source,
    report,
  }: { readonly parameters: Parameters; readonly source: YamlSource; readonly report: Report },
): Expanded {
  const { monitoring } = definition;
  if (monitoring === undefined || !canExpand(definition, monitoring, parameters, report)) return { definition, source };
  const { trial, setup } = definition;
  const on = monitoring.on ?? monitoringNames.role;
  const jobs = scrapeJobs(trial, monitoring);
  const point = monitoring.switch === undefined ? {} : { when: `\${{ params.${monitoring.switch} }}` };
  const deployment = monitoring.switch === undefined ? {} : { when: `\${{ true in planned.${monitoring.switch} }}` };
  const roles = nodeRoles(definition, on);

  const prometheus: ServiceSpec = serviceSchema.parse({
    on,
    count: 1,
    arm: "shared",
    ports: ["web"],
    files: {
      "prometheus.yml": {
        yaml: {
          global: { scrape_interval: prometheusDuration(monitoring.interval) },
          scrape_configs: jobs.map(({ config }) => config),
        },
      },
    },
    run: `exec "$REPRISE_SHARED/monitoring/prometheus" --config.file=prometheus.yml --storage.tsdb.path=tsdb --storage.tsdb.retention.time=1y --web.listen-address=127.0.0.1:\${{ self.ports.web }}`,
    ready: { command: scrapingScript },
    readyTimeout: "2m",
    stop: { signal: "TERM", grace: "60s" },
    collect: ["prometheus.yml", "tsdb.*"],
    ...point,
  });
  const nodeExporter: ServiceSpec = serviceSchema.parse({
    on: roles,
    arm: "shared",
    ports: ["metrics"],
    run: `exec "$REPRISE_SHARED/monitoring/node-exporter" --web.listen-address=\${{ self.host.privateAddress }}:\${{ self.ports.metrics }}`,
    ready: { port: "metrics" },
    ...point,
  });
  const install = (name: string, hosts: string | readonly string[], env: Record<string, string>): StepSpec =>
    stepSchema.parse({ name, on: hosts, run: installScript, env, ...deployment });
  const steps = [
    install(
      monitoringNames.installPrometheus,
      on,
      installVariables({
        ...{ name: "prometheus", command: "prometheus", package: "prometheus" },
        from: monitoring.prometheus,
      }),
    ),
    ...(monitoring.nodes
      ? [
          install(
            monitoringNames.installNodeExporter,
            roles,
            installVariables({
              ...{ name: "node-exporter", command: "node_exporter", package: "prometheus-node-exporter" },
              from: monitoring.nodeExporter,
            }),
          ),
        ]
      : []),
  ];
  const check = checkSchema.parse({
    name: monitoringNames.check,
    on,
    command: packScript(maxBytes(monitoring)),
    ...point,
  });

  return {
    definition: {
      ...definition,
      deployments:
        monitoring.on === undefined ? withOwnHost(definition.deployments, monitoring) : definition.deployments,
      setup: { ...setup, steps: [...setup.steps, ...steps] },
      trial: {
        ...trial,
        services: {
          ...trial.services,
          [monitoringNames.prometheus]: prometheus,
          ...(monitoring.nodes ? { [monitoringNames.nodeExporter]: nodeExporter } : {}),
        },
        checks: [...trial.checks, check],
      },
    },
    source: standingAt(source, originsOf(definition, jobs, steps.length)),
  };
}

const maxBytes = ({ maxSize }: MonitoringSpec): number => Math.round(parseSizeBytes(maxSize));

const withOwnHost = (deployments: Definition["deployments"], { machine }: MonitoringSpec): Definition["deployments"] =>
  Object.fromEntries(
    Object.entries(deployments).map(([name, spec]) => [
      name,
      {
        ...spec,
        roles: { ...spec.roles, [monitoringNames.role]: roleSchema.parse(machine === undefined ? {} : { machine }) },
      },
    ]),
  );

/** Roles whose hosts a trial has to itself: those that all lanes share are nobody's to measure. */
function nodeRoles({ deployments }: Definition, on: string): string[] {
  const all = Object.values(deployments).flatMap(({ roles }) => Object.entries(roles));
  const shared = new Set(all.flatMap(([name, { scope }]) => (scope === "deployment" ? [name] : [])));
  const own = all.map(([name]) => name).filter((name) => !shared.has(name));
  return [...new Set(on === monitoringNames.role ? [...own, on] : own)];
}

/** Whether all that it names is there and all that it adds is free; tells what isn't. */
function canExpand(
  definition: Definition,
  monitoring: MonitoringSpec,
  parameters: Parameters,
  report: Report,
): boolean {
  let isGood = true;
  const problem: Report = (path, message, options) => {
    isGood = false;
    report(path, message, options);
  };
  if (monitoring.switch !== undefined && !parameters.declared.has(monitoring.switch)) {
    problem(["monitoring", "switch"], "no parameter has that name", {
      value: monitoring.switch,
      hint: suggest(monitoring.switch, [...parameters.declared.keys()]),
    });
  }
  const groups = hostGroups(definition);
  if (monitoring.on !== undefined && !groups.includes(monitoring.on)) {
    problem(["monitoring", "on"], "no role or label has that name", {
      value: monitoring.on,
      hint: suggest(monitoring.on, groups),
    });
  }
  if (monitoring.on !== undefined && monitoring.machine !== undefined) {
    problem(["monitoring", "machine"], "only a host of its own has a machine: leave out `on`, or this");
  }
  if (hasExpressions(monitoring.maxSize)) {
    problem(["monitoring", "maxSize"], "must be the same for all points", { value: monitoring.maxSize });
  }
  checkNames(definition, monitoring, problem);
  if (monitoring.targets === undefined) {
    if (!monitoring.nodes && foundTargets(definition.trial).length === 0) {
      problem(["monitoring"], "nothing to scrape: no service or job has a port named `metrics`", {
        hint: "give one such a port, or write `targets`",
      });
    }
    return isGood;
  }
  const jobs = new Set<string>();
  monitoring.targets.forEach((target, index) =>
    checkTarget(definition.trial, target, ["monitoring", "targets", index], problem),
  );
  for (const { job, targetIndex } of scrapeJobs(definition.trial, monitoring).toReversed()) {
    if (jobs.has(job) && targetIndex !== undefined) {
      problem(["monitoring", "targets", targetIndex], `another target has the job \`${job}\``, {
        hint: "put both into one target, or give this one a `job`",
      });
    }
    jobs.add(job);
  }
  return isGood;
}

function checkNames({ trial, setup, deployments }: Definition, monitoring: MonitoringSpec, report: Report): void {
  const taken = (path: Path, what: string): void =>
    report(path, `\`monitoring:\` has a ${what} of this name`, { atKey: true, hint: "call this one something else" });
  for (const kind of ["services", "jobs"] as const) {
    for (const name of [monitoringNames.prometheus, monitoringNames.nodeExporter]) {
      if (Object.hasOwn(trial[kind], name)) taken(["trial", kind, name], "service");
    }
  }
  setup.steps.forEach(({ name }, index) => {
    if (name === monitoringNames.installPrometheus || name === monitoringNames.installNodeExporter) {
      taken(["setup", "steps", index, "name"], "step");
    }
  });
  trial.checks.forEach(({ name }, index) => {
    if (name === monitoringNames.check) taken(["trial", "checks", index, "name"], "check");
  });
  if (monitoring.on !== undefined) return;
  for (const [name, { roles }] of Object.entries(deployments)) {
    if (Object.hasOwn(roles, monitoringNames.role)) {
      report(["deployments", name, "roles", monitoringNames.role], "`monitoring:` makes a host with this role", {
        atKey: true,
        hint: "say `on: monitoring` there to use this one",
      });
    }
  }
}

function checkTarget(trial: Definition["trial"], target: MonitorTargetSpec, path: Path, report: Report): void {
  const { port } = target;
  if (target.of === undefined && typeof port !== "number") {
    report([...path, "port"], "a host's port is a number", { value: port });
  }
  for (const name of Object.keys(target.labels)) {
    if ([...sampleLabels, "job", "instance"].some((label) => label === name) || name.startsWith("__")) {
      report([...path, "labels", name], "every sample has this label already", { atKey: true });
    }
  }
  [target.of ?? []].flat().forEach((name, index) => {
    const at = Array.isArray(target.of) ? [...path, "of", index] : [...path, "of"];
    const spec = trial.services[name] ?? trial.jobs[name];
    if (spec === undefined) {
      const known = [...Object.keys(trial.services), ...Object.keys(trial.jobs)];
      report(at, "no service or job has that name", { value: name, hint: suggest(name, known) });
      return;
    }
    const ports = portNames(spec.ports);
    if (typeof port === "string" && ports.includes(port)) return;
    report(at, `\`${name}\` has no port named \`${port}\``, {
      value: name,
      hint: ports.length === 0 ? "give it one in `ports:`" : suggest(String(port), ports),
    });
  });
}

type Origin = readonly [made: Path, written: Path];

/** Where the author finds what was written out here. */
function originsOf({ trial, setup }: Definition, jobs: ReturnType<typeof scrapeJobs>, stepCount: number): Origin[] {
  const service: Path = ["trial", "services", monitoringNames.prometheus];
  const yaml: Path = [...service, "files", "prometheus.yml", "yaml"];
  return [
    [service, ["monitoring"]],
    [
      [...service, "on"],
      ["monitoring", "on"],
    ],
    [
      [...service, "when"],
      ["monitoring", "switch"],
    ],
    [
      ["trial", "services", monitoringNames.nodeExporter],
      ["monitoring", "nodes"],
    ],
    [
      [...yaml, "global", "scrape_interval"],
      ["monitoring", "interval"],
    ],
    ...jobs.flatMap(({ targetIndex, config }, index): Origin[] => {
      const at: Path = [...yaml, "scrape_configs", index];
      const written: Path = targetIndex === undefined ? ["monitoring"] : ["monitoring", "targets", targetIndex];
      const labels = Array.isArray(config["relabel_configs"]) ? config["relabel_configs"] : [];
      return [
        [at, written],
        [
          [...at, "metrics_path"],
          [...written, "path"],
        ],
        [
          [...at, "scrape_interval"],
          [...written, "interval"],
        ],
        ...labels.map((label: unknown, n): Origin => {
          const name =
            typeof label === "object" && label !== null && "target_label" in label ? String(label.target_label) : "";
          return [
            [...at, "relabel_configs", n, "replacement"],
            [...written, "labels", name],
          ];
        }),
      ];
    }),
    [["trial", "checks", trial.checks.length], ["monitoring"]],
    ...Array.from({ length: stepCount }, (_, n): Origin => [
      ["setup", "steps", setup.steps.length + n],
      ["monitoring"],
    ]),
  ];
}

/** A source that tells problems of what was written out where the author wrote its reason: the longest origin counts. */
function standingAt(source: YamlSource, origins: readonly Origin[]): YamlSource {
  const translate = (path: Path): Path => {
    let best: Origin | undefined;
    for (const origin of origins) {
      const [made] = origin;
      if (made.length > (best?.[0].length ?? 0) && made.every((step, index) => step === path[index])) best = origin;
    }
    return best?.[1] ?? path;
  };
  return { ...source, problem: (path, message, options) => source.problem(translate(path), message, options) };
}
