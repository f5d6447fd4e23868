import type { IterationTiming } from "./iteration.ts";
import { skippedLine } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";

const markPattern = /Rate (Start|End):[^(]*\((\d+)(?:\.(\d{1,9}))?\)/;

/**
 * Reads a SPEC CPU log: the i-th `Rate Start:` belongs to the i-th `Rate End:`, each with Unix seconds in parentheses.
 *
 * @returns nothing but skipped lines when starts and ends don't alternate: whose end is missing can't be told
 */
export function parseSpecCpu(text: string): Parsed<IterationTiming> {
  const marks: { readonly kind: string; readonly atNs: bigint; readonly lineNumber: number; readonly line: string }[] =
    [];
  const skipped = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (!/Rate (?:Start|End):/.test(line)) continue;
    const [, kind, seconds, fraction = ""] = markPattern.exec(line) ?? [];
    if (kind === undefined || seconds === undefined)
      skipped.push(skippedLine(index + 1, line, "no Unix time in parentheses"));
    else
      marks.push({
        kind,
        atNs: BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0")),
        lineNumber: index + 1,
        line,
      });
  }
  const rows: IterationTiming[] = [];
  const firstOdd =
    marks.find(({ kind }, i) => kind !== (i % 2 === 0 ? "Start" : "End")) ??
    (marks.length % 2 === 1 ? marks[marks.length - 1] : undefined);
  if (firstOdd !== undefined || skipped.length > 0) {
    if (firstOdd !== undefined)
      skipped.push(
        skippedLine(firstOdd.lineNumber, firstOdd.line, "starts and ends don't alternate: the whole log is left out"),
      );
    return { rows, skipped };
  }
  for (let i = 0; i + 1 < marks.length; i += 2) {
    const [start, end] = [marks[i], marks[i + 1]];
    if (start === undefined || end === undefined) continue;
    const timeNs = Number(end.atNs - start.atNs);
    if (timeNs <= 0) skipped.push(skippedLine(end.lineNumber, end.line, "ends before it starts"));
    else
      rows.push({ benchmark: undefined, iteration: i / 2, startNs: start.atNs, endNs: end.atNs, timeNs, extras: {} });
  }
  return { rows, skipped };
}

/** The one log of a SPEC result folder that holds the measurement: its name ends in `002.log` (001 is the image's build). */
export function selectSpecLog(names: readonly string[]): string | undefined {
  const [log, ...others] = names.filter((name) => name.endsWith("002.log"));
  return others.length === 0 ? log : undefined;
}
