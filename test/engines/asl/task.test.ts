import type { Json } from "../../../core/effects/json.ts";
import { toFailure } from "../../../engines/asl/task.ts";
import {
  ApplicationError,
  brief,
  callback,
  containing,
  execute,
  runMachine,
  single,
  task,
  typesOf,
  worldOf,
} from "./harness.ts";
import type { World } from "./harness.ts";

const never = (): Promise<Json> => new Promise(() => undefined);

describe("Task", () => {
  it("hands FunctionName its Payload, {} without one", async () => {
    const { calls } = await runMachine(
      {
        StartAt: "A",
        States: {
          A: task("h", { Parameters: { "FunctionName.$": "$.name", Payload: { "x.$": "$.x", y: null } }, Next: "B" }),
          B: task("h", { Parameters: { FunctionName: "h", Payload: null }, Next: "C" }),
          C: task("h", { Parameters: { FunctionName: "h" }, End: true }),
        },
      },
      { name: "h", x: 1 },
      { h: (payload) => payload },
    );
    expect(calls.map(({ payload }) => payload)).toEqual([{ x: 1, y: null }, null, {}]);
  });

  it.each<[unknown, Json]>([
    [undefined, null],
    [{ at: new Date(0), gone: undefined }, { at: "1970-01-01T00:00:00.000Z" }],
    [
      [1, "two"],
      [1, "two"],
    ],
  ])("takes what a handler returns as JSON: %j", async (returned, expected) => {
    const { end } = await runMachine(single(task("h")), {}, { h: () => returned as Json });
    expect(end).toMatchObject({ output: expected });
  });

  it("fails on a result that is no JSON", async () => {
    const { end } = await runMachine(single(task("h")), {}, { h: () => 1n as unknown as Json });
    expect(end).toMatchObject({ error: "Runtime.MarshalError" });
  });

  it("times out after TimeoutSeconds, tells the handler, and forgets it", async () => {
    const reasons: unknown[] = [];
    let finish: (value: Json) => void = () => undefined;
    const world = await runMachine(
      single(task("h", { TimeoutSeconds: 30 })),
      {},
      {
        h: (_, { signal }) =>
          new Promise<Json>((resolve) => {
            finish = resolve;
            signal.addEventListener("abort", () => reasons.push(signal.reason));
          }),
      },
    );
    expect(world.end).toMatchObject({ status: "FAILED", error: "States.Timeout" });
    expect(world.nowSec()).toBe(30);
    expect(reasons).toHaveLength(1);
    const before = world.history.length;
    finish("late");
    await world.clock.advanceTo(world.clock.now() + 1_000);
    expect(world.engine.history("e")).toHaveLength(before);
    expect(world.engine.waitingTokens).toBe(0);
  });

  it("reads its timeouts from the input", async () => {
    const { end, nowSec, history } = await runMachine(
      single(task("h", { TimeoutSecondsPath: "$.t", HeartbeatSecondsPath: "$.h" })),
      { t: 40, h: 20 },
      { h: never },
    );
    expect(end).toMatchObject({ error: "States.Timeout" });
    expect(nowSec()).toBe(20);
    expect(history[2]).toMatchObject({ taskScheduledEventDetails: { timeoutInSeconds: 40, heartbeatInSeconds: 20 } });
  });

  it.each<[Json, string]>([
    ["5", "not a valid integer"],
    [0, "not positive"],
    [1.5, "not a valid integer"],
  ])("refuses a timeout of %j", async (t, message) => {
    const { end } = await runMachine(single(task("h", { TimeoutSecondsPath: "$.t" })), { t }, { h: never });
    expect(end).toMatchObject({ error: "States.Runtime", cause: containing(message) });
  });

  it("leaves no timer behind when it ends in time", async () => {
    const { clock } = await runMachine(
      single(task("h", { TimeoutSeconds: 3600, HeartbeatSeconds: 60 })),
      {},
      { h: () => 1 },
    );
    expect(clock.sleepers).toBe(0);
  });

  it("doesn't abort a handler that has answered", async () => {
    let seen: AbortSignal | undefined;
    await runMachine(
      single(task("h")),
      {},
      {
        h: (_, { signal }) => {
          seen = signal;
          return 1;
        },
      },
    );
    expect(seen?.aborted).toBe(false);
  });
});

describe("toFailure", () => {
  it("reads errors as Lambda's Node runtime reports them, with the hint", () => {
    expect(toFailure(new ApplicationError("Mine", "went wrong", "do this"))).toEqual({
      error: "Mine",
      cause: '{"errorType":"Mine","errorMessage":"went wrong","hint":"do this"}',
    });
    expect(toFailure(new TypeError("odd"))).toEqual({
      error: "TypeError",
      cause: '{"errorType":"TypeError","errorMessage":"odd"}',
    });
    expect(toFailure("thrown text")).toEqual({
      error: "string",
      cause: '{"errorType":"string","errorMessage":"thrown text"}',
    });
  });

  it("keeps names and causes within the service's limits, and the cause JSON", () => {
    const failure = toFailure(new ApplicationError("N".repeat(300), '"\u0001'.repeat(150_000), "h".repeat(40_000)));
    expect(failure.error).toHaveLength(256);
    expect(failure.cause.length).toBeLessThanOrEqual(32_768);
    expect(JSON.parse(failure.cause)).toMatchObject({
      errorType: failure.error,
      errorMessage: containing("(300000 characters)"),
    });
  });
});

describe("waitForTaskToken", () => {
  /** A world whose handler only notes the token. */
  const waiting = (more: Record<string, unknown> = {}): { world: World; tokens: string[] } => {
    const tokens: string[] = [];
    const world = worldOf(single(callback("arm", more)), {
      arm: (payload) => {
        tokens.push((payload as { token: string }).token);
        return null;
      },
    });
    return { world, tokens };
  };
  const started = async (world: World, tokens: string[]): Promise<string> => {
    await world.engine.start("machine", "e", {});
    await world.clock.advanceTo(world.clock.now());
    return tokens[0]!;
  };

  it("ends with the output it is woken with", async () => {
    const { world, tokens } = waiting({ TimeoutSeconds: 100 });
    const token = await started(world, tokens);
    expect(await world.engine.wake(token, { kind: "succeeded", output: { result: [1] } })).toBe("woken");
    expect(await world.engine.wait("e")).toMatchObject({ status: "SUCCEEDED", output: { result: [1] } });
    expect(world.clock.sleepers).toBe(0);
  });

  it("fails with the error it is woken with, which Catch and Retry see", async () => {
    const { world, tokens } = waiting({ Retry: [{ ErrorEquals: ["Remote"], MaxAttempts: 1 }] });
    const token = await started(world, tokens);
    await world.engine.wake(token, { kind: "failed", error: "Remote", cause: "broke" });
    await world.clock.advanceTo(world.clock.now() + 1_000);
    expect(tokens).toHaveLength(2);
    expect(tokens[1]).not.toBe(token);
    expect(await world.engine.wake(token, { kind: "succeeded", output: 1 })).toBe("gone");
    await world.engine.wake(tokens[1]!, { kind: "failed", error: "Remote", cause: "again" });
    expect(await world.engine.wait("e")).toMatchObject({ status: "FAILED", error: "Remote", cause: "again" });
  });

  it("is over after the first wake", async () => {
    const { world, tokens } = waiting();
    const token = await started(world, tokens);
    const answers = await Promise.all([
      world.engine.wake(token, { kind: "succeeded", output: 1 }),
      world.engine.wake(token, { kind: "failed", error: "E", cause: "" }),
      world.engine.heartbeat(token),
    ]);
    expect(answers).toEqual(["woken", "gone", "gone"]);
    expect(await world.engine.wait("e")).toMatchObject({ output: 1 });
    expect(await world.engine.wake("unheard of", { kind: "succeeded", output: 1 })).toBe("gone");
  });

  it("counts a wake that comes before the handler returned, and lets the handler finish", async () => {
    let finished = false;
    const world: World = worldOf(single(callback("arm", { TimeoutSeconds: 10 })), {
      arm: async (payload, { signal }) => {
        const { token } = payload as { token: string };
        expect(await world.engine.wake(token, { kind: "succeeded", output: "early" })).toBe("woken");
        await world.clock.sleep(20_000, signal);
        finished = true;
        throw new Error("this no longer matters");
      },
    });
    expect(await execute(world)).toMatchObject({ status: "SUCCEEDED", output: "early" });
    expect(typesOf(world.engine.history("e"))).toEqual([
      "ExecutionStarted",
      "TaskStateEntered",
      "TaskScheduled",
      "TaskStarted",
      "TaskSucceeded",
      "TaskStateExited",
      "ExecutionSucceeded",
    ]);
    await world.clock.advanceTo(world.clock.now() + 30_000);
    expect(finished).toBe(true);
  });

  it("fails when the handler fails before the token comes back", async () => {
    const world = worldOf(single(callback("arm")), {
      arm: () => {
        throw new ApplicationError("NotArmed");
      },
    });
    expect(await execute(world)).toMatchObject({ status: "FAILED", error: "NotArmed" });
    expect(world.engine.waitingTokens).toBe(0);
  });

  it("lives as long as it beats, but not beyond TimeoutSeconds", async () => {
    const { world, tokens } = waiting({ TimeoutSeconds: 100, HeartbeatSeconds: 20 });
    const token = await started(world, tokens);
    for (let beat = 0; beat < 6; beat++) {
      await world.clock.advanceTo(world.clock.now() + 19_000);
      expect(await world.engine.heartbeat(token)).toBe(beat < 5 ? "beaten" : "gone");
    }
    const end = await world.engine.wait("e");
    expect(end).toMatchObject({ error: "States.Timeout", stoppedAt: "2026-11-21T00:01:40.000Z" });
  });

  it.each<[string, number, string]>([
    ["States.HeartbeatTimeout", 20, "Silent"],
    ["States.Timeout", 20, "Silent"],
  ])("falls silent after HeartbeatSeconds, which %s catches", async (name, atSec, next) => {
    const states = {
      T: {
        ...callback("arm", { TimeoutSeconds: 100, HeartbeatSeconds: 20 }),
        Catch: [{ ErrorEquals: [name], Next: next }],
        End: true,
      },
      Silent: { Type: "Pass", End: true },
    };
    const { end, nowSec } = await runMachine({ StartAt: "T", States: states }, {}, { arm: () => null });
    expect(end).toMatchObject({ status: "SUCCEEDED", output: { Error: "States.Timeout", Cause: "" } });
    expect(nowSec()).toBe(atSec);
  });

  it("tells silence from lateness by the order of retriers, as our phases do", async () => {
    const { world, tokens } = waiting({
      TimeoutSeconds: 1000,
      HeartbeatSeconds: 20,
      Retry: [{ ErrorEquals: ["States.HeartbeatTimeout"], IntervalSeconds: 5, MaxAttempts: 2, BackoffRate: 1 }],
    });
    await started(world, tokens);
    await world.clock.advanceTo(world.clock.now() + 50_000);
    expect(tokens).toHaveLength(3);
    await world.engine.wake(tokens[2]!, { kind: "succeeded", output: "found" });
    expect(await world.engine.wait("e")).toMatchObject({ output: "found" });
  });

  it("refuses an outcome larger than the service takes, and waits on", async () => {
    const { world, tokens } = waiting();
    const token = await started(world, tokens);
    const { engine } = world;
    await expect(engine.wake(token, { kind: "succeeded", output: "x".repeat(262_144) })).rejects.toThrow(
      "more than 262144 bytes",
    );
    await expect(engine.wake(token, { kind: "failed", error: "E".repeat(257), cause: "" })).rejects.toThrow("256");
    await expect(engine.wake(token, { kind: "failed", error: "E", cause: "c".repeat(32_769) })).rejects.toThrow(
      "32768",
    );
    expect(await engine.wake(token, { kind: "succeeded", output: "fine" })).toBe("woken");
  });

  it("is gone once its execution was stopped", async () => {
    const { world, tokens } = waiting({ TimeoutSeconds: 100, HeartbeatSeconds: 10 });
    const token = await started(world, tokens);
    await world.engine.stop("e");
    expect(await world.engine.wake(token, { kind: "succeeded", output: 1 })).toBe("gone");
    expect(await world.engine.heartbeat(token)).toBe("gone");
    expect(world.clock.sleepers).toBe(0);
    expect(brief(world.engine.history("e")).at(-1)).toBe("6<-0 ExecutionAborted");
  });
});
