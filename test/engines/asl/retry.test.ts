import { StatesError } from "../../../engines/asl/errors.ts";
import { coversError, nextRetryDelayMs } from "../../../engines/asl/retry.ts";
import type { Retrier, RetryCounts } from "../../../engines/asl/retry.ts";
import { ApplicationError, runMachine, single, task, worldOf } from "./harness.ts";

const retrier = (more: Partial<Retrier> = {}): Retrier => ({
  ErrorEquals: ["States.ALL"],
  IntervalSeconds: 1,
  MaxAttempts: 3,
  BackoffRate: 2,
  JitterStrategy: "NONE",
  ...more,
});

describe("coversError", () => {
  const timeout = new StatesError("States.Timeout", "");
  const silence = new StatesError("States.Timeout", "", { isHeartbeatTimeout: true });
  it.each<[string, StatesError, boolean]>([
    ["Boom", new StatesError("Boom", ""), true],
    ["Boom", new StatesError("boom", ""), false],
    ["States.ALL", new StatesError("Boom", ""), true],
    ["States.ALL", new StatesError(undefined, undefined), true],
    ["States.ALL", timeout, true],
    ["States.TaskFailed", new StatesError("Boom", ""), true],
    ["States.TaskFailed", timeout, false],
    ["States.TaskFailed", silence, false],
    ["States.Timeout", timeout, true],
    ["States.Timeout", silence, true],
    ["States.HeartbeatTimeout", silence, true],
    ["States.HeartbeatTimeout", timeout, false],
    ["States.Runtime", new StatesError("States.Runtime", ""), false],
    ["States.ALL", new StatesError("States.Runtime", ""), false],
    ["States.ALL", new StatesError("States.DataLimitExceeded", ""), false],
    ["States.TaskFailed", new StatesError("States.DataLimitExceeded", ""), false],
    ["States.DataLimitExceeded", new StatesError("States.DataLimitExceeded", ""), true],
  ])("%s on %s: %s", (name, error, expected) => expect(coversError([name], error)).toBe(expected));
});

describe("nextRetryDelayMs", () => {
  const failure = new StatesError("Boom", "");
  const delays = (retriers: readonly Retrier[], next = 0.5): (number | undefined)[] => {
    const counts: RetryCounts = new Map();
    return Array.from({ length: 5 }, () => nextRetryDelayMs(retriers, counts, failure, { next: () => next }));
  };

  it("backs off by the rate until the attempts are used up", () =>
    expect(delays([retrier({ IntervalSeconds: 3, BackoffRate: 1.5 })])).toEqual([
      3000,
      4500,
      6750,
      undefined,
      undefined,
    ]));

  it("is capped by MaxDelaySeconds", () =>
    expect(delays([retrier({ IntervalSeconds: 10, MaxAttempts: 4, MaxDelaySeconds: 25 })])).toEqual([
      10_000,
      20_000,
      25_000,
      25_000,
      undefined,
    ]));

  it("draws full jitter between nothing and the delay", () => {
    expect(delays([retrier({ JitterStrategy: "FULL" })], 0.25)).toEqual([250, 500, 1000, undefined, undefined]);
    expect(delays([retrier({ JitterStrategy: "FULL" })], 0)).toEqual([0, 0, 0, undefined, undefined]);
  });

  it("never retries with MaxAttempts 0", () => expect(delays([retrier({ MaxAttempts: 0 })])[0]).toBeUndefined());

  it("asks the first retrier that covers the error and no later one", () =>
    expect(delays([retrier({ MaxAttempts: 1 }), retrier({ MaxAttempts: 9 })])).toEqual([
      1000,
      undefined,
      undefined,
      undefined,
      undefined,
    ]));
});

describe("Retry and Catch in an execution", () => {
  const failing =
    (...errors: (string | undefined)[]) =>
    () => {
      const error = errors.shift();
      if (error !== undefined) throw new ApplicationError(error);
      return "done";
    };

  it("retries at the stated times, counting each retrier by itself", async () => {
    const { end, calls } = await runMachine(
      single(
        task("flaky", {
          Retry: [
            { ErrorEquals: ["A"], IntervalSeconds: 10, MaxAttempts: 2, BackoffRate: 1 },
            { ErrorEquals: ["B"], IntervalSeconds: 5, MaxAttempts: 2, BackoffRate: 3 },
          ],
        }),
      ),
      {},
      { flaky: failing("A", "B", "A", "B") },
    );
    expect(end).toMatchObject({ status: "SUCCEEDED", output: "done" });
    expect(calls.map(({ atSec }) => atSec)).toEqual([0, 10, 15, 25, 40]);
  });

  it("evaluates Parameters for each attempt, which sees its count", async () => {
    const { calls } = await runMachine(
      single(
        task("flaky", {
          Parameters: { FunctionName: "flaky", Payload: { "count.$": "$$.State.RetryCount" } },
          Retry: [{ ErrorEquals: ["States.ALL"] }],
        }),
      ),
      {},
      { flaky: failing("A", "A") },
    );
    expect(calls.map(({ payload }) => payload)).toEqual([{ count: 0 }, { count: 1 }, { count: 2 }]);
  });

  it("forgets the counts when the state is entered again", async () => {
    const { end, calls } = await runMachine(
      {
        StartAt: "T",
        States: {
          T: {
            ...task("flaky", { Retry: [{ ErrorEquals: ["A"], MaxAttempts: 1 }] }),
            Catch: [{ ErrorEquals: ["States.ALL"], Next: "T" }],
            End: true,
          },
        },
      },
      {},
      { flaky: failing("A", "A", "A") },
    );
    expect(end.status).toBe("SUCCEEDED");
    expect(calls).toHaveLength(4);
  });

  it("asks catchers in order and puts the error where ResultPath says, past OutputPath", async () => {
    const { end } = await runMachine(
      {
        StartAt: "T",
        States: {
          T: {
            ...task("flaky", { OutputPath: "$.nowhere" }),
            Catch: [
              { ErrorEquals: ["Other"], Next: "Bad" },
              { ErrorEquals: ["Mine", "States.Timeout"], ResultPath: "$.error", Next: "Good" },
              { ErrorEquals: ["States.ALL"], Next: "Bad" },
            ],
            End: true,
          },
          Good: { Type: "Pass", End: true },
          Bad: { Type: "Fail" },
        },
      },
      { kept: 1 },
      {
        flaky: () => {
          throw new ApplicationError("Mine", "went wrong", "try again");
        },
      },
    );
    expect(end).toMatchObject({
      status: "SUCCEEDED",
      output: {
        kept: 1,
        error: { Error: "Mine", Cause: '{"errorType":"Mine","errorMessage":"went wrong","hint":"try again"}' },
      },
    });
  });

  it("catches a timeout with an empty cause, as the service does", async () => {
    const { end } = await runMachine(
      {
        StartAt: "T",
        States: {
          T: {
            ...task("never", { TimeoutSeconds: 5 }),
            Catch: [{ ErrorEquals: ["States.Timeout"], Next: "E" }],
            End: true,
          },
          E: { Type: "Pass", End: true },
        },
      },
      {},
      { never: () => new Promise(() => undefined) },
    );
    expect(end).toMatchObject({ output: { Error: "States.Timeout", Cause: "" } });
  });

  it("never catches States.Runtime, even by name, nor from within a Map", async () => {
    const wrong = {
      ...task("h"),
      OutputPath: "$.no.such.path",
      Catch: [{ ErrorEquals: ["States.Runtime"], Next: "E" }],
    };
    const { end } = await runMachine(
      {
        StartAt: "M",
        States: {
          M: {
            Type: "Map",
            ItemProcessor: { StartAt: "T", States: { T: { ...wrong, End: true }, E: { Type: "Pass", End: true } } },
            Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }],
            End: true,
          },
          C: { Type: "Pass", End: true },
        },
      },
      [1],
      { h: () => 1 },
    );
    expect(end).toMatchObject({
      status: "FAILED",
      error: "States.Runtime",
      cause:
        "An error occurred while executing the state 'T' (entered at the event id #5). " +
        "Invalid path '$.no.such.path' : No results for path: $['no']['such']['path']",
    });
  });

  it("retries a whole Map, from its first item", async () => {
    const { end, calls } = await runMachine(
      single({
        Type: "Map",
        MaxConcurrency: 1,
        ItemProcessor: { StartAt: "T", States: { T: { ...task("flaky"), End: true } } },
        Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 7 }],
      }),
      ["x", "y"],
      { flaky: failing(undefined, "A") },
    );
    expect(end).toMatchObject({ status: "SUCCEEDED", output: ["done", "done"] });
    expect(calls.map(({ payload, atSec }) => [payload, atSec])).toEqual([
      ["x", 0],
      ["y", 0],
      ["x", 7],
      ["y", 7],
    ]);
  });

  it("fails with the state's own error when nothing catches it", async () => {
    const { end } = await runMachine(single(task("flaky")), {}, { flaky: failing("A") });
    expect(end).toMatchObject({ status: "FAILED", error: "A", cause: '{"errorType":"A","errorMessage":"no luck"}' });
  });

  it("doesn't wake from a retry's pause after a stop", async () => {
    const world = worldOf(single(task("flaky", { Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 100 }] })), {
      flaky: failing("A"),
    });
    await world.engine.start("machine", "e", {});
    await world.clock.advanceTo(world.clock.now() + 10_000);
    await world.engine.stop("e");
    expect(world.clock.sleepers).toBe(0);
    await world.clock.advanceTo(world.clock.now() + 1_000_000);
    expect(world.calls).toHaveLength(1);
  });
});
