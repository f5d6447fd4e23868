import { parseStateMachine } from "../../../engines/asl/definition.ts";
import { toEnginePort } from "../../../engines/asl/engine.ts";
import { execute, runMachine, single, task, typesOf, worldOf } from "./harness.ts";

const waiting = single({ Type: "Wait", Seconds: 100 });

describe("AslEngine.start", () => {
  it("gives the ARN and the time, and runs from the next turn on", async () => {
    const { engine, clock } = worldOf(waiting);
    expect(await engine.start("machine", "run-1.1", { a: 1 })).toEqual({
      arn: "arn:aws:states:local:000000000000:execution:machine:run-1.1",
      startedAt: "2026-11-21T00:00:00.000Z",
    });
    await clock.advanceTo(clock.now() + 1);
    expect(engine.describe("run-1.1")).toEqual({
      name: "run-1.1",
      arn: "arn:aws:states:local:000000000000:execution:machine:run-1.1",
      machine: "machine",
      input: { a: 1 },
      startedAt: "2026-11-21T00:00:00.000Z",
      status: "RUNNING",
    });
  });

  it("is one start for the same name and input, running or ended", async () => {
    const world = worldOf(waiting);
    const first = await world.engine.start("machine", "e", { a: 1, b: 2 });
    expect(await world.engine.start("machine", "e", { b: 2, a: 1 })).toEqual(first);
    await world.run(world.engine.wait("e"));
    expect(await world.engine.start("machine", "e", { a: 1, b: 2 })).toEqual(first);
    expect(world.events.filter(({ event }) => event.type === "ExecutionStarted")).toHaveLength(1);
  });

  it("refuses a name that another input has", async () => {
    const { engine } = worldOf(waiting);
    await engine.start("machine", "e", { a: 1 });
    await expect(engine.start("machine", "e", { a: 2 })).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
  });

  it("refuses unknown machines, odd names and large inputs", async () => {
    const { engine } = worldOf(waiting);
    await expect(engine.start("toString", "e", {})).rejects.toMatchObject({ name: "StateMachineDoesNotExist" });
    for (const name of ["", "a b", "a/b", "x".repeat(81), "a\n"]) {
      await expect(engine.start("machine", name, {})).rejects.toMatchObject({ name: "InvalidName" });
    }
    await expect(engine.start("machine", "e", "x".repeat(262_144))).rejects.toMatchObject({
      name: "InvalidExecutionInput",
    });
    expect(engine.listRunning()).toEqual([]);
  });

  it("copies its input", async () => {
    const world = worldOf(single(task("h")), { h: (payload) => payload });
    const input = { a: 1 };
    await world.engine.start("machine", "e", input);
    input.a = 2;
    expect(await world.run(world.engine.wait("e"))).toMatchObject({ output: { a: 1 } });
  });
});

describe("AslEngine", () => {
  it("describes how an execution ended", async () => {
    const { engine, end } = await runMachine(waiting, { x: 1 });
    const base = { name: "e", machine: "machine", input: { x: 1 }, stoppedAt: "2026-11-21T00:01:40.000Z" };
    expect(end).toMatchObject({ ...base, status: "SUCCEEDED", output: { x: 1 } });
    expect(engine.describe("e")).toEqual(end);
    expect(engine.listRunning()).toEqual([]);
  });

  it("times out by the machine's TimeoutSeconds, past every Catch", async () => {
    const definition = {
      TimeoutSeconds: 60,
      StartAt: "T",
      States: {
        T: { ...task("h"), Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }], End: true },
        C: { Type: "Pass", End: true },
      },
    };
    const { end, nowSec, history, clock } = await runMachine(definition, {}, { h: () => new Promise(() => undefined) });
    expect(end).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
    expect(nowSec()).toBe(60);
    expect(typesOf(history).at(-1)).toBe("ExecutionTimedOut");
    expect(clock.sleepers).toBe(0);
  });

  it("stops an execution once, and an ended one never", async () => {
    const world = worldOf(waiting);
    void world.engine.start("machine", "e", {}); // not even a turn passes
    void world.engine.stop("e", "Mine", "because");
    void world.engine.stop("e", "Other", "no");
    expect(await world.engine.wait("e")).toMatchObject({ status: "ABORTED", error: "Mine", cause: "because" });
    await world.clock.advanceTo(world.clock.now() + 200_000);
    expect(typesOf(world.engine.history("e"))).toEqual(["ExecutionStarted", "ExecutionAborted"]);
  });

  it("runs executions side by side", async () => {
    const world = worldOf(waiting);
    await Promise.all(Array.from({ length: 50 }, (_, i) => world.engine.start("machine", `e${i}`, i)));
    const ends = await world.run(Promise.all(Array.from({ length: 50 }, (_, i) => world.engine.wait(`e${i}`))));
    expect(ends.map((end) => end.status === "SUCCEEDED" && end.output)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    expect(world.nowSec()).toBe(100);
  });

  it("keeps the latest ended executions and forgets the rest", async () => {
    const world = worldOf(single({ Type: "Succeed" }), {}, { keepEnded: 2 });
    for (const name of ["a", "b", "c"]) await execute(world, name, name);
    expect(() => world.engine.describe("a")).toThrow(
      expect.objectContaining({ name: "ExecutionDoesNotExist" }) as Error,
    );
    expect(world.engine.describe("b")).toMatchObject({ output: "b" });
    expect(world.engine.describe("c")).toMatchObject({ output: "c" });
    await expect(world.engine.wait("a")).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
    await expect(world.engine.stop("nobody")).rejects.toMatchObject({ name: "ExecutionDoesNotExist" });
  });

  it("passes each event on as it happens", async () => {
    const { events, history } = await runMachine(waiting);
    expect(events.map(({ event }) => event)).toEqual(history);
  });

  it("gives the same history to the byte for the same seed, another for another", async () => {
    const definition = single({
      Type: "Map",
      MaxConcurrency: 3,
      ItemProcessor: {
        StartAt: "T",
        States: {
          T: {
            ...task("flaky", { TimeoutSeconds: 60, Retry: [{ ErrorEquals: ["States.ALL"], JitterStrategy: "FULL" }] }),
            End: true,
          },
        },
      },
    });
    const run = async (seed: number): Promise<string> => {
      const failures = new Map<string, number>();
      const flaky = (payload: unknown) => {
        const key = JSON.stringify(payload);
        failures.set(key, (failures.get(key) ?? 0) + 1);
        if ((failures.get(key) ?? 0) < 3) throw new Error("again");
        return null;
      };
      const { history } = await runMachine(definition, [1, 2, 3, 4, 5, 6], { flaky }, { seed });
      return JSON.stringify(history);
    };
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
  });

  it("is an Engine to the handlers of the flow", async () => {
    const sweep = parseStateMachine(waiting);
    const { engine } = worldOf(waiting, {}, { machines: { sweep } });
    const port = toEnginePort(engine);
    await port.start("sweep", "run-1.1", {});
    await port.stop("run-1.1", "the user stopped it");
    expect(await engine.wait("run-1.1")).toMatchObject({ status: "ABORTED", cause: "the user stopped it" });
    expect(await port.heartbeat("unknown")).toBe("gone");
    expect(await port.wake("unknown", { kind: "succeeded", output: null })).toBe("gone");
  });
});
