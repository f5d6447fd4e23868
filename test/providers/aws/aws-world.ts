import { EC2Client } from "@aws-sdk/client-ec2";
import { seededRandom } from "../../../core/effects/random.ts";
import type { Intent, MachineShape, Place, Provider, ResourceState } from "../../../core/ports/provider.ts";
import type { CommandResult, HostAddress, RemoteTask } from "../../../core/ports/transport.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createAwsProvider } from "../../../providers/aws/index.ts";
import type { AwsProvider, AwsProviderDeps, AwsProviderOptions } from "../../../providers/aws/index.ts";
import { awsClientSettings, awsRequestHandler } from "../../emulators/aws/clients.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import type { Emulator, EmulatorOptions } from "../../emulators/cloud.ts";
import { hostIntent, networkIntent } from "../intents.ts";

export const region = "us-east-1";
export const place: Place = { region, zone: `${region}a` };

export interface AwsWorld {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  /** A provider without memory, as after a crash; its requests may be meddled with on their way. */
  readonly fresh: (
    options?: Partial<AwsProviderOptions>,
    meddle?: Meddle,
    deps?: Partial<AwsProviderDeps>,
  ) => AwsProvider;
  readonly ec2: (region: string) => EC2Client;
  /** Commands that were sent to hosts. */
  readonly sent: { readonly host: HostAddress; readonly argv: readonly string[] }[];
  /** How hosts answer; may be replaced. */
  hostAnswers: (host: HostAddress) => Partial<CommandResult>;
}

type Handle = ReturnType<typeof awsRequestHandler>["handle"];
/** What happens to a request in place of its being sent. */
export type Meddle = (send: () => ReturnType<Handle>) => ReturnType<Handle>;

export interface AwsWorldOptions extends Omit<Partial<EmulatorOptions>, "clock"> {
  /** Swept; "enabled": those that the account says it has. */
  readonly regions?: readonly string[] | "enabled";
}

/** The real SDK over the emulator in process, on a virtual clock. */
export function openAwsWorld({ regions = [region, "us-west-2"], ...options }: AwsWorldOptions = {}): AwsWorld {
  const clock = new VirtualClock();
  const emulator = createEmulator({ clock, ...options });
  const requestHandler = awsRequestHandler(emulator.aws.handle);
  const clientsOf = (meddle: Meddle | undefined): ((name: string) => EC2Client) => {
    const clients = new Map<string, EC2Client>();
    const handle: Handle = (request, handlerOptions) => {
      const send = (): ReturnType<Handle> => requestHandler.handle(request, handlerOptions);
      return meddle === undefined ? send() : meddle(send);
    };
    return (name) => {
      const client =
        clients.get(name) ??
        new EC2Client({ ...awsClientSettings(name), requestHandler: { ...requestHandler, handle } });
      clients.set(name, client);
      return client;
    };
  };
  const ordinary = clientsOf(undefined);
  const world: AwsWorld = {
    clock,
    emulator,
    ec2: ordinary,
    sent: [],
    hostAnswers: () => ({}),
    fresh: (overrides = {}, meddle?, deps = {}) =>
      createAwsProvider(
        {
          clock,
          random: seededRandom(options.seed ?? 1),
          ec2: meddle === undefined ? ordinary : clientsOf(meddle),
          hosts: {
            run: async (host: HostAddress, task: RemoteTask<unknown>) => {
              world.sent.push({ host, argv: task.argv });
              return {
                host: host.host,
                command: "",
                outcome: "exited",
                exitCode: 0,
                stdout: "",
                stderr: "",
                durationMs: 1,
                ...world.hostAnswers(host),
              };
            },
          },
          ...deps,
        },
        { homeRegion: region, ...(regions === "enabled" ? {} : { regions }), ...overrides },
      ),
  };
  return world;
}

export const shape = (overrides: Partial<MachineShape> = {}): MachineShape => ({
  type: "c6i.large",
  image: "ubuntu-24.04",
  architecture: "x86_64",
  vcpus: 2,
  memoryBytes: 4 * 1024 ** 3,
  spot: false,
  disks: [{ kind: "boot", bytes: 20 * 1024 ** 3, mount: undefined, fileSystem: undefined }],
  options: {},
  ...overrides,
});

export interface AskOptions {
  readonly deployment?: string;
  readonly round?: number;
  readonly place?: Place;
  readonly shape?: Partial<MachineShape>;
  readonly ttlMs?: number;
  readonly now: number;
}

/** Intents as the flow writes them: one network, and `hosts` hosts. */
export function askFor(hosts: number, options: AskOptions): Intent[] {
  const { deployment = "d1", round = 0, now, ttlMs = 3_600_000 } = options;
  const base = { deployment, runId: "r1", provider: "aws", place: options.place ?? place, now, ttlMs };
  const network = {
    ...networkIntent(base),
    round,
    name: `${deployment}-r${round}`,
    clientToken: `${deployment}-r${round}-net`,
  };
  const made = Array.from({ length: hosts }, (_, index): Intent => {
    const intent = hostIntent({ ...base, index });
    const name = `${deployment}-r${round}-server-${index}`;
    return {
      ...intent,
      name,
      round,
      clientToken: name,
      notAfter: now + 120_000,
      host: { ...intent.host!, shape: shape(options.shape) },
    };
  });
  return [{ ...network, notAfter: now + 120_000 }, ...made];
}

export const never = new AbortController().signal;

/** Asks until `isSo`, every 5 s; the states then. */
export async function until(
  world: AwsWorld,
  deployment: string,
  at: Place,
  isSo: (states: readonly ResourceState[]) => boolean,
): Promise<readonly ResourceState[]> {
  for (let looks = 0; looks < 400; looks++) {
    const states = await world.fresh().observe(deployment, at);
    if (isSo(states)) return states;
    await world.clock.sleep(5_000);
  }
  throw new Error(`still ${JSON.stringify(await world.fresh().observe(deployment, at))}`);
}

/** So many hosts are ready, and everything else that is listed. */
export const ready =
  (hosts: number) =>
  (states: readonly ResourceState[]): boolean =>
    states.filter(({ resourceKind }) => resourceKind === "instance").length === hosts &&
    states.some(({ resourceKind }) => resourceKind === "security-group") &&
    states.every(({ state }) => state === "ready");

export const allGone = (states: readonly ResourceState[]): boolean => states.every(({ state }) => state === "gone");

/** As the teardown's states do: destroy, look, again while anything is left. */
export async function tearDown(world: AwsWorld, deployment: string, at: Place): Promise<void> {
  for (let asked = 0; asked < 100; asked++) {
    await world.fresh().beginDestroy(deployment, at);
    await world.clock.sleep(10_000);
    if (allGone(await world.fresh().observe(deployment, at)) && (await sweep(world.fresh(), deployment)).length === 0)
      return;
  }
  throw new Error(`still ${JSON.stringify(await world.fresh().observe(deployment, at))}`);
}

export async function sweep(provider: Provider, deployment: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { resourceKind, id } of provider.sweep({ kind: "deployment", deployment }))
    found.push(`${resourceKind} ${id}`);
  return found;
}
