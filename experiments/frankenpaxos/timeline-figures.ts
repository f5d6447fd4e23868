/** Latency and throughput while the system is reconfigured, or fails. */
import { defineFigure, smallMultiples, timeSeries } from "reprise/analysis";
import type { EventMark, FigureSpec, Trial } from "reprise/analysis";
import { z } from "zod";
import { recordingOf } from "./own-sweeps.ts";
import { importedRow, isTrialOf, papers, publishedFigure } from "./published-figure.ts";
import type { PublishedFigure } from "./published-figure.ts";
import { cutRequests, rollingSeries, splitAtOutage } from "./timelines.ts";
import type { Cut, Requests } from "./timelines.ts";

const panels = ["latency", "throughput"] as const;

/** A value of one panel at one instant; null where an outage breaks the line. */
export const TimelineRow = z.object({
  panel: z.enum(panels),
  series: z.string(),
  elapsedSec: z.number(),
  latencyMs: z.number().nullable(),
  latencyP95Ms: z.number().nullable(),
  throughputPerSec: z.number().nullable(),
});
export type TimelineRow = z.infer<typeof TimelineRow>;

/** A recording, and the part of it that is drawn. */
export interface Run extends Cut {
  readonly clients: number;
  readonly path: string;
}

/** Single events, and those that come in a row, which share a label. */
export interface EventsOfKind {
  readonly label: string;
  readonly atSec: readonly number[];
}

interface TimelineDefinition {
  readonly name: string;
  readonly title: string;
  readonly runs: readonly Run[];
  /** From the driver's log of the run with one client. */
  readonly events: readonly EventsOfKind[];
  /** Lines end at the first silence of over a second and begin anew behind it. */
  readonly isSplit?: boolean;
  /** Of the latency axis, where single late requests would flatten it. */
  readonly latencyLimitMs?: number;
}

/** Every hundredth row is drawn, as by the authors. */
const drawnEvery = 100;

export const seriesName = (clients: number): string => (clients === 1 ? "1 client" : `${clients} clients`);

/** Rows of one run: its parts one after the other, with a break between. */
export function timelineRows(
  series: string,
  requests: Requests,
  { isSplit = false, everyRows = drawnEvery } = {},
): TimelineRow[] {
  const rows: TimelineRow[] = [];
  for (const [index, part] of (isSplit ? splitAtOutage(requests) : [requests]).entries()) {
    const start = part.elapsedMs[0] ?? 0;
    // Behind an outage the first second counts up by the ramp rule, which needs a hundred requests; elsewhere it is dropped.
    const isRamp = index > 0 && (part.elapsedMs[100] ?? Infinity) <= start + 1_000;
    const { latency, throughput } = rollingSeries(part, isRamp ? "rampCorrected" : "firstWindowDropped", { everyRows });
    if (index > 0) {
      const gap = { series, elapsedSec: start / 1_000, latencyMs: null, latencyP95Ms: null, throughputPerSec: null };
      rows.push({ panel: "latency", ...gap }, { panel: "throughput", ...gap });
    }
    for (let i = 0; i < latency.elapsedMs.length; i++)
      rows.push({
        panel: "latency",
        series,
        elapsedSec: (latency.elapsedMs[i] ?? NaN) / 1_000,
        latencyMs: latency.medianMs[i] ?? NaN,
        latencyP95Ms: latency.p95Ms[i] ?? NaN,
        throughputPerSec: null,
      });
    for (let i = 0; i < throughput.elapsedMs.length; i++)
      rows.push({
        panel: "throughput",
        series,
        elapsedSec: (throughput.elapsedMs[i] ?? NaN) / 1_000,
        latencyMs: null,
        latencyP95Ms: null,
        throughputPerSec: throughput.perSec[i] ?? NaN,
      });
  }
  return rows;
}

/** Latency over throughput, with lines where things were done to the system. */
export const timelineSpec = (
  rows: readonly TimelineRow[],
  {
    order,
    events,
    latencyLimitMs,
  }: Pick<TimelineDefinition, "events" | "latencyLimitMs"> & { readonly order: readonly string[] },
): FigureSpec => {
  const marks: EventMark[] = events.map(({ label, atSec }) => ({ at: atSec[0] ?? 0, label }));
  const laterSec = events.flatMap(({ atSec }) => atSec.slice(1));
  return stacked(
    smallMultiples(rows, {
      by: "panel",
      order: panels,
      columns: 1,
      width: "single",
      aspect: 0.9,
      chart: (panel, all) => {
        const time = { field: "elapsedSec" as const, title: "time (s)", domain: extentOfTimes(all, events) };
        const series = { field: "series" as const, order };
        if (panel[0]?.panel !== "latency")
          return withRules(
            timeSeries(panel, { time, series, value: { field: "throughputPerSec", title: "commands/s" } }),
            [...marks.map(({ at }) => at), ...laterSec],
          );
        return withRules(
          timeSeries(panel, {
            time,
            series,
            events: marks,
            value: {
              field: "latencyMs",
              title: "latency (ms)",
              ...(latencyLimitMs !== undefined && { domain: [0, latencyLimitMs] as const }),
            },
            band: { low: "latencyMs", high: "latencyP95Ms" },
          }),
          laterSec,
          belowLabels,
        );
      },
    }),
  );
};

/** How the drawn values come from requests. */
export const timelineEstimator = (isSplit: boolean, drawn = `every ${drawnEvery}th drawn`): string =>
  `per request, over the second that ends at its start: interpolated quantiles of latency; requests per second, the first second left out${
    isSplit ? ", behind an outage counted up by requests so far over time so far" : ""
  }; ${drawn}`;

/** Whether a trial is the published run with so many clients. */
export const isOfRun = (series: string, trial: Trial, runs: readonly Run[]): boolean =>
  runs.some(
    ({ clients, path }) =>
      seriesName(clients) === series &&
      isTrialOf({ path }, trial) &&
      importedRow(trial).clients === clients &&
      trial.parameters["f"] === (recordingOf(path)?.parameters["f"] ?? 1),
  );

/** Thousands of rows ask the same of each trial. */
function remembered(ask: (series: string, trial: Trial) => boolean): (series: string, trial: Trial) => boolean {
  const answers = new WeakMap<Trial, Map<string, boolean>>();
  return (series, trial) => {
    const own = answers.get(trial) ?? new Map<string, boolean>();
    answers.set(trial, own);
    const answer = own.get(series) ?? ask(series, trial);
    own.set(series, answer);
    return answer;
  };
}

function timelineFigure(definition: TimelineDefinition): PublishedFigure {
  const { name, title, runs, events, isSplit = false, latencyLimitMs } = definition;
  const order = runs.map(({ clients }) => seriesName(clients));
  const isRunOf = remembered((series, trial) => isOfRun(series, trial, runs));
  const figure = defineFigure<TimelineRow>({
    name,
    title,
    caption: `${title}. Above, the rolling median over one second of latency, filled up to its rolling 95th percentile${
      latencyLimitMs === undefined ? "" : `, up to ${latencyLimitMs} ms`
    }; below, the rolling rate over one second. Dashed lines mark when things were done to the run with one client. ${papers.matchmaker}, published data.`,
    estimator: timelineEstimator(isSplit),
    row: TimelineRow,
    isFrom: (row, trial) => isRunOf(row.series, trial),
    spec: (rows) => timelineSpec(rows, { order, events, ...(latencyLimitMs !== undefined && { latencyLimitMs }) }),
  });
  return publishedFigure({
    figure,
    inputs: runs.map(({ path }) => path),
    collect: async (inputs) => {
      const rows: TimelineRow[] = [];
      for (const { clients, path, ...cut } of runs) {
        const recording = await inputs.recording(path);
        if (recording) rows.push(...timelineRows(seriesName(clients), cutRequests(recording, cut), { isSplit }));
      }
      return rows;
    },
  });
}

function extentOfTimes(rows: readonly TimelineRow[], events: readonly EventsOfKind[]): readonly [number, number] {
  const lastEventSec = Math.max(0, ...events.flatMap(({ atSec }) => atSec));
  return [0, Math.ceil(rows.reduce((last, { elapsedSec }) => Math.max(last, elapsedSec), lastEventSec))];
}

/** Below the first row of labels: a rule must not cross the label of the first of its kind. */
const belowLabels = { expr: "1.25 * eventFontSize" };

/** Rules without labels, for the second and further of some events that come in a row; lines end at the panel's edge. */
function withRules(spec: FigureSpec, atSec: readonly number[], top: number | { expr: string } = 0): FigureSpec {
  const { layer, ...rest } = spec as FigureSpec & { layer: readonly { mark?: { type: string } }[] }; // timeSeries layers.
  const rules = {
    data: { values: atSec.map((at) => ({ at })) },
    mark: { type: "rule", color: "@ink", strokeDash: [2, 2], strokeWidth: "@line/rule", aria: false },
    encoding: { x: { field: "at", type: "quantitative" }, y: { value: top }, y2: { value: "height" } },
  };
  const clipped = layer.map((part) =>
    part.mark?.type === "line" || part.mark?.type === "area" ? { ...part, mark: { ...part.mark, clip: true } } : part,
  );
  return { ...rest, layer: [...clipped, rules] } as unknown as FigureSpec; // Still the spec that it was, with rules.
}

/** Panels one close over the other, without titles: their axes say what they are. */
function stacked(spec: FigureSpec): FigureSpec {
  const {
    concat,
    align: _,
    ...rest
  } = spec as FigureSpec & { concat: readonly { title?: unknown }[]; align?: unknown }; // smallMultiples concatenates.
  return {
    ...rest,
    concat: concat.map(({ title: _title, ...panel }) => panel),
    spacing: 8,
  } as unknown as FigureSpec; // A concatenation of the same panels.
}

const matchmaker = "vldb20_matchmaker";

/** Runs with 1, 4 and 8 clients; head and tail are those of each. */
const runs = (
  folder: string,
  prefix: string,
  { headSec, tailSec }: Readonly<Record<"headSec" | "tailSec", readonly [number, number, number]>>,
): Run[] =>
  [1, 4, 8].map((clients, at) => ({
    clients,
    path: `${matchmaker}/${folder}/${prefix}${clients}.csv.gz`,
    headSec: headSec[at] ?? 0,
    tailSec: tailSec[at] ?? 0,
  }));

// Event times and cuts are those that the authors' plot scripts hold, in seconds of the plotted axis: section 4.3 of the
// FrankenPaxos description. They read them off the drivers' logs, which weren't published.

const reconfigurationEvents = (
  atSec: readonly number[],
  [failureSec, recoverySec]: readonly [number, number],
): readonly EventsOfKind[] => [
  { label: "10 reconfigurations", atSec },
  { label: "failure", atSec: [failureSec] },
  { label: "recovery", atSec: [recoverySec] },
];

const leaderReconfigurationEvents = reconfigurationEvents(
  [10.828, 11.83, 12.832, 13.834, 14.836, 15.837, 16.839, 17.841, 18.843, 19.845],
  [24.822, 29.822],
);

const matchmakerReconfigurationEvents: readonly EventsOfKind[] = [
  {
    label: "10 matchmaker reconfigurations",
    atSec: [5.948, 6.96, 7.962, 8.964, 9.966, 10.967, 11.969, 12.971, 13.973, 14.975],
  },
  { label: "failure", atSec: [19.942] },
  { label: "recovery", atSec: [24.943] },
  { label: "acceptors", atSec: [29.943] },
];

/** Those whose windows before and during the reconfigurations are drawn, too. */
export const reconfiguredRuns = {
  f1: runs("leader_reconfiguration", "f1n", { headSec: [10, 10, 10], tailSec: [10, 15, 10] }),
  f2: runs("leader_reconfiguration", "f2n", { headSec: [10, 10, 10], tailSec: [10, 11, 11] }),
  horizontal: runs("horizontal_leader_reconfiguration", "f=1_n=", { headSec: [10, 10, 10], tailSec: [5, 10, 5] }),
};

export const timelineFigures: readonly PublishedFigure[] = [
  timelineFigure({
    name: "matchmaker-leader-reconfiguration-f1",
    title: "Matchmaker MultiPaxos while its acceptors are reconfigured, f = 1",
    runs: reconfiguredRuns.f1,
    events: leaderReconfigurationEvents,
  }),
  timelineFigure({
    name: "matchmaker-leader-reconfiguration-f2",
    title: "Matchmaker MultiPaxos while its acceptors are reconfigured, f = 2",
    runs: reconfiguredRuns.f2,
    events: leaderReconfigurationEvents,
  }),
  timelineFigure({
    name: "matchmaker-matchmaker-reconfiguration-f1",
    title: "Matchmaker MultiPaxos while its matchmakers are reconfigured, f = 1",
    runs: runs("matchmaker_reconfiguration", "f1n", { headSec: [15, 15, 15], tailSec: [15, 15, 15] }),
    events: matchmakerReconfigurationEvents,
  }),
  timelineFigure({
    name: "matchmaker-matchmaker-reconfiguration-f2",
    title: "Matchmaker MultiPaxos while its matchmakers are reconfigured, f = 2",
    runs: runs("matchmaker_reconfiguration", "f2n", { headSec: [15, 15, 15], tailSec: [15, 15, 15] }),
    events: matchmakerReconfigurationEvents,
  }),
  timelineFigure({
    name: "matchmaker-leader-failure",
    title: "Matchmaker MultiPaxos when its leader fails",
    // Runs with 4 and 8 clients are moved to line up with that of one.
    runs: runs("leader_failure", "n", { headSec: [12, 12.35, 12.45], tailSec: [3, 3, 3] }),
    events: [
      { label: "failure", atSec: [7.825] },
      { label: "new leader", atSec: [11.978] },
    ],
    isSplit: true,
    latencyLimitMs: 2,
  }),
  timelineFigure({
    name: "matchmaker-horizontal-leader-failure",
    title: "MultiPaxos with horizontal reconfiguration when its leader fails",
    runs: runs("horizontal_leader_failure", "f=1_n=", { headSec: [12, 12.25, 12.25], tailSec: [3, 3, 3] }),
    events: [
      { label: "failure", atSec: [7.979] },
      { label: "new leader", atSec: [12.016] },
    ],
    isSplit: true,
    latencyLimitMs: 2,
  }),
  timelineFigure({
    name: "matchmaker-chaos",
    title: "Matchmaker MultiPaxos when leader, acceptor and matchmaker fail at once",
    runs: runs("chaos", "n", { headSec: [10, 10, 10], tailSec: [10, 10, 10] }),
    events: [
      { label: "failures", atSec: [9.901] },
      { label: "leader", atSec: [13.901] },
      { label: "acceptor", atSec: [19.902] },
      { label: "matchmaker", atSec: [24.897] },
    ],
    isSplit: true,
    latencyLimitMs: 2.5,
  }),
  timelineFigure({
    name: "matchmaker-horizontal-leader-reconfiguration",
    title: "MultiPaxos with horizontal reconfiguration while its acceptors are reconfigured",
    runs: reconfiguredRuns.horizontal,
    events: reconfigurationEvents(
      [10.932, 11.934, 12.936, 13.938, 14.94, 15.942, 16.943, 17.945, 18.947, 19.949],
      [24.927, 29.927],
    ),
  }),
  timelineFigure({
    name: "matchmaker-non-thrifty-leader-reconfiguration",
    title: "Matchmaker MultiPaxos without thriftiness while its acceptors are reconfigured",
    runs: runs("non_thrifty_leader_reconfiguration", "f1n", { headSec: [10, 10, 10], tailSec: [10, 20, 10] }),
    events: reconfigurationEvents(
      [10.962, 11.964, 12.966, 13.968, 14.969, 15.971, 16.973, 17.975, 18.976, 19.979],
      [24.957, 29.956],
    ),
  }),
];
