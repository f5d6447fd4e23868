import type { Place, Provider } from "../../../core/ports/provider.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { accepted, azureWorld, deploymentIntents, eastus, kindsLeft, never, ready, tearDown } from "./azure-world.ts";
import type { AzureWorld } from "./azure-world.ts";

/** Ends its process at the k-th request that changes something: with its effect, before its answer is read. */
function dyingProvider(world: AzureWorld, k: number): { readonly provider: Provider; readonly died: Promise<"died"> } {
  let die: (how: "died") => void = () => undefined;
  const died = new Promise<"died">((resolve) => (die = resolve));
  let changes = 0;
  const silence = new Promise<never>(() => undefined);
  const provider = world.through((handle): HttpHandler => async (request, signal) => {
    if (changes >= k) return silence;
    if (request.method === "GET") return handle(request, signal);
    if (++changes < k) return handle(request, signal);
    await handle(request);
    die("died");
    return silence;
  });
  return { provider, died };
}

const west: Place = { region: "westus2" };

/** All that a deployment lives through, over two regions. @returns whether it came to its end */
async function live(world: AzureWorld, provider: Provider): Promise<"ended"> {
  const intents = [...deploymentIntents("d1", 1), ...deploymentIntents("d1", 1, { place: west, role: "client" })];
  expect(await provider.ensure(intents, never)).toEqual(accepted(intents));
  for (const place of [eastus, west])
    await ready(
      world,
      intents.filter((intent) => intent.place === place),
      provider,
    );
  for (const place of [eastus, west]) await provider.connect("d1", place, ["203.0.113.7"]);
  for (const place of [eastus, west]) await provider.extend("d1", place, world.clock.now() + 3_600_000);
  for (const place of [eastus, west]) await provider.beginDestroy("d1", place);
  return "ended";
}

describe("AzureProvider that dies", () => {
  it("leaves nothing that another can't go on from or take away, whichever request was its last", async () => {
    for (let k = 1; ; k++) {
      const world = azureWorld({ seed: k });
      const end = await world.clock.run(
        (async () => {
          const { provider, died } = dyingProvider(world, k);
          const end = await Promise.race([live(world, provider), died]);
          if (end === "died") {
            // Another process, knowing only the intents, asks for the same; where all was on its way out, it may not have it.
            const isLeaving = world.emulator.log.mutating.some(
              ({ operation }) => operation === "DELETE resourceGroups",
            );
            if (!isLeaving) await live(world, world.fresh());
          }
          await tearDown(world, "d1", [eastus, west]);
          return end;
        })(),
      );
      expect([k, kindsLeft(world)]).toEqual([k, []]);
      expect(world.emulator.violations).toEqual([]);
      if (end === "ended") {
        // Two groups with their networks, firewalls, addresses, interfaces, machines, peers, peerings, leases, ends.
        expect(k).toBeGreaterThan(20);
        return;
      }
    }
  });

  it("leaves what its intents alone are enough to take away", async () => {
    for (let k = 1; k <= 8; k++) {
      const world = azureWorld({ seed: k });
      await world.clock.run(
        (async () => {
          const { provider, died } = dyingProvider(world, k);
          await Promise.race([provider.ensure(deploymentIntents("d1", 2), never), died]);
          await tearDown(world, "d1");
        })(),
      );
      expect([k, kindsLeft(world)]).toEqual([k, []]);
    }
  });
});
