import { parseStateMachine, readStateMachine } from "../../../engines/asl/definition.ts";
import { single, task } from "./harness.ts";

const problems = (definition: unknown): string[] =>
  readStateMachine(definition).problems.map(({ path, message }) => `${path}: ${message}`);
const pass = { Type: "Pass", End: true };

describe("parseStateMachine", () => {
  it("fills in every default", () => {
    const machine = parseStateMachine(
      single(task("h", { Retry: [{ ErrorEquals: ["A"] }], Catch: [{ ErrorEquals: ["A"], Next: "S" }] })),
    );
    const path = (text: string) => ({ text, root: "input", steps: [], isDefinite: true });
    expect(machine.States["S"]).toMatchObject({
      InputPath: path("$"),
      ResultPath: path("$"),
      Retry: [{ ErrorEquals: ["A"], IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 2, JitterStrategy: "NONE" }],
      Catch: [{ ErrorEquals: ["A"], ResultPath: path("$"), Next: "S" }],
    });
  });

  it("throws with all problems at once, each with its place", () => {
    const definition = {
      StartAt: "Nowhere",
      States: {
        A: { Type: "Pass", Next: "C" },
        "a name": { Type: "Task", Resource: "arn:aws:states:::sqs:sendMessage", Parameters: {}, End: true },
        C: { Type: "Chose" },
        D: { Type: "Wait", Seconds: 1, Timestamp: "soon", End: true },
        E: { Type: "Pass", InputPath: "a.b", Parameters: { x: { "y.$": "States.UUID()" } }, QueryLanguage: "JSONata" },
      },
    };
    expect(() => parseStateMachine(definition)).toThrow(
      expect.objectContaining({ name: "InvalidDefinition" }) as Error,
    );
    const intrinsics =
      "States.Format, States.Array, States.ArrayLength, States.ArrayGetItem, States.ArrayContains, States.ArrayRange, " +
      "States.MathAdd, States.JsonMerge, States.StringToJson, States.JsonToString, States.StringSplit, States.Hash";
    expect(problems(definition)).toEqual([
      '$.States[\'a name\'].Resource: Invalid option: expected one of "arn:aws:states:::lambda:invoke"|"arn:aws:states:::lambda:invoke.waitForTaskToken"',
      "$.States['a name'].Parameters: FunctionName is missing",
      "$.States.C.Type: expected one of Pass, Task, Choice, Wait, Succeed, Fail, Parallel, Map",
      "$.States.D.Timestamp: expected a timestamp such as 2026-11-21T02:31:00Z",
      "$.States.D: give one of Seconds, SecondsPath, Timestamp, TimestampPath",
      '$.States.E.InputPath: not a JSONPath of our subset: "a.b"',
      `$.States.E.Parameters.x['y.$']: "States.UUID" is no intrinsic function of our subset (${intrinsics})`,
      '$.States.E: "QueryLanguage" is outside our subset',
      '$.StartAt: there is no state "Nowhere" here',
    ]);
  });

  it.each<[string, unknown, string]>([
    ["a missing start", { StartAt: "X", States: { S: pass } }, '$.StartAt: there is no state "X" here'],
    [
      "a missing target",
      { StartAt: "S", States: { S: { Type: "Pass", Next: "X" } } },
      '$.States.S.Next: there is no state "X" here',
    ],
    [
      "a missing target of Catch",
      single(task("h", { Catch: [{ ErrorEquals: ["A"], Next: "toString" }] })),
      '$.States.S.Catch[0].Next: there is no state "toString" here',
    ],
    [
      "missing targets of Choice",
      single({ Type: "Choice", Choices: [{ Variable: "$.a", IsNull: true, Next: "X" }], Default: "Y" }),
      '$.States.S.Choices[0].Next: there is no state "X" here',
    ],
    [
      "a target outside the Map",
      {
        StartAt: "M",
        States: {
          M: { Type: "Map", ItemProcessor: { StartAt: "I", States: { I: { Type: "Pass", Next: "M" } } }, End: true },
        },
      },
      '$.States.M.ItemProcessor.States.I.Next: there is no state "M" here',
    ],
    [
      "one name twice",
      single({ Type: "Parallel", Branches: [{ StartAt: "S", States: { S: pass } }] }),
      "$.States.S.Branches[0].States.S: $.States.S has the same name",
    ],
    [
      "a name over 80 characters",
      { StartAt: "n".repeat(81), States: { ["n".repeat(81)]: pass } },
      "$.StartAt: Too big: expected string to have <=80 characters",
    ],
    ["neither Next nor End", { StartAt: "S", States: { S: { Type: "Pass" } } }, "$.States.S: give either Next or End"],
    ["Next and End", { StartAt: "S", States: { S: { ...pass, Next: "S" } } }, "$.States.S: give either Next or End"],
    [
      "States.ALL in company",
      single(task("h", { Retry: [{ ErrorEquals: ["States.ALL", "A"] }] })),
      "$.States.S.Retry[0].ErrorEquals: States.ALL stands alone",
    ],
    [
      "States.ALL before others",
      single(task("h", { Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["A"] }] })),
      "$.States.S.Retry[0].ErrorEquals: States.ALL comes last",
    ],
    [
      "a misspelt predefined error",
      single(task("h", { Retry: [{ ErrorEquals: ["States.Timeouts"] }] })),
      '$.States.S.Retry[0].ErrorEquals: "States.Timeouts" is no predefined error',
    ],
    [
      "a ResultPath that selects many",
      single({ Type: "Pass", ResultPath: "$.a[*]" }),
      '$.States.S.ResultPath: a reference path selects one node, "$.a[*]" may select more',
    ],
    [
      "a ResultPath into the context object",
      single({ Type: "Pass", ResultPath: "$$.a" }),
      "$.States.S.ResultPath: the context object can't be written to",
    ],
    [
      "other parameters of lambda:invoke",
      single(task("h", { Parameters: { FunctionName: "h", Qualifier: "1" } })),
      '$.States.S.Parameters: "Qualifier" is outside our subset',
    ],
    [
      "a heartbeat as long as the timeout",
      single(task("h", { TimeoutSeconds: 5, HeartbeatSeconds: 5 })),
      "$.States.S: HeartbeatSeconds is smaller than TimeoutSeconds",
    ],
    [
      "two timeouts",
      single(task("h", { TimeoutSeconds: 5, TimeoutSecondsPath: "$.t" })),
      "$.States.S: give one of TimeoutSeconds, TimeoutSecondsPath",
    ],
    [
      "a rule's mistake, where it is",
      single({ Type: "Choice", Choices: [{ And: [{ Variable: "$.a", IsNul: true }], Next: "S" }] }),
      '$.States.S.Choices[0].And[0].IsNul: unknown operator "IsNul"',
    ],
    [
      "the legacy Iterator",
      single({ Type: "Map", Iterator: { StartAt: "I", States: { I: pass } } }),
      '$.States.S: "Iterator" is outside our subset',
    ],
    [
      "a reader of an inline Map",
      single({ Type: "Map", ToleratedFailureCount: 1, ItemProcessor: { StartAt: "I", States: { I: pass } } }),
      "$.States.S.ToleratedFailureCount: only a DISTRIBUTED Map has this",
    ],
    [
      "EXPRESS children",
      single({
        Type: "Map",
        ItemProcessor: {
          ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
          StartAt: "I",
          States: { I: pass },
        },
      }),
      '$.States.S.ItemProcessor.ProcessorConfig.ExecutionType: Invalid input: expected "STANDARD"',
    ],
    ["variables", single({ Type: "Pass", Assign: { a: 1 } }), '$.States.S: "Assign" is outside our subset'],
    ["no definition at all", null, "$: Invalid input: expected object, received null"],
  ])("refuses %s", (_, definition, problem) => expect(problems(definition)).toContain(problem));
});
