import { attemptManifestSchema } from "../../../core/evidence/attempt-manifest.ts";
import { verifyRun } from "../../../core/evidence/verify-run.ts";
import { sealAtLast } from "../../../core/flow/seal.ts";
import { attemptKeys } from "../../../core/names/keys.ts";
import type { EmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import type { SimBehaviour } from "../../../providers/sim/sim-world.ts";
import type { SimRun } from "./sim-run.ts";
import { createSimRun, eventCounts, feed, runEpoch, simExperiment, validResults } from "./sim-run.ts";

const hourMs = 3_600_000;
const log = Array.from({ length: 2_000 }, (_, i) => `line ${i}`).join("\n");

/** One trial whose client works for three days; its server only serves. */
const createLongRun = (options: {
  readonly pushes: boolean;
  readonly behaviour?: Partial<SimBehaviour>;
}): Promise<SimRun> =>
  createSimRun({
    experiment: simExperiment({ points: 1, trials: 1, lanes: 1, jobTimeoutMs: 80 * hourMs }),
    pushes: options.pushes,
    // A session's credentials end each hour, and with them every URL that they signed.
    uploadTtlMs: hourMs,
    behaviour: {
      bootMs: 20_000,
      run: (unit) =>
        unit.kind === "job"
          ? { durationMs: 72 * hourMs, exitCode: 0, files: { "load.log": log } }
          : { durationMs: 1_000, exitCode: 0 },
      ...options.behaviour,
    },
  });

/** Does something so long after the run's beginning. */
const at = async (run: SimRun, ms: number, act: () => void): Promise<void> => {
  await run.clock.sleep(ms);
  act();
};

const trialEvents = async (run: SimRun): Promise<number> => {
  const counts = [...(await eventCounts(run))].filter(([name]) => !name.endsWith(".teardown") && name !== "sim-run.1");
  expect(counts).toHaveLength(1);
  return counts[0]?.[1] ?? 0;
};

async function expectWholeLogs(run: SimRun, engine: EmbeddedEngine, attempt = 1): Promise<void> {
  const { manifest } = attemptKeys({ runId: run.runId, pointKey: "load.n=0", trialIndex: 0, attempt });
  const stored = await run.store.get(manifest);
  const { outcome, artifacts } = attemptManifestSchema.parse(JSON.parse(new TextDecoder().decode(stored!.body)));
  expect(outcome).toEqual({ kind: "valid" });
  const [landed] = artifacts.filter((artifact) => artifact.key.endsWith("/load.log"));
  expect(landed).toMatchObject({ bytes: log.length, complete: true });
  await sealAtLast(run.runId, engine.effects);
  expect(await verifyRun(run.store, run.runId)).toMatchObject({ seal: "sealed", problemCount: 0 });
}

describe("a job of 72 hours", () => {
  it("takes as many events as a short one", async () => {
    const run = await createLongRun({ pushes: true });
    const engine = run.engine();
    expect(await runEpoch(run, 1, engine)).toBe("SUCCEEDED");
    await engine.close();
    expect(await trialEvents(run)).toBeLessThan(60);
    await expectWholeLogs(run, engine);
    // The hosts' own timers, set for less than that, were put off in time.
    expect(await validResults(run)).toEqual(["load.n=0/0/1"]);
  });

  it("goes on while the endpoint is down for 6 hours, at its end too, and its own network for 30 minutes", async () => {
    const run = await createLongRun({ pushes: true });
    const engine = run.engine();
    const disturbances = [
      at(run, 10 * hourMs, () => (run.isEndpointDown = true)),
      at(run, 16 * hourMs, () => (run.isEndpointDown = false)),
      at(run, 30 * hourMs, () => {
        for (const host of run.world.living) run.world.cut(host, run.clock.now() + hourMs / 2);
      }),
      // Down again when the job ends, for longer than any URL lives.
      at(run, 71.5 * hourMs, () => (run.isEndpointDown = true)),
      at(run, 74 * hourMs, () => (run.isEndpointDown = false)),
    ];
    expect(await runEpoch(run, 1, engine)).toBe("SUCCEEDED");
    await run.clock.run(Promise.all(disturbances));
    await engine.close();
    const silences = Math.ceil(hourMs / 2 / 300_000) + 2;
    expect(await trialEvents(run)).toBeLessThan(100 + 13 * silences);
    expect(await validResults(run)).toEqual(["load.n=0/0/1"]);
    await expectWholeLogs(run, engine);
  });

  it("is measured again after its host was restarted in the middle", async () => {
    const run = await createLongRun({ pushes: true });
    const engine = run.engine();
    const restart = at(run, 20 * hourMs, () => run.world.reboot("sim-run-main-1-r0-l0-client-0"));
    expect(await runEpoch(run, 1, engine)).toBe("SUCCEEDED");
    await run.clock.run(restart);
    await engine.close();
    expect(await validResults(run)).toEqual(["load.n=0/0/2"]);
    expect((await feed(run)).filter((event) => event.kind === "trial-failed").map((event) => event.text)).toEqual([
      expect.stringContaining("boot: host rebooted"),
    ]);
    await expectWholeLogs(run, engine, 2);
  });

  it("is pulled by an engine that hosts can't reach, under the same limits", async () => {
    const run = await createLongRun({ pushes: false });
    const engine = run.engine();
    const cut = at(run, 30 * hourMs, () => {
      for (const host of run.world.living) run.world.cut(host, run.clock.now() + hourMs / 2);
    });
    expect(await runEpoch(run, 1, engine)).toBe("SUCCEEDED");
    await run.clock.run(cut);
    await engine.close();
    expect(await trialEvents(run)).toBeLessThan(200);
    expect(await validResults(run)).toEqual(["load.n=0/0/1"]);
    await expectWholeLogs(run, engine);
  });

  it("ends within minutes when its server is gone, though its client is heard all the time", async () => {
    const run = await createLongRun({ pushes: true, behaviour: { bootMs: 20_000 } });
    const engine = run.engine();
    const loss = at(run, 5 * hourMs, () => run.world.vanish("sim-run-main-1-r0-l0-server-0"));
    const startedAt = run.clock.now();
    await Promise.all([runEpoch(run, 1, engine), loss]);
    const events = await feed(run);
    const lost = events.find((event) => event.kind === "hosts-lost");
    expect(lost?.text).toContain("l0-server-0");
    expect((Date.parse(lost?.at ?? "") - startedAt - 5 * hourMs) / 60_000).toBeLessThan(15);
    // The rest was taken down, hosts were made anew, and the trial measured there.
    expect(events.map((event) => event.kind)).toContain("deployment-replaced");
    expect(await validResults(run)).toEqual(["load.n=0/0/2"]);
    expect(run.world.living).toEqual([]);
  });
});
