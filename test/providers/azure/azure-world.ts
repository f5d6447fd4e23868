import { seededRandom } from "../../../core/effects/random.ts";
import type {
  EnsureOutcome,
  Intent,
  MachineShape,
  Place,
  Provider,
  ResourceState,
  TaggedResource,
} from "../../../core/ports/provider.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createAzureClients, createAzureProvider } from "../../../providers/azure/index.ts";
import type { AzureClients, AzureProvider } from "../../../providers/azure/index.ts";
import { azureCredential, azureHttpClient } from "../../emulators/azure/clients.ts";
import { subscriptionId } from "../../emulators/azure/subscription.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import type { Emulator, EmulatorOptions } from "../../emulators/cloud.ts";
import { MemoryBackend } from "../../emulators/common/backend.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { hostIntent, networkIntent } from "../intents.ts";

export const eastus: Place = { region: "eastus", zone: "1" };
export const never = new AbortController().signal;

export const shapeFixture = (overrides: Partial<MachineShape> = {}): MachineShape => ({
  type: "Standard_D2s_v5",
  image: "Canonical:ubuntu-24_04-lts:server:latest",
  architecture: "x86_64",
  vcpus: 2,
  memoryBytes: 8 * 1024 ** 3,
  spot: false,
  disks: [],
  options: {},
  ...overrides,
});

export interface DeploymentOptions {
  readonly place?: Place;
  readonly round?: number;
  readonly shape?: Partial<MachineShape>;
  readonly ttlMs?: number;
  /** When the round began. @default the clock's beginning */
  readonly now?: number;
  readonly role?: string;
}

/** A network and `count` hosts, named as the flow names them. */
export function deploymentIntents(deployment: string, count: number, options: DeploymentOptions = {}): Intent[] {
  const { place = eastus, round = 0, shape = {}, role = "server" } = options;
  const common = {
    deployment,
    place,
    provider: "azure",
    role,
    now: options.now ?? startAt,
    ...(options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
  };
  const network: Intent = { ...networkIntent(common), name: `${deployment}-r${round}`, round };
  const hosts = Array.from({ length: count }, (_, index): Intent => {
    const intent = hostIntent({ ...common, index });
    if (intent.host === undefined) throw new Error("a host's intent without a host");
    return {
      ...intent,
      name: `${deployment}-r${round}-${role}-${index}`,
      round,
      host: { ...intent.host, shape: shapeFixture(shape) },
    };
  });
  return [network, ...hosts];
}

/** Where every virtual clock begins. */
export const startAt = Date.UTC(2026, 0, 1);

export interface AzureWorld {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  readonly backend: MemoryBackend;
  /** A provider without any memory, as after a crash. */
  readonly fresh: () => AzureProvider;
  /** For what others do in the same subscription. */
  readonly clients: AzureClients;
  /** A provider whose requests go through `wrap`. */
  readonly through: (wrap: (handle: HttpHandler) => HttpHandler) => AzureProvider;
}

export function azureWorld(options: Omit<EmulatorOptions, "clock" | "backend"> = {}): AzureWorld {
  const clock = new VirtualClock(startAt);
  const backend = new MemoryBackend();
  const emulator = createEmulator({ clock, backend, ...options });
  const clientsThrough = (handle: HttpHandler): AzureClients =>
    createAzureClients({ subscriptionId, credential: azureCredential, httpClient: azureHttpClient(handle) });
  const through = (wrap: (handle: HttpHandler) => HttpHandler): AzureProvider =>
    createAzureProvider({
      clients: clientsThrough(wrap(emulator.azure.handle)),
      clock,
      random: seededRandom(options.seed ?? 1),
    });
  const clients = clientsThrough(emulator.azure.handle);
  return { clock, emulator, backend, clients, through, fresh: () => through((handle) => handle) };
}

/** Runs on the virtual clock, and holds the emulator to having had nothing to complain of. */
export const onAzure =
  (body: (world: AzureWorld) => Promise<void>, options?: Parameters<typeof azureWorld>[0]) =>
  async (): Promise<void> => {
    const world = azureWorld(options);
    await world.clock.run(body(world));
    expect(world.emulator.violations).toEqual([]);
    expect(world.emulator.problems).toEqual([]);
  };

export const accepted = (intents: readonly Intent[]): EnsureOutcome[] =>
  intents.map(({ name }) => ({ kind: "accepted", name }));

/** Looks every few seconds until it is so. */
export async function until(
  world: AzureWorld,
  look: () => Promise<readonly ResourceState[]>,
  isSo: (states: readonly ResourceState[]) => boolean,
): Promise<readonly ResourceState[]> {
  for (let looks = 0; looks < 100; looks++) {
    const states = await look();
    if (isSo(states)) return states;
    await world.clock.sleep(5_000);
  }
  throw new Error("it never came to be");
}

export const ready = (
  world: AzureWorld,
  intents: readonly Intent[],
  provider: Provider = world.fresh(),
): Promise<readonly ResourceState[]> => {
  const [first] = intents;
  if (first === undefined) return Promise.resolve([]);
  return until(
    world,
    () => provider.observe(first.deployment, first.place),
    (states) => intents.every(({ name }) => states.some((state) => state.name === name && state.state === "ready")),
  );
};

/** As teardown does: asks and destroys until nothing is listed, and goes on until listings can be believed. */
export async function tearDown(
  world: AzureWorld,
  deployment: string,
  places: readonly Place[] = [eastus],
): Promise<void> {
  const settledAt = world.clock.now() + world.fresh().capabilities.visibilityDelayMs;
  const provider = world.fresh();
  for (let rounds = 0; rounds < 200; rounds++) {
    for (const place of places) await provider.beginDestroy(deployment, place);
    await world.clock.sleep(30_000);
    const left: (ResourceState | TaggedResource)[] = [];
    for (const place of places) left.push(...(await provider.observe(deployment, place)));
    for await (const resource of provider.sweep({ kind: "deployment", deployment })) left.push(resource);
    if (left.length === 0 && world.clock.now() >= settledAt) return;
  }
  throw new Error(`${deployment} never went`);
}

export async function swept(
  provider: Provider,
  scope: Parameters<Provider["sweep"]>[0],
): Promise<readonly TaggedResource[]> {
  const found: TaggedResource[] = [];
  for await (const resource of provider.sweep(scope)) found.push(resource);
  return found;
}

/** The last words of ids and kinds: enough to read a failing test by. */
export const kindsLeft = (world: AzureWorld): string[] =>
  world.emulator
    .inventory("azure")
    .map(({ kind }) => kind.split("/").at(-1) ?? "")
    .sort();
