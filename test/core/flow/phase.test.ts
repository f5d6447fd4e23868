import fc from "fast-check";
import type { PhasePlan } from "../../../core/flow/phase.ts";
import { armPhase, phaseOutcome, reportDone } from "../../../core/flow/phase.ts";
import type { FlowEffects } from "../../../core/flow/effects.ts";
import type { PhaseRef } from "../../../core/names/keys.ts";
import { hostStepId } from "../../../core/names/keys.ts";
import type { TaskOutcome } from "../../../core/ports/engine.ts";
import type { StepResult } from "../../../core/ports/host-agent.ts";
import type { ObjectStore } from "../../../core/ports/object-store.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { fakeEffects, idleAgent, stepFixture, topologyHostFixture } from "../../support/flow-fixtures.ts";

const ref: PhaseRef = {
  scope: { kind: "attempt", attempt: { runId: "r", pointKey: "p", trialIndex: 0, attempt: 1 } },
  phase: "collect",
  stage: 0,
};
const hosts = ["a", "b"].map((name) => topologyHostFixture({ name }));
const plan: PhasePlan = {
  ref,
  steps: hosts.map((host) => ({ host, step: stepFixture({ stepId: hostStepId(ref) }), required: true })),
  output: { stage: 1, more: false },
  clocks: "none",
};
const result = (host: string, failure?: StepResult["failure"]): StepResult => ({
  stepId: hostStepId(ref),
  host,
  units: [],
  artifacts: [],
  missing: [],
  warnings: [],
  failure,
  startedAt: 0,
  endedAt: 1,
});

/** Remembers what was waked; a token is awake after the first wake, as in Step Functions. */
class TokenBook {
  readonly outcomes = new Map<string, TaskOutcome>();
  wakes = 0;
  readonly wake = async (token: string, outcome: TaskOutcome): Promise<"woken" | "gone"> => {
    this.wakes++;
    if (this.outcomes.has(token)) return "gone";
    this.outcomes.set(token, outcome);
    return "woken";
  };
}

/** Lets the schedule decide when each call of the store takes effect. */
function scheduled(store: ObjectStore, s: fc.Scheduler): ObjectStore {
  const wait = (label: string): Promise<unknown> => s.schedule(Promise.resolve(), label);
  return {
    putIfAbsent: async (key, body, writer) => {
      await wait(`put ${key}`);
      return store.putIfAbsent(key, body, writer);
    },
    replace: (key, body, etag) => store.replace(key, body, etag),
    get: async (key) => {
      await wait(`get ${key}`);
      return store.get(key);
    },
    head: (key) => store.head(key),
    read: (key, from) => store.read(key, from),
    putFile: (key, body, digest) => store.putFile(key, body, digest),
    signPut: (key, digest) => store.signPut(key, digest),
    async *list(prefix, after) {
      await wait(`list ${prefix}`);
      yield* store.list(prefix, after);
    },
  };
}

/** A report whose process dies after the record is written and before anything is waked. */
async function reportAndDie(host: string, fx: FlowEffects): Promise<void> {
  let puts = 0;
  const dying: FlowEffects = {
    ...fx,
    store: {
      ...fx.store,
      list: () => {
        throw new Error("killed");
      },
      putIfAbsent: async (...args) => {
        puts++;
        return fx.store.putIfAbsent(...args);
      },
      get: async () => {
        throw new Error("killed");
      },
    },
  };
  await reportDone(ref, result(host), dying).catch(() => undefined);
  expect(puts).toBe(1);
}

describe("armPhase and reportDone", () => {
  it("wake the newest token under every interleaving of arming, reports, repeats and a killed endpoint", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom("a", "b", "a-dies", "b-dies", "arm-again"), { maxLength: 6 }),
        async (s, extras) => {
          const book = new TokenBook();
          const store = new MemoryStore({ clock: { now: () => 0 } });
          const fx = fakeEffects({ store: scheduled(store, s), engine: { wake: book.wake }, agent: () => idleAgent() });
          let arms = 1;
          const work = [
            armPhase(plan, "token-1", "x.1", fx),
            reportDone(ref, result("a"), fx),
            reportDone(ref, result("b"), fx),
            ...extras.map((extra) => {
              if (extra === "arm-again") return armPhase(plan, `token-${++arms}`, "x.1", fx);
              if (extra.endsWith("-dies")) return reportAndDie(extra.slice(0, 1), fx);
              return reportDone(ref, result(extra), fx);
            }),
          ];
          await s.waitFor(Promise.all(work));
          // Whichever token is armed last in the store is the one that the state machine waits for.
          const tokens = [];
          for await (const entry of store.list("runs/r/p/trial-0/attempt-1/phases/collect-0.armed.")) {
            const stored = await store.get(entry.key);
            tokens.push((JSON.parse(new TextDecoder().decode(stored!.body)) as { token: string }).token);
          }
          expect(tokens).toHaveLength(arms);
          expect(book.outcomes.get(tokens.at(-1)!)).toEqual({ kind: "succeeded", output: plan.output });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("wakes at once when a phase is armed again after its hosts were done", async () => {
    const book = new TokenBook();
    const fx = fakeEffects({ engine: { wake: book.wake }, agent: () => idleAgent() });
    await armPhase(plan, "old", "x.1", fx);
    await reportDone(ref, result("a"), fx);
    await reportDone(ref, result("b"), fx);
    await armPhase(plan, "new", "x.1", fx);
    expect([...book.outcomes.keys()]).toEqual(["old", "new"]);
  });

  it("keeps the first result of a host, whatever comes later", async () => {
    const book = new TokenBook();
    const fx = fakeEffects({ engine: { wake: book.wake }, agent: () => idleAgent() });
    await armPhase(plan, "t", "x.1", fx);
    await reportDone(ref, result("a"), fx);
    await reportDone(ref, result("a", { class: "command", message: "late and wrong" }), fx);
    await reportDone(ref, result("b"), fx);
    expect(book.outcomes.get("t")).toEqual({ kind: "succeeded", output: plan.output });
  });

  it("tells each host the agreed instant in its own clock, or measures the clocks alone", async () => {
    const told: [string, number][] = [];
    const agent = (_runId: string, { name }: { readonly name: string }) => ({
      ...idleAgent(),
      clockOffset: async () => ({ offsetMs: name === "a" ? 0 : 500, errorMs: 3 }),
      go: async (_stepId: string, startAt: number) => void told.push([name, startAt]),
    });
    const start = async (clocks: PhasePlan["clocks"], phase: PhasePlan = plan) => {
      const store = new MemoryStore({ clock: { now: () => 0 } });
      const fx = fakeEffects({ store, agent, clock: { now: () => 1_000, sleep: () => Promise.reject(new Error()) } });
      for (const token of ["t", "again"]) await armPhase({ ...phase, clocks }, token, "x.1", fx);
      const record = await store.get("runs/r/p/trial-0/attempt-1/phases/collect-0.start.json");
      return record === undefined ? undefined : (JSON.parse(new TextDecoder().decode(record.body)) as unknown);
    };
    const offsets = { a: { offsetMs: 0, errorMs: 3 }, b: { offsetMs: 500, errorMs: 3 } };
    expect(await start("agree")).toEqual({ startAt: 1_046, offsets });
    expect(new Map(told)).toEqual(new Map([["a", 1_046], ["b", 1_546]])); // prettier-ignore
    told.length = 0;
    expect(await start("measure")).toEqual({ offsets });
    expect(await start("none")).toBeUndefined();
    expect(told).toEqual([]);
  });

  it("refuses to arm a host that works for a newer attempt", async () => {
    const agent = () => ({
      ...idleAgent(),
      arm: async () => ({ kind: "superseded", by: { runId: "r", epoch: 2, attempt: 1 } }) as const,
    });
    const fx = fakeEffects({ agent });
    await expect(armPhase(plan, "t", "x.1", fx)).rejects.toMatchObject({ name: "CancelledFailure" });
  });
});

describe("phaseOutcome", () => {
  const expected = { hosts: { a: "required", b: "guard" }, output: { stage: 1, more: false } } as const;

  it("does not wait for guards", () => {
    expect(phaseOutcome(expected, new Map([["a", result("a")]]))).toEqual({
      kind: "succeeded",
      output: expected.output,
    });
  });

  it("fails as soon as a guard reports a dead service, with its class and cause", () => {
    const outcome = phaseOutcome(
      expected,
      new Map([["b", result("b", { class: "command", message: "server ended", host: "b" })]]),
    );
    expect(outcome).toMatchObject({ kind: "failed", error: "CommandFailure" });
    expect(JSON.parse(outcome?.kind === "failed" ? outcome.cause : "{}")).toMatchObject({
      message: "server ended",
      host: "b",
    });
  });

  it("goes on while a required host is missing", () => {
    expect(phaseOutcome(expected, new Map([["b", result("b")]]))).toBeUndefined();
  });
});
