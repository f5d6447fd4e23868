import { seededRandom } from "../../../core/effects/random.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import type { Failure } from "../../../core/errors/failure.ts";
import type { Intent, Place, ResourceState } from "../../../core/ports/provider.ts";
import type { CallFault, FaultRule } from "../../emulators/common/faults.ts";
import { randomFaults } from "../../emulators/common/faults.ts";
import { azureWorld, deploymentIntents, never, swept } from "./azure-world.ts";
import type { AzureWorld } from "./azure-world.ts";

const places: readonly Place[] = [
  { region: "eastus", zone: "1" },
  { region: "eastus", zone: "2" },
  { region: "westus2", zone: "1" },
];
const regions: readonly Place[] = [{ region: "eastus" }, { region: "westus2" }];
const bootLimitMs = 900_000;

/** As the state machines do with a call that failed for a while. */
async function again<T>(world: AzureWorld, call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.class !== "throttled" || tries === 6) throw error;
      await world.clock.sleep(10_000);
    }
  }
}

/** One round of placement, as the flow does it. @returns why it was given up, or undefined: all hosts are up */
async function tryPlace(world: AzureWorld, intents: readonly Intent[]): Promise<Failure | undefined> {
  const [first] = intents;
  if (first === undefined) return undefined;
  const provider = world.fresh();
  for (;;) {
    const outcomes = await provider.ensure(intents, never);
    const refused = outcomes.find((outcome) => outcome.kind === "refused");
    if (refused === undefined) break;
    if (refused.failure.class !== "throttled") return refused.failure;
    await world.clock.sleep(refused.retryAfterMs ?? 10_000);
  }
  const observer = world.fresh(); // another process: it knows nothing of what the first has made
  for (const until = world.clock.now() + bootLimitMs; world.clock.now() < until;) {
    const states = await again(world, () => observer.observe(first.deployment, first.place));
    const ours = states.filter((state) => intents.some(({ name }) => name === state.name));
    const failed = ours.find((state) => state.state === "failed");
    if (failed?.state === "failed") return failed.failure;
    if (intents.every(({ name }) => ours.some((state) => state.name === name && state.state === "ready")))
      return undefined;
    await world.clock.sleep(10_000);
  }
  return { class: "boot", message: "not up in time" };
}

async function live(world: AzureWorld, options: { readonly spot: boolean; readonly hosts: number }): Promise<void> {
  let lastNotAfter = 0;
  const provider = world.fresh();
  for (const [round, place] of places.entries()) {
    const now = Math.ceil(world.clock.now() / 1000) * 1000;
    const intents = deploymentIntents("d1", options.hosts, {
      place,
      round,
      now,
      ttlMs: 7_200_000,
      shape: { spot: options.spot },
    }).map((intent) => ({ ...intent, notAfter: now + 120_000 }));
    lastNotAfter = now + 120_000;
    const failure = await tryPlace(world, intents);
    if (failure === undefined) {
      await again(world, () => provider.connect("d1", place, ["203.0.113.7", "203.0.113.8"]));
      await again(world, () => provider.extend("d1", place, world.clock.now() + 7_200_000));
      break;
    }
    expect(["capacity", "boot", "preempted", "cancelled", "throttled"]).toContain(failure.class);
    await again(world, () => provider.beginDestroy("d1", place));
  }
  await tearDown(world, lastNotAfter);
  // What takes effect after its receipt is left for ever.
  await world.clock.sleep(120_000);
}

async function tearDown(world: AzureWorld, lastNotAfter: number): Promise<void> {
  const provider = world.fresh();
  const { visibilityDelayMs } = provider.capabilities;
  const settledAt = Math.max(world.clock.now(), lastNotAfter) + visibilityDelayMs;
  for (let asked = 0; asked < 200; asked++) {
    // Places differ in zones; groups are a region's.
    for (const place of regions) await again(world, () => provider.beginDestroy("d1", place));
    await world.clock.sleep(30_000);
    const listed: ResourceState[] = [];
    for (const place of regions) listed.push(...(await again(world, () => provider.observe("d1", place))));
    const left = await again(world, () => swept(provider, { kind: "deployment", deployment: "d1" }));
    if (listed.length + left.length === 0 && world.clock.now() >= settledAt) return;
  }
  throw new Error("never gone");
}

/** One more fault, on the requests that a deployment's groups and networks hang on: general schedules hit them too seldom. */
function groupFault(seed: number): FaultRule {
  const random = seededRandom(seed + 1_000_000);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random.next() * items.length)];
  const fault: CallFault = pick<CallFault>([
    { kind: "drop", when: "after" },
    { kind: "late", when: "before", ms: Math.floor(random.next() * 85_000) },
    { kind: "hang", when: "after" },
    { kind: "error", when: "after", status: 500, code: "InternalServerError" },
    { kind: "error", when: "before", status: 409, code: "AnotherOperationInProgress" },
  ]) ?? { kind: "drop", when: "before" };
  const operation = pick(["resourceGroups", "virtualNetworks", "networkSecurityGroups", "publicIPAddresses", "tags"]);
  return { on: "call", cloud: "azure", operation: `P* ${operation ?? "*"}`, fault };
}

/** More where there is time: REPRISE_SCHEDULES=1000 */
const schedules = Number(process.env["REPRISE_SCHEDULES"] ?? 200);

describe("AzureProvider under faults", () => {
  it.each(Array.from({ length: Math.ceil(schedules / 10) }, (_, block) => block))(
    "leaves nothing, whatever goes wrong: ten seeds from %i0",
    async (block) => {
      for (let seed = block * 10; seed < block * 10 + 10; seed++) {
        const { rules } = randomFaults(seed, { clouds: ["azure"] });
        const schedule = { seed, rules: [...rules, groupFault(seed)] };
        const world = azureWorld({ seed, faults: schedule.rules });
        try {
          await world.clock.run(live(world, { spot: seed % 3 === 0, hosts: 1 + (seed % 2) }));
          expect(world.emulator.inventory()).toEqual([]);
          expect(world.emulator.violations).toEqual([]);
        } catch (error) {
          throw new Error(`schedule ${JSON.stringify(schedule)}`, { cause: error });
        }
      }
    },
  );
});
