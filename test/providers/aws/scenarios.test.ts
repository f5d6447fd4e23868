import type { Place, Provider, TaggedResource } from "../../../core/ports/provider.ts";
import type { ProviderWorld } from "../provider-scenarios.ts";
import { providerScenarios } from "../provider-scenarios.ts";
import { askFor, openAwsWorld, place } from "./aws-world.ts";

/**
 * The promises that every provider keeps, on the virtual clock: each call runs it, and between two looks 10 s pass.
 *
 * As the teardown's states and the reaper do, what was told to go is told again while it is there: a security group
 * can't go before its instances.
 */
const open = async (): Promise<ProviderWorld> => {
  const world = openAwsWorld({ regions: [place.region] });
  const { clock } = world;
  const begun: (() => Promise<void>)[] = [];
  const fresh = (): Provider => {
    const provider = world.fresh();
    const again = (work: () => Promise<void>): Promise<void> => {
      begun.push(work);
      return clock.run(work());
    };
    return {
      name: provider.name,
      capabilities: provider.capabilities,
      ensure: (intents, signal) => clock.run(provider.ensure(intents, signal)),
      observe: (deployment, at) => clock.run(provider.observe(deployment, at)),
      connect: (deployment, at, peers) => clock.run(provider.connect(deployment, at, peers)),
      extend: (deployment, at, expiresAt) => clock.run(provider.extend(deployment, at, expiresAt)),
      beginDestroy: (deployment: string, at: Place) => again(() => provider.beginDestroy(deployment, at)),
      destroyResource: (resource: TaggedResource) => again(() => provider.destroyResource(resource)),
      async *sweep(scope) {
        const found: TaggedResource[] = [];
        await clock.run(
          (async () => {
            for await (const each of provider.sweep(scope)) found.push(each);
          })(),
        );
        yield* found;
      },
    };
  };
  const startedAt = clock.now();
  return {
    fresh,
    place,
    now: () => clock.now(),
    pinsDerivedKeys: true,
    intents: (deployment, hosts, { ttlMs = 3_600_000 } = {}) => askFor(hosts, { deployment, ttlMs, now: startedAt }),
    pass: async () => {
      await clock.run(clock.sleep(10_000));
      for (const work of begun) await clock.run(work());
    },
    close: async () => {
      expect(world.emulator.violations).toEqual([]);
      return world.emulator.inventory().map(({ kind, id }) => `${kind} ${id}`);
    },
  };
};

providerScenarios("AwsProvider", open);
