import type { Intent, Place, TaggedResource } from "../../../core/ports/provider.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import { randomFaults } from "../../emulators/common/faults.ts";
import type { AwsWorld, Meddle } from "./aws-world.ts";
import { allGone, askFor, never, openAwsWorld, place, ready, region, sweep, tearDown, until } from "./aws-world.ts";

class Crash extends Error {
  override readonly name = "Crash";
}

/**
 * Our process dies with the cloud's reply to its n-th call on its way. Nothing is remembered, so that is the same as
 * dying before the next call.
 */
function dieAt(nth: number): { readonly meddle: Meddle; readonly hasDied: () => boolean } {
  let calls = 0;
  return {
    hasDied: () => calls >= nth,
    meddle: async (send) => {
      calls += 1;
      if (calls > nth) throw new Crash();
      const answer = await send();
      if (calls >= nth) throw new Crash();
      return answer;
    },
  };
}

const shapeWithAll = { spot: true, options: { placementGroup: "cluster" } } as const;

/** Runs `body` for the 1st, 2nd… call until one of them is never reached. @returns how many there are */
async function atEachCall(body: (nth: number) => Promise<boolean>): Promise<number> {
  for (let nth = 1; ; nth++) if (!(await body(nth))) return nth - 1;
}

/** Slow machines, many worlds. */
const patienceMs = 600_000;

const expectNothing = (world: AwsWorld): void => {
  expect(world.emulator.violations).toEqual([]);
  expect(world.emulator.inventory()).toEqual([]);
};

const quietly = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);

describe("AwsProvider after a crash between any two calls", () => {
  it(
    "adopts what exists, makes nothing twice, and takes all of it down",
    async () => {
      const calls = await atEachCall(async (nth) => {
        const world = openAwsWorld();
        const crash = dieAt(nth);
        await world.clock.run(
          (async () => {
            const intents = askFor(2, { now: world.clock.now(), shape: shapeWithAll });
            await quietly(world.fresh({}, crash.meddle).ensure(intents, never));
            const outcomes = await world.fresh().ensure(intents, never);
            expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "accepted"]);
            await until(world, "d1", place, ready(2));
            expect(world.emulator.inventory().filter(({ kind }) => kind === "instance")).toHaveLength(2);
            await world.fresh().connect("d1", place, []);
            await tearDown(world, "d1", place);
          })(),
        );
        expectNothing(world);
        return crash.hasDied();
      });
      expect(calls).toBeGreaterThanOrEqual(7);
    },
    patienceMs,
  );

  it(
    "leaves nothing where the teardown comes first, or dies itself",
    async () => {
      const calls = await atEachCall(async (nth) => {
        const world = openAwsWorld();
        const crash = dieAt(nth);
        await world.clock.run(
          (async () => {
            const intents = askFor(2, { now: world.clock.now(), shape: shapeWithAll });
            await quietly(world.fresh({}, dieAt(nth + 2).meddle).ensure(intents, never));
            const dying = world.fresh({}, crash.meddle);
            for (let asked = 0; asked < 10; asked++) {
              await quietly(dying.beginDestroy("d1", place));
              await world.clock.sleep(15_000);
            }
            await tearDown(world, "d1", place);
          })(),
        );
        expectNothing(world);
        return crash.hasDied() && nth < 25;
      });
      expect(calls).toBeGreaterThanOrEqual(7);
    },
    patienceMs,
  );
});

const reap = async (world: AwsWorld): Promise<void> => {
  const found: TaggedResource[] = [];
  for await (const each of world.fresh().sweep({ kind: "expired", now: world.clock.now() })) found.push(each);
  for (const each of found) await world.fresh().destroyResource(each);
};

/** Errors that the states' Retry asks again for. */
const isRetried = (error: unknown): boolean =>
  error instanceof FailureError && ["transport", "throttled"].includes(error.failure.class);

async function retried<T>(world: AwsWorld, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isRetried(error) || attempt >= 6) throw error;
      await world.clock.sleep(2_000 * 2 ** attempt);
    }
  }
}

/** Provisions as the flow does: round by round, place by place. @returns the place of success, or why there was none */
async function provision(world: AwsWorld, places: readonly Place[], rounds: Intent[][]): Promise<Place | string> {
  for (const [round, at] of places.entries()) {
    const intents = askFor(3, { now: world.clock.now(), place: at, round, shape: { spot: round === 0 } });
    rounds.push(intents);
    const failure = await tryRound(world, intents, at);
    if (failure === undefined) return at;
    await retried(world, () => world.fresh().beginDestroy("d1", at));
    if (!["capacity", "quota", "boot", "preempted"].includes(failure)) return failure;
  }
  return "no place left";
}

async function tryRound(world: AwsWorld, intents: readonly Intent[], at: Place): Promise<string | undefined> {
  const startedAt = world.clock.now();
  for (;;) {
    if (world.clock.now() > intents[0]!.notAfter) return "boot";
    const began = world.clock.now();
    const outcomes = await retried(world, () => world.fresh().ensure(intents, never));
    expect(world.clock.now() - began).toBeLessThan(6 * 60_000); // with its retries: each call is under a minute
    const refused = outcomes.find((outcome) => outcome.kind === "refused");
    if (refused === undefined) break;
    if (refused.failure.class !== "throttled") return refused.failure.class;
    await world.clock.sleep(10_000);
  }
  while (world.clock.now() - startedAt < 900_000) {
    const states = await retried(world, () => world.fresh().observe("d1", at));
    const names = new Set(intents.map(({ name }) => name));
    const failed = states.find((s) => s.state === "failed");
    if (failed?.state === "failed") return failed.failure.class;
    const up = states.filter((s) => s.state === "ready" && s.resourceKind === "instance" && names.has(s.name));
    expect(up.length).toBeLessThanOrEqual(3);
    if (up.length === 3) return undefined;
    await world.clock.sleep(15_000);
  }
  return "boot";
}

describe("AwsProvider under random faults", () => {
  const places: Place[] = [place, { region, zone: `${region}b` }, { region: "us-west-2" }];
  /** More where there is time: REPRISE_SCHEDULES=1000 */
  const schedules = Number(process.env["REPRISE_SCHEDULES"] ?? 60);

  it(
    `survives ${schedules} of them, and leaves nothing`,
    async () => {
      for (let seed = 1; seed <= schedules; seed++) {
        const schedule = randomFaults(seed, { clouds: ["aws"], maxRules: 6, maxNth: 10 });
        const world = openAwsWorld({ seed, faults: schedule.rules });
        try {
          await world.clock.run(oneRun(world, places));
          expectNothing(world);
        } catch (error) {
          throw new Error(`schedule ${JSON.stringify(schedule)}`, { cause: error });
        }
      }
    },
    patienceMs,
  );
});

/** A whole life: provisioned, connected, extended, taken down, the receipt's delay waited for. */
async function oneRun(world: AwsWorld, choices: readonly Place[]): Promise<void> {
  const rounds: Intent[][] = [];
  const at = await provision(world, choices, rounds);
  if (typeof at !== "string") {
    await retried(world, () => world.fresh().connect("d1", at, ["203.0.113.9"])).catch(allowed);
    await retried(world, () => world.fresh().extend("d1", at, world.clock.now() + 3_600_000)).catch(allowed);
  }
  const places = [...new Set(rounds.map((round) => round[0]!.place))];
  const { visibilityDelayMs } = world.fresh().capabilities;
  const settledAt = Math.max(world.clock.now(), ...rounds.map((round) => round[0]!.notAfter)) + visibilityDelayMs;
  for (let asked = 0; asked < 200; asked++) {
    for (const used of places) await retried(world, () => world.fresh().beginDestroy("d1", used)).catch(allowed);
    await world.clock.sleep(20_000);
    if (!(await retried(world, () => isGone(world, places)))) continue;
    if (world.clock.now() > settledAt) break;
    await world.clock.sleep(settledAt - world.clock.now() + 1);
    if (await retried(world, () => isGone(world, places))) break;
  }
  if (world.emulator.inventory().length === 0) return;
  // Acted on by the cloud after everything was over: nobody's teardown sees that, the reaper does.
  await world.clock.sleep(2 * 3_600_000);
  for (let period = 0; period < 5; period++) {
    await reap(world);
    await world.clock.sleep(60_000);
  }
}

async function isGone(world: AwsWorld, places: readonly Place[]): Promise<boolean> {
  for (const used of places) if (!allGone(await world.fresh().observe("d1", used))) return false;
  return (await sweep(world.fresh(), "d1")).length === 0;
}

function allowed(error: unknown): void {
  if (!(error instanceof FailureError)) throw error;
}
