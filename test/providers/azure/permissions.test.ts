import type { Place } from "../../../core/ports/provider.ts";
import { azureRole, azureSelfDeletionRole } from "../../../providers/azure/index.ts";
import { deploymentIntents, eastus, never, onAzure, ready, shapeFixture, swept, tearDown } from "./azure-world.ts";

/** The action that a request needs: `GET …/Microsoft.Network/virtualNetworks/v/subnets/s` is `…/virtualNetworks/subnets/read`. */
function actionOf({ operation, resource }: { readonly operation: string; readonly resource: string }): string {
  const method = operation.split(" ")[0] ?? "";
  const verb = { PUT: "write", PATCH: "write", DELETE: "delete" }[method] ?? "read";
  const [, provider, tail = ""] = /^.*\/providers\/(Microsoft\.\w+)\/(.*)$/i.exec(resource) ?? [];
  if (provider === "Microsoft.Resources") return `Microsoft.Resources/tags/${verb}`;
  const path = provider === undefined ? `subscriptions/${resource.split("/").slice(2).join("/")}` : tail;
  const types = path.split("/").filter((_, i) => i % 2 === 0);
  return `${provider ?? "Microsoft.Resources"}/${types.join("/")}/${verb}`.toLowerCase();
}

describe("azureRole", () => {
  it(
    "allows every request of a deployment's life, and names no action twice",
    onAzure(async (world) => {
      const west: Place = { region: "westus2" };
      const intents = [
        ...deploymentIntents("d1", 1, { shape: { options: { proximityGroup: true } } }),
        ...deploymentIntents("d1", 1, { place: west, role: "client" }),
      ];
      const provider = world.fresh();
      await provider.quota(eastus, [shapeFixture()]);
      await provider.resolveImage(eastus, "Canonical:ubuntu-24_04-lts:server:latest");
      await provider.ensure(intents, never);
      await ready(
        world,
        intents.filter(({ place }) => place === eastus),
      );
      await provider.connect("d1", eastus, ["203.0.113.1"]);
      await provider.extend("d1", eastus, world.clock.now() + 3_600_000);
      await swept(provider, { kind: "all" });
      await tearDown(world, "d1", [eastus, west]);
      const { Actions } = azureRole("s");
      expect(new Set(Actions).size).toBe(Actions.length);
      const allowed = new Set(Actions.map((action) => action.toLowerCase()));
      const needed = new Set(world.emulator.log.calls.map((call) => actionOf(call).toLowerCase()));
      expect(needed.size).toBeGreaterThan(20);
      expect([...needed].filter((action) => !allowed.has(action))).toEqual([]);
    }),
  );

  it("lets identities be given where they are, and holds to one subscription", () => {
    const assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
    expect(azureRole("s").Actions).not.toContain(assign);
    expect(azureRole("s", { identities: true }).Actions).toContain(assign);
    expect(azureRole("s").AssignableScopes).toEqual(["/subscriptions/s"]);
  });
});

describe("azureSelfDeletionRole", () => {
  it("allows deleting alone", () => {
    for (const action of azureSelfDeletionRole("s").Actions) expect(action).toMatch(/\/delete$/);
  });
});
