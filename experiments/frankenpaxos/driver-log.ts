/**
 * What the drivers of Matchmaker and horizontal MultiPaxos say that they did: `[Nov 21 11:53:02.123456789] [INFO] [Thread 1]
 * LeaderReconfiguration failure triggered!`, with colours, without a year or a zone.
 */
import type { Parsed, ParseOptions, SkippedLine } from "reprise/analysis";

/** Something that was done to the system. */
export interface DriverEvent {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** As the driver calls it, without the name of its workload: `reconfiguration`, `failure`, `acceptor recover`. */
  readonly what: string;
}

const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
const logged = /^\[(\w{3}) (\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3})\d*\] \[\w+\] \[Thread \d+\] (.*)$/;
const workload = /^(?:LeaderReconfiguration|MatchmakerReconfiguration|LeaderFailure|Chaos) /;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * @param near when the trial ran, ms since 1970: of all years the one counts that brings the log closest to it. Times are UTC,
 *   as the experiment has every process write them.
 * @returns events in the log's order; other lines of the logger are passed over, lines that aren't the logger's are skipped
 */
export function parseDriverLog(
  text: string,
  { near, keepSkipped = 100 }: { readonly near: number } & Pick<ParseOptions, "keepSkipped">,
): Parsed<DriverEvent> {
  const rows: DriverEvent[] = [];
  const skipped: SkippedLine[] = [];
  let skippedCount = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replaceAll(colour, "").trimEnd();
    if (line === "") continue;
    const match = logged.exec(line);
    const month = months.indexOf(match?.[1] ?? "");
    if (match === null || month === -1) {
      if (++skippedCount <= keepSkipped)
        skipped.push({ lineNumber: index + 1, line, reason: "not a line of the logger" });
      continue;
    }
    const [, , day, hour, minute, second, milli, message = ""] = match;
    if (!message.endsWith(" triggered!")) continue;
    const inYear = (year: number): number =>
      Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second), Number(milli));
    const year = new Date(near).getUTCFullYear();
    const [atMs = NaN] = [year - 1, year, year + 1].map(inYear).sort((a, b) => Math.abs(a - near) - Math.abs(b - near));
    const what = message.slice(0, -" triggered!".length).replace(workload, "");
    rows.push({ atMs, what: what.charAt(0).toLowerCase() + what.slice(1) });
  }
  return { rows, skipped, skippedCount };
}
