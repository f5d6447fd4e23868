import type { Json } from "../../../core/effects/json.ts";
import {
  ApplicationError,
  containing,
  execute,
  outputOf,
  runMachine,
  single,
  task,
  typesOf,
  worldOf,
} from "./harness.ts";

describe("data flow of a state", () => {
  const input = { a: { b: 1 }, c: 2 };

  it.each<[string, Record<string, unknown>, Json]>([
    ["hands its input on", {}, input],
    ["selects by InputPath", { InputPath: "$.a" }, { b: 1 }],
    ["makes the empty object of InputPath null", { InputPath: null }, {}],
    ["selects by OutputPath", { OutputPath: "$.a.b" }, 1],
    ["makes the empty object of OutputPath null", { OutputPath: null }, {}],
    ["gives its Result", { Result: [1, null] }, [1, null]],
    ["gives null as a Result", { Result: null }, null],
    [
      "adds its result to the raw input at ResultPath",
      { InputPath: "$.a", ResultPath: "$.r" },
      { ...input, r: { b: 1 } },
    ],
    ["drops its result at ResultPath null", { Result: 1, ResultPath: null }, input],
    [
      "evaluates Parameters",
      { Parameters: { "x.$": "$.a.b", y: { z: [{ "w.$": "$.c" }] } } },
      { x: 1, y: { z: [{ w: 2 }] } },
    ],
    ["applies Parameters to the effective input", { InputPath: "$.a", Parameters: { "x.$": "$.b" } }, { x: 1 }],
    ["leaves constants alone that look like paths", { Parameters: { x: "$.a.b" } }, { x: "$.a.b" }],
    ["may read the context object at every path", { InputPath: "$$.Execution.Input.a" }, { b: 1 }],
    ["may give the context object", { OutputPath: "$$.State.Name" }, "S"],
  ])("Pass %s", async (_, fields, expected) => {
    expect(await outputOf(single({ Type: "Pass", ...fields }), input)).toEqual(expected);
  });

  it("applies ResultSelector, ResultPath, then OutputPath to a task's result", async () => {
    const definition = single(
      task("h", {
        InputPath: "$.a",
        ResultSelector: { "got.$": "$.Payload.sum", "code.$": "$.StatusCode" },
        ResultPath: "$.result",
        OutputPath: "$.result",
      }),
    );
    expect(await outputOf(definition, input, { h: (payload) => ({ sum: [payload] }) })).toEqual({
      got: [{ b: 1 }],
      code: 200,
    });
  });

  it("wraps a function's answer as lambda:invoke does", async () => {
    const definition = single(task("h", { OutputPath: "$" }));
    expect(await outputOf(definition, 1, { h: () => ({ x: 1 }) })).toEqual({
      ExecutedVersion: "$LATEST",
      Payload: { x: 1 },
      StatusCode: 200,
    });
  });

  it("fills the context object", async () => {
    const definition = {
      StartAt: "M",
      States: {
        M: {
          Type: "Map",
          ItemProcessor: {
            StartAt: "P",
            States: { P: { Type: "Pass", Parameters: { "$.$": "$$" }, OutputPath: "$['$']", End: true } },
          },
          End: true,
        },
      },
    };
    expect(await outputOf(definition, ["x"])).toEqual([
      {
        Execution: {
          Id: "arn:aws:states:local:000000000000:execution:machine:e",
          Input: ["x"],
          Name: "e",
          StartTime: "2026-11-21T00:00:00.000Z",
        },
        StateMachine: { Id: "arn:aws:states:local:000000000000:stateMachine:machine", Name: "machine" },
        State: { EnteredTime: "2026-11-21T00:00:00.000Z", Name: "P" },
        Map: { Item: { Index: 0, Value: "x" } },
      },
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["InputPath", { InputPath: "$.nowhere" }, "Invalid path '$.nowhere' : No results for path: $['nowhere']"],
    ["OutputPath", { OutputPath: "$.nowhere" }, "Invalid path '$.nowhere' : No results for path: $['nowhere']"],
    [
      "Parameters",
      { Parameters: { "x.$": "$.nowhere" } },
      `The JSONPath '$.nowhere' specified for the field 'x.$' could not be found in the input '{"a":{"b":1},"c":2}'`,
    ],
  ])("fails as States.Runtime at a %s that leads nowhere, naming state and event", async (_, fields, message) => {
    const { end } = await runMachine(single({ Type: "Pass", ...fields }), input);
    expect(end).toMatchObject({
      status: "FAILED",
      error: "States.Runtime",
      cause: `An error occurred while executing the state 'S' (entered at the event id #2). ${message}`,
    });
  });

  it("fails as States.ResultPathMatchFailure where the result can't be put", async () => {
    const { end } = await runMachine(single({ Type: "Pass", Result: 1, ResultPath: "$.x" }), "text");
    expect(end).toMatchObject({ status: "FAILED", error: "States.ResultPathMatchFailure" });
  });

  it("keeps handlers from changing what the flow holds", async () => {
    const definition = {
      StartAt: "A",
      States: {
        A: { ...task("spoil", { OutputPath: "$" }), ResultPath: null, Next: "B" },
        B: { Type: "Succeed" },
      },
    };
    const spoil = (payload: Json): Json => {
      (payload as { a: unknown }).a = "spoiled";
      return null;
    };
    expect(await outputOf(definition, input, { spoil })).toEqual(input);
  });
});

describe("Wait", () => {
  it.each<[string, Record<string, unknown>, number]>([
    ["Seconds", { Seconds: 90 }, 90],
    ["Seconds 0", { Seconds: 0 }, 0],
    ["SecondsPath", { SecondsPath: "$.seconds" }, 5],
    ["Timestamp", { Timestamp: "2026-11-21T00:01:00Z" }, 60],
    ["TimestampPath", { TimestampPath: "$.until" }, 3600],
    ["a Timestamp that has passed", { Timestamp: "2020-01-01T00:00:00Z" }, 0],
  ])("waits by %s", async (_, fields, expected) => {
    const input = { seconds: 5, until: "2026-11-21T02:00:00+01:00" };
    const { end, nowSec } = await runMachine(single({ Type: "Wait", ...fields }), input);
    expect(end).toMatchObject({ status: "SUCCEEDED", output: input });
    expect(nowSec()).toBe(expected);
  });

  it.each<[Json, string]>([
    [-1, "The SecondsPath parameter references a negative value: $.x == -1"],
    [1.5, "The SecondsPath parameter cannot be parsed as a long value: $.x == 1.5"],
    ["1", 'The SecondsPath parameter cannot be parsed as a long value: $.x == "1"'],
  ])("refuses %j seconds as the service does", async (x, message) => {
    const { end } = await runMachine(single({ Type: "Wait", SecondsPath: "$.x" }), { x });
    expect(end).toMatchObject({ error: "States.Runtime", cause: containing(message) });
  });

  it.each(["2016-12-05 21:29:29Z", "2016-13-05T21:29:29Z", "2016-12-05T21:29:29", "soon"])(
    "refuses the timestamp %s as the service does",
    async (x) => {
      const { end } = await runMachine(single({ Type: "Wait", TimestampPath: "$.x" }), { x });
      const form = "a valid ISO-8601 extended offset date-time format string";
      expect(end).toMatchObject({
        error: "States.Runtime",
        cause: containing(`The TimestampPath parameter does not reference ${form}: $.x == ${x}`),
      });
    },
  );
});

describe("Choice", () => {
  const choose = (more: Record<string, unknown> = {}) => ({
    StartAt: "C",
    States: {
      C: {
        Type: "Choice",
        InputPath: "$.data",
        Choices: [
          { Variable: "$.n", NumericGreaterThan: 9, Next: "Big" },
          { Variable: "$.n", NumericGreaterThan: 0, Next: "Small" },
        ],
        ...more,
      },
      Big: { Type: "Pass", Parameters: { "big.$": "$.n" }, End: true },
      Small: { Type: "Pass", Parameters: { "small.$": "$.n" }, End: true },
    },
  });

  it("takes the first rule that matches, and hands its effective input on", async () => {
    expect(await outputOf(choose(), { data: { n: 12 } })).toEqual({ big: 12 });
    expect(await outputOf(choose(), { data: { n: 3 } })).toEqual({ small: 3 });
  });

  it("takes the Default when none matches", async () =>
    expect(await outputOf(choose({ Default: "Small" }), { data: { n: -1 } })).toEqual({ small: -1 }));

  it("fails as States.NoChoiceMatched without a Default", async () => {
    const { end } = await runMachine(choose(), { data: { n: -1 } });
    expect(end).toMatchObject({ status: "FAILED", error: "States.NoChoiceMatched" });
  });

  it("fails as States.Runtime on a variable that isn't there", async () => {
    const { end } = await runMachine(choose(), { data: {} });
    expect(end).toMatchObject({
      error: "States.Runtime",
      cause: containing("references an invalid value"),
    });
  });
});

describe("Succeed and Fail", () => {
  it("Succeed ends with its effective input", async () =>
    expect(await outputOf(single({ Type: "Succeed", InputPath: "$.a" }), { a: 1 })).toBe(1));

  it.each<[string, Record<string, unknown>, { error: string | undefined; cause: string | undefined }]>([
    ["constants", { Error: "E", Cause: "C" }, { error: "E", cause: "C" }],
    ["paths", { ErrorPath: "$.e", CausePath: "$.c" }, { error: "from input", cause: "because" }],
    [
      "intrinsics and the context object",
      { ErrorPath: "$$.State.Name", CausePath: "States.Format('{}: {}', $.e, $.c)" },
      { error: "S", cause: "from input: because" },
    ],
    ["nothing", {}, { error: undefined, cause: undefined }],
  ])("Fail ends with %s", async (_, fields, expected) => {
    const { end } = await runMachine(single({ Type: "Fail", ...fields }), { e: "from input", c: "because" });
    expect(end).toMatchObject({ status: "FAILED", ...expected });
  });

  it("Fail with a path to no string is States.Runtime", async () => {
    const { end } = await runMachine(single({ Type: "Fail", ErrorPath: "$.nowhere" }));
    expect(end).toMatchObject({
      error: "States.Runtime",
      cause: containing(
        "The JSONPath '$.nowhere' specified for the field 'ErrorPath' could not be found in the input '{}'",
      ),
    });
  });
});

describe("Parallel", () => {
  const branch = (state: Record<string, unknown>) => ({
    StartAt: `B${++branches}`,
    States: { [`B${branches}`]: { ...state, End: true } },
  });
  let branches = 0;

  it("runs its branches at once and gives their outputs in order", async () => {
    const definition = single({
      Type: "Parallel",
      Parameters: { "n.$": "$" },
      Branches: [
        branch({ Type: "Wait", Seconds: 20 }),
        branch({ Type: "Pass", Parameters: { "twice.$": "States.MathAdd($.n, $.n)" } }),
      ],
      ResultSelector: { "second.$": "$[1].twice", "count.$": "States.ArrayLength($)" },
    });
    const { end, nowSec } = await runMachine(definition, 4);
    expect(end).toMatchObject({ output: { second: 8, count: 2 } });
    expect(nowSec()).toBe(20);
  });

  it("fails with the first branch that fails, at once, and aborts the others", async () => {
    let aborted = false;
    const slow = (_: Json, { signal }: { signal: AbortSignal }): Promise<Json> =>
      new Promise(() => signal.addEventListener("abort", () => (aborted = true)));
    const definition = single({
      Type: "Parallel",
      Branches: [branch(task("slow")), branch({ Type: "Wait", Seconds: 500 }), branch(task("fail"))],
    });
    const world = await runMachine(
      definition,
      {},
      {
        slow,
        fail: () => {
          throw new Error("quick");
        },
      },
    );
    expect(world.end).toMatchObject({ status: "FAILED", error: "Error" });
    expect(world.nowSec()).toBe(0);
    expect(aborted).toBe(true);
    expect(world.clock.sleepers).toBe(0);
    expect(world.history.map(({ type }) => type).slice(-5)).toEqual([
      "TaskFailed",
      "TaskStateAborted",
      "WaitStateAborted",
      "ParallelStateFailed",
      "ExecutionFailed",
    ]);
  });
});

describe("inline Map", () => {
  const map = (more: Record<string, unknown> = {}, state: Record<string, unknown> = task("h")) =>
    single({ Type: "Map", ItemProcessor: { StartAt: "I", States: { I: { ...state, End: true } } }, ...more });

  it("runs at most MaxConcurrency items at a time, and starts each as another ends", async () => {
    let running = 0;
    let most = 0;
    const world = worldOf(map({ MaxConcurrency: 3 }), {
      h: async (payload) => {
        most = Math.max(most, ++running);
        await world.clock.sleep(Number(payload) * 1_000);
        running -= 1;
        return payload;
      },
    });
    expect(await execute(world, [5, 1, 1, 1, 1, 5])).toMatchObject({ output: [5, 1, 1, 1, 1, 5] });
    expect(most).toBe(3);
    expect(world.calls.map(({ atSec }) => atSec)).toEqual([0, 0, 0, 1, 1, 2]);
  });

  it.each<[string, Record<string, unknown>, number]>([
    ["MaxConcurrency 0", { MaxConcurrency: 0 }, 10],
    ["no MaxConcurrency", {}, 10],
    ["MaxConcurrencyPath", { MaxConcurrencyPath: "$.n" }, 50],
  ])("with %s takes its time", async (_, fields, expected) => {
    const definition = map({ ItemsPath: "$.items", ...fields }, { Type: "Wait", Seconds: 10 });
    const { nowSec } = await runMachine(definition, { n: 2, items: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    expect(nowSec()).toBe(expected);
  });

  it("selects its items by ItemsPath and shapes each by ItemSelector", async () => {
    const definition = map(
      {
        InputPath: "$.in",
        ItemsPath: "$.list",
        ItemSelector: {
          "at.$": "$$.Map.Item.Index",
          "value.$": "$$.Map.Item.Value.v",
          "common.$": "$.common",
        },
        ResultPath: "$.out",
      },
      { Type: "Pass" },
    );
    const input = { in: { list: [{ v: "x" }, { v: "y" }], common: 1 } };
    expect(await outputOf(definition, input)).toEqual({
      ...input,
      out: [
        { at: 0, value: "x", common: 1 },
        { at: 1, value: "y", common: 1 },
      ],
    });
  });

  it("gives an empty array for no items", async () => expect(await outputOf(map(), [])).toEqual([]));

  it("nests, and knows the innermost item", async () => {
    const inner = {
      Type: "Map",
      ItemProcessor: {
        StartAt: "J",
        States: { J: { Type: "Pass", Parameters: { "i.$": "$$.Map.Item.Index", "v.$": "$" }, End: true } },
      },
    };
    expect(await outputOf(map({}, inner), [["a"], ["b", "c"]])).toEqual([
      [{ i: 0, v: "a" }],
      [
        { i: 0, v: "b" },
        { i: 1, v: "c" },
      ],
    ]);
  });

  it.each<[Record<string, unknown>, Json, string]>([
    [{ ItemsPath: "$.x" }, { x: 1 }, 'Reference path "$.x" must point to array.'],
    [
      { MaxConcurrencyPath: "$[0]" },
      ["NoNumber"],
      'The MaxConcurrencyPath field refers to value "NoNumber" which is not a valid integer: $[0]',
    ],
    [
      { MaxConcurrencyPath: "$[0]" },
      [{}],
      'The MaxConcurrencyPath field refers to value "{}" which is not a valid integer: $[0]',
    ],
    [{ ItemSelector: { "x.$": "$.nowhere" } }, [1], "The JSONPath '$.nowhere' specified for the field 'x.$'"],
  ])("fails as States.Runtime with %j on %j", async (fields, input, message) => {
    const { end } = await runMachine(map(fields), input, { h: () => null });
    expect(end).toMatchObject({
      error: "States.Runtime",
      cause: containing(`executing the state 'S' (entered at the event id #2). ${message}`),
    });
  });

  it("fails fast and starts no further item", async () => {
    const world = await runMachine(map({ MaxConcurrency: 1 }), [1, 2, 3], {
      h: (payload) => {
        if (payload === 2) throw new ApplicationError("Second");
        return payload;
      },
    });
    expect(world.end).toMatchObject({ status: "FAILED", error: "Second" });
    expect(world.calls).toHaveLength(2);
  });
});

describe("payload limit", () => {
  const big = "x".repeat(1_000);
  const run = (definition: unknown, input: Json = {}) =>
    runMachine(definition, input, { big: () => big, echo: (payload) => payload }, { maxPayloadBytes: 1_000 });
  const exceeded = (what: string) => ({
    status: "FAILED",
    error: "States.DataLimitExceeded",
    cause: `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  });

  it("holds for a state's output", async () => {
    const { end, history } = await run(single({ Type: "Pass", Result: big }));
    expect(end).toMatchObject(exceeded("S"));
    expect(typesOf(history)).toEqual(["ExecutionStarted", "PassStateEntered", "ExecutionFailed"]);
  });

  it("holds for a task's result and its parameters", async () => {
    const { end, history } = await run(single(task("big")));
    expect(end).toMatchObject(exceeded("lambda"));
    expect(typesOf(history).at(-2)).toBe("TaskFailed");
    const long = task("echo", { Parameters: { FunctionName: "echo", Payload: big } });
    expect((await run(single(long))).end).toMatchObject(exceeded("S"));
  });

  it("counts bytes, not characters", async () => {
    expect((await run(single({ Type: "Pass", Result: "é".repeat(499) }))).end.status).toBe("SUCCEEDED");
    expect((await run(single({ Type: "Pass", Result: "é".repeat(500) }))).end).toMatchObject(exceeded("S"));
  });

  it("may be caught by its name, not by States.ALL", async () => {
    const caught = (name: string) => ({
      StartAt: "T",
      States: {
        T: { ...task("big"), Catch: [{ ErrorEquals: [name], Next: "C" }], End: true },
        C: { Type: "Succeed" },
      },
    });
    expect((await run(caught("States.DataLimitExceeded"))).end.status).toBe("SUCCEEDED");
    expect((await run(caught("States.ALL"))).end.status).toBe("FAILED");
  });
});
