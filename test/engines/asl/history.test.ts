import { brief, callback, execute, runMachine, single, task, worldOf, ApplicationError } from "./harness.ts";

/**
 * Chains of `previousEventId` as the service records them. They were read off histories that LocalStack's test suite
 * recorded from AWS (tests/aws/services/stepfunctions, snapshots of 2023 to 2025), each named below.
 */
describe("History", () => {
  const boom = { Type: "Fail", Error: "Boom", Cause: "on purpose" };
  const items = (definition: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
    Type: "Map",
    MaxConcurrency: 1,
    ItemProcessor: { ProcessorConfig: { Mode: "INLINE" }, ...definition },
    ...more,
  });

  it("hangs iterations on the last state of the one before (test_map_state)", async () => {
    const { history } = await runMachine(
      {
        StartAt: "M",
        States: {
          M: items({ StartAt: "P", States: { P: { Type: "Pass", End: true } } }, { Next: "Final" }),
          Final: { Type: "Pass", End: true },
        },
      },
      [1, 2],
    );
    expect(brief(history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 MapStateEntered M",
      "3<-2 MapStateStarted",
      "4<-3 MapIterationStarted M 0",
      "5<-4 PassStateEntered P",
      "6<-5 PassStateExited P",
      "7<-6 MapIterationSucceeded M 0",
      "8<-6 MapIterationStarted M 1",
      "9<-8 PassStateEntered P",
      "10<-9 PassStateExited P",
      "11<-10 MapIterationSucceeded M 1",
      "12<-11 MapStateSucceeded",
      "13<-11 MapStateExited M",
      "14<-13 PassStateEntered Final",
      "15<-14 PassStateExited Final",
      "16<-15 ExecutionSucceeded",
    ]);
  });

  it("starts a retried Map anew on the event that failed it (test_map_state_retry)", async () => {
    const { history } = await runMachine(
      single(
        items({ StartAt: "F", States: { F: boom } }, { Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: 1 }] }),
      ),
      [1],
    );
    expect(brief(history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 MapStateEntered S",
      "3<-2 MapStateStarted",
      "4<-3 MapIterationStarted S 0",
      "5<-4 FailStateEntered F",
      "6<-5 MapIterationFailed S 0",
      "7<-5 MapStateStarted",
      "8<-7 MapIterationStarted S 0",
      "9<-8 FailStateEntered F",
      "10<-9 MapIterationFailed S 0",
      "11<-9 MapStateFailed",
      "12<-11 ExecutionFailed Boom",
    ]);
  });

  it("leaves a caught Parallel by its failure (test_parallel_state_catch)", async () => {
    const { history } = await runMachine({
      StartAt: "P",
      States: {
        P: {
          Type: "Parallel",
          Branches: [{ StartAt: "F", States: { F: boom } }],
          Catch: [{ ErrorEquals: ["Boom"], Next: "Final" }],
          End: true,
        },
        Final: { Type: "Pass", End: true },
      },
    });
    expect(brief(history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 ParallelStateEntered P",
      "3<-2 ParallelStateStarted",
      "4<-3 FailStateEntered F",
      "5<-4 ParallelStateFailed",
      "6<-5 ParallelStateExited P",
      "7<-6 PassStateEntered Final",
      "8<-7 PassStateExited Final",
      "9<-8 ExecutionSucceeded",
    ]);
  });

  it("starts concurrent iterations together and aborts the others when one times out (test_service_lambda_map_timeout)", async () => {
    const { history } = await runMachine(
      single(
        items(
          { StartAt: "L", States: { L: { ...task("never", { TimeoutSeconds: 5 }), End: true } } },
          { MaxConcurrency: 0 },
        ),
      ),
      [1, 2],
      { never: () => new Promise(() => undefined) },
    );
    expect(brief(history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 MapStateEntered S",
      "3<-2 MapStateStarted",
      "4<-3 MapIterationStarted S 0",
      "5<-3 MapIterationStarted S 1",
      "6<-4 TaskStateEntered L",
      "7<-6 TaskScheduled",
      "8<-7 TaskStarted",
      "9<-5 TaskStateEntered L",
      "10<-9 TaskScheduled",
      "11<-10 TaskStarted",
      "12<-8 TaskTimedOut States.Timeout",
      "13<-12 MapIterationFailed S 0",
      "14<-12 TaskStateAborted",
      "15<-12 MapIterationAborted S 1",
      "16<-12 MapStateFailed",
      "17<-16 ExecutionFailed States.Timeout",
    ]);
  });

  it("schedules each retry on the failure before it (test_lambda_service_invoke_with_retry_extended_input)", async () => {
    const { history } = await runMachine(
      single(task("flaky", { Retry: [{ ErrorEquals: ["Flaky"], MaxAttempts: 1 }] })),
      {},
      {
        flaky: () => {
          throw new ApplicationError("Flaky");
        },
      },
    );
    expect(brief(history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 TaskStateEntered S",
      "3<-2 TaskScheduled",
      "4<-3 TaskStarted",
      "5<-4 TaskFailed Flaky",
      "6<-5 TaskScheduled",
      "7<-6 TaskStarted",
      "8<-7 TaskFailed Flaky",
      "9<-8 ExecutionFailed Flaky",
    ]);
  });

  it("records a callback as submitted, then succeeded (test_sqs_wait_for_task_tok_with_heartbeat)", async () => {
    const world = worldOf(single(callback("arm", { TimeoutSeconds: 600, HeartbeatSeconds: 60 })), {
      arm: async (payload) => {
        const { token } = payload as { token: string };
        void world.clock.sleep(30_000).then(() => world.engine.wake(token, { kind: "succeeded", output: "done" }));
        return "armed";
      },
    });
    await execute(world);
    const history = world.engine.history("e");
    expect(brief(history)).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 TaskStateEntered S",
      "3<-2 TaskScheduled",
      "4<-3 TaskStarted",
      "5<-4 TaskSubmitted",
      "6<-5 TaskSucceeded",
      "7<-6 TaskStateExited S",
      "8<-7 ExecutionSucceeded",
    ]);
    expect(history[2]).toMatchObject({
      timestamp: "2026-11-21T00:00:00.000Z",
      taskScheduledEventDetails: {
        resourceType: "lambda",
        resource: "invoke.waitForTaskToken",
        region: "local",
        parameters: '{"FunctionName":"arm","Payload":{"token":"id-1","input":{}}}',
        timeoutInSeconds: 600,
        heartbeatInSeconds: 60,
      },
    });
    expect(history[5]).toEqual({
      timestamp: "2026-11-21T00:00:30.000Z",
      id: 6,
      previousEventId: 5,
      type: "TaskSucceeded",
      taskSucceededEventDetails: {
        resourceType: "lambda",
        resource: "invoke.waitForTaskToken",
        output: '"done"',
        outputDetails: { truncated: false },
      },
    });
  });

  it("closes a stopped execution on no state (test_stop_execution)", async () => {
    const world = worldOf(single({ Type: "Wait", Seconds: 60 }));
    await world.engine.start("machine", "e", {});
    await world.clock.advanceTo(world.clock.now() + 1_000);
    await world.engine.stop("e", "Stopped", "by hand");
    expect(brief(world.engine.history("e"))).toEqual([
      "1<-0 ExecutionStarted",
      "2<-0 WaitStateEntered S",
      "3<-0 ExecutionAborted Stopped",
    ]);
    expect(world.clock.sleepers).toBe(0);
  });

  it("gives ExecutionFailed neither error nor cause where the state gave none (test_state_fail_empty)", async () => {
    const { history } = await runMachine(single({ Type: "Fail" }));
    expect(history.at(-1)).toEqual({
      timestamp: "2026-11-21T00:00:00.000Z",
      id: 3,
      previousEventId: 2,
      type: "ExecutionFailed",
      executionFailedEventDetails: {},
    });
  });

  it("ends the execution at the event limit, whatever would catch it", async () => {
    const { end, history } = await runMachine(
      {
        StartAt: "A",
        States: {
          A: {
            Type: "Parallel",
            Branches: [{ StartAt: "L", States: { L: { Type: "Pass", Next: "L2" }, L2: { Type: "Pass", Next: "L" } } }],
            Catch: [{ ErrorEquals: ["States.ALL"], Next: "B" }],
            Next: "B",
          },
          B: { Type: "Pass", End: true },
        },
      },
      {},
      {},
      { maxHistoryEvents: 50 },
    );
    expect(end).toMatchObject({
      status: "FAILED",
      error: "States.Runtime",
      cause: "The execution reached the maximum number of history events (50).",
    });
    expect(history).toHaveLength(50);
    expect(history.at(-1)?.type).toBe("ExecutionFailed");
  });
});
