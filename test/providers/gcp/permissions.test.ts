import { gcpRole } from "../../../providers/gcp/index.ts";
import { areReady, deploymentIntents, ensured, gcpWorld, reapAll, tearDown, until, zoneA } from "./gcp-world.ts";
import type { GcpWorld } from "./gcp-world.ts";

/** The permission that a method wants, as Google names them. */
const permissionOf = (operation: string): string =>
  operation
    .replace(/\.insert$/, ".create")
    .replace(/\.patch$/, ".update")
    .replace(/\.aggregatedList$/, ".list");

/** Everything that a provider is ever asked, and a call repeated that finds its name taken. */
async function liveFully(world: GcpWorld, options: Record<string, string | boolean>): Promise<void> {
  const place = { region: "us-central1" };
  const intents = deploymentIntents("d1", 1, { place, shape: { options: { compact: true, ...options } } });
  await ensured(world, intents);
  await until(world, "d1", areReady(intents), place);
  await ensured(
    world,
    intents.map((intent) => ({ ...intent, clientToken: `again ${intent.name}` })),
  );
  const provider = world.fresh();
  for (const peer of ["203.0.113.7", "203.0.113.8"]) {
    await provider.connect("d1", place, [peer]);
    await world.clock.sleep(10_000);
  }
  await provider.extend("d1", place, intents[0]!.expiresAt + 3_600_000);
  const shapes = intents.flatMap(({ host }) => host?.shape ?? []);
  await provider.quota(zoneA, shapes);
  await provider.describeMachines(zoneA, ["n2-standard-2"]);
  const family = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64";
  await provider.resolveImage(zoneA, await provider.resolveImage(zoneA, family, "x86_64"), "x86_64");
  await tearDown(world, "d1", { places: [place] });
  await reapAll(world);
}

describe("gcpRole", () => {
  it.each<[string, Parameters<typeof gcpRole>[0], Record<string, string | boolean>]>([
    ["in the default network", {}, {}],
    ["with a network of its own and an account", { networks: true, serviceAccounts: true }, { network: "own" }],
  ])("covers every method that is called %s", async (_name, options, shape) => {
    const world = gcpWorld();
    await world.clock.run(liveFully(world, shape));
    const called = [...new Set(world.emulator.log.calls.map(({ operation }) => permissionOf(operation)))];
    expect(called.length).toBeGreaterThan(20);
    const role = new Set(gcpRole(options).includedPermissions);
    expect(called.filter((permission) => !role.has(permission))).toEqual([]);
  });

  it("grants no more than is called, but for what a creation uses", () => {
    const uses = gcpRole().includedPermissions.filter((p) =>
      /\.(use|useExternalIp|useReadOnly|setTags|updatePolicy)$/.test(p),
    );
    expect(uses).toHaveLength(6);
    expect(gcpRole().includedPermissions.filter((p) => !p.startsWith("compute."))).toEqual([]);
    expect(new Set(gcpRole().includedPermissions).size).toBe(gcpRole().includedPermissions.length);
  });
});
