import { foldProgress, noProgress, remainingMs } from "../../../core/progress/progress.ts";
import type { EventRecord } from "../../../core/records/schemas.ts";

const event = (kind: string, second: number, data: EventRecord["data"] = {}): EventRecord => ({
  at: new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString(),
  kind,
  text: kind,
  data,
});
const trial = (trialIndex: number) => ({ pointKey: "p", trialIndex, attempt: 1, deployment: "main", lane: 0 });
const leftSec = (events: readonly EventRecord[], second: number): number | undefined => {
  const left = remainingMs(events.reduce(foldProgress, noProgress), Date.UTC(2026, 0, 1) + second * 1_000);
  return left === undefined ? undefined : left / 1_000;
};

describe("remainingMs", () => {
  const admitted = event("run-admitted", 0, { epoch: 1, remaining: 4, total: 4, expectedMs: 80_000 });
  const started = event("trial-started", 10, trial(0));

  it("is what the plan expects until a first trial has ended, and not known once that is over", () => {
    expect(leftSec([admitted], 5)).toBeUndefined();
    expect(leftSec([admitted, started], 15)).toBe(75);
    expect(leftSec([admitted, started], 90)).toBeUndefined();
  });

  it("is reckoned from the pace of the trials that have ended", () => {
    expect(leftSec([admitted, started, event("trial-done", 40, trial(0))], 40)).toBe(90);
  });

  it("knows nothing of runs that were admitted without an estimate", () => {
    const { epoch, remaining, total } = { epoch: 1, remaining: 4, total: 4 };
    expect(leftSec([event("run-admitted", 0, { epoch, remaining, total }), started], 15)).toBeUndefined();
  });
});
