import { z } from "zod";
import { aggregateFrame, FrameError, toFrame, toRows } from "../../analysis/frames/index.ts";

const rows = [
  { clients: 1, mode: "group", latencyMs: 2 },
  { clients: 1, mode: "group", latencyMs: 4 },
  { clients: 2, mode: "none", latencyMs: 9 },
];

describe("toFrame and toRows", () => {
  it("go round, and let danfo work in between", async () => {
    const frame = await toFrame(rows);
    const Row = z.object({ clients: z.number(), mode: z.string(), latencyMs: z.number() });
    expect(toRows(frame, Row)).toEqual(rows);
    expect(toRows(frame.query(frame.column("latencyMs").gt(3)), Row)).toEqual(rows.slice(1));
    expect(() => toRows(frame, Row.extend({ p99Ms: z.number() }))).toThrow(FrameError);
  });
  it("need rows", async () => {
    await expect(toFrame([])).rejects.toThrow("at least one row");
  });
});

describe("aggregateFrame", () => {
  it("gives typed rows, one a group", async () => {
    const summary = await aggregateFrame(await toFrame(rows), ["clients", "mode"], {
      meanMs: { column: "latencyMs", by: "mean" },
      medianMs: { column: "latencyMs", by: "median" },
      n: { column: "latencyMs", by: "count" },
      spreadMs: { column: "latencyMs", by: (values) => Math.max(...values) - Math.min(...values) },
    });
    expect(summary).toEqual([
      { clients: 1, mode: "group", meanMs: 3, medianMs: 3, n: 2, spreadMs: 2 },
      { clients: 2, mode: "none", meanMs: 9, medianMs: 9, n: 1, spreadMs: 0 },
    ]);
  });
  it("names a column that isn't there", async () => {
    const frame = await toFrame(rows);
    await expect(aggregateFrame(frame, ["client"], {})).rejects.toThrow("no column client");
  });
});
