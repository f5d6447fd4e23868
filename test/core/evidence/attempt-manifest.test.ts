import type { AttemptEvidence } from "../../../core/evidence/attempt-manifest.ts";
import {
  attemptManifestSchema,
  buildAttemptManifest,
  writeAttemptManifest,
} from "../../../core/evidence/attempt-manifest.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { factsFixture, hostFixture, newStore, startOfTests, stepFixture } from "./run-fixture.ts";

const evidence = (overrides: Partial<AttemptEvidence> = {}): AttemptEvidence => ({
  ref: { runId: "r1", pointKey: "p", trialIndex: 0, attempt: 1 },
  experiment: "quickstart",
  sweep: "load",
  parameters: { clients: 4, protocol: { name: "multipaxos", f: 1 } },
  trialKey: "k",
  seed: 7,
  epoch: 1,
  lane: 0,
  outcome: { kind: "valid" },
  deployment: { name: "main", id: "r1-main1", round: 1 },
  hosts: [
    { host: hostFixture("server-0"), facts: factsFixture, clock: { offsetMs: 1_000, errorMs: 0.25 } },
    { host: hostFixture("client-0"), facts: undefined, clock: { offsetMs: -500, errorMs: 0.75 } },
  ],
  phases: [],
  artifacts: [],
  missing: [],
  checks: [],
  summary: {},
  sources: {},
  definitionDigest: "d",
  planDigest: "p",
  repriseVersion: "0.1.0",
  startedAt: startOfTests,
  endedAt: startOfTests + 10_000,
  ...overrides,
});

describe("buildAttemptManifest", () => {
  it("says where and on what it ran", () => {
    const [server, client] = buildAttemptManifest(evidence()).hosts;
    expect(server).toMatchObject({
      name: "server-0",
      role: "server",
      region: "here",
      image: "local",
      facts: { cpuModel: "Some CPU @ 3 GHz", kernel: "6.1.0", microcode: "0x1", versions: { node: "v20.20.2" } },
      clock: { offsetMs: 1_000, errorMs: 0.25 },
    });
    expect(client).not.toHaveProperty("facts");
    expect(server).not.toHaveProperty("zone");
  });

  it("puts a phase on the control side's clock, and leaves hosts theirs", () => {
    const results = [
      stepFixture({ host: "server-0", startedAt: startOfTests + 1_000, endedAt: startOfTests + 3_000 }),
      stepFixture({ host: "client-0", startedAt: startOfTests - 400, endedAt: startOfTests + 600 }),
    ];
    const { phases } = buildAttemptManifest(evidence({ phases: [{ phase: "jobs", stage: 0, results }] }));
    expect(phases).toMatchObject([
      {
        phase: "jobs",
        startedAt: "2026-11-21T03:00:00.000Z",
        endedAt: "2026-11-21T03:00:02.000Z",
        hosts: [{ startedAt: "2026-11-21T03:00:01.000Z" }, { startedAt: "2026-11-21T02:59:59.600Z" }],
      },
    ]);
  });

  it("gives the spread of real starts, and how well it is known", () => {
    const results = [
      stepFixture({ host: "server-0", startLateMs: 0.5 }),
      stepFixture({ host: "client-0", startLateMs: 3 }),
    ];
    const manifest = buildAttemptManifest(evidence({ phases: [{ phase: "jobs", stage: 0, results }] }));
    expect(manifest.startSkewMs).toBe(2.5);
    expect(manifest.clockErrorMs).toBe(0.75);
    expect(buildAttemptManifest(evidence())).not.toHaveProperty("startSkewMs");
  });

  it("lists what was done to services", () => {
    const unit = { name: "kill-leader", kind: "event", outcome: "exited", startedAt: startOfTests + 5 } as const;
    const results = [stepFixture({ units: [unit, { name: "db", kind: "service", outcome: "ready" }] })];
    const { events } = buildAttemptManifest(evidence({ phases: [{ phase: "jobs", stage: 0, results }] }));
    expect(events).toEqual([
      { host: "server-0", name: "kill-leader", outcome: "exited", at: "2026-11-21T03:00:00.005Z" },
    ]);
  });

  it.each([
    [{ kind: "valid" }],
    [{ kind: "invalid", failures: [{ class: "integrity", message: "2 rows, not 3" }] }],
    [{ kind: "failed", failure: { class: "timeout", message: "60 s", hint: "raise it", host: "client-0" } }],
  ] as const)("keeps the outcome %j", (outcome) => {
    expect(buildAttemptManifest(evidence({ outcome })).outcome).toEqual(outcome);
  });

  it("is its own schema's value", () => {
    const manifest = buildAttemptManifest(evidence());
    expect(attemptManifestSchema.parse(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
    expect(manifest).not.toHaveProperty("ref");
  });

  it("refuses what no manifest may say", () => {
    expect(() => buildAttemptManifest(evidence({ summary: { p99Ms: NaN } }))).toThrow("$.summary.p99Ms");
    expect(() => buildAttemptManifest(evidence({ outcome: { kind: "invalid", failures: [] } }))).toThrow();
  });
});

describe("writeAttemptManifest", () => {
  it("writes the same bytes for the same content, and gives their digest", async () => {
    const [one, two] = [newStore(), newStore()];
    const written = await writeAttemptManifest(one, buildAttemptManifest(evidence()), "w");
    await writeAttemptManifest(two, buildAttemptManifest({ ...evidence(), summary: {} }), "w");
    const body = (await one.get(written.key))!.body;
    expect(written).toEqual({
      answer: "created",
      sha256: sha256Hex(body),
      key: "runs/r1/p/trial-0/attempt-1/manifest.json",
    });
    expect((await two.get(written.key))!.body).toEqual(body);
  });

  it("gives the digest of what stands there already", async () => {
    const store = newStore();
    const first = await writeAttemptManifest(store, buildAttemptManifest(evidence()), "w");
    const changed = buildAttemptManifest(evidence({ summary: { x: 1 } }));
    expect(await writeAttemptManifest(store, changed, "w")).toMatchObject({ answer: "mine", sha256: first.sha256 });
    expect(await writeAttemptManifest(store, changed, "v")).toMatchObject({ answer: "other", sha256: first.sha256 });
  });
});
