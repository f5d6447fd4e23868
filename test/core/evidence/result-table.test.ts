import type { ResultRow } from "../../../core/evidence/result-rows.ts";
import { buildResultTable } from "../../../core/evidence/result-table.ts";

export const rowFixture = (overrides: Partial<ResultRow> = {}): ResultRow => ({
  runId: "r1",
  experiment: "quickstart",
  sweep: "load",
  pointKey: "p",
  parameters: {},
  trialIndex: 0,
  trialKey: "k",
  attempt: 1,
  outcome: "valid",
  failureClass: undefined,
  failureMessage: undefined,
  deploymentId: "r1-main1",
  startedAt: "2026-11-21T03:00:00.000Z",
  durationSec: 2.5,
  reusedFrom: undefined,
  manifestKey: "runs/r1/p/trial-0/attempt-1/manifest.json",
  summary: {},
  ...overrides,
});

/** Cells by column name, of the columns between the fixed ones and the origin. */
const middle = (rows: readonly ResultRow[]) => {
  const { columns, rows: cells } = buildResultTable(rows);
  return {
    columns: columns.slice(7, -8),
    rows: cells.map((row) => row.slice(7, -8)),
  };
};

describe("buildResultTable", () => {
  it("puts identity first, origin last, parameters and metrics between", () => {
    const { columns, rows } = buildResultTable([rowFixture({ parameters: { clients: 4 }, summary: { p99Ms: 1 } })]);
    expect(columns.map(({ name }) => name)).toEqual([
      ...["runId", "experiment", "sweep", "pointKey", "trialIndex", "attempt", "outcome", "clients", "p99Ms"],
      ...[
        "failureClass",
        "failureMessage",
        "deploymentId",
        "startedAt",
        "durationSec",
        "reusedFrom",
        "trialKey",
        "manifestKey",
      ],
    ]);
    expect(rows).toEqual([
      [
        ...["r1", "quickstart", "load", "p", 0, 1, "valid", 4, 1],
        ...[
          null,
          null,
          "r1-main1",
          "2026-11-21T03:00:00.000Z",
          2.5,
          null,
          "k",
          "runs/r1/p/trial-0/attempt-1/manifest.json",
        ],
      ],
    ]);
  });

  it("opens nested parameters, and keeps lists as JSON", () => {
    expect(middle([rowFixture({ parameters: { protocol: { name: "paxos", f: 1 }, sizes: [1, 2] } })])).toEqual({
      columns: [
        { name: "protocol.name", type: "string" },
        { name: "protocol.f", type: "number" },
        { name: "sizes", type: "string" },
      ],
      rows: [["paxos", 1, "[1,2]"]],
    });
  });

  it("has a cell for every column in every row", () => {
    const rows = [
      rowFixture({ parameters: { a: 1 }, summary: { x: 1 } }),
      rowFixture({ parameters: { b: true }, summary: { y: 2 } }),
    ];
    expect(middle(rows)).toEqual({
      columns: [
        { name: "a", type: "number" },
        { name: "b", type: "boolean" },
        { name: "x", type: "number" },
        { name: "y", type: "number" },
      ],
      rows: [
        [1, null, 1, null],
        [null, true, null, 2],
      ],
    });
  });

  it("makes text of a column with several types", () => {
    expect(middle([rowFixture({ parameters: { size: 4 } }), rowFixture({ parameters: { size: "max" } })])).toEqual({
      columns: [{ name: "size", type: "string" }],
      rows: [["4"], ["max"]],
    });
  });

  it("tells names apart that are taken", () => {
    const row = rowFixture({ parameters: { attempt: 5, p99Ms: 2 }, summary: { p99Ms: 1, outcome: 3 } });
    expect(middle([row]).columns.map(({ name }) => name)).toEqual([
      "param.attempt",
      "p99Ms",
      "metric.p99Ms",
      "metric.outcome",
    ]);
    expect(middle([row]).rows).toEqual([[5, 2, 1, 3]]);
  });

  it("has columns without rows", () => {
    expect(buildResultTable([]).columns).toHaveLength(15);
  });
});
