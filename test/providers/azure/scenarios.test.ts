import { ClockDriver, driven } from "../driven-provider.ts";
import { providerScenarios } from "../provider-scenarios.ts";
import type { ProviderWorld } from "../provider-scenarios.ts";
import { azureWorld, deploymentIntents, eastus } from "./azure-world.ts";

async function open(): Promise<ProviderWorld> {
  const world = azureWorld();
  const driver = new ClockDriver(world.clock);
  return {
    fresh: () => driven(world.fresh(), driver),
    place: eastus,
    now: () => world.clock.now(),
    pinsDerivedKeys: true,
    intents: (deployment, hosts, options) => deploymentIntents(deployment, hosts, options),
    pass: () => driver.run(() => world.clock.sleep(5_000)),
    close: async () => [
      ...world.emulator.inventory("azure").map(({ id }) => id),
      ...world.emulator.violations.map((violation) => JSON.stringify(violation)),
      ...world.emulator.problems,
    ],
  };
}

providerScenarios("azure", open);
