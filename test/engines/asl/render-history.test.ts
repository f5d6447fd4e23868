import { renderHistory } from "../../../engines/asl/render-history.ts";
import { ApplicationError, callback, execute, runMachine, single, task, worldOf } from "./harness.ts";

describe("renderHistory", () => {
  it("is a table of one line an event", async () => {
    const world = worldOf(
      {
        StartAt: "Arm",
        States: {
          Arm: { ...callback("arm", { TimeoutSeconds: 600, HeartbeatSeconds: 60 }), ResultPath: "$.got", Next: "Each" },
          Each: {
            Type: "Map",
            ItemsPath: "$.got",
            ItemProcessor: {
              StartAt: "Try",
              States: { Try: { ...task("fail"), End: true } },
            },
            End: true,
          },
        },
      },
      {
        arm: (payload) => {
          const { token } = payload as { token: string };
          void world.clock.sleep(90_500).then(() => world.engine.wake(token, { kind: "succeeded", output: [1] }));
          void world.clock.sleep(50_000).then(() => world.engine.heartbeat(token));
          return null;
        },
        fail: () => {
          throw new ApplicationError("CommandFailure", "exit\ncode 2", "look at stderr.log");
        },
      },
    );
    await execute(world, { run: "r1" });
    expect(renderHistory(world.engine.history("e"), { width: 140 })).toEqual([
      "ID  AFTER  TIME (UTC)               ELAPSED  TYPE                 DETAILS",
      ' 1      0  2026-11-21 00:00:00.000   0.000s  ExecutionStarted     input {"run":"r1"}',
      ' 2      0  2026-11-21 00:00:00.000   0.000s  TaskStateEntered     Arm  input {"run":"r1"}',
      ' 3      2  2026-11-21 00:00:00.000   0.000s  TaskScheduled        lambda:invoke.waitForTaskToken  timeout 600s  heartbeat 60s  {"FunctionNa…',
      " 4      3  2026-11-21 00:00:00.000   0.000s  TaskStarted          lambda:invoke.waitForTaskToken",
      " 5      4  2026-11-21 00:00:00.000   0.000s  TaskSubmitted        lambda:invoke.waitForTaskToken",
      " 6      5  2026-11-21 00:01:30.500  90.500s  TaskSucceeded        output [1]",
      ' 7      6  2026-11-21 00:01:30.500  90.500s  TaskStateExited      Arm  output {"run":"r1","got":[1]}',
      ' 8      7  2026-11-21 00:01:30.500  90.500s  MapStateEntered      Each  input {"run":"r1","got":[1]}',
      " 9      8  2026-11-21 00:01:30.500  90.500s  MapStateStarted      1 items",
      "10      9  2026-11-21 00:01:30.500  90.500s  MapIterationStarted  Each #0",
      "11     10  2026-11-21 00:01:30.500  90.500s  TaskStateEntered     Try  input 1",
      '12     11  2026-11-21 00:01:30.500  90.500s  TaskScheduled        lambda:invoke  {"FunctionName":"fail","Payload":1}',
      "13     12  2026-11-21 00:01:30.500  90.500s  TaskStarted          lambda:invoke",
      "14     13  2026-11-21 00:01:30.500  90.500s  TaskFailed           CommandFailure  exit code 2 (look at stderr.log)",
      "15     14  2026-11-21 00:01:30.500  90.500s  MapIterationFailed   Each #0",
      "16     14  2026-11-21 00:01:30.500  90.500s  MapStateFailed",
      "17     16  2026-11-21 00:01:30.500  90.500s  ExecutionFailed      CommandFailure  exit code 2 (look at stderr.log)",
    ]);
  });

  it("gives only the header for no events", () =>
    expect(renderHistory([])).toEqual(["ID  AFTER  TIME (UTC)  ELAPSED  TYPE  DETAILS"]));

  it("says so when a failure has no name", async () => {
    const { history } = await runMachine(single({ Type: "Fail" }));
    expect(renderHistory(history).at(-1)).toContain("(no error name)");
  });
});
