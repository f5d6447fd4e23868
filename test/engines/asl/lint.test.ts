import { readdirSync, readFileSync } from "node:fs";
import validator from "asl-validator";
import { composeDefinition } from "../../../engines/asl/compose.ts";
import { lintDefinition } from "../../../engines/asl/lint.ts";
import { callback, single, task } from "./harness.ts";

const lint = (definition: unknown): string[] =>
  lintDefinition(definition).map(({ path, message }) => `${path}: ${message}`);
const bounded = { TimeoutSeconds: 60 };

describe("lintDefinition", () => {
  it("has nothing to say about a definition that is fit", () => {
    const definition = {
      StartAt: "M",
      TimeoutSeconds: 3600,
      States: {
        M: {
          Type: "Map",
          MaxConcurrencyPath: "$.lanes",
          ItemProcessor: {
            StartAt: "T",
            States: {
              T: {
                ...callback("h", { ...bounded, HeartbeatSecondsPath: "$.beat" }),
                Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }],
                Next: "C",
              },
              C: {
                Type: "Choice",
                Choices: [{ Variable: "$$.State.EnteredTime", TimestampLessThan: "2030-01-01T00:00:00Z", Next: "F" }],
                Default: "F",
              },
              F: { Type: "Fail", ErrorPath: "$$.Execution.Input.x" },
            },
          },
          End: true,
        },
      },
    };
    expect(lint(definition)).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ["a Task without a bound", single(task("h")), ["$.States.S: a Task is bounded: TimeoutSeconds"]],
    [
      "a callback that would never notice silence",
      single(callback("h", bounded)),
      ["$.States.S: a task that waits for its token notices silence: HeartbeatSeconds"],
    ],
    [
      "a callback that nobody can answer",
      single(callback("h", { ...bounded, HeartbeatSeconds: 5, Parameters: { FunctionName: "h" } })),
      ["$.States.S: nobody can answer: Parameters hand on $$.Task.Token"],
    ],
    [
      "a token where there is none",
      single(task("h", { ...bounded, Parameters: { FunctionName: "h", "Payload.$": "$$.Task.Token" } })),
      ["$.States.S: $$.Task.Token exists only for waitForTaskToken"],
    ],
    [
      "states that nothing leads to",
      { StartAt: "A", States: { A: { Type: "Succeed" }, B: { Type: "Pass", Next: "B" } } },
      ["$.States.B: nothing leads to this state"],
    ],
    [
      "a Map without MaxConcurrency",
      single({ Type: "Map", ItemProcessor: { StartAt: "I", States: { I: { Type: "Succeed" } } } }),
      ["$.States.S: a Map says how many items run at once: MaxConcurrency of 1 or more"],
    ],
    [
      "parts of the context object that only AWS has",
      single({ Type: "Pass", Parameters: { "r.$": "States.Array($$.Execution.RoleArn, $$.State.Name)" } }),
      ["$.States.S: the context object of our subset has no $$.Execution.RoleArn"],
    ],
    [
      "everything at once, nested too",
      single({
        Type: "Parallel",
        Branches: [
          { StartAt: "T", States: { T: { ...task("h"), End: true }, U: { Type: "Succeed" } } },
          { StartAt: "X", States: { V: { Type: "Succeed" } } },
        ],
      }),
      [
        '$.States.S.Branches[1].StartAt: there is no state "X" here',
        "$.States.S.Branches[0].States.U: nothing leads to this state",
        "$.States.S.Branches[1].States.V: nothing leads to this state",
        "$.States.S.Branches[0].States.T: a Task is bounded: TimeoutSeconds",
      ],
    ],
  ])("sees %s", (_, definition, expected) => expect(lint(definition)).toEqual(expected));

  it("gives what the parser refuses", () =>
    expect(lint(single({ Type: "Pass", Assign: {} }))).toEqual(['$.States.S: "Assign" is outside our subset']));
});

describe("statemachines/", () => {
  const folder = new URL("../../../statemachines/", import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith(".asl.json"));
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
  const placeholders = [
    ...Object.values(files)
      .join("")
      .matchAll(/\$\{(\w+)\}/g),
  ].map(([, name]) => name ?? "");
  const substitutions = Object.fromEntries(placeholders.map((name) => [name, name]));

  it.each(names)("%s is fit for every engine", (name) => {
    const definition = composeDefinition(files, name, substitutions);
    const ofMachine = lint(definition);
    expect(ofMachine).toEqual([]);
    const result = validator(definition, { checkPaths: true, checkArn: true });
    expect(result.errors.map((error) => JSON.stringify(error))).toEqual([]);
  });
});
