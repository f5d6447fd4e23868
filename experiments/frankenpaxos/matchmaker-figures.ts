/**
 * Figures of runs of `matchmaker.yaml`: what clients see while the driver reconfigures the system or fails parts of it. Of each
 * number of clients the first trial is drawn; claims take all.
 */
import { artifactsNamed, defineFigure, gaps, median, readText } from "reprise/analysis";
import type { Figure, Trial } from "reprise/analysis";
import { z } from "zod";
import { parseDriverLog } from "./driver-log.ts";
import { clientsOf, measuredCurve } from "./measured-figures.ts";
import type { Recording } from "./recorder-csv.ts";
import { seriesName, timelineEstimator, timelineRows, timelineSpec, TimelineRow } from "./timeline-figures.ts";
import { cutRequests, rowsWhere, windowValues } from "./timelines.ts";
import { readTrialRecording, trialMetrics as resultMetrics } from "./trial-results.ts";

export const latencyThroughput = measuredCurve({
  name: "latency-throughput",
  title: "Matchmaker MultiPaxos, and MultiPaxos with horizontal reconfiguration",
  note: "Nothing is done to the systems.",
  sweeps: ["matchmaker-lt", "horizontal-lt"],
  series: ({ protocol }) => (protocol === "horizontal" ? "Horizontal MultiPaxos" : "Matchmaker MultiPaxos"),
  order: ["Matchmaker MultiPaxos", "Horizontal MultiPaxos"],
});

/** A value of one panel at one instant, or something that the driver did. */
const MeasuredTimelineRow = z.object({
  ...TimelineRow.shape,
  panel: z.enum([...TimelineRow.shape.panel.options, "event"]),
  /** What was done; null in the panels. */
  event: z.string().nullable(),
});
type MeasuredTimelineRow = z.infer<typeof MeasuredTimelineRow>;

interface MeasuredTimeline {
  readonly name: string;
  readonly title: string;
  readonly sweep: string;
  /** As the authors cut theirs: seconds after the first request where the axis begins, and before the last where it ends. */
  readonly headSec: number;
  readonly tailSec: number;
  /** Whether clients wait for a new leader: lines then end at the silence. */
  readonly isSplit?: boolean;
}

/** Instants of each run: the authors' every hundredth of some 100,000, however slow the machines. */
const drawnCount = 1_000;

/** What the driver did to a trial, in its log's order; nothing where an import brought no log. */
async function eventsOf(trial: Trial, near: number): Promise<{ readonly what: string; readonly atMs: number }[]> {
  if (!trial.artifacts.some(({ path }) => path.endsWith("driver-0.out"))) return [];
  const [log] = artifactsNamed(trial, "driver-0.out");
  if (log === undefined) return [];
  const { rows } = parseDriverLog(await readText(log.open(), log.key), { near });
  return rows.filter(({ what }) => !what.includes("warmup"));
}

/** The first trial of each number of clients, fewest clients first. */
function firstTrials(trials: readonly Trial[]): Trial[] {
  const first = new Map<number, Trial>();
  for (const trial of [...trials].sort((a, b) => a.trialIndex - b.trialIndex)) {
    // Published runs of one sweep also differ in f.
    if (trial.parameters["f"] !== 1) continue;
    const clients = clientsOf(trial.parameters);
    if (!first.has(clients)) first.set(clients, trial);
  }
  return [...first].sort(([a], [b]) => a - b).map(([, trial]) => trial);
}

function timeline({ name, title, sweep, isSplit = false, ...cut }: MeasuredTimeline): Figure<MeasuredTimelineRow> {
  return defineFigure<MeasuredTimelineRow>({
    name,
    title,
    caption:
      "Above, the rolling median over one second of latency, filled up to its rolling 95th percentile; below, the rolling rate over one second; of the first trial of each number of clients.",
    captionOf: (rows) =>
      rows.some(({ event }) => event !== null)
        ? "Dashed lines mark what the driver's log says was done to the run with the fewest clients."
        : undefined,
    estimator: timelineEstimator(isSplit, `some ${drawnCount} of them drawn`),
    row: MeasuredTimelineRow,
    needs: { sweeps: [sweep], points: (parameters) => parameters["f"] === 1 },
    rows: async (trials) => {
      const rows: MeasuredTimelineRow[] = [];
      for (const [index, trial] of firstTrials(trials).entries()) {
        const series = seriesName(clientsOf(trial.parameters));
        const recording = await readTrialRecording(trial);
        const requests = cutRequests(recording, cut);
        if (index === 0) {
          const originMs = (recording.startMs[0] ?? NaN) + 1_000 * cut.headSec;
          const endSec = (requests.elapsedMs.at(-1) ?? 0) / 1_000;
          for (const { what, atMs } of await eventsOf(trial, originMs)) {
            const elapsedSec = (atMs - originMs) / 1_000;
            if (elapsedSec < 0 || elapsedSec > endSec) continue;
            const nothing = { latencyMs: null, latencyP95Ms: null, throughputPerSec: null };
            rows.push({ panel: "event", series, elapsedSec, ...nothing, event: what });
          }
        }
        const everyRows = Math.max(1, Math.floor(requests.elapsedMs.length / drawnCount));
        rows.push(...timelineRows(series, requests, { isSplit, everyRows }).map((row) => ({ ...row, event: null })));
      }
      return rows;
    },
    isFrom: (row, { parameters }) => seriesName(clientsOf(parameters)) === row.series,
    spec: (rows) => {
      const drawn = rows.flatMap(({ event, panel, ...row }) =>
        event === null && panel !== "event" ? [{ ...row, panel }] : [],
      );
      const events = rows.flatMap(({ event, elapsedSec }) => (event === null ? [] : [{ event, elapsedSec }]));
      const kinds = [...new Set(events.map(({ event }) => event))];
      return timelineSpec(drawn, {
        order: [...new Set(drawn.map(({ series }) => series))],
        events: kinds.map((kind) => {
          const atSec = events.filter(({ event }) => event === kind).map(({ elapsedSec }) => elapsedSec);
          return { label: atSec.length === 1 ? kind : `${atSec.length} ${kind}s`, atSec };
        }),
      });
    },
  });
}

/** How the sweeps whose driver acts are cut. @see section 4.3 of the FrankenPaxos description */
const timelines: readonly MeasuredTimeline[] = [
  {
    name: "leader-reconfiguration",
    title: "Matchmaker MultiPaxos while its acceptors are reconfigured",
    sweep: "leader-reconfiguration",
    headSec: 10,
    tailSec: 10,
  },
  {
    name: "matchmaker-reconfiguration",
    title: "Matchmaker MultiPaxos while its matchmakers are reconfigured",
    sweep: "matchmaker-reconfiguration",
    headSec: 15,
    tailSec: 15,
  },
  {
    name: "leader-failure",
    title: "Matchmaker MultiPaxos when its leader fails",
    sweep: "leader-failure",
    headSec: 12,
    tailSec: 3,
    isSplit: true,
  },
  {
    name: "chaos",
    title: "Matchmaker MultiPaxos when leader, acceptor and matchmaker fail at once",
    sweep: "chaos",
    headSec: 10,
    tailSec: 10,
    isSplit: true,
  },
  {
    name: "horizontal-leader-reconfiguration",
    title: "MultiPaxos with horizontal reconfiguration while its acceptors are reconfigured",
    sweep: "horizontal-leader-reconfiguration",
    headSec: 10,
    tailSec: 5,
  },
  {
    name: "horizontal-leader-failure",
    title: "MultiPaxos with horizontal reconfiguration when its leader fails",
    sweep: "horizontal-leader-failure",
    headSec: 12,
    tailSec: 3,
    isSplit: true,
  },
];

export const timelineFigures = timelines.map(timeline);

/** The papers' windows, in seconds after the first request: before the reconfigurations, and during them. */
const windowsSec = { before: [10, 20], during: [20, 30] } as const;

/** What claims compare: what reconfigurations leave of throughput and add to latency, and how long clients had to wait. */
export async function trialMetrics(trial: Trial): Promise<Record<string, number>> {
  const { sweep, artifacts } = trial;
  if (!timelines.some((one) => one.sweep === sweep) || artifacts.some(({ path }) => path === "results.csv"))
    return resultMetrics(trial);
  const recording = await readTrialRecording(trial);
  return { longestSilenceSec: longestSilenceSec(recording), ...(sweep.endsWith("reconfiguration") && kept(recording)) };
}

function kept(recording: Recording): Record<string, number> {
  const all = cutRequests(recording, { headSec: 0, tailSec: 0 });
  const [before, during] = [windowsSec.before, windowsSec.during].map(([fromSec, toSec]) =>
    windowValues(rowsWhere(all, 1_000 * fromSec, 1_000 * toSec)),
  );
  if (!before?.throughputPerSec.length || !during?.throughputPerSec.length) return {};
  return {
    throughputKept: median(during.throughputPerSec) / median(before.throughputPerSec),
    latencyKept: median(during.latencyMs) / median(before.latencyMs),
  };
}

function longestSilenceSec({ startMs }: Recording): number {
  const lengths = gaps(startMs, { longerThanMs: 0 }).map(({ fromMs, toMs }) => toMs - fromMs);
  return lengths.reduce((longest, length) => Math.max(longest, length), 0) / 1_000;
}
