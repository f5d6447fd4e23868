import { validResults, createSimRun, machineFiles, secret, simExperiment } from "../engines/embedded/sim-run.ts";
import { seededRandom } from "../../core/effects/random.ts";
import { sweepExecution } from "../../core/names/keys.ts";
import { composeStateMachine } from "../../engines/asl/compose.ts";
import { AslEngine, toEnginePort } from "../../engines/asl/engine.ts";
import type { Base, Parts } from "../../lambdas/effects.ts";
import { openEffects } from "../../lambdas/effects.ts";
import { environmentSchema } from "../../lambdas/environment.ts";
import type { HandlerName } from "../../lambdas/handlers.ts";
import { handlers } from "../../lambdas/handlers.ts";
import { runTask } from "../../lambdas/task.ts";

const environment = environmentSchema.parse({
  AWS_REGION: "us-east-1",
  REPRISE_BUCKET: "b",
  REPRISE_SWEEP_ARN: "sweep",
  REPRISE_TEARDOWN_ARN: "teardown",
  REPRISE_VERSION: "test",
  REPRISE_ENDPOINT_URL: "https://endpoint/",
});

/** A sweep in sim whose every task runs as its function does: opened for the call, holding what its needs name. */
async function sweepAsFunctions() {
  const run = await createSimRun({ experiment: simExperiment({ points: 2, trials: 2, lanes: 2 }), pushes: true });
  const embedded = run.engine();
  const { effects } = embedded;
  const lines: string[] = [];
  const parts: Parts = {
    hosts: async () => ({ agent: effects.agent, hostSetup: effects.hostSetup, close: async () => undefined }),
    providers: () => effects.provider,
  };
  let ids = 0;
  const names = Object.keys(handlers) as HandlerName[]; // the table's own keys
  const substitutions = { bucket: "store", ...Object.fromEntries(names.map((name) => [name, name])) };
  const asl: AslEngine = new AslEngine({
    machines: {
      sweep: composeStateMachine(machineFiles, "sweep.asl.json", substitutions),
      teardown: composeStateMachine(machineFiles, "teardown.asl.json", substitutions),
    },
    clock: run.clock,
    random: seededRandom(1),
    newId: () => `id-${++ids}`,
    invoker: {
      invoke: async (name, event) => {
        const known = names.find((one) => one === name);
        if (known === undefined) throw new Error(`no handler ${name}`);
        const spec = { name: known, handler: handlers[known], parts, event };
        return runTask(spec, { base, write: (line) => void lines.push(line) });
      },
    },
    readItems: async ({ key }) => JSON.parse(new TextDecoder().decode((await run.store.get(key))!.body)) as number[],
    openResults: ({ prefix }) => ({
      write: async () => undefined,
      close: async () => ({ bucket: "store", key: prefix }),
    }),
    onEvent: () => undefined,
  });
  const base: Base = {
    environment,
    clock: run.clock,
    store: run.store,
    engine: toEnginePort(asl),
    secret: async () => secret,
    openRun: effects.openRun,
    follow: () => ({ watch: () => undefined, close: async () => undefined }),
  };
  // Hosts report to the embedded engine's part of the simulation: their tokens are this engine's.
  Object.assign(effects, { engine: toEnginePort(asl) });
  const name = sweepExecution(run.runId, 1);
  const status = await run.clock.run(
    (async () => {
      await asl.start("sweep", name, { runId: run.runId, epoch: 1 });
      const ended = await asl.wait(name);
      for (let running = asl.listRunning(); running.length > 0; running = asl.listRunning())
        await Promise.all(running.map((execution) => asl.wait(execution.name)));
      return ended.status;
    })(),
  );
  return { run, status, logs: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("the functions' needs", () => {
  it("suffice for a whole sweep and its teardown", async () => {
    const { run, status, logs } = await sweepAsFunctions();
    expect(status).toBe("SUCCEEDED");
    expect(await validResults(run)).toHaveLength(4);
    expect(run.world.living).toEqual([]);
    expect(logs.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("are logged in one line a call, with run and trial", async () => {
    const { logs } = await sweepAsFunctions();
    const jobs = logs.find((log) => log["function"] === "startPhase" && log["phase"] === "jobs");
    expect(jobs).toMatchObject({ runId: "sim-run", level: "info" });
    expect(jobs?.["trial"]).toMatch(/^load\.n=\d#\d\/1$/);
    expect(logs.find((log) => log["function"] === "admit")).toMatchObject({ runId: "sim-run", execution: "sim-run.1" });
  });

  it("hold back what isn't named", async () => {
    const run = await createSimRun({ experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }) });
    const { effects } = run.engine();
    const base: Base = {
      environment,
      clock: run.clock,
      store: run.store,
      engine: effects.engine,
      secret: async () => secret,
      openRun: effects.openRun,
      follow: () => ({ watch: () => undefined, close: async () => undefined }),
    };
    const { effects: claims } = await openEffects(base, ["store"], { providers: () => effects.provider });
    expect(() => claims.provider("sim")).toThrow(/no "providers"/);
    await expect(async () => claims.engine.wake("t", { kind: "succeeded", output: null })).rejects.toThrow(/"wakes"/);
    await expect(async () => claims.engine.start("teardown", "n", {})).rejects.toThrow(/"startsTeardown"/);
  });
});
