import * as fc from "fast-check";
import type { Json } from "../../../core/effects/json.ts";
import type { HistoryEvent } from "../../../engines/asl/history.ts";
import { ApplicationError, callback, runMachine, single, task, worldOf } from "./harness.ts";
import type { Handler, World } from "./harness.ts";

// --- any definition --------------------------------------------------------------------------------------------------

/** What a generated handler does with its calls, one after the other; the last for ever. */
type Behaviour = "return" | "fail" | "hang" | "slow" | "wake" | "wakeLater" | "wakeFailed";

interface Plan {
  readonly type:
    "Pass" | "Wait" | "Task" | "Callback" | "Choice" | "Succeed" | "Fail" | "Map" | "Distributed" | "Parallel";
  readonly next: number;
  readonly other: number;
  readonly behaviours: readonly Behaviour[];
  readonly retries: number;
  readonly catches: boolean;
  readonly concurrency: number;
  readonly inner: readonly Plan[];
}

const plan = fc.letrec<{ plan: Plan; leaf: Plan }>((tie) => {
  const fields = {
    next: fc.nat(4),
    other: fc.nat(5),
    behaviours: fc.array(
      fc.constantFrom<Behaviour[]>("return", "fail", "hang", "slow", "wake", "wakeLater", "wakeFailed"),
      { minLength: 1, maxLength: 3 },
    ),
    retries: fc.nat(2),
    catches: fc.boolean(),
    concurrency: fc.nat(3),
  };
  const leafTypes = ["Pass", "Wait", "Task", "Callback", "Choice", "Succeed", "Fail"] as const;
  const containers = ["Map", "Distributed", "Parallel"] as const;
  return {
    leaf: fc.record({ type: fc.constantFrom(...leafTypes), inner: fc.constant([]), ...fields }),
    plan: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      tie("leaf"),
      fc.record({
        type: fc.constantFrom(...containers),
        inner: fc.array(tie("plan"), { minLength: 1, maxLength: 3 }),
        ...fields,
      }),
    ),
  };
}).plan;

/** A definition from plans: targets wrap around, so that loops and early ends both occur. */
function toDefinition(plans: readonly Plan[]): { definition: unknown; behaviours: Map<string, readonly Behaviour[]> } {
  const behaviours = new Map<string, readonly Behaviour[]>();
  let names = 0;
  const toFlow = (flowPlans: readonly Plan[]): { StartAt: string; States: Record<string, unknown> } => {
    const own = flowPlans.map(() => `S${++names}`);
    const target = (i: number): string => own[i % own.length]!;
    const transition = (index: number, { next }: Plan) =>
      next === 0 || index === own.length - 1 ? { End: true } : { Next: target(index + next) };
    const retry = ({ retries, catches, other }: Plan) => ({
      ...(retries > 0
        ? { Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: retries, IntervalSeconds: 2, JitterStrategy: "FULL" }] }
        : {}),
      ...(catches ? { Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: null, Next: target(other) }] } : {}),
    });
    const states = flowPlans.map((each, index): [string, unknown] => {
      const name = own[index]!;
      behaviours.set(name, each.behaviours);
      const work = { ...transition(index, each), ...retry(each), ResultPath: null };
      const processor = (config: Record<string, unknown>) => ({ ProcessorConfig: config, ...toFlow(each.inner) });
      switch (each.type) {
        case "Pass":
          return [name, { Type: "Pass", ...transition(index, each) }];
        case "Wait":
          return [name, { Type: "Wait", Seconds: each.other, ...transition(index, each) }];
        case "Succeed":
          return [name, { Type: "Succeed" }];
        case "Fail":
          return [name, { Type: "Fail", Error: "Planned" }];
        case "Choice": {
          const rule = { Variable: "$[0]", NumericEquals: each.other % 2, Next: target(each.next) };
          return [name, { Type: "Choice", Choices: [rule], ...(each.catches ? { Default: target(each.other) } : {}) }];
        }
        case "Task":
          return [name, { ...task(name, { TimeoutSeconds: 30, OutputPath: "$" }), ...work }];
        case "Callback":
          return [name, { ...callback(name, { TimeoutSeconds: 90, HeartbeatSeconds: 20 }), ...work }];
        case "Parallel":
          return [name, { Type: "Parallel", Branches: each.inner.map((inner) => toFlow([inner])), ...work }];
        case "Map": {
          const items = { ItemsPath: "$", ItemSelector: [1, 0], MaxConcurrency: each.concurrency };
          return [name, { Type: "Map", ...items, ItemProcessor: processor({ Mode: "INLINE" }), ...work }];
        }
        case "Distributed": {
          const config = { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" };
          const items = { ItemSelector: [1, 0], MaxConcurrency: each.concurrency, ToleratedFailureCount: each.retries };
          return [name, { Type: "Map", ...items, ItemProcessor: processor(config), ...work }];
        }
        default:
          return each.type satisfies never;
      }
    });
    return { StartAt: own[0]!, States: Object.fromEntries(states) };
  };
  return { definition: toFlow(plans), behaviours };
}

async function runPlans(plans: readonly Plan[], seed: number): Promise<World> {
  const { definition, behaviours } = toDefinition(plans);
  const called = new Map<string, number>();
  const handlers: Record<string, Handler> = {};
  for (const [name, list] of behaviours) {
    handlers[name] = async (payload, { signal }): Promise<Json> => {
      const call = called.get(name) ?? 0;
      called.set(name, call + 1);
      const token = (payload as { token?: string }).token ?? "none";
      const later = (ms: number, act: () => Promise<unknown>) => void world.clock.sleep(ms).then(act);
      switch (list[Math.min(call, list.length - 1)]!) {
        case "return":
          return [0];
        case "fail":
          throw new ApplicationError("Planned");
        case "hang":
          return new Promise(() => undefined);
        case "slow":
          await world.clock.sleep(25_000, signal);
          return [0];
        case "wake":
          await world.engine.wake(token, { kind: "succeeded", output: [0] });
          return [0];
        case "wakeLater":
          later(15_000, () => world.engine.heartbeat(token));
          later(30_000, () => world.engine.wake(token, { kind: "succeeded", output: [0] }));
          return [0];
        case "wakeFailed":
          later(1_000, () => world.engine.wake(token, { kind: "failed", error: "Remote", cause: "" }));
          return [0];
      }
    };
  }
  const world = worldOf(definition, handlers, { seed, maxHistoryEvents: 60 });
  await world.engine.start("machine", "e", [1, 0]);
  await world.run(world.engine.wait("e"));
  // What is still asleep are the handlers' own wakes; nothing of the engine's may be.
  await world.clock.advanceTo(world.clock.now() + 100_000);
  return world;
}

/** One history: numbered, closed once, chained, and each exit in the chain of its entry. */
function checkHistory(events: readonly HistoryEvent[]): void {
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
  expect(events[0]?.type).toBe("ExecutionStarted");
  const closing = events.filter(({ type }) => /^Execution(Succeeded|Failed|Aborted|TimedOut)$/.test(type));
  expect(closing).toEqual([events.at(-1)]);
  for (const [i, event] of events.entries()) {
    expect(event.previousEventId).toBeLessThan(event.id);
    expect(event.timestamp >= (events[i - 1]?.timestamp ?? "")).toBe(true);
    if (!("stateExitedEventDetails" in event)) continue;
    const { name } = event.stateExitedEventDetails;
    let before = events[event.previousEventId - 1];
    while (before && !("stateEnteredEventDetails" in before && before.stateEnteredEventDetails.name === name)) {
      before = events[before.previousEventId - 1];
    }
    expect(before?.type).toBe(event.type.replace("Exited", "Entered"));
  }
}

describe("any definition", () => {
  it("ends, leaves nothing behind, and has sound histories, the same for the same seed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 4 }), fc.nat(), async (plans, seed) => {
        const world = await runPlans(plans, seed);
        expect(world.engine.listRunning()).toEqual([]);
        expect(world.engine.waitingTokens).toBe(0);
        expect(world.clock.sleepers).toBe(0);
        const byExecution = new Map<string, HistoryEvent[]>();
        for (const { execution, event } of world.events) {
          const events = byExecution.get(execution.name) ?? [];
          events.push(event);
          byExecution.set(execution.name, events);
        }
        for (const events of byExecution.values()) checkHistory(events);
        const again = await runPlans(plans, seed);
        expect(JSON.stringify(again.events)).toBe(JSON.stringify(world.events));
      }),
      { numRuns: 100 },
    );
  });
});

// --- retries ---------------------------------------------------------------------------------------------------------

describe("any Retry", () => {
  const retrier = fc.record({
    ErrorEquals: fc.constantFrom<string[][]>(["A"], ["B"], ["A", "B"], ["States.TaskFailed"]),
    IntervalSeconds: fc.integer({ min: 1, max: 20 }),
    MaxAttempts: fc.nat(3),
    BackoffRate: fc.constantFrom(1, 1.5, 2),
    MaxDelaySeconds: fc.integer({ min: 5, max: 30 }),
  });

  it("makes the attempts that the language states, when it states them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(retrier, { maxLength: 3, selector: ({ ErrorEquals }) => ErrorEquals[0] }),
        fc.array(fc.constantFrom("A", "B", "C"), { maxLength: 8 }),
        async (retriers, errors) => {
          const left = [...errors];
          const { calls, end } = await runMachine(
            single(task("flaky", { Retry: retriers })),
            {},
            {
              flaky: () => {
                const error = left.shift();
                if (error !== undefined) throw new ApplicationError(error);
                return null;
              },
            },
          );
          // The specification, word by word.
          const attempts = retriers.map(() => 0);
          const times = [0];
          let succeeds = true;
          for (const error of errors) {
            const at = retriers.findIndex(
              ({ ErrorEquals }) => ErrorEquals.includes(error) || ErrorEquals.includes("States.TaskFailed"),
            );
            const used = retriers[at];
            const made = attempts[at] ?? 0;
            if (used === undefined || made >= used.MaxAttempts) {
              succeeds = false;
              break;
            }
            attempts[at] = made + 1;
            times.push(times.at(-1)! + Math.min(used.MaxDelaySeconds, used.IntervalSeconds * used.BackoffRate ** made));
          }
          expect(calls.map(({ atSec }) => atSec.toFixed(3))).toEqual(times.map((time) => time.toFixed(3)));
          expect(end.status).toBe(succeeds ? "SUCCEEDED" : "FAILED");
        },
      ),
    );
  });
});

// --- wakes -----------------------------------------------------------------------------------------------------------

type Step = "return" | "throw" | "wake" | "wakeAgain" | "beat" | "advance" | "advanceMore" | "stop";

/** What must come of `steps`, for a task with 50 seconds in all and 20 between beats. */
function expectedEnd(steps: readonly Step[]): { end: string; answers: string[] } {
  let [now, beatenAt] = [0, 0];
  let end: string | undefined;
  const answers: string[] = [];
  for (const step of steps) {
    switch (step) {
      case "throw":
        end ??= "FAILED Thrown";
        break;
      case "wake":
        answers.push(end === undefined ? "woken" : "gone");
        end ??= "SUCCEEDED woken";
        break;
      case "wakeAgain":
        answers.push(end === undefined ? "woken" : "gone");
        end ??= "FAILED Remote";
        break;
      case "beat":
        answers.push(end === undefined ? "beaten" : "gone");
        beatenAt = now;
        break;
      case "advance":
      case "advanceMore":
        now += step === "advance" ? 15 : 18;
        if (now >= beatenAt + 20 || now >= 50) end ??= "FAILED States.Timeout";
        break;
      case "stop":
        end ??= "ABORTED Stopped";
        break;
      case "return":
        break;
    }
  }
  return { end: end ?? "FAILED States.Timeout", answers };
}

function* permutations<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length === 0) yield [];
  for (const [i, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(i, 1))) yield [item, ...rest];
  }
}

describe("any interleaving of arm, wake, beat, timeout and stop", () => {
  const definition = single(callback("arm", { TimeoutSeconds: 50, HeartbeatSeconds: 20 }));

  async function play(steps: readonly Step[], settles: boolean): Promise<{ end: string; answers: string[] }> {
    let token = "";
    let finish: { resolve: (value: Json) => void; reject: (error: Error) => void } | undefined;
    const world = worldOf(definition, {
      arm: (payload) => {
        ({ token } = payload as { token: string });
        return new Promise<Json>((resolve, reject) => (finish = { resolve, reject }));
      },
    });
    const { engine, clock } = world;
    await engine.start("machine", "e", {});
    await clock.advanceTo(clock.now());
    const answers: Promise<string>[] = [];
    for (const step of steps) {
      switch (step) {
        case "return":
          finish?.resolve(null);
          break;
        case "throw":
          finish?.reject(new ApplicationError("Thrown"));
          // A throw reaches the engine a few microtasks later: what follows at once may overtake it.
          await clock.advanceTo(clock.now());
          break;
        case "wake":
          answers.push(engine.wake(token, { kind: "succeeded", output: "woken" }));
          break;
        case "wakeAgain":
          answers.push(engine.wake(token, { kind: "failed", error: "Remote", cause: "" }));
          break;
        case "beat":
          answers.push(engine.heartbeat(token));
          break;
        case "advance":
          await clock.advanceTo(clock.now() + 15_000);
          break;
        case "advanceMore":
          await clock.advanceTo(clock.now() + 18_000);
          break;
        case "stop":
          void engine.stop("e", "Stopped");
          break;
      }
      if (settles) await clock.advanceTo(clock.now());
    }
    const end = await world.run(engine.wait("e"));
    await clock.advanceTo(clock.now());
    expect(engine.waitingTokens).toBe(0);
    expect(clock.sleepers).toBe(0);
    const shown = end.status === "SUCCEEDED" ? JSON.stringify(end.output).replaceAll('"', "") : (end.error ?? "");
    return { end: `${end.status} ${shown}`, answers: await Promise.all(answers) };
  }

  it.each<[Step[]]>([
    [["return", "wake", "wakeAgain", "beat", "advance", "advanceMore"]],
    [["throw", "wake", "beat", "advance", "advanceMore"]],
    [["return", "wake", "beat", "advance", "stop"]],
    [["return", "beat", "beat", "advance", "advance", "advanceMore"]],
  ])("of %j loses no wake and answers truly", async (steps) => {
    for (const order of permutations(steps)) {
      for (const settles of [true, false]) {
        // A stop in the same turn as an accepted wake ends the execution before the state can: it is the stop that counts.
        const stopAt = order.indexOf("stop");
        if (!settles && stopAt > 0 && order[stopAt - 1] !== "advance") continue;
        expect({ order, ...(await play(order, settles)) }).toEqual({ order, ...expectedEnd(order) });
      }
    }
  });
});
