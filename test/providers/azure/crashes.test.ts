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
    if (request.method === "GET" || request.method === "HEAD") return handle(request, signal);
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

/** More than a life has changes, which the last test makes sure of. */
const mostChanges = 22;

describe("AzureProvider that dies", () => {
  it.each(Array.from({ length: mostChanges }, (_, before) => before + 1))(
    "leaves nothing that another can't go on from or take away: at change %i",
    async (k) => {
      const world = azureWorld({ seed: k });
      await world.clock.run(
        (async () => {
          const { provider, died } = dyingProvider(world, k);
          if ((await Promise.race([live(world, provider), died])) === "died") {
            // Another process, knowing only the intents, asks for the same; what is on its way out it may not have.
            const isLeaving = world.emulator.log.mutating.some(
              ({ operation }) => operation === "DELETE resourceGroups",
            );
            if (!isLeaving) await live(world, world.fresh());
          }
          await tearDown(world, "d1", [eastus, west]);
        })(),
      );
      expect(kindsLeft(world)).toEqual([]);
      expect(world.emulator.violations).toEqual([]);
    },
  );

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "leaves what names and tags alone are enough to take away: at change %i",
    async (k) => {
      const world = azureWorld({ seed: k });
      await world.clock.run(
        (async () => {
          const { provider, died } = dyingProvider(world, k);
          await Promise.race([provider.ensure(deploymentIntents("d1", 2), never), died]);
          await tearDown(world, "d1");
        })(),
      );
      expect(kindsLeft(world)).toEqual([]);
    },
  );

  it("was killed at each change of a whole life", async () => {
    const world = azureWorld();
    await world.clock.run(live(world, world.fresh()));
    const changes = world.emulator.log.mutating.length;
    expect(changes).toBeGreaterThan(18);
    expect(changes).toBeLessThanOrEqual(mostChanges);
  });
});
