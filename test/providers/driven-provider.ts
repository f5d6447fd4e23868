import type { Provider, TaggedResource } from "../../core/ports/provider.ts";

interface RunnableClock {
  run(until: Promise<unknown>): Promise<unknown>;
}

/** Lets a virtual clock run while anything is asked for: the scenarios know nothing of it, and ask at the same time. */
export class ClockDriver {
  private readonly clock: RunnableClock;
  private active = 0;
  private allDone: () => void = () => undefined;

  constructor(clock: RunnableClock) {
    this.clock = clock;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.active++ === 0) {
      const idle = new Promise<void>((resolve) => (this.allDone = resolve));
      void this.clock.run(idle);
    }
    try {
      return await work();
    } finally {
      if (--this.active === 0) this.allDone();
    }
  }
}

export function driven(provider: Provider, driver: ClockDriver): Provider {
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
