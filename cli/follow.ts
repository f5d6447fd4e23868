import { createInterface } from "node:readline";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { activityText, readActivity } from "../core/flow/host-activity.ts";
import type { Progress, RunningTrial } from "../core/progress/progress.ts";
import { foldProgress, noProgress, remainingMs } from "../core/progress/progress.ts";
import type { EventRecord } from "../core/records/schemas.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { readFeed } from "./feed.ts";
import type { Interrupt, Interrupts } from "./interrupts.ts";
import type { Output } from "./output.ts";
import { duration } from "./output.ts";
import { spentText } from "./spend.ts";

export interface Followed {
  readonly progress: Progress;
  /** The person at the terminal chose to leave the run alone. */
  readonly detached: boolean;
}

export interface FollowOptions {
  readonly runId: string;
  readonly store: ObjectStore;
  readonly output: Output;
  /** Whether the engine that drives the run is still there. */
  readonly isDriven: () => Promise<boolean>;
  /** Asks the engine to stop the run. */
  readonly stop: (reason: string) => Promise<void>;
  /** Only events from here on belong to what is followed; earlier ones just count. */
  readonly sinceMs: number;
  /** What SIGTERM, a second Ctrl-C, and SIGINT without a terminal do: who only looks on leaves the run alone. */
  readonly whenInterrupted: "stop" | "leave";
  readonly interrupts: Interrupts;
  /** Dollars that its hosts have cost so far. */
  readonly spent: () => Promise<number | "unknown">;
}

/** What is spent is reckoned anew this often: it takes a dozen reads of the store. */
const reckonEveryMs = 15_000;

/**
 * Shows a run as it goes until its engine has ended: a line an event, and in a terminal one line that stays.
 *
 * First Ctrl-C in a terminal asks: stop, detach, or go on. SIGTERM, a second Ctrl-C, or SIGINT without a terminal stops
 * the run, which is followed to its receipt; for one who only looks on, they end the looking.
 */
export async function followRun(options: FollowOptions): Promise<Followed> {
  const { runId, store, output } = options;
  let progress = noProgress;
  let detached = false;
  let stopping = false;
  const end = new AbortController();
  const status = output.isTerminal ? new StatusLine() : undefined;

  const leave = (): void => {
    detached = true;
    end.abort();
  };
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    status?.clear();
    output.note(`stopping: what runs is collected, then everything is taken down (${reason})`);
    options.stop(reason).catch((error: unknown) => {
      output.note(`could not ask it to stop: ${messageOf(error)}`);
    });
  };
  const spend = new Spend(options.spent);
  const activity = new Activity((trials) => activityOf(store, runId, trials));
  let question: Question | undefined;
  /** What happened while a question stood there: it would be written into the answer. */
  let waiting: string[] = [];
  const tell = (line: string): void => {
    if (question !== undefined) {
      waiting.push(line);
      return;
    }
    status?.clear();
    output.note(line);
  };
  const tellWaiting = (): void => {
    const lines = waiting;
    waiting = [];
    for (const line of lines) output.note(line);
  };
  const onInterrupt = (signal: Interrupt): void => {
    const mayAsk = signal === "SIGINT" && output.isTerminal && question === undefined && !stopping;
    if (!mayAsk) {
      question?.close();
      if (options.whenInterrupted === "leave") leave();
      else stop(signal === "SIGTERM" ? "terminated" : "interrupted");
      return;
    }
    status?.clear();
    question = ask("\nstop the run, detach from it, or go on? [s/d/G] ", {
      answer: (answer) => {
        question = undefined;
        tellWaiting();
        if (answer === "s") stop("stopped at the terminal");
        if (answer === "d") leave();
      },
      interrupt: () => onInterrupt("SIGINT"),
    });
  };
  options.interrupts.handle(onInterrupt);
  const ticker =
    status === undefined
      ? undefined
      : setInterval(() => {
          const now = Date.now();
          spend.refresh(now);
          activity.refresh(progress.running);
          if (question === undefined)
            status.show(statusText(progress, { nowMs: now, spent: spend.text, doing: activity.words }, output.columns));
        }, 500);
  try {
    const feed = readFeed(store, runId, {
      clock: systemClock,
      until: async () => !(await options.isDriven()),
      signal: end.signal,
    });
    for await (const event of feed) {
      progress = foldProgress(progress, event);
      if (Date.parse(event.at) < options.sinceMs) continue;
      tell(eventLine(event, progress));
    }
  } finally {
    clearInterval(ticker);
    status?.clear();
    question?.close();
    tellWaiting();
    options.interrupts.end();
  }
  return { progress, detached };
}

interface Question {
  /** Takes the question back; nothing is answered any more. */
  close(): void;
}

/** Asks at the terminal. No answer (the input ended) is the empty one. */
function ask(
  text: string,
  on: { readonly answer: (answer: string) => void; readonly interrupt: () => void },
): Question {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  let isOpen = true;
  const close = (): boolean => {
    const wasOpen = isOpen;
    isOpen = false;
    terminal.close();
    process.stdin.unref(); // a terminal that was read once would keep this process alive
    return wasOpen;
  };
  terminal.on("SIGINT", () => {
    if (isOpen) on.interrupt();
  });
  terminal.on("close", () => {
    if (close()) on.answer("");
  });
  terminal.question(text, (answer) => {
    if (close()) on.answer(answer.trim().toLowerCase().slice(0, 1));
  });
  return { close: () => void close() };
}

/** One event as one line; a finished trial shows its point and its metrics. */
export function eventLine(event: EventRecord, progress: Progress): string {
  const time = event.at.slice(11, 19);
  const isTrial = event.kind === "trial-done" || event.kind === "trial-failed";
  const count = isTrial ? ` [${progress.valid}/${progress.total}]` : "";
  const mark = event.kind === "trial-failed" || event.kind === "deployment-failed" ? "! " : "";
  return `${time}${count} ${mark}${event.text}${metricsText(event)}`;
}

function metricsText(event: EventRecord): string {
  const { summary } = event.data;
  if (typeof summary !== "object" || summary === null) return "";
  const parts = Object.entries(summary).map(
    ([name, value]) => `${name}=${typeof value === "number" ? readable(value) : String(value)}`,
  );
  return parts.length === 0 ? "" : `  ${parts.join("  ")}`;
}

/** Four significant digits, no exponent for what fits. */
const readable = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : String(Number(value.toPrecision(4)));

/** The last known sum, as words. */
class Spend {
  text: string | undefined;
  private readonly reckon: () => Promise<number | "unknown">;
  private nextMs = 0;

  constructor(reckon: () => Promise<number | "unknown">) {
    this.reckon = reckon;
  }

  refresh(nowMs: number): void {
    if (nowMs < this.nextMs) return;
    this.nextMs = nowMs + reckonEveryMs;
    this.reckon().then(
      (sum) => (this.text = spentText(sum)),
      () => undefined, // the next look may find it; the figures that stand there are not wrong, only old
    );
  }
}

/** What the hosts of the running trials do, by trial, as it was when the store was last asked. */
class Activity {
  words: ReadonlyMap<string, string> = new Map();
  private readonly look: (trials: readonly RunningTrial[]) => Promise<ReadonlyMap<string, string>>;
  private isLooking = false;

  constructor(look: (trials: readonly RunningTrial[]) => Promise<ReadonlyMap<string, string>>) {
    this.look = look;
  }

  refresh(trials: readonly RunningTrial[]): void {
    if (this.isLooking) return;
    this.isLooking = true;
    this.look(trials)
      .then(
        (words) => (this.words = words),
        () => undefined, // as for what is spent
      )
      .finally(() => (this.isLooking = false));
  }
}

const trialName = ({ pointKey, trialIndex }: RunningTrial): string => `${pointKey}#${trialIndex}`;

/** A line has room for few trials: of many lanes' the first ones. */
const mostTrialsAsked = 4;

async function activityOf(
  store: ObjectStore,
  runId: string,
  trials: readonly RunningTrial[],
): Promise<ReadonlyMap<string, string>> {
  const words = new Map<string, string>();
  for (const trial of trials.slice(0, mostTrialsAsked)) {
    words.set(trialName(trial), activityText(await readActivity({ runId, ...trial }, store)));
  }
  return words;
}

/** The line that stays at the bottom of a terminal. */
export function statusText(
  progress: Progress,
  now: {
    readonly nowMs: number;
    readonly spent: string | undefined;
    /** What hosts do, by the name of their trial. */
    readonly doing?: ReadonlyMap<string, string>;
  },
  columns: number,
): string {
  const { nowMs, spent, doing } = now;
  const left = remainingMs(progress, nowMs);
  const running = progress.running.map((trial) => {
    const words = doing?.get(trialName(trial)) ?? "";
    return `${trialName(trial)} ${duration(nowMs - trial.sinceMs)}${words === "" ? "" : ` (${words})`}`;
  });
  const parts = [
    progress.stopping ? "stopping" : progress.phase,
    `${progress.valid}/${progress.total} done`,
    ...(progress.failedAttempts > 0 ? [`${progress.failedAttempts} failed`] : []),
    ...(left === undefined || progress.phase !== "running" ? [] : [`${duration(left)} left`]),
    ...(spent === undefined ? [] : [spent]),
    ...running,
  ];
  return parts.join(" · ").slice(0, columns - 1);
}

/** A line at the bottom of the terminal that is drawn over. */
class StatusLine {
  private shown = "";

  show(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    process.stderr.write(`\r\u001b[2K${text}`);
  }

  clear(): void {
    if (this.shown === "") return;
    this.shown = "";
    process.stderr.write("\r\u001b[2K");
  }
}
