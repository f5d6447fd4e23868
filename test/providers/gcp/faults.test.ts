import { FailureError } from "../../../core/errors/failure.ts";
import type { Intent } from "../../../core/ports/provider.ts";
import { randomFaults } from "../../emulators/common/faults.ts";
import {
  areReady,
  creations,
  deploymentIntents,
  firstFailure,
  gcpWorld,
  never,
  reapAll,
  tearDown,
  zoneA,
} from "./gcp-world.ts";
import type { GcpWorld } from "./gcp-world.ts";

/** What the flow does: asks again while it is told to, for as long as the intents allow. */
async function ask(world: GcpWorld, intents: readonly Intent[]): Promise<string> {
  for (;;) {
    let waitMs = 5_000;
    try {
      const outcomes = await world.fresh().ensure(intents, never);
      const refused = outcomes.find((outcome) => outcome.kind === "refused");
      if (refused?.kind !== "refused") return "accepted";
      if (refused.failure.class !== "throttled") return refused.failure.class;
      waitMs = refused.retryAfterMs ?? 10_000;
    } catch (error) {
      if (!(error instanceof FailureError) || !["transport", "throttled"].includes(error.failure.class)) throw error;
    }
    if (world.clock.now() > intents[0]!.notAfter) return "late";
    await world.clock.sleep(waitMs);
  }
}

/** A call that the state machine would make again, and give up after a while. */
async function insist<T>(world: GcpWorld, call: () => Promise<T>): Promise<T | undefined> {
  for (let attempt = 0; attempt < 6; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.class === "defect") throw error;
      await world.clock.sleep(4_000);
    }
  }
  return undefined;
}

async function live(world: GcpWorld, intents: readonly Intent[]): Promise<string> {
  const outcome = await ask(world, intents);
  if (outcome !== "accepted") return outcome;
  const { expiresAt } = intents[0]!;
  for (let looks = 0; looks < 90; looks++) {
    const states = await insist(world, () => world.fresh().observe("d1", zoneA));
    const failure = firstFailure(states ?? []);
    if (failure !== undefined) return failure.class;
    if (states !== undefined && areReady(intents)(states)) {
      await insist(world, () => world.fresh().connect("d1", zoneA, ["203.0.113.7"]));
      await insist(world, () => world.fresh().extend("d1", zoneA, expiresAt + 3_600_000));
      return "ready";
    }
    await world.clock.sleep(10_000);
  }
  return "boot";
}

const chunk = 25;
/** More where there is time: REPRISE_SCHEDULES=1000 */
const schedules = Number(process.env["REPRISE_SCHEDULES"] ?? 200);

describe("random schedules of faults", () => {
  const ends = new Map<string, number>();

  // A failing one is printed with its seed: `randomFaults(seed, {clouds: ["gcp"]})` gives the same again.
  it.each(Array.from({ length: Math.ceil(schedules / chunk) }, (_, i) => i * chunk + 1))(
    "leave nothing behind and make nothing twice, from seed %i on",
    async (first) => {
      for (let seed = first; seed < first + chunk; seed++) {
        const { rules } = randomFaults(seed, { clouds: ["gcp"] });
        const world = gcpWorld({ seed, faults: rules, timings: { visibilityMs: 1_000 * (seed % 6) } });
        const options = seed % 4 === 0 ? { network: "own", compact: true } : {};
        const intents = deploymentIntents("d1", 2, { shape: { spot: seed % 2 === 0, options } });
        try {
          const isLate = rules.some((rule) => rule.fault.kind === "late");
          await world.clock.run(suffer(world, intents, isLate));
          expect(world.emulator.inventory()).toEqual([]);
          expect(world.emulator.violations).toEqual([]);
          expect(world.clock.sleepers).toBe(0);
        } catch (error) {
          throw new Error(`seed ${seed}: ${JSON.stringify(rules)}: ${String(error)}`, { cause: error });
        }
      }
    },
    600_000,
  );

  async function suffer(world: GcpWorld, intents: readonly Intent[], isLate: boolean): Promise<void> {
    const end = await live(world, intents);
    ends.set(end, (ends.get(end) ?? 0) + 1);
    await tearDown(world, "d1", { notAfter: intents[0]!.notAfter });
    const made = creations(world);
    expect(made).toEqual([...new Set(made)]);
    // What arrives when everybody has gone is for the reaper; nothing else is.
    if (!isLate) expect(world.emulator.inventory()).toEqual([]);
    await world.clock.sleep(120_000);
    await reapAll(world);
  }

  it("reach both good and bad ends, and no others than these", () => {
    expect(ends.get("ready")).toBeGreaterThan(100);
    expect(ends.get("capacity")).toBeGreaterThan(2);
    const known = ["ready", "capacity", "preempted", "boot", "late"];
    expect([...ends.keys()].filter((end) => !known.includes(end))).toEqual([]);
  });
});
