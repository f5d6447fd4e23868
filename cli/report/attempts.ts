import type { Timeline, TimelineBar, TimelineRow } from "../../analysis/gallery/index.ts";
import type { EventRecord } from "../../core/records/schemas.ts";

/** One try at a trial as the feed tells it. */
export interface FeedAttempt {
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly attempt: number;
  readonly deployment: string;
  readonly lane: number;
  readonly fromMs: number;
  /** Undefined while it runs. */
  readonly toMs: number | undefined;
  readonly outcome: "valid" | "failed" | "running";
  readonly text: string;
}

/** Attempts in the order in which they began. */
export function attemptsOf(events: readonly EventRecord[]): FeedAttempt[] {
  const attempts = new Map<string, FeedAttempt>();
  for (const { at, kind, text, data } of events) {
    if (kind !== "trial-started" && kind !== "trial-done" && kind !== "trial-failed") continue;
    const { pointKey, trialIndex, attempt, lane, deployment } = data;
    if (typeof pointKey !== "string" || typeof trialIndex !== "number" || typeof attempt !== "number") continue;
    const name = `${pointKey} ${trialIndex} ${attempt}`;
    const known = attempts.get(name);
    const atMs = Date.parse(at);
    attempts.set(name, {
      pointKey,
      trialIndex,
      attempt,
      deployment: typeof deployment === "string" ? deployment : "",
      lane: typeof lane === "number" ? lane : 0,
      fromMs: known?.fromMs ?? atMs,
      toMs: kind === "trial-started" ? known?.toMs : atMs,
      outcome: kind === "trial-started" ? (known?.outcome ?? "running") : kind === "trial-done" ? "valid" : "failed",
      text,
    });
  }
  return [...attempts.values()];
}

/** More bars than that can't be told apart: the table has them all. */
const mostBars = 1_500;

/**
 * The run on one axis: provisioning, set-up, teardown and sealing from the feed's events, and a row of trials a lane.
 *
 * @param nowMs the end of what still runs
 * @param hrefOf the page of a trial
 */
export function timelineOf(
  events: readonly EventRecord[],
  { nowMs, hrefOf }: { readonly nowMs: number; readonly hrefOf: (attempt: FeedAttempt) => string | undefined },
): Timeline {
  const attempts = attemptsOf(events);
  const lanes = new Map<string, TimelineBar[]>();
  for (const attempt of attempts.slice(-mostBars)) {
    const label = `${attempt.deployment === "" ? "" : `${attempt.deployment}, `}lane ${attempt.lane}`;
    const href = hrefOf(attempt);
    const bar: TimelineBar = {
      label: `${attempt.pointKey} trial ${attempt.trialIndex}${attempt.attempt > 1 ? ` attempt ${attempt.attempt}` : ""}, ${attempt.outcome}`,
      fromMs: attempt.fromMs,
      toMs: attempt.toMs ?? nowMs,
      tone: attempt.outcome === "valid" ? "good" : attempt.outcome === "failed" ? "bad" : "plain",
      ...(href === undefined ? {} : { href }),
    };
    lanes.set(label, [...(lanes.get(label) ?? []), bar]);
  }
  const control = controlBars(events, attempts, nowMs);
  const rows: TimelineRow[] = [
    ...(control.length > 0 ? [{ label: "run", bars: control }] : []),
    ...[...lanes]
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
      .map(([label, bars]) => ({ label, bars })),
  ];
  const moments = events
    .filter(({ kind }) => kind === "stop-asked" || kind === "deployment-lost" || kind === "host-lost")
    .map(({ at, text }) => ({ label: text, atMs: Date.parse(at) }));
  return { rows, moments };
}

/** From one kind of event to the next: what the run as a whole was doing. */
function controlBars(events: readonly EventRecord[], attempts: readonly FeedAttempt[], nowMs: number): TimelineBar[] {
  const timeOf = (test: (kind: string) => boolean, isLast = false): number | undefined => {
    const found = isLast ? events.findLast(({ kind }) => test(kind)) : events.find(({ kind }) => test(kind));
    return found && Date.parse(found.at);
  };
  const admitted = timeOf((kind) => kind === "run-admitted");
  const ready = timeOf((kind) => kind === "hosts-ready");
  const firstTrial = attempts[0]?.fromMs;
  const finished = timeOf((kind) => kind === "run-finished", true);
  const receipt = timeOf((kind) => kind === "receipt", true);
  const sealed = timeOf((kind) => kind === "sealed", true);
  const bars: (TimelineBar | undefined)[] = [
    admitted === undefined ? undefined : bar("provisioning", admitted, ready ?? finished ?? nowMs),
    ready === undefined ? undefined : bar("set-up", ready, firstTrial ?? finished ?? nowMs),
    firstTrial === undefined ? undefined : bar("trials", firstTrial, finished ?? nowMs),
    finished === undefined ? undefined : bar("teardown", finished, receipt ?? sealed ?? nowMs),
    receipt === undefined || sealed === undefined ? undefined : bar("sealing", receipt, sealed),
  ];
  return bars.filter((one) => one !== undefined && one.toMs >= one.fromMs).filter((one) => one !== undefined);
}

const bar = (label: string, fromMs: number, toMs: number): TimelineBar => ({ label, fromMs, toMs, tone: "quiet" });
