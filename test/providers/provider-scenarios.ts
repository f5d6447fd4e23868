import type { Intent, Place, Provider, ResourceState, TaggedResource } from "../../core/ports/provider.ts";

/** A world that providers act on: cloud, emulator or this machine. */
export interface ProviderWorld {
  /** A provider without any memory, as after a crash; all of them see the same world. */
  readonly fresh: () => Provider;
  readonly place: Place;
  readonly now: () => number;
  /** Hosts show the key of their intent. False where machines were given with keys of their own. */
  readonly pinsDerivedKeys: boolean;
  /** Intents of a deployment's network (where the provider makes one) and this many hosts; the same for the same arguments. */
  readonly intents: (deployment: string, hosts: number, options?: { readonly ttlMs?: number }) => readonly Intent[];
  /** Lets the world go on a little: real time, or a virtual clock's. */
  readonly pass: () => Promise<void>;
  /** Ends everything and says what was left, as the world itself sees it: nothing, if the provider is right. */
  readonly close: () => Promise<readonly string[]>;
}

const never = new AbortController().signal;

/** What holds for every provider, run against a world of each. */
export function providerScenarios(name: string, open: () => Promise<ProviderWorld>): void {
  describe(`${name} keeps a provider's promises`, () => {
    let world: ProviderWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(async () => {
      expect(await world.close()).toEqual([]);
    });

    const observe = (deployment: string): Promise<readonly ResourceState[]> =>
      world.fresh().observe(deployment, world.place);

    async function until(
      deployment: string,
      isSo: (states: readonly ResourceState[]) => boolean,
    ): Promise<readonly ResourceState[]> {
      for (let looks = 0; ; looks++) {
        const states = await observe(deployment);
        if (isSo(states)) return states;
        if (looks === 6_000) throw new Error(`still ${JSON.stringify(states)}`);
        await world.pass();
      }
    }

    const ready = (deployment: string, intents: readonly Intent[]): Promise<readonly ResourceState[]> =>
      until(deployment, (states) =>
        intents.every(({ name: wanted }) => states.some((state) => state.name === wanted && state.state === "ready")),
      );

    const gone = (deployment: string): Promise<readonly ResourceState[]> =>
      until(deployment, (states) => states.every(({ state }) => state === "gone"));

    const destroy = async (deployment: string): Promise<void> => {
      await world.fresh().beginDestroy(deployment, world.place);
      await gone(deployment);
    };

    const swept = async (scope: Parameters<Provider["sweep"]>[0]): Promise<TaggedResource[]> => {
      const found: TaggedResource[] = [];
      for await (const resource of world.fresh().sweep(scope)) found.push(resource);
      return found;
    };

    it("brings hosts up with the pinned key, at different addresses", async () => {
      const intents = world.intents("d1", 2);
      const outcomes = await world.fresh().ensure(intents, never);
      expect(outcomes).toEqual(intents.map(({ name: wanted }) => ({ kind: "accepted", name: wanted })));
      const states = await ready("d1", intents);
      const addresses = intents.flatMap(({ host, name: wanted }) => {
        const state = states.find((each) => each.name === wanted);
        if (host === undefined || state?.state !== "ready") return [];
        expect(state.address?.host).toBe(`${host.role}-${host.index}`);
        if (world.pinsDerivedKeys) expect(state.address?.hostKey).toBe(host.setup.hostKey);
        return [`${state.address?.address ?? ""}:${state.address?.port ?? ""}`];
      });
      expect(new Set(addresses).size).toBe(2);
      await destroy("d1");
    });

    it("makes each intent once, however often and by whomever it is ensured", async () => {
      const intents = world.intents("d1", 2);
      await Promise.all([world.fresh().ensure(intents, never), world.fresh().ensure(intents, never)]);
      const first = await ready("d1", intents);
      await world.fresh().ensure(intents, never);
      const second = await ready("d1", intents);
      const ids = (states: readonly ResourceState[]) => states.map(({ id, resourceKind }) => `${resourceKind} ${id}`);
      expect(ids(second)).toEqual(ids(first));
      expect(new Set(second.map((state) => state.name)).size).toBe(second.length);
      await destroy("d1");
    });

    it("goes on after a crash between two calls", async () => {
      const intents = world.intents("d1", 3);
      for (let made = 1; made <= intents.length; made++) await world.fresh().ensure(intents.slice(0, made), never);
      expect((await ready("d1", intents)).length).toBeGreaterThanOrEqual(intents.length);
      await world.fresh().connect("d1", world.place, []);
      await world.fresh().connect("d1", world.place, []);
      await destroy("d1");
    });

    it("destroys what is up, what is coming up and what never was, twice as well as once", async () => {
      const intents = world.intents("d1", 2);
      await world.fresh().ensure(intents, never);
      await world.fresh().beginDestroy("d1", world.place);
      await world.fresh().beginDestroy("d1", world.place);
      await gone("d1");
      await world.fresh().beginDestroy("d1", world.place);
      await world.fresh().beginDestroy("unknown", world.place);
      expect(await observe("unknown")).toEqual([]);
    });

    it("leaves other deployments alone", async () => {
      const [ours, theirs] = [world.intents("d1", 1), world.intents("d2", 1)];
      await world.fresh().ensure([...ours, ...theirs], never);
      await ready("d1", ours);
      await destroy("d1");
      expect((await ready("d2", theirs)).some(({ state }) => state !== "ready")).toBe(false);
      await destroy("d2");
    });

    it("finds by tag what it made, and destroys that without its maker", async () => {
      const intents = world.intents("d1", 2);
      await world.fresh().ensure([...intents, ...world.intents("d2", 1)], never);
      await ready("d1", intents);
      const found = await swept({ kind: "deployment", deployment: "d1" });
      expect(found.length).toBeGreaterThanOrEqual(intents.length);
      for (const resource of found) {
        expect(resource).toMatchObject({ deployment: "d1", runId: intents[0]?.runId, owner: intents[0]?.owner });
        expect(resource.expiresAt).toBe(intents[0]?.expiresAt);
      }
      expect(new Set((await swept({ kind: "all" })).map(({ deployment }) => deployment))).toEqual(
        new Set(["d1", "d2"]),
      );
      for (const resource of found) await world.fresh().destroyResource(resource);
      await gone("d1");
      for (const resource of found) await world.fresh().destroyResource(resource);
      expect(await swept({ kind: "deployment", deployment: "d1" })).toEqual([]);
      await destroy("d2");
    });

    it("lists the expired, until their lease is renewed", async () => {
      const intents = world.intents("d1", 1, { ttlMs: 300_000 });
      await world.fresh().ensure(intents, never);
      await ready("d1", intents);
      const afterwards = world.now() + 301_000;
      const expired = async () =>
        (await swept({ kind: "expired", now: afterwards })).map(({ deployment }) => deployment);
      expect(await swept({ kind: "expired", now: world.now() })).toEqual([]);
      expect(new Set(await expired())).toEqual(new Set(["d1"]));
      await world.fresh().extend("d1", world.place, afterwards + 1_000);
      expect(await expired()).toEqual([]);
      await destroy("d1");
    });

    it("makes nothing once the time for it is over", async () => {
      const late = world.intents("d1", 1).map((intent) => ({ ...intent, notAfter: world.now() - 1 }));
      const outcomes = await world.fresh().ensure(late, never);
      expect(outcomes.map(({ kind }) => kind)).toEqual(late.map(() => "refused"));
      expect(await observe("d1")).toEqual([]);
    });

    it("makes nothing for a caller that has given up", async () => {
      await expect(world.fresh().ensure(world.intents("d1", 1), AbortSignal.abort())).rejects.toThrow();
      expect(await observe("d1")).toEqual([]);
    });
  });
}
