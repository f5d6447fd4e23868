import {
  accepted,
  areReady,
  creations,
  deploymentIntents,
  dyingAt,
  ensured,
  gcpWorld,
  tearDown,
  until,
} from "./gcp-world.ts";
import type { GcpWorld } from "./gcp-world.ts";

/** Everything that a deployment can consist of. */
const askFor = () =>
  deploymentIntents("d1", 2, {
    shape: {
      options: { network: "own", compact: true },
      disks: [{ kind: "data", bytes: 50 * 1024 ** 3, mount: "/data", fileSystem: "ext4" }],
    },
  });

/** Runs up to the death of the process, which may come as any error. */
async function untilDeath(work: Promise<unknown>, isDead: () => boolean): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isDead()) throw error;
  }
}

async function onClock(body: (world: GcpWorld) => Promise<void>): Promise<void> {
  const world = gcpWorld({ timings: { visibilityMs: 5_000 } });
  await world.clock.run(body(world));
  expect(world.emulator.violations).toEqual([]);
  expect(world.emulator.inventory()).toEqual([]);
}

const callsOf = (world: GcpWorld): number => world.emulator.log.calls.length;

/** Each of these goes through a deployment's whole life some ten to thirty times. */
const limitMs = 120_000;

describe("a process that dies at any of its calls", () => {
  it(
    "while it asks for hosts: another one goes on, and makes nothing twice",
    async () => {
      let calls = 0;
      await onClock(async (world) => {
        expect(await ensured(world, askFor())).toEqual(accepted(askFor()));
        calls = callsOf(world);
        await until(world, "d1", areReady(askFor()));
        await tearDown(world, "d1");
      });
      expect(calls).toBeGreaterThan(8);
      for (let k = 1; k <= calls; k++)
        await onClock(async (world) => {
          const { provider, isDead } = dyingAt(world, k);
          await untilDeath(ensured(world, askFor(), provider), isDead);
          expect(isDead()).toBe(true);
          expect(await ensured(world, askFor())).toEqual(accepted(askFor()));
          await until(world, "d1", areReady(askFor()));
          const made = creations(world);
          expect({ k, made }).toEqual({ k, made: [...new Set(made)] });
          await tearDown(world, "d1");
        });
    },
    limitMs,
  );

  it(
    "while it asks for hosts: another one takes away whatever there is",
    async () => {
      for (let k = 1; k <= 14; k++)
        await onClock(async (world) => {
          const { provider, isDead } = dyingAt(world, k);
          await untilDeath(ensured(world, askFor(), provider), isDead);
          await tearDown(world, "d1");
        });
    },
    limitMs,
  );

  it(
    "while it deletes: another one ends the work",
    async () => {
      let isThrough = false;
      for (let k = 1; !isThrough; k++)
        await onClock(async (world) => {
          await ensured(world, askFor());
          await until(world, "d1", areReady(askFor()));
          const { provider, isDead } = dyingAt(world, k);
          await untilDeath(provider.beginDestroy("d1", askFor()[0]!.place), isDead);
          isThrough = !isDead();
          await tearDown(world, "d1");
        });
    },
    limitMs,
  );

  it(
    "while it renews a lease: another one renews the rest",
    async () => {
      let isThrough = false;
      for (let k = 1; !isThrough; k++)
        await onClock(async (world) => {
          await ensured(world, askFor());
          await until(world, "d1", areReady(askFor()));
          const { place, expiresAt } = askFor()[0]!;
          const later = expiresAt + 7_200_000;
          const { provider, isDead } = dyingAt(world, k);
          await untilDeath(provider.extend("d1", place, later), isDead);
          isThrough = !isDead();
          await world.fresh().extend("d1", place, later);
          const labels = world.emulator.inventory().filter(({ kind }) => kind === "instances");
          expect(labels.map(({ tags }) => tags["reprise-expires"])).toEqual(Array(2).fill(String(later / 1000)));
          await tearDown(world, "d1");
        });
    },
    limitMs,
  );
});
