import { seededRandom } from "../../../core/effects/random.ts";
import type { EnsureOutcome, Intent, MachineShape, Place, ResourceState } from "../../../core/ports/provider.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createGcpProvider } from "../../../providers/gcp/index.ts";
import type { GcpProvider } from "../../../providers/gcp/index.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import type { Emulator, EmulatorOptions } from "../../emulators/cloud.ts";
import { MemoryBackend } from "../../emulators/common/backend.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { gcpAuthClient } from "../../emulators/gcp/clients.ts";
import { projectName } from "../../emulators/gcp/service.ts";
import { hostIntent, networkIntent } from "../intents.ts";

export const zoneA: Place = { region: "us-central1", zone: "us-central1-a" };
export const zoneB: Place = { region: "us-central1", zone: "us-central1-b" };
export const never = new AbortController().signal;
const startAt = Date.UTC(2026, 0, 1);

export const shapeFixture = (overrides: Partial<MachineShape> = {}): MachineShape => ({
  type: "n2-standard-2",
  image: "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64",
  architecture: "x86_64",
  vcpus: 2,
  memoryBytes: 8 * 1024 ** 3,
  spot: false,
  disks: [{ kind: "boot", bytes: 20 * 1024 ** 3, mount: undefined, fileSystem: undefined }],
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
}

/** A network and `count` hosts, named as the flow names them. */
export function deploymentIntents(deployment: string, count: number, options: DeploymentOptions = {}): Intent[] {
  const { place = zoneA, round = 0, shape = {}, now = startAt, ttlMs = 3_600_000 } = options;
  const common = { deployment, place, provider: "gcp", now, ttlMs };
  const notAfter = now + 120_000;
  const name = `${deployment}-r${round}`;
  const network: Intent = { ...networkIntent(common), name, round, notAfter, clientToken: `${name}-net` };
  const hosts = Array.from({ length: count }, (_, index): Intent => {
    const intent = hostIntent({ ...common, index });
    const host = `${name}-server-${index}`;
    const { setup, role } = intent.host!;
    return {
      ...intent,
      name: host,
      round,
      notAfter,
      clientToken: host,
      host: { role, index, setup, shape: shapeFixture(shape) },
    };
  });
  return [network, ...hosts];
}

export interface GcpWorld {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  readonly backend: MemoryBackend;
  /** A provider without any memory, as after a crash. */
  readonly fresh: () => GcpProvider;
  /** One whose requests go through `wrap`. */
  readonly through: (wrap: (handle: HttpHandler) => HttpHandler) => GcpProvider;
}

export function gcpWorld(options: Omit<EmulatorOptions, "clock" | "backend"> = {}): GcpWorld {
  const clock = new VirtualClock(startAt);
  const backend = new MemoryBackend();
  const emulator = createEmulator({ clock, backend, ...options });
  const random = seededRandom(options.seed ?? 1);
  const through = (wrap: (handle: HttpHandler) => HttpHandler): GcpProvider =>
    createGcpProvider({ auth: gcpAuthClient(wrap(emulator.gcp.handle)), project: projectName, clock, random });
  return { clock, emulator, backend, through, fresh: () => through((handle) => handle) };
}

/** Runs on the virtual clock, and holds the emulator to having had nothing to complain of. */
export const onGcp =
  (body: (world: GcpWorld) => Promise<void>, options?: Parameters<typeof gcpWorld>[0]) => async (): Promise<void> => {
    const world = gcpWorld(options);
    await world.clock.run(body(world));
    expect(world.emulator.violations).toEqual([]);
    expect(world.emulator.problems).toEqual([]);
    expect(world.clock.sleepers).toBe(0);
  };

export const accepted = (intents: readonly Intent[]): EnsureOutcome[] =>
  intents.map(({ name }) => ({ kind: "accepted", name }));

/** Asks as the flow does: again, after as long as it was told to wait. */
export async function ensured(
  world: GcpWorld,
  intents: readonly Intent[],
  provider: GcpProvider = world.fresh(),
): Promise<readonly EnsureOutcome[]> {
  for (let asked = 0; asked < 30; asked++) {
    const outcomes = await provider.ensure(intents, never);
    const refused = outcomes.find((outcome) => outcome.kind === "refused");
    if (refused?.kind !== "refused" || refused.failure.class !== "throttled") return outcomes;
    await world.clock.sleep(refused.retryAfterMs ?? 10_000);
  }
  throw new Error("told to wait for ever");
}

/** Looks every few seconds until it is so. */
export async function until(
  world: GcpWorld,
  deployment: string,
  isSo: (states: readonly ResourceState[]) => boolean,
  place: Place = zoneA,
): Promise<readonly ResourceState[]> {
  let states: readonly ResourceState[] = [];
  for (let looks = 0; looks < 100; looks++) {
    states = await world.fresh().observe(deployment, place);
    if (isSo(states)) return states;
    await world.clock.sleep(10_000);
  }
  throw new Error(`it never came to be: ${JSON.stringify(states)}`);
}

export const areReady =
  (intents: readonly Intent[]) =>
  (states: readonly ResourceState[]): boolean =>
    intents.every(({ name }) => states.some((state) => state.name === name && state.state === "ready"));

export const firstFailure = (states: readonly ResourceState[]) => {
  const failed = states.find(({ state }) => state === "failed");
  return failed?.state === "failed" ? failed.failure : undefined;
};

/** As teardown does: destroys and asks until nothing is listed, and goes on until listings can be believed. */
export async function tearDown(
  world: GcpWorld,
  deployment: string,
  { places = [zoneA], notAfter = 0 }: { readonly places?: readonly Place[]; readonly notAfter?: number } = {},
): Promise<void> {
  const provider = world.fresh();
  const settledAt = Math.max(world.clock.now(), notAfter) + provider.capabilities.visibilityDelayMs;
  let last: unknown;
  for (let asked = 0; asked < 200; asked++) {
    try {
      for (const place of places) await provider.beginDestroy(deployment, place);
      // Nobody looks while nothing can be over yet: a look costs eight calls.
      await world.clock.sleep(Math.max(15_000, settledAt - world.clock.now()));
      const left: unknown[] = [];
      for (const place of places) left.push(...(await provider.observe(deployment, place)));
      for await (const resource of provider.sweep({ kind: "deployment", deployment })) left.push(resource);
      if (left.length === 0) return;
      last = left;
    } catch (error) {
      last = error; // the state machine asks again, too
      await world.clock.sleep(5_000);
    }
  }
  throw new Error(`${deployment} never went: ${JSON.stringify(last)}`);
}

/** What a reaper does that runs every so often, for as long as something has expired. */
export async function reapAll(world: GcpWorld): Promise<void> {
  for (let rounds = 0; rounds < 60; rounds++) {
    const found = [];
    for await (const resource of world.fresh().sweep({ kind: "expired", now: Number.MAX_SAFE_INTEGER }))
      found.push(resource);
    if (found.length === 0) return;
    for (const resource of found) await world.fresh().destroyResource(resource);
    await world.clock.sleep(10_000);
  }
  throw new Error("the reaper never came to an end");
}

export class Crash extends Error {
  override readonly name = "Crash";
}

/** A provider whose process dies with its `calls`th call: that one takes effect, and nothing is heard any more. */
export function dyingAt(
  world: GcpWorld,
  calls: number,
): { readonly provider: GcpProvider; readonly isDead: () => boolean } {
  let made = 0;
  const isDead = (): boolean => made >= calls;
  const provider = world.through((handle) => async (request, signal) => {
    if (isDead()) throw new Crash();
    made++;
    const dies = isDead();
    const response = await handle(request, signal);
    if (dies || isDead()) throw new Crash();
    return response;
  });
  return { provider, isDead };
}

/** What was created, each time that it was. */
export const creations = (world: GcpWorld): string[] =>
  world.emulator.log.mutating.flatMap(({ mutations }) => mutations.filter((m) => m.startsWith("created "))).sort();

/** Kinds that are left, sorted. */
export const kindsLeft = (world: GcpWorld): string[] =>
  world.emulator
    .inventory("gcp")
    .map(({ kind }) => kind)
    .sort();
