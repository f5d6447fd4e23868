import { readFileSync } from "node:fs";
import { parseDriverLog } from "../../../experiments/frankenpaxos/driver-log.ts";

const log = readFileSync(new URL("../../fixtures/frankenpaxos/driver-chaos.out", import.meta.url), "utf8");
const near = Date.parse("2026-11-21T12:21:00Z");

describe("parseDriverLog", () => {
  it("reads what the driver of a real trial did, and when", () => {
    const { rows, skippedCount } = parseDriverLog(log, { near });
    expect(skippedCount).toBe(0);
    expect(rows.filter(({ what }) => !what.includes("warmup"))).toEqual(
      [
        ["2026-11-21T12:21:25.651Z", "leader failure"],
        ["2026-11-21T12:21:25.950Z", "acceptor failure"],
        ["2026-11-21T12:21:26.897Z", "matchmaker failure"],
        ["2026-11-21T12:21:35.529Z", "acceptor recover"],
        ["2026-11-21T12:21:40.528Z", "matchmaker recover"],
      ].map(([at = "", what]) => ({ atMs: Date.parse(at), what })),
    );
  });

  it("leaves out the workload's name, and finds the year at its turn", () => {
    const line = "[Dec 31 23:59:59.900000000] [INFO] [Thread 13] LeaderReconfiguration failure triggered!";
    expect(parseDriverLog(line, { near: Date.parse("2027-01-01T00:00:05Z") }).rows).toEqual([
      { atMs: Date.parse("2026-12-31T23:59:59.900Z"), what: "failure" },
    ]);
  });

  it("counts lines that aren't the logger's", () => {
    const { rows, skipped, skippedCount } = parseDriverLog(`Error: Unknown option --x\n${log}`, { near });
    expect(rows.length).toBeGreaterThan(4);
    expect(skippedCount).toBe(1);
    expect(skipped).toEqual([{ lineNumber: 1, line: "Error: Unknown option --x", reason: "not a line of the logger" }]);
  });
});
