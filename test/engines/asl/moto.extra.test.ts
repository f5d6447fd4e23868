import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { SendTaskFailureCommand, SendTaskHeartbeatCommand, SendTaskSuccessCommand } from "@aws-sdk/client-sfn";
import type { HistoryEvent as AwsEvent } from "@aws-sdk/client-sfn";
import type { Json } from "../../../core/effects/json.ts";
import { composeDefinition } from "../../../engines/asl/compose.ts";
import type { HistoryEvent } from "../../../engines/asl/history.ts";
import type { TaskOutcome } from "../../../core/ports/engine.ts";
import { ApplicationError, callback, execute, single, task, worldOf } from "./harness.ts";
import { Moto } from "./moto.ts";

/** What a scenario's handlers may use, on either engine. */
interface Site {
  readonly wake: (token: string, outcome: TaskOutcome) => Promise<unknown>;
  readonly heartbeat: (token: string) => Promise<unknown>;
  readonly sleep: (ms: number) => Promise<void>;
}
type Handlers = Record<string, (payload: Json) => Json | Promise<Json>>;

interface Scenario {
  readonly name: string;
  readonly definition: unknown;
  readonly input?: Json;
  /** Made anew for each engine: handlers may count. */
  readonly handlers?: (site: Site) => Handlers;
  /** Why only the outcome is compared. */
  readonly outcomeOnly?: string;
  /** Where moto strays from the service: what it gives, which may change with its next version. */
  readonly motoGives?: { readonly why: string; readonly outcome: Record<string, unknown> };
}

const failing =
  (...errors: (string | undefined)[]) =>
  (): Json => {
    const error = errors.shift();
    if (error !== undefined) throw new ApplicationError(error, `from ${error}`);
    return "done";
  };
const echo = (payload: Json): Json => payload;
const handled = (state: Record<string, unknown>, catches: readonly unknown[]) => ({
  StartAt: "S",
  States: {
    S: { ...state, Catch: catches, End: true },
    Caught: { Type: "Pass", End: true },
    Other: { Type: "Fail", Error: "WrongCatch" },
  },
});
const inline = (state: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  Type: "Map",
  ItemProcessor: {
    ProcessorConfig: { Mode: "INLINE" },
    StartAt: "I",
    States: { I: { ...state, End: true } },
  },
  ...more,
});
const tokenOf = (payload: Json): string => (payload as { token: string }).token;

const machineFolder = new URL("../../../statemachines/", import.meta.url);
const machineFiles = { "trial.asl.json": readFileSync(new URL("trial.asl.json", machineFolder), "utf8") };
const handlerNames = Object.fromEntries(["claim", "startPhase", "verify", "record"].map((name) => [name, name]));

const scenarios: readonly Scenario[] = [
  {
    name: "paths, templates and intrinsics",
    input: { a: { b: [1, 2, 3], name: "x" }, text: '{"k":[1]}', n: 4 },
    definition: {
      StartAt: "P",
      States: {
        P: {
          Type: "Pass",
          InputPath: "$.a",
          Parameters: {
            "items.$": "$.b[*]",
            "second.$": "$.b[1]",
            "slice.$": "$.b[1:]",
            "format.$": "States.Format('{}-{}', $.name, States.ArrayLength($.b))",
            "array.$": "States.Array($.name, 1, 'two')",
            "item.$": "States.ArrayGetItem($.b, 2)",
            "range.$": "States.ArrayRange(1, 9, 3)",
            "has.$": "States.ArrayContains($.b, 3)",
            "sum.$": "States.MathAdd($.b[0], 41)",
            "merged.$": "States.JsonMerge($, $$.Execution.Input.a, false)",
            "json.$": "States.StringToJson($$.Execution.Input.text)",
            "string.$": "States.JsonToString($.b)",
            "split.$": "States.StringSplit('1,2,3', ',')",
            "hash.$": "States.Hash('input data', 'SHA-256')",
            "state.$": "$$.State.Name",
            "run.$": "$$.Execution.Name",
            constant: { "deep.$": "$.name", list: [1, { "x.$": "$.name" }] },
          },
          ResultPath: "$.out.here",
          OutputPath: "$.out",
          Next: "Q",
        },
        Q: { Type: "Pass", Result: { fixed: true }, ResultPath: "$.more", Next: "R" },
        R: { Type: "Succeed", OutputPath: "$" },
      },
    },
  },
  ...(
    [
      [{ n: 3, s: "abc", t: "2026-01-01T00:00:00Z" }, "numbers"],
      [{ n: 30, s: "abc", t: "2026-01-01T00:00:00Z" }, "strings"],
      [{ n: 30, s: "zzz", t: "2026-01-01T00:00:00Z" }, "timestamps"],
      [{ n: 30, s: "zzz", t: "2020-01-01T00:00:00Z", b: true }, "presence"],
      [{ n: 30, s: "zzz", t: "2020-01-01T00:00:00Z" }, "the default"],
    ] as const
  ).map(([input, what]) => ({
    name: `Choice by ${what}`,
    input,
    definition: {
      StartAt: "C",
      States: {
        C: {
          Type: "Choice",
          Choices: [
            {
              And: [
                { Variable: "$.n", NumericGreaterThan: 1 },
                { Not: { Variable: "$.n", NumericGreaterThanEquals: 10 } },
              ],
              Next: "A",
            },
            {
              Or: [
                { Variable: "$.s", StringMatches: "a*c" },
                { Variable: "$.s", StringEquals: "q" },
              ],
              Next: "B",
            },
            { Variable: "$.t", TimestampGreaterThan: "2025-06-01T00:00:00Z", Next: "D" },
            {
              And: [
                { Variable: "$.b", IsPresent: true },
                { Variable: "$.b", BooleanEquals: true },
              ],
              Next: "E",
            },
          ],
          Default: "F",
        },
        ...Object.fromEntries(
          ["A", "B", "D", "E", "F"].map((name) => [name, { Type: "Pass", Result: name, End: true }]),
        ),
      },
    },
  })),
  {
    name: "escapes in States.Format",
    definition: single({ Type: "Pass", Parameters: { "x.$": "States.Format('\\{\\}{}', 1)" } }),
    motoGives: { why: "it takes no escaped braces", outcome: { status: "FAILED", error: "States.Runtime" } },
  },
  { name: "Fail by constants", definition: single({ Type: "Fail", Error: "E", Cause: "because" }) },
  {
    name: "Fail by paths",
    input: { e: "E", c: "because" },
    definition: single({ Type: "Fail", ErrorPath: "$.e", CausePath: "States.Format('{}: {}', $.e, $.c)" }),
  },
  { name: "Wait", definition: single({ Type: "Wait", SecondsPath: "$.s" }), input: { s: 1 } },
  {
    name: "a task's result through ResultSelector and ResultPath",
    input: { x: 1 },
    definition: single(
      task("echo", { ResultSelector: { "got.$": "$.Payload.x" }, ResultPath: "$.r", OutputPath: "$" }),
    ),
    handlers: () => ({ echo }),
  },
  {
    name: "Retry until it succeeds",
    definition: single(
      task("flaky", { Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 1, MaxAttempts: 2, BackoffRate: 1 }] }),
    ),
    handlers: () => ({ flaky: failing("A", "A") }),
  },
  {
    name: "Retry used up, then Catch with ResultPath",
    input: { kept: 1 },
    definition: handled(task("flaky", { Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 1, MaxAttempts: 1 }] }), [
      { ErrorEquals: ["B"], Next: "Other" },
      { ErrorEquals: ["States.TaskFailed"], ResultPath: "$.error", Next: "Caught" },
    ]),
    handlers: () => ({ flaky: failing("A", "A") }),
  },
  {
    name: "Retry with MaxAttempts 0",
    definition: single(task("flaky", { Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: 0 }] })),
    handlers: () => ({ flaky: failing("A") }),
  },
  {
    name: "a task's timeout, which States.TaskFailed doesn't catch",
    definition: handled(task("slow", { TimeoutSeconds: 1 }), [
      { ErrorEquals: ["States.TaskFailed"], Next: "Other" },
      { ErrorEquals: ["States.Timeout"], Next: "Caught" },
    ]),
    handlers: (site) => ({ slow: () => site.sleep(3_000).then(() => null) }),
  },
  {
    name: "an error that nothing catches",
    definition: single(task("flaky")),
    handlers: () => ({ flaky: failing("HostUnreachableError") }),
  },
  {
    name: "a path that leads nowhere, past States.ALL",
    definition: handled(task("echo", { Parameters: { FunctionName: "echo", "Payload.$": "$.nowhere" } }), [
      { ErrorEquals: ["States.ALL"], Next: "Other" },
    ]),
    handlers: () => ({ echo }),
    motoGives: {
      why: "it lets States.ALL catch States.Runtime, which neither the specification nor the service does",
      outcome: { status: "FAILED", error: "WrongCatch" },
    },
  },
  {
    name: "Map with ItemsPath and ItemSelector, one at a time",
    input: { list: ["a", "b", "c"], common: 9 },
    definition: single(
      inline(task("echo"), {
        ItemsPath: "$.list",
        ItemSelector: { "i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "c.$": "$.common" },
        MaxConcurrency: 1,
        ResultPath: "$.results",
      }),
    ),
    handlers: () => ({ echo }),
  },
  {
    name: "Map all at once",
    input: [3, 1, 2],
    definition: single(inline(task("slow"), { MaxConcurrency: 0 })),
    handlers: (site) => ({ slow: (payload) => site.sleep(Number(payload) * 100).then(() => payload) }),
    outcomeOnly: "events of concurrent iterations interleave by real time",
  },
  {
    name: "Map that fails, is retried whole, and is caught",
    input: [1],
    definition: handled(
      inline(task("flaky"), { MaxConcurrency: 1, Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 1, MaxAttempts: 1 }] }),
      [{ ErrorEquals: ["States.ALL"], Next: "Caught" }],
    ),
    handlers: () => ({ flaky: failing("A", "A") }),
  },
  {
    name: "Parallel, whose results keep their order",
    input: 5,
    definition: single({
      Type: "Parallel",
      Branches: [
        { StartAt: "B1", States: { B1: { ...task("slow"), End: true } } },
        { StartAt: "B2", States: { B2: { Type: "Pass", Result: "second", End: true } } },
      ],
    }),
    handlers: (site) => ({ slow: (payload) => site.sleep(300).then(() => payload) }),
    outcomeOnly: "events of branches interleave by real time",
  },
  {
    name: "Parallel that fails and is caught",
    definition: handled(
      {
        Type: "Parallel",
        Branches: [{ StartAt: "B1", States: { B1: { Type: "Fail", Error: "Branch", Cause: "why" } } }],
      },
      [{ ErrorEquals: ["Branch"], Next: "Caught" }],
    ),
  },
  {
    name: "the machine's timeout",
    definition: { TimeoutSeconds: 1, ...(single({ Type: "Wait", Seconds: 20 }) as object) },
    outcomeOnly: "moto records the abort of the Wait as well",
  },
  {
    name: "a callback that succeeds",
    definition: single(callback("arm", { TimeoutSeconds: 20 })),
    handlers: (site) => ({
      arm: (payload) => {
        const act = () => site.wake(tokenOf(payload), { kind: "succeeded", output: { ok: [1] } });
        void site.sleep(700).then(act);
        return "armed";
      },
    }),
  },
  {
    name: "a callback that fails and is caught",
    definition: handled(callback("arm", { TimeoutSeconds: 20 }), [{ ErrorEquals: ["Remote"], Next: "Caught" }]),
    handlers: (site) => ({
      arm: (payload) => {
        const act = () => site.wake(tokenOf(payload), { kind: "failed", error: "Remote", cause: "broke" });
        void site.sleep(700).then(act);
        return "armed";
      },
    }),
    motoGives: {
      why: "it loses SendTaskFailure's cause",
      outcome: { status: "SUCCEEDED", output: { Error: "Remote", Cause: null } },
    },
  },
  {
    name: "a callback that is woken before its handler returned",
    definition: single(callback("arm", { TimeoutSeconds: 20 })),
    handlers: (site) => ({
      arm: async (payload) => {
        await site.wake(tokenOf(payload), { kind: "succeeded", output: "early" });
        return "armed";
      },
    }),
    outcomeOnly: "moto waits for the handler and records TaskSubmitted",
  },
  {
    name: "a callback whose handler fails",
    definition: single(callback("arm", { TimeoutSeconds: 20 })),
    handlers: () => ({ arm: failing("NotArmed") }),
  },
  {
    name: "a callback that falls silent",
    definition: handled(callback("arm", { TimeoutSeconds: 20, HeartbeatSeconds: 2 }), [
      { ErrorEquals: ["States.Timeout"], Next: "Caught" },
    ]),
    handlers: (site) => ({
      arm: (payload) => {
        void site.sleep(1_200).then(() => site.heartbeat(tokenOf(payload)));
        return "armed";
      },
    }),
  },
  {
    name: "silence, known by its own name",
    definition: handled(callback("arm", { TimeoutSeconds: 20, HeartbeatSeconds: 1 }), [
      { ErrorEquals: ["States.HeartbeatTimeout"], Next: "Caught" },
    ]),
    handlers: () => ({ arm: () => null }),
    motoGives: {
      why: "it knows silence as States.Timeout alone",
      outcome: { status: "FAILED", error: "States.Timeout" },
    },
  },
  {
    name: "the project's own trial",
    definition: composeDefinition(machineFiles, "trial.asl.json", handlerNames),
    input: { runId: "r", deployment: "d", ticket: 1 },
    handlers: (site) => ({
      claim: () => {
        const timeouts = { resetSec: 20, servicesSec: 20, jobsSec: 20, collectSec: 20, heartbeatSec: 10 };
        return { kind: "attempt", trial: "t", timeouts };
      },
      startPhase: (payload) => {
        void site.sleep(300).then(() => site.wake(tokenOf(payload), { kind: "succeeded", output: { more: false } }));
        return null;
      },
      verify: () => ({ valid: true }),
      record: () => ({ kind: "done" }),
    }),
  },
  {
    name: "a distributed Map",
    input: ["a", "b"],
    definition: single({
      ...inline(task("echo"), { MaxConcurrency: 1 }),
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
        StartAt: "I",
        States: { I: { ...task("echo"), End: true } },
      },
    }),
    handlers: () => ({ echo }),
  },
];

/** `TaskStateExited S {"a":1}`: what happened, without ids, times and whatever else no two engines share. */
function shown(events: readonly (HistoryEvent | AwsEvent)[]): string[] {
  return events.map((event) => {
    const details = Object.entries(event).find(([key]) => key.endsWith("EventDetails"))?.[1] as
      Record<string, unknown> | undefined;
    const kept = ["name", "index", "length", "error"]
      .map((key) => details?.[key])
      .filter((value) => value !== undefined)
      .map((value) => JSON.stringify(value));
    const data = ["StateEntered", "StateExited"].some((suffix) => event.type?.endsWith(suffix))
      ? normalised(JSON.parse(String(details?.["input"] ?? details?.["output"])) as Json)
      : undefined;
    return [event.type, ...kept, ...(data === undefined ? [] : [JSON.stringify(data)])].join(" ");
  });
}

/** Chains as types: which kind of event each event follows. Ids differ where engines record asides in another order. */
const chained = (events: readonly (HistoryEvent | AwsEvent)[]): string[] =>
  events.map((event) => `${event.type} after ${events[(event.previousEventId ?? 0) - 1]?.type ?? "nothing"}`);

/** Without what a Lambda answer has beside its payload, and with keys in order. */
function normalised(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => normalised(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !["SdkHttpMetadata", "SdkResponseMetadata"].includes(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, normalised(child ?? null)]),
  );
}

describe("the embedded engine and moto's interpreter", () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await Moto.start();
  });
  afterAll(() => moto.stop());

  it.each(scenarios)(
    "agree on $name",
    async ({ definition, input = {}, handlers = (): Handlers => ({}), outcomeOnly, motoGives }) => {
      const world = worldOf(
        definition,
        {},
        {
          invoker: { invoke: async (name, payload) => own[name]!(payload) },
        },
      );
      const own = handlers({
        wake: (token, outcome) => world.engine.wake(token, outcome),
        heartbeat: (token) => world.engine.heartbeat(token),
        sleep: (ms) => world.clock.sleep(ms),
      });
      const ours = await execute(world, input);

      const { client } = moto;
      const theirHandlers = handlers({
        wake: (taskToken, outcome) =>
          outcome.kind === "succeeded"
            ? client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(outcome.output) }))
            : client.send(new SendTaskFailureCommand({ taskToken, error: outcome.error, cause: outcome.cause })),
        heartbeat: (taskToken) => client.send(new SendTaskHeartbeatCommand({ taskToken })),
        sleep: (ms) => sleep(ms),
      });
      const theirs = await moto.run(definition, input, async (name, payload) => theirHandlers[name]!(payload));

      const outcome = (run: {
        status: string;
        output?: Json;
        error?: string | undefined;
        cause?: string | undefined;
      }) => ({
        status: run.status,
        output: normalised(run.output ?? null),
        // moto gives no error where an execution timed out.
        ...(run.status === "FAILED" ? { error: run.error } : {}),
        ...(run.status === "FAILED" ? { cause: run.cause ?? "" } : {}),
      });
      if (motoGives !== undefined) {
        expect(outcome(theirs)).toMatchObject(motoGives.outcome);
        expect(outcome(ours)).not.toMatchObject(motoGives.outcome);
        return;
      }
      expect(outcome(ours)).toEqual(outcome(theirs));
      if (outcomeOnly !== undefined) return;
      const history = world.engine.history("e");
      expect(shown(history)).toEqual(shown(theirs.events));
      expect(chained(history)).toEqual(chained(theirs.events));
    },
    600_000,
  );
});
