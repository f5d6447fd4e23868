import type { Json } from "../../../core/effects/json.ts";
import type { AslEngineOptions } from "../../../engines/asl/engine.ts";
import type { ChildResult, ResultDestination } from "../../../engines/asl/map-run.ts";
import { ApplicationError, brief, containing, execute, runMachine, single, task, typesOf, worldOf } from "./harness.ts";
import type { Handler } from "./harness.ts";

const distributed = (more: Record<string, unknown> = {}, state: Record<string, unknown> = task("h")) => ({
  Type: "Map",
  MaxConcurrency: 2,
  ItemProcessor: {
    ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
    StartAt: "C",
    States: { C: { ...state, End: true } },
  },
  ...more,
});
const reader = {
  ItemReader: {
    Resource: "arn:aws:states:::s3:getObject",
    ReaderConfig: { InputType: "JSON" },
    Parameters: { Bucket: "store", "Key.$": "$.tickets" },
  },
};
const writer = {
  ResultWriter: {
    Resource: "arn:aws:states:::s3:putObject",
    Parameters: { Bucket: "store", "Prefix.$": "$.results" },
  },
};
const failOn =
  (...bad: readonly Json[]): Handler =>
  (payload) => {
    if (bad.includes(payload)) throw new ApplicationError("Bad");
    return payload;
  };

describe("distributed Map", () => {
  it("runs each item as an execution of its own, with its own history and facts", async () => {
    const world = await runMachine(
      single(distributed({}, { Type: "Pass", Parameters: { "$.$": "$$" }, OutputPath: "$['$']" })),
      ["x", "y"],
    );
    expect(world.end).toMatchObject({
      status: "SUCCEEDED",
      output: [
        {
          Execution: { Id: "arn:aws:states:local:000000000000:execution:machine/S:id-2", Input: "x", Name: "id-2" },
          StateMachine: { Id: "arn:aws:states:local:000000000000:stateMachine:machine/S", Name: "machine/S" },
          State: { Name: "C" },
        },
        { Execution: { Input: "y", Name: "id-3" } },
      ],
    });
    expect(JSON.stringify(world.end)).not.toContain('"Map":');
    // As recorded from the service (test_map_state_config_distributed_reentrant).
    expect(brief(world.history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 MapStateEntered S",
      "3<-2 MapStateStarted",
      "4<-3 MapRunStarted",
      "5<-4 MapRunSucceeded",
      "6<-5 MapStateSucceeded",
      "7<-5 MapStateExited S",
      "8<-7 ExecutionSucceeded",
    ]);
    const ofChild = world.events.filter(({ execution }) => execution.name === "id-3");
    expect(brief(ofChild.map(({ event }) => event))).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 PassStateEntered C",
      "3<-2 PassStateExited C",
      "4<-3 ExecutionSucceeded",
    ]);
    expect(ofChild[0]?.execution).toEqual({
      name: "id-3",
      arn: "arn:aws:states:local:000000000000:execution:machine/S:id-3",
      machine: "machine/S",
      mapRunArn: "arn:aws:states:local:000000000000:mapRun:machine/S:id-1",
    });
  });

  it("runs at most MaxConcurrency children, in the order of items", async () => {
    const world = worldOf(single(distributed({ MaxConcurrency: 3, ItemsPath: "$.items" })), {
      h: async (payload) => {
        expect(world.engine.listRunning().length).toBeLessThanOrEqual(4);
        await world.clock.sleep(10_000);
        return payload;
      },
    });
    expect(await execute(world, { items: [1, 2, 3, 4, 5, 6, 7] })).toMatchObject({
      output: [1, 2, 3, 4, 5, 6, 7],
    });
    expect(world.calls.map(({ payload, atSec }) => [payload, atSec])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 10],
      [5, 10],
      [6, 10],
      [7, 20],
    ]);
  });

  it("keeps nothing of children that have ended", async () => {
    const world = worldOf(
      single(distributed({ MaxConcurrency: 10, ResultPath: null, ...reader, ...writer })),
      {
        h: (payload) => payload,
      },
      {
        readItems: async () => Array.from({ length: 500 }, (_, i) => i),
        openResults: () => ({ write: async () => undefined, close: async () => ({ bucket: "b", key: "k" }) }),
      },
    );
    await execute(world, { tickets: "t", results: "r" });
    expect(world.events.filter(({ event }) => event.type === "ExecutionSucceeded")).toHaveLength(501);
    expect(world.engine.listRunning()).toEqual([]);
    expect(() => world.engine.describe("id-7")).toThrow('there is no execution "id-7"');
    expect(() => world.engine.history("id-7")).toThrow('there is no execution "id-7"');
    expect(world.engine.history("e")).toHaveLength(8);
  });

  it("reads its items from the object that ItemReader names", async () => {
    const asked: unknown[] = [];
    const { end, history } = await runMachine(
      single(distributed({ ...reader, ItemSelector: { "t.$": "$$.Map.Item.Value", "k.$": "$.tickets" } })),
      { tickets: "runs/1/tickets.json" },
      { h: (payload) => payload },
      {
        readItems: async (source) => {
          asked.push(source);
          return ["a", "b"];
        },
      },
    );
    expect(asked).toEqual([{ bucket: "store", key: "runs/1/tickets.json" }]);
    expect(end).toMatchObject({
      output: [
        { t: "a", k: "runs/1/tickets.json" },
        { t: "b", k: "runs/1/tickets.json" },
      ],
    });
    expect(history[2]).toMatchObject({ mapStateStartedEventDetails: { length: 0 } });
  });

  it.each<[string, Partial<AslEngineOptions>, Record<string, unknown>, string]>([
    ["the reader fails", { readItems: () => Promise.reject(new Error("no such key")) }, {}, "no such key"],
    // As recorded from the service (test_map_item_reader_json_no_json_list_object).
    ["the object is no array", { readItems: async () => ({ a: 1 }) }, {}, "Attempting to map over non-iterable node."],
    ["there is no reader", {}, {}, "this engine has no item reader"],
  ])("fails as States.ItemReaderFailed when %s", async (_, options, more, cause) => {
    const { end, history } = await runMachine(
      single(distributed({ ...reader, ...more })),
      { tickets: "t" },
      {},
      options,
    );
    expect(end).toMatchObject({ status: "FAILED", error: "States.ItemReaderFailed", cause });
    expect(brief(history).slice(3)).toEqual([
      "4<-3 MapRunStarted",
      "5<-4 MapRunFailed States.ItemReaderFailed",
      "6<-5 MapStateFailed",
      "7<-6 ExecutionFailed States.ItemReaderFailed",
    ]);
  });

  it("selects inside the object by ItemsPath, and takes MaxItems", async () => {
    const more = {
      ItemReader: { ...reader.ItemReader, ReaderConfig: { InputType: "JSON", MaxItems: 2 } },
      ItemsPath: "$.list",
    };
    const { end } = await runMachine(
      single(distributed(more)),
      { tickets: "t" },
      { h: (payload) => payload },
      { readItems: async () => ({ list: [1, 2, 3] }) },
    );
    expect(end).toMatchObject({ output: [1, 2] });
  });

  it("sends results to the writer as they come, and gives where they lie", async () => {
    const opened: ResultDestination[] = [];
    const written: ChildResult[] = [];
    const { end } = await runMachine(
      single(distributed({ ItemsPath: "$.items", ToleratedFailurePercentage: 100, ...writer })),
      { items: ["good", "bad"], results: "runs/1/map" },
      { h: failOn("bad") },
      {
        openResults: (destination) => {
          opened.push(destination);
          return {
            write: async (result) => void written.push(result),
            close: async () => ({ bucket: destination.bucket, key: `${destination.prefix}/manifest.json` }),
          };
        },
      },
    );
    const mapRunArn = "arn:aws:states:local:000000000000:mapRun:machine/S:id-1";
    expect(opened).toEqual([{ bucket: "store", prefix: "runs/1/map", mapRunArn }]);
    expect(end).toMatchObject({
      output: { MapRunArn: mapRunArn, ResultWriterDetails: { Bucket: "store", Key: "runs/1/map/manifest.json" } },
    });
    expect(written).toEqual([
      {
        ExecutionArn: "arn:aws:states:local:000000000000:execution:machine/S:id-2",
        Name: "id-2",
        StateMachineArn: "arn:aws:states:local:000000000000:stateMachine:machine/S",
        Status: "SUCCEEDED",
        Input: '"good"',
        Output: '"good"',
        StartDate: "2026-11-21T00:00:00.000Z",
        StopDate: "2026-11-21T00:00:00.000Z",
      },
      expect.objectContaining({ Status: "FAILED", Name: "id-3", Input: '"bad"', Error: "Bad" }),
    ]);
  });

  const refuse = () => Promise.reject(new Error("disk full"));
  const accept = async () => undefined;
  const closed = async () => ({ bucket: "b", key: "k" });
  it.each<[string, Partial<AslEngineOptions>, string]>([
    ["write", { openResults: () => ({ write: refuse, close: closed }) }, "disk full"],
    ["close", { openResults: () => ({ write: accept, close: refuse }) }, "disk full"],
    ["be there", {}, "this engine has no result writer"],
  ])("fails as States.ResultWriterFailed when the writer can't %s", async (_, options, cause) => {
    const definition = single(distributed({ ItemsPath: "$.items", ...writer }));
    const { end, history } = await runMachine(definition, { items: [1, 2, 3], results: "r" }, { h: () => 1 }, options);
    expect(end).toMatchObject({ status: "FAILED", error: "States.ResultWriterFailed", cause });
    expect(typesOf(history).slice(-3)).toEqual(["MapRunFailed", "MapStateFailed", "ExecutionFailed"]);
  });

  it("gives no child more than a payload", async () => {
    const { end, calls } = await runMachine(
      single(distributed({ ItemsPath: "$.items", ItemSelector: { "a.$": "$.items", "b.$": "$.items" } })),
      { items: ["x".repeat(600)] },
      { h: () => 1 },
      { maxPayloadBytes: 1_000 },
    );
    expect(end).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
    expect(calls).toHaveLength(0);
  });

  it.each<[string, Record<string, unknown>, number, "SUCCEEDED" | "FAILED"]>([
    ["nothing", {}, 1, "FAILED"],
    ["nothing", {}, 0, "SUCCEEDED"],
    ["a count", { ToleratedFailureCount: 2 }, 2, "SUCCEEDED"],
    ["a count", { ToleratedFailureCount: 2 }, 3, "FAILED"],
    ["a percentage", { ToleratedFailurePercentage: 30 }, 3, "SUCCEEDED"],
    ["a percentage", { ToleratedFailurePercentage: 30 }, 4, "FAILED"],
    ["all", { ToleratedFailurePercentage: 100 }, 10, "SUCCEEDED"],
    ["both, the percentage smaller", { ToleratedFailureCount: 5, ToleratedFailurePercentage: 10 }, 2, "FAILED"],
    ["both, the count smaller", { ToleratedFailureCount: 1, ToleratedFailurePercentage: 50 }, 2, "FAILED"],
    ["a count from the input", { ToleratedFailureCountPath: "$.two" }, 3, "FAILED"],
    ["a percentage from the input", { ToleratedFailurePercentagePath: "$.two" }, 1, "FAILED"],
  ])("tolerates %s: %j with %s of 10 failed is %s", async (_, fields, failures, status) => {
    const items = Array.from({ length: 10 }, (__, i) => (i < failures ? -1 : i));
    const { end } = await runMachine(
      single(distributed({ ItemsPath: "$.items", ...fields })),
      { items, two: 2 },
      { h: failOn(-1) },
    );
    expect(end.status).toBe(status);
    if (end.status === "FAILED") expect(end.error).toBe("States.ExceedToleratedFailureThreshold");
  });

  it("puts a tolerated failure among the outputs as what is known of its child", async () => {
    const { end } = await runMachine(single(distributed({ ToleratedFailureCount: 1 })), ["a", "bad"], {
      h: failOn("bad"),
    });
    expect(end).toMatchObject({
      output: [
        "a",
        { Status: "FAILED", Name: "id-3", Input: '"bad"', Error: "Bad", StopDate: "2026-11-21T00:00:00.000Z" },
      ],
    });
  });

  it("aborts the other children when too many failed; Catch sees why", async () => {
    const definition = {
      StartAt: "M",
      States: {
        M: { ...distributed({ MaxConcurrency: 3 }), Catch: [{ ErrorEquals: ["States.ALL"], Next: "End" }], End: true },
        End: { Type: "Pass", End: true },
      },
    };
    const world = worldOf(definition, {
      h: async (payload) => {
        if (payload === "bad") throw new ApplicationError("Bad");
        await world.clock.sleep(1_000_000);
        return payload;
      },
    });
    await world.engine.start("machine", "e", ["slow", "bad", "slow", "later"]);
    const end = await world.run(world.engine.wait("e"));
    expect(end).toMatchObject({
      status: "SUCCEEDED",
      output: {
        Error: "States.ExceedToleratedFailureThreshold",
        Cause: "The specified tolerated failure threshold was exceeded",
      },
    });
    expect(world.nowSec()).toBe(0);
    expect(typesOf(world.engine.history("e"))).toEqual([
      "ExecutionStarted",
      "MapStateEntered",
      "MapStateStarted",
      "MapRunStarted",
      "MapRunFailed",
      "MapStateFailed",
      "MapStateExited",
      "PassStateEntered",
      "PassStateExited",
      "ExecutionSucceeded",
    ]);
    expect(world.events.filter(({ event }) => event.type === "ExecutionAborted")).toHaveLength(2);
    expect(world.engine.listRunning()).toEqual([]);
    expect(world.calls).toHaveLength(3);
    expect(world.engine.mapRuns("e")).toMatchObject([
      { status: "FAILED", itemCounts: { total: 4, failed: 1, pending: 1 } },
    ]);
  });

  it("aborts its children when its execution is stopped", async () => {
    const world = worldOf(single(distributed({}, { Type: "Wait", Seconds: 1_000 })));
    await world.engine.start("machine", "e", [1, 2, 3]);
    await world.clock.advanceTo(world.clock.now() + 1_000);
    expect(world.engine.listRunning().map(({ name }) => name)).toEqual(["e", "id-2", "id-3"]);
    expect(world.engine.mapRuns("e")).toMatchObject([{ status: "RUNNING", itemCounts: { running: 2, pending: 1 } }]);
    await world.engine.stop("e", "Stopped", "by the user");
    await world.clock.advanceTo(world.clock.now() + 1_000);
    expect(world.engine.listRunning()).toEqual([]);
    expect(world.clock.sleepers).toBe(0);
    expect(world.engine.mapRuns("e")).toMatchObject([{ status: "ABORTED", itemCounts: { aborted: 2, pending: 1 } }]);
    const last = world.events
      .filter(({ event }) => event.type === "ExecutionAborted")
      .map(({ execution }) => execution.name);
    expect(last.sort()).toEqual(["e", "id-2", "id-3"]);
  });

  it("is aborted and recorded as such when something beside it fails", async () => {
    const definition = single({
      Type: "Parallel",
      Branches: [
        { StartAt: "M", States: { M: { ...distributed({}, { Type: "Wait", Seconds: 100 }), End: true } } },
        {
          StartAt: "W",
          States: { W: { Type: "Wait", Seconds: 10, Next: "F" }, F: { Type: "Fail", Error: "Beside" } },
        },
      ],
    });
    const { end, history } = await runMachine(definition, [1, 2]);
    expect(end).toMatchObject({ status: "FAILED", error: "Beside" });
    expect(typesOf(history).slice(-6)).toEqual([
      "WaitStateExited",
      "FailStateEntered",
      "MapRunAborted",
      "MapStateAborted",
      "ParallelStateFailed",
      "ExecutionFailed",
    ]);
  });

  it("goes on past a child that somebody stopped, as far as failures are tolerated", async () => {
    const world = worldOf(single(distributed({ ToleratedFailureCount: 1 }, { Type: "Wait", Seconds: 100 })));
    await world.engine.start("machine", "e", [1, 2, 3]);
    await world.clock.advanceTo(world.clock.now() + 1_000);
    await world.engine.stop("id-2", "Stopped", "by hand");
    expect(await world.run(world.engine.wait("e"))).toMatchObject({
      status: "SUCCEEDED",
      output: [{ Status: "ABORTED", Error: "Stopped" }, 2, 3],
    });
  });

  it("fails as States.DataLimitExceeded when the outputs outgrow a payload", async () => {
    const { end } = await runMachine(
      single(distributed()),
      [1, 2, 3, 4],
      { h: () => "x".repeat(300) },
      { maxPayloadBytes: 1_000 },
    );
    expect(end).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
  });

  it.each<[Record<string, unknown>, Json, string]>([
    [{ ToleratedFailureCountPath: "$.x" }, -1, "ToleratedFailureCount cannot be negative."],
    [{ ToleratedFailurePercentagePath: "$.x" }, 100.1, "ToleratedFailurePercentage must be between 0 and 100."],
    [
      { ToleratedFailurePercentagePath: "$.x" },
      "NoNumber",
      'field refers to value "NoNumber" which is not a valid float: $.x',
    ],
  ])("refuses %j of %j as the service does", async (fields, x, message) => {
    const { end, history } = await runMachine(single(distributed({ ItemsPath: "$.items", ...fields })), {
      x,
      items: [0],
    });
    expect(end).toMatchObject({ error: "States.Runtime", cause: containing(message) });
    expect(typesOf(history)).toEqual(["ExecutionStarted", "MapStateEntered", "MapStateStarted", "ExecutionFailed"]);
  });
});
