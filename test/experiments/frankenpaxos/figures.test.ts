import { checkRows } from "../../../analysis/figure.ts";
import type { Trial, TrialArtifact } from "../../../analysis/trials.ts";
import { latencyThroughputCurve, readScale } from "../../../experiments/frankenpaxos/figures.ts";
import { toResultRow } from "../../../experiments/frankenpaxos/trial-results.ts";

/** Requests at a steady rate for some seconds, in the recorders' format. */
function recorder({
  perSec,
  durationSec,
  latencyMs,
  label,
}: {
  perSec: number;
  durationSec: number;
  latencyMs: number;
  label: string;
}): string {
  const lines = Array.from({ length: perSec * durationSec }, (_, index) => {
    const startMs = Date.UTC(2021, 3, 7) + (index * 1_000) / perSec;
    const [start, stop] = [startMs, startMs + latencyMs].map((ms) => new Date(ms).toISOString());
    return `${start ?? ""},${stop ?? ""},1,${latencyMs * 1e6},${label}`;
  });
  return ["start,stop,count,latency_nanos,label", ...lines, ""].join("\n");
}

const artifact = (path: string, text: string): TrialArtifact => ({
  key: `runs/r/${path}`,
  host: "client-0",
  path,
  bytes: text.length,
  sha256: "0".repeat(64),
  open: async function* () {
    yield await Promise.resolve(Buffer.from(text));
  },
});

const trialOf = (over: Partial<Trial>): Trial => ({
  runId: "r",
  experiment: "frankenpaxos",
  sweep: "compartmentalized-lt",
  pointKey: "p",
  parameters: {
    protocol: "multipaxos",
    clientProcesses: 2,
    clientsPerProcess: 5,
    valueBytes: 100,
    replicas: 2,
    readFraction: 0.6,
  },
  trialIndex: 0,
  trialKey: "k",
  attempt: 1,
  summary: {},
  artifacts: [
    artifact("client-0/client_0_data.csv", recorder({ perSec: 100, durationSec: 3, latencyMs: 2, label: "write" })),
    artifact("client-1/client_1_data.csv", recorder({ perSec: 50, durationSec: 3, latencyMs: 2, label: "write" })),
    artifact("client-1/stdout", "Clients finished successfully."),
  ],
  ...over,
});

describe("toResultRow", () => {
  it("merges the recorders of all client processes", async () => {
    const row = await toResultRow(trialOf({}));
    expect(row.clients).toBe(10);
    expect(row.outputs.read).toBeUndefined();
    expect(row.outputs.write?.latencyMs.median).toBe(2);
    expect(row.outputs.write?.startThroughputPerSec?.p90).toBe(150);
  });

  it("refuses a trial without recorder files, and a file with a broken line", async () => {
    await expect(toResultRow(trialOf({ artifacts: [] }))).rejects.toThrow(/no recorder file/);
    const broken = recorder({ perSec: 10, durationSec: 1, latencyMs: 1, label: "write" }) + "2021-04-07T00:00\n";
    await expect(toResultRow(trialOf({ artifacts: [artifact("client_0_data.csv", broken)] }))).rejects.toThrow(
      /client_0_data.csv:12: /,
    );
  });
});

describe("figures of own runs", () => {
  it("make a point of a number of clients, mean over its trials", async () => {
    const rows = await latencyThroughputCurve.rows?.([trialOf({}), trialOf({ trialIndex: 1 })]);
    expect(checkRows(latencyThroughputCurve, rows ?? [])).toMatchObject([
      {
        series: "Compartmentalized MultiPaxos (100 bytes)",
        clients: 10,
        throughputPerSec: 150,
        throughputDeviationPerSec: 0,
        latencyMs: 2,
        trialCount: 2,
      },
    ]);
  });

  it("sum reads and writes by replicas", async () => {
    const both = [
      artifact("client_0_data.csv", recorder({ perSec: 100, durationSec: 3, latencyMs: 2, label: "write" })),
      artifact("client_1_data.csv", recorder({ perSec: 200, durationSec: 3, latencyMs: 1, label: "read" })),
    ];
    const rows = await readScale.rows?.([trialOf({ sweep: "read-scale", artifacts: both })]);
    expect(checkRows(readScale, rows ?? [])).toMatchObject([{ series: "60% reads", x: 2, throughputPerSec: 300 }]);
  });
});
