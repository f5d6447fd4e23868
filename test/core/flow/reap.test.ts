import { extendRun } from "../../../core/flow/extend.ts";
import { findReapable, reapExpired, reapUntilGone, takeInventory } from "../../../core/flow/reap.ts";
import { seededRandom } from "../../../core/effects/random.ts";
import { deploymentKeys } from "../../../core/names/keys.ts";
import type { Intent, Provider, TaggedResource } from "../../../core/ports/provider.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { SimWorld } from "../../../providers/sim/sim-world.ts";
import { simExperiment } from "../../engines/embedded/sim-run.ts";
import { recordFixture } from "../../support/flow-fixtures.ts";
import { flowWorld, runId, topologyFixture } from "./flow-world.ts";

const [planned] = simExperiment({ points: 1, trials: 1, lanes: 1 }).plan.deployments[0]?.hosts ?? [];
if (planned === undefined) throw new Error("no host");

/** When virtual clocks begin. */
const beginMs = new VirtualClock().now();

/** @param lifeMs from the clock's beginning */
const intent = (name: string, lifeMs: number, run = "unheard-of"): Intent => ({
  deployment: `${run}-main-1`,
  runId: run,
  provider: "sim",
  place: { region: "sim-1" },
  kind: "host",
  name,
  clientToken: name,
  round: 0,
  owner: "somebody",
  expiresAt: beginMs + lifeMs,
  notAfter: 1e15,
  host: {
    role: "server",
    index: 0,
    shape: planned.shape,
    setup: {
      user: "x",
      authorizedKey: "",
      hostPrivateKey: "",
      hostKey: "",
      packages: [],
      sysctl: {},
      swapBytes: undefined,
      mounts: [],
      expiresAt: beginMs + lifeMs,
    },
  },
});

/** A cloud whose hosts don't end by themselves. */
async function cloudWith(intents: readonly Intent[]): Promise<{ clock: VirtualClock; world: SimWorld }> {
  const clock = new VirtualClock();
  const behaviour = { run: () => ({ durationMs: 0, exitCode: 0 }), bootMs: 1_000, hostKiller: false };
  const world = new SimWorld({ clock, random: seededRandom(1), behaviour });
  await world.provider.ensure(intents, new AbortController().signal);
  return { clock, world };
}

const broken = (provider: Provider, over: Partial<Provider>): Provider => ({ ...provider, ...over });

describe("reapExpired", () => {
  it("deletes what outlived its expiry, of runs that nobody here has heard of, and nothing else", async () => {
    const { clock, world } = await cloudWith([intent("old", 50_000), intent("young", 500_000)]);
    await clock.advanceTo(clock.now() + 100_000);
    const look = await reapExpired([world.provider], { clock });
    expect(look).toEqual({ found: 1, deleted: 1, problems: [] });
    expect(world.living).toEqual(["young"]);
    expect(await reapExpired([world.provider], { clock })).toEqual({ found: 0, deleted: 0, problems: [] });
  });

  it("never takes what a listing gives out as expired without an expiry that is over", async () => {
    const { clock, world } = await cloudWith([intent("young", 500_000)]);
    const { provider } = world;
    const mistaken = broken(provider, { sweep: () => provider.sweep({ kind: "all" }) });
    expect((await reapExpired([mistaken], { clock })).found).toBe(0);
    const untagged = broken(provider, {
      sweep: async function* () {
        for await (const resource of provider.sweep({ kind: "all" })) yield { ...resource, expiresAt: undefined };
      },
    });
    expect((await reapExpired([untagged], { clock })).found).toBe(0);
    expect(world.living).toEqual(["young"]);
  });

  it("goes on with the other clouds and resources where one fails, and says which", async () => {
    const { clock, world } = await cloudWith([intent("a", 0), intent("b", 0)]);
    const { provider } = world;
    const deaf = broken(provider, {
      name: "deaf",
      sweep: () => {
        throw new Error("not logged in");
      },
    });
    const stubborn = broken(provider, {
      destroyResource: (resource: TaggedResource) =>
        resource.id === "a" ? Promise.reject(new Error("in use")) : provider.destroyResource(resource),
    });
    const look = await reapExpired([deaf, stubborn], { clock });
    expect(look).toEqual({ found: 2, deleted: 1, problems: ["deaf: not logged in", "sim host a: in use"] });
    expect(world.living).toEqual(["a"]);
  });

  it("takes all of one run, expired or not, when told to", async () => {
    const { clock, world } = await cloudWith([intent("mine", 1e9, "my-run"), intent("theirs", 1e9, "other-run")]);
    const target = { kind: "run", runId: "my-run" } as const;
    expect((await findReapable([world.provider], target, { clock })).resources.map((r) => r.resource.id)).toEqual([
      "mine",
    ]);
    expect((await reapExpired([world.provider], { clock }, target)).deleted).toBe(1);
    expect(world.living).toEqual(["theirs"]);
  });
});

describe("reapUntilGone", () => {
  it("looks again until what hung on something else is gone too", async () => {
    const { clock, world } = await cloudWith([intent("machine", 0), intent("network", 0)]);
    const { provider } = world;
    const ordered = broken(provider, {
      destroyResource: (resource: TaggedResource) =>
        resource.id === "network" && world.living.includes("machine")
          ? Promise.reject(new Error("in use by machine"))
          : provider.destroyResource(resource),
    });
    // The network comes first in the listing, so the first look can't delete it.
    const backwards = broken(ordered, {
      sweep: async function* (scope) {
        const all: TaggedResource[] = [];
        for await (const resource of provider.sweep(scope)) all.unshift(resource);
        for (const resource of all) yield { ...resource, machineType: undefined };
      },
      destroyResource: async (resource: TaggedResource) => {
        await Promise.resolve();
        await ordered.destroyResource(resource);
      },
    });
    const looks: number[] = [];
    const done = clock.run(
      reapUntilGone([backwards], { kind: "expired" }, 600_000, { clock, onLook: (look) => looks.push(look.deleted) }),
    );
    expect(await done).toMatchObject({ stillThere: [], problems: [] });
    expect(looks.reduce((a, b) => a + b, 0)).toBe(2);
    expect(world.living).toEqual([]);
  });

  it("gives up in the end, with what is still there", async () => {
    const { clock, world } = await cloudWith([intent("stuck", 0)]);
    const stuck = broken(world.provider, { destroyResource: () => Promise.reject(new Error("locked")) });
    const done = await clock.run(reapUntilGone([stuck], { kind: "expired" }, 60_000, { clock }));
    expect(done.stillThere.map(({ resource }) => resource.id)).toEqual(["stuck"]);
    expect(done.problems).toEqual(["sim host stuck: locked"]);
    expect(clock.now() - beginMs).toBeLessThanOrEqual(60_000);
  });
});

describe("takeInventory", () => {
  it("lists everything with its age, owner, type and run", async () => {
    const { world } = await cloudWith([intent("one", 1_000_000)]);
    const { resources } = await takeInventory([world.provider], { kind: "all" });
    expect(resources).toMatchObject([
      { provider: "sim", resource: { name: "one", owner: "somebody", runId: "unheard-of", machineType: "sim" } },
    ]);
  });
});

describe("extendRun", () => {
  const keys = deploymentKeys(runId, `${runId}-main-1`);
  const round = {
    round: 0,
    places: { sim: { region: "sim-1" } },
    startedAt: 0,
    notAfter: 0,
    expiresAt: 10_000,
    intents: [],
  };

  it("extends what is up in tags and lease, once, and says from when to when", async () => {
    const world = await flowWorld();
    await world.put(keys.round(0), round);
    await world.put(keys.topology, topologyFixture());
    expect(await extendRun(runId, 90_000, world.fx)).toEqual([
      { deploymentId: `${runId}-main-1`, from: 10_000, until: 90_000 },
    ]);
    expect(await world.read(keys.lease)).toEqual({ expiresAt: 90_000 });
    expect(await extendRun(runId, 50_000, world.fx)).toMatchObject([{ from: 90_000, until: 90_000 }]);
    expect(await world.told("extended")).toHaveLength(1);
  });

  it("refuses where nothing is up, or where it was borrowed", async () => {
    const world = await flowWorld({ record: recordFixture() });
    await expect(extendRun(runId, 90_000, world.fx)).rejects.toMatchObject({ name: "InvalidFailure" });
    await world.put(keys.round(0), round);
    await world.put(keys.closed, { reason: "done", at: 1 });
    await expect(extendRun(runId, 90_000, world.fx)).rejects.toMatchObject({ name: "InvalidFailure" });
  });

  it("doesn't let hosts outlive the run's budget", async () => {
    const world = await flowWorld({
      change: (experiment) => ({
        ...experiment,
        plan: {
          ...experiment.plan,
          budgetDollars: 1,
          deployments: experiment.plan.deployments.map((d) => ({
            ...d,
            hosts: d.hosts.map((host) => ({ ...host, dollarsPerHour: 0.5 })),
          })),
        },
      }),
    });
    await world.put(keys.round(0), round);
    await world.put(keys.accepted(0), { at: 0 });
    // Two hosts at half a dollar: an hour from the start.
    await expect(extendRun(runId, 3_600_000 + 2_000, world.fx)).rejects.toMatchObject({ name: "BudgetFailure" });
    expect(await extendRun(runId, 3_600_000 - 1_000, world.fx)).toHaveLength(1);
  });
});
