import { skippedLine } from "./parsed.ts";
import type { Parsed, SkippedLine } from "./parsed.ts";

/** One side of an invocation that ran both versions in parallel. */
export interface FunctionTiming {
  /** CPU time without waiting for the network. */
  readonly responseMs: number;
  /** Logged since July 2024. */
  readonly wallMs: number | undefined;
  readonly machineId: string;
  readonly processId: number;
  readonly isColdStart: boolean;
  readonly receivedAt: string; // ISO 8601, Z
}

/** One invocation of DuetFaaS. */
export interface FunctionPairRow {
  /** Line in the log, from 0. */
  readonly sequence: number;
  readonly a: FunctionTiming;
  readonly b: FunctionTiming;
}

const sidePattern =
  /^([AB]) - Response Time: ([\d.]+)ms, machineId: ([^,]+), processId: (\d+), isColdStart: (true|false), requestReceivedAt: ([^,]+)(?:, wallTime: ([\d.]+))?$/;

/**
 * Reads a DuetFaaS log: JSON lines whose `message` holds A's and B's timings, with full precision (cutting times to whole
 * milliseconds, as the original evaluation did, leaves 40/38 as the only ratio).
 */
export function parseDuetFaas(text: string): Parsed<FunctionPairRow> {
  const rows: FunctionPairRow[] = [];
  const skipped: SkippedLine[] = [];
  for (const [index, line] of text.trimEnd().split("\n").entries()) {
    if (line === "") continue;
    const sides = (messageOf(line) ?? "").split(" | ").map(parseSide);
    const a = sides.find((side) => side?.label === "A")?.timing;
    const b = sides.find((side) => side?.label === "B")?.timing;
    if (a === undefined || b === undefined || sides.length !== 2) {
      skipped.push(skippedLine(index + 1, line, "not a line with A's and B's timings"));
    } else if (a.machineId !== b.machineId) {
      skipped.push(skippedLine(index + 1, line, "A and B ran on different machines"));
    } else rows.push({ sequence: index, a, b });
  }
  return { rows, skipped };
}

function messageOf(line: string): string | undefined {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record === "object" && record !== null && "message" in record && typeof record.message === "string")
      return record.message;
  } catch {
    // A cut line: skipped by the caller, with its number.
  }
  return undefined;
}

function parseSide(text: string): { readonly label: string; readonly timing: FunctionTiming } | undefined {
  const [, label, response, machineId, processId, cold, receivedAt, wall] = sidePattern.exec(text) ?? [];
  if (label === undefined || machineId === undefined || receivedAt === undefined) return undefined;
  return {
    label,
    timing: {
      responseMs: Number(response),
      wallMs: wall === undefined ? undefined : Number(wall),
      machineId,
      processId: Number(processId),
      isColdStart: cold === "true",
      receivedAt,
    },
  };
}
