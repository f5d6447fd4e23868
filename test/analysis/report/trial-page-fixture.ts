import { attemptManifestSchema } from "../../../core/evidence/attempt-manifest.ts";
import type { AttemptManifest } from "../../../core/evidence/attempt-manifest.ts";
import type { TrialPage } from "../../../analysis/report/index.ts";
import { parseSamples, showLog } from "../../../analysis/report/index.ts";

const at = (sec: number): string => new Date(Date.UTC(2026, 0, 1, 9, 0, 0) + sec * 1000).toISOString();

/** A trial of a server and a client that ran for ten seconds. */
export const manifestFixture = (overrides: Partial<AttemptManifest> = {}): AttemptManifest =>
  attemptManifestSchema.parse({
    schema: "reprise/attempt@1",
    runId: "demo-260101-0900-abcd",
    experiment: "demo",
    sweep: "load",
    pointKey: "load.clients=4",
    parameters: { clients: 4 },
    trialKey: "a".repeat(64),
    trialIndex: 0,
    attempt: 1,
    seed: 7,
    epoch: 1,
    lane: 0,
    outcome: { kind: "valid" },
    deployment: { name: "main", id: "demo-260101-0900-abcd-main-1", round: 0 },
    hosts: ["server-0", "client-0"].map((name) => ({
      name,
      role: name.slice(0, -2),
      lane: 0,
      provider: "local",
      region: "local",
      machineType: "local",
      image: "local",
      clock: { offsetMs: name === "client-0" ? 2000 : 0, errorMs: 0.5 },
    })),
    phases: [
      {
        phase: "services",
        stage: 0,
        startedAt: at(0),
        endedAt: at(1),
        hosts: [
          {
            host: "server-0",
            startedAt: at(0),
            endedAt: at(1),
            warnings: [],
            units: [{ name: "log-0", kind: "service", outcome: "ready", startedAt: at(0), readyAt: at(1) }],
          },
        ],
      },
      {
        phase: "jobs",
        stage: 0,
        startedAt: at(1),
        endedAt: at(9),
        hosts: [
          {
            host: "client-0",
            startedAt: at(3),
            endedAt: at(11),
            warnings: [],
            units: [{ name: "load-0", kind: "job", outcome: "exited", exitCode: 0, startedAt: at(3), endedAt: at(11) }],
          },
        ],
      },
    ],
    events: [],
    artifacts: [
      {
        key: "load.clients=4/trial-0/attempt-1/client-0/load-0.out",
        bytes: 12,
        sha256: "b".repeat(64),
        complete: true,
      },
    ],
    missing: [],
    checks: [{ name: "rows", passed: true, detail: "10 rows" }],
    summary: { p50Ms: 0.1 + 0.2 },
    sources: {},
    definitionDigest: "d",
    planDigest: "p",
    repriseVersion: "0.1.0",
    startedAt: at(0),
    endedAt: at(10),
    ...overrides,
  });

export const trialPageFixture = (overrides: Partial<TrialPage> = {}): TrialPage => ({
  runId: "demo-260101-0900-abcd",
  experiment: "demo",
  pointKey: "load.clients=4",
  trialIndex: 0,
  parameters: { clients: 4 },
  manifest: manifestFixture(),
  isRunning: false,
  otherAttempts: [],
  samples: {
    "client-0": parseSamples(
      [
        "timeMs,scope,cpuUserSec,cpuSystemSec,cpuIdleSec,cpuIowaitSec,cpuStealSec,memoryUsedBytes,netReceivedBytes,netSentBytes,diskReadBytes,diskWrittenBytes",
        ...Array.from(
          { length: 11 },
          (_, i) => `${Date.parse(at(i))},host,${i / 2},${i / 4},${i},0,0,1000000000,0,${i * 1e6},0,0`,
        ),
      ].join("\n"),
    ),
  },
  logs: [
    {
      host: "client-0",
      path: "load-0.out",
      bytes: 40,
      isPartial: false,
      ...showLog(Buffer.from("starting\nerror: nobody listens\nagain\n")),
    },
    {
      host: "server-0",
      path: "log-0.err",
      bytes: 12,
      isPartial: false,
      ...showLog(Buffer.from("a warning\nERROR here\n")),
    },
  ],
  leftOutLogs: 0,
  links: { up: "../index.html", next: { label: "load.clients=4 trial 1", href: "load.clients%3D4.t1.html" } },
  ...overrides,
});
