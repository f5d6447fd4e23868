import type { Provider, TaggedResource } from "../../../core/ports/provider.ts";
import { providerScenarios } from "../provider-scenarios.ts";
import type { ProviderWorld } from "../provider-scenarios.ts";
import { deploymentIntents, gcpWorld, zoneA } from "./gcp-world.ts";
import type { GcpWorld } from "./gcp-world.ts";

/** Lets the virtual clock run while anything is asked for: the scenarios know nothing of it, and ask at the same time. */
class Driver {
  private readonly world: GcpWorld;
  private active = 0;
  private allDone: () => void = () => undefined;

  constructor(world: GcpWorld) {
    this.world = world;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.active++ === 0) {
      const idle = new Promise<void>((resolve) => (this.allDone = resolve));
      void this.world.clock.run(idle);
    }
    try {
      return await work();
    } finally {
      if (--this.active === 0) this.allDone();
    }
  }
}

function driven(provider: Provider, driver: Driver): Provider {
  const sweep = async function* (scope: Parameters<Provider["sweep"]>[0]): AsyncIterable<TaggedResource> {
    yield* await driver.run(async () => {
      const found: TaggedResource[] = [];
      for await (const resource of provider.sweep(scope)) found.push(resource);
      return found;
    });
  };
  return {
    name: provider.name,
    capabilities: provider.capabilities,
    ensure: (intents, signal) => driver.run(() => provider.ensure(intents, signal)),
    observe: (deployment, place) => driver.run(() => provider.observe(deployment, place)),
    connect: (deployment, place, peers) => driver.run(() => provider.connect(deployment, place, peers)),
    extend: (deployment, place, expiresAt) => driver.run(() => provider.extend(deployment, place, expiresAt)),
    beginDestroy: (deployment, place) => driver.run(() => provider.beginDestroy(deployment, place)),
    sweep,
    destroyResource: (resource) => driver.run(() => provider.destroyResource(resource)),
  };
}

async function open(): Promise<ProviderWorld> {
  const world = gcpWorld();
  const driver = new Driver(world);
  return {
    fresh: () => driven(world.fresh(), driver),
    place: zoneA,
    now: () => world.clock.now(),
    pinsDerivedKeys: true,
    intents: (deployment, hosts, options) => deploymentIntents(deployment, hosts, options),
    pass: () => driver.run(() => world.clock.sleep(5_000)),
    close: async () => [
      ...world.emulator.inventory("gcp").map(({ id }) => id),
      ...world.emulator.violations.map((violation) => JSON.stringify(violation)),
      ...world.emulator.problems,
    ],
  };
}

providerScenarios("gcp", open);
