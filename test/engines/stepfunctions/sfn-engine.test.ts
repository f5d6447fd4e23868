import type { SFNClient } from "@aws-sdk/client-sfn";
import { executionArn, fromServiceName, toServiceName, consoleLink } from "../../../core/names/stack.ts";
import { sweepExecution, teardownExecution } from "../../../core/names/keys.ts";
import { billedTransitions } from "../../../engines/stepfunctions/history.ts";
import type { HistoryEvent } from "../../../engines/asl/history.ts";
import { SfnEngine } from "../../../engines/stepfunctions/sfn-engine.ts";

const machines = {
  sweep: "arn:aws:states:eu-central-1:111122223333:stateMachine:reprise-sweep",
  teardown: "arn:aws:states:eu-central-1:111122223333:stateMachine:reprise-teardown",
};

/** Answers each command with the next of these; an Error is thrown. */
function engineWith(...answers: unknown[]) {
  const sent: { readonly name: string; readonly input: unknown }[] = [];
  const client = {
    send: async (command: { readonly constructor: { readonly name: string }; readonly input: unknown }) => {
      sent.push({ name: command.constructor.name, input: command.input });
      const answer = answers.shift() ?? {};
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { sent, engine: new SfnEngine({ client: client as unknown as SFNClient, machines }) }; // all that it calls
}

const failing = (name: string, status = 400): Error =>
  Object.assign(new Error(`${name} happened`), { name, $metadata: { httpStatusCode: status } });

describe("SfnEngine", () => {
  it("starts an execution by a name that the service logs", async () => {
    const { engine, sent } = engineWith();
    await engine.start("sweep", sweepExecution("quick-261121-0500-abcd", 2), { epoch: 2 });
    expect(sent).toEqual([
      {
        name: "StartExecutionCommand",
        input: { stateMachineArn: machines.sweep, name: "quick-261121-0500-abcd_2", input: '{"epoch":2}' },
      },
    ]);
  });

  it("lets the flow know by name that an execution exists", async () => {
    const { engine } = engineWith(failing("ExecutionAlreadyExists"));
    await expect(engine.start("teardown", "x", {})).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
  });

  it.each(["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])("takes %s for a task that is gone", async (name) => {
    const { engine } = engineWith(failing(name), failing(name));
    expect(await engine.wake("t", { kind: "succeeded", output: null })).toBe("gone");
    expect(await engine.heartbeat("t")).toBe("gone");
  });

  it("cuts error and cause to what the service takes", async () => {
    const { engine, sent } = engineWith();
    await engine.wake("t", { kind: "failed", error: "E".repeat(1_000), cause: "c".repeat(100_000) });
    const { error, cause } = sent[0]?.input as { error: string; cause: string };
    expect([error.length, cause.length]).toEqual([256, 32_768]);
  });

  it.each([
    ["ThrottlingException", 400, "throttled"],
    ["ExecutionLimitExceeded", 400, "quota"],
    ["StateMachineDoesNotExist", 400, "invalid"],
    ["AccessDeniedException", 400, "auth"],
    ["InternalServerError", 500, "transport"],
  ])("gives %s its class", async (name, status, failureClass) => {
    const { engine } = engineWith(failing(name, status));
    await expect(engine.heartbeat("t")).rejects.toMatchObject({ failure: { class: failureClass } });
  });

  it("stops the execution of the machine that its name tells", async () => {
    const { engine, sent } = engineWith({}, failing("ExecutionDoesNotExist"));
    await engine.stop(teardownExecution("r-main-1", 1), "why");
    await engine.stop(sweepExecution("r", 1), "why"); // gone already: nothing to stop
    expect(sent.map(({ input }) => (input as { executionArn: string }).executionArn)).toEqual([
      "arn:aws:states:eu-central-1:111122223333:execution:reprise-teardown:r-main-1_1_teardown",
      "arn:aws:states:eu-central-1:111122223333:execution:reprise-sweep:r_1",
    ]);
  });
});

describe("execution names", () => {
  it("go there and back", () => {
    for (const name of [sweepExecution("a-260101-0000-bcde", 3), teardownExecution("a-260101-0000-bcde-main-1", 12)])
      expect(fromServiceName(toServiceName(name))).toBe(name);
  });

  it("lead to the console's page", () => {
    expect(consoleLink(executionArn(machines.sweep, "r.1"))).toBe(
      "https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/v2/executions/details/arn:aws:states:eu-central-1:111122223333:execution:reprise-sweep:r_1",
    );
  });
});

describe("billedTransitions", () => {
  it("counts the start, every state entered, and every retry", () => {
    const at = (id: number, previousEventId: number, type: string): HistoryEvent =>
      ({ timestamp: "", id, previousEventId, type }) as HistoryEvent; // what is counted needs no details
    expect(
      billedTransitions([
        at(1, 0, "ExecutionStarted"),
        at(2, 1, "TaskStateEntered"),
        at(3, 2, "TaskScheduled"),
        at(4, 3, "TaskFailed"),
        at(5, 4, "TaskScheduled"), // again
        at(6, 5, "TaskSucceeded"),
        at(7, 6, "TaskStateExited"),
        at(8, 7, "SucceedStateEntered"),
      ]),
    ).toBe(1 + 2 + 1);
  });
});
