import type { JsonObject } from "../effects/json.ts";
import { formatPromQl, trialFilter } from "./queries.ts";

/** The data source's id in Grafana; dashboards name it. */
export const dataSourceId = "reprise";

/** A panel of lines over time. */
export interface Panel {
  readonly title: string;
  /** PromQL by legend; a legend names labels as `{{host}}`. */
  readonly queries: Readonly<Record<string, string>>;
  /** Grafana's name of a unit: `s`, `Bps`, `percent`. */
  readonly unit: string;
}

/** One trial that the metrics are of. */
export interface MonitoredTrial {
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly attempt: number;
  readonly outcome: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export interface DashboardInput {
  readonly runId: string;
  readonly title: string;
  /** Whether hosts were watched, too. */
  readonly hasNodes: boolean;
  /** The definition's own, by name. */
  readonly own: Readonly<Record<string, readonly Panel[]>>;
  readonly trials: readonly MonitoredTrial[];
}

/** Rows of the table of trials; more make no better choice, only a slower page. */
const maxListedTrials = 500;
const panelHeight = 8;
const columns = 24;

/**
 * Grafana's dashboards for a run, by the name of their file without `.json`: its trials with links to the time of each,
 * targets, hosts, any metric, and the definition's own.
 *
 * @see Grafana's dashboard kind, the classic JSON model of schema version 37, which later versions take as it is
 */
export function buildDashboards(input: DashboardInput): Readonly<Record<string, JsonObject>> {
  const range = rangeOf(input.trials);
  const make = (
    uid: string,
    title: string,
    body: Partial<Record<"panels" | "variables", readonly JsonObject[]>>,
  ): JsonObject => dashboard({ uid, title: `${input.title}: ${title}`, range, ...body });
  const lines = (uid: string, title: string, panels: readonly Panel[]): JsonObject =>
    make(uid, title, { panels: layOut(panels), variables: trialVariables });
  const own = Object.entries(input.own);
  return {
    [tableName]: make(tableName, "trials", { panels: [trialTable(input)] }),
    [targetsName]: lines(targetsName, "targets", targetPanels),
    ...(input.hasNodes ? { "reprise-hosts": lines("reprise-hosts", "hosts", hostPanels) } : {}),
    "reprise-metric": make("reprise-metric", "any metric", {
      panels: layOut([anyMetric]),
      variables: [...trialVariables, ...metricVariables],
    }),
    ...Object.fromEntries(
      // Grafana takes ids of 40 characters at most, a name may be as long by itself.
      own.map(([name, panels], index) => [`own-${name}`, lines(`reprise-own-${index}`, name, panels)]),
    ),
  };
}

/** Where a reader begins: each trial with links to its time. */
export const tableName = "reprise-trials";
const targetsName = "reprise-targets";

const targetPanels: readonly Panel[] = [
  { title: "Targets that answer", unit: "short", queries: { "{{job}}": `sum by (job) (up${trialFilter()})` } },
  {
    title: "Targets that don't",
    unit: "short",
    queries: { "{{job}} {{unit}}": `up${trialFilter()} == 0` },
  },
  { title: "Time to scrape", unit: "s", queries: { "{{job}} {{unit}}": `scrape_duration_seconds${trialFilter()}` } },
  {
    title: "Samples in a scrape",
    unit: "short",
    queries: { "{{job}} {{unit}}": `scrape_samples_scraped${trialFilter()}` },
  },
];

const rate = (metric: string, more = ""): string => `rate(${metric}${trialFilter(more)}[$__rate_interval])`;
const real = 'device!="lo"';

const hostPanels: readonly Panel[] = [
  {
    title: "CPU in use",
    unit: "percent",
    queries: { "{{host}}": `100 * (1 - avg by (host) (${rate("node_cpu_seconds_total", 'mode="idle"')}))` },
  },
  {
    title: "CPU taken by the hypervisor",
    unit: "percent",
    queries: { "{{host}}": `100 * avg by (host) (${rate("node_cpu_seconds_total", 'mode="steal"')})` },
  },
  {
    title: "Memory in use",
    unit: "bytes",
    queries: {
      "{{host}}": `node_memory_MemTotal_bytes${trialFilter()} - node_memory_MemAvailable_bytes${trialFilter()}`,
    },
  },
  { title: "Load", unit: "short", queries: { "{{host}}": `node_load1${trialFilter()}` } },
  {
    title: "Network",
    unit: "Bps",
    queries: {
      "{{host}} received": `sum by (host) (${rate("node_network_receive_bytes_total", real)})`,
      "{{host}} sent": `sum by (host) (${rate("node_network_transmit_bytes_total", real)})`,
    },
  },
  {
    title: "Disks",
    unit: "Bps",
    queries: {
      "{{host}} read": `sum by (host) (${rate("node_disk_read_bytes_total")})`,
      "{{host}} written": `sum by (host) (${rate("node_disk_written_bytes_total")})`,
    },
  },
  {
    title: "TCP segments sent again",
    unit: "ops",
    queries: { "{{host}}": rate("node_netstat_Tcp_RetransSegs") },
  },
  {
    title: "Context switches",
    unit: "ops",
    queries: { "{{host}}": rate("node_context_switches_total") },
  },
];

const anyMetric: Panel = {
  title: "$function of $metric",
  unit: "short",
  queries: { "{{job}} {{unit}}": `$function($metric${trialFilter('job=~"$job"')}[$window])` },
};

/** Panels in reading order, two in a row; one alone takes the whole of it. */
function layOut(panels: readonly Panel[]): JsonObject[] {
  const width = panels.length === 1 ? columns : columns / 2;
  return panels.map((panel, index) => ({
    id: index + 1,
    type: "timeseries",
    title: panel.title,
    datasource,
    gridPos: {
      x: (index * width) % columns,
      y: Math.floor((index * width) / columns) * panelHeight,
      w: width,
      h: panels.length === 1 ? 2 * panelHeight : panelHeight,
    },
    fieldConfig: {
      defaults: {
        unit: panel.unit,
        custom: { drawStyle: "line", lineWidth: 1, fillOpacity: 0, showPoints: "auto", spanNulls: false },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: Object.entries(panel.queries).map(([legend, query], n) => ({
      refId: refId(n),
      datasource,
      expr: formatPromQl(query),
      legendFormat: legend,
      range: true,
      instant: false,
    })),
  }));
}

/** A, B, …, Z, AA, … */
const refId = (index: number): string =>
  (index < 26 ? "" : refId(Math.floor(index / 26) - 1)) + String.fromCharCode(65 + (index % 26));

function trialTable({ trials }: DashboardInput): JsonObject {
  const rows = trials.slice(0, maxListedTrials).map((trial) => {
    const { startedAtMs, endedAtMs, pointKey, trialIndex, attempt, outcome } = trial;
    const choice = new URLSearchParams({
      from: String(startedAtMs),
      to: String(endedAtMs),
      "var-point": pointKey,
      "var-trial": String(trialIndex),
    });
    const link = (name: string, text: string): string => `[${text}](/d/${name}?${choice.toString()})`;
    const cells = [
      pointKey.replaceAll("|", "\\|"),
      String(trialIndex),
      String(attempt),
      outcome,
      new Date(startedAtMs).toISOString(),
      `${((endedAtMs - startedAtMs) / 1_000).toFixed(1)} s`,
      link(targetsName, "targets"),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const left = trials.length - rows.length;
  return {
    id: 1,
    type: "text",
    title: "Trials",
    gridPos: { x: 0, y: 0, w: columns, h: 3 * panelHeight },
    options: {
      mode: "markdown",
      content: [
        "| point | trial | attempt | outcome | began | took | look |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        ...rows,
        ...(left > 0 ? ["", `${left} more.`] : []),
      ].join("\n"),
    },
  };
}

const datasource: JsonObject = { type: "prometheus", uid: dataSourceId };

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

function rangeOf(trials: readonly MonitoredTrial[]): Range {
  return {
    fromMs: Math.min(...trials.map(({ startedAtMs }) => startedAtMs)),
    toMs: Math.max(...trials.map(({ endedAtMs }) => endedAtMs)),
  };
}

function dashboard(input: {
  readonly uid: string;
  readonly title: string;
  readonly range: Range;
  readonly panels?: readonly JsonObject[];
  readonly variables?: readonly JsonObject[];
}): JsonObject {
  const { uid, title, range, panels = [], variables = [] } = input;
  return {
    uid,
    title,
    tags: ["reprise"],
    timezone: "utc",
    editable: true,
    graphTooltip: 1,
    schemaVersion: 37,
    version: 1,
    refresh: "",
    time: { from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() },
    templating: { list: [...variables] },
    annotations: { list: [] },
    links: [
      {
        title: "dashboards of this run",
        type: "dashboards",
        tags: ["reprise"],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
        targetBlank: false,
        icon: "external link",
        tooltip: "",
        url: "",
      },
    ],
    panels: [...panels],
  };
}

/** A variable whose values are those of a label. */
const labelVariable = (name: string, query: string, isMulti = true): JsonObject => ({
  type: "query",
  name,
  label: name,
  datasource,
  query: { query, refId: `${name}-values` },
  refresh: 2,
  sort: 3,
  multi: isMulti,
  includeAll: isMulti,
  ...(isMulti ? { allValue: ".*", current: { selected: true, text: ["All"], value: ["$__all"] } } : {}),
  hide: 0,
  options: [],
  regex: "",
  skipUrlSync: false,
});

const trialVariables: readonly JsonObject[] = [
  labelVariable("point", "label_values(up, point)"),
  labelVariable("trial", 'label_values(up{point=~"$point"}, trial)'),
  labelVariable("host", "label_values(up, host)"),
];

const choiceVariable = (name: string, values: readonly string[]): JsonObject => ({
  type: "custom",
  name,
  label: name,
  query: values.join(","),
  multi: false,
  includeAll: false,
  current: { selected: true, text: values[0], value: values[0] },
  options: values.map((value, index) => ({ text: value, value, selected: index === 0 })),
  hide: 0,
  skipUrlSync: false,
});

const metricVariables: readonly JsonObject[] = [
  choiceVariable("function", ["rate", "increase", "avg_over_time", "max_over_time", "min_over_time"]),
  choiceVariable("window", ["1s", "5s", "15s", "1m", "5m"]),
  labelVariable("job", "label_values(up, job)"),
  labelVariable("metric", 'label_values({job=~"$job"}, __name__)', false),
];
