/**
 * A run's provisioning and teardown by the real state machines, over a cloud's real SDK and its emulator in process: what
 * is drawn from a seed is what the clouds do to it, and when our own process dies.
 */
import { createEmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import type { EmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import { EC2Client } from "@aws-sdk/client-ec2";
import { seededRandom } from "../../../core/effects/random.ts";
import type { Random } from "../../../core/effects/random.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import { toBytes } from "../../../core/flow/effects.ts";
import { readRounds } from "../../../core/flow/rounds.ts";
import type { Round } from "../../../core/flow/rounds.ts";
import { runKeys, sweepExecution } from "../../../core/names/keys.ts";
import { placementChoices } from "../../../core/plan/placement.ts";
import type { Experiment, PlannedAlternative, PlannedDeployment, PlannedHost } from "../../../core/plan/types.ts";
import type { HostAgent } from "../../../core/ports/host-agent.ts";
import type { MachineShape, Place, Provider } from "../../../core/ports/provider.ts";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createAwsProvider } from "../../../providers/aws/index.ts";
import { createAzureClients, createAzureProvider } from "../../../providers/azure/index.ts";
import { createGcpProvider } from "../../../providers/gcp/index.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { Fuse, machineFiles, secret, simExperiment } from "../../engines/embedded/sim-run.ts";
import { recordFixture } from "../../support/flow-fixtures.ts";
import { awsClientSettings, awsRequestHandler } from "../../emulators/aws/clients.ts";
import { azureCredential, azureHttpClient } from "../../emulators/azure/clients.ts";
import { subscriptionId } from "../../emulators/azure/subscription.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import type { Emulator } from "../../emulators/cloud.ts";
import type { CloudName } from "../../emulators/common/cloud-name.ts";
import { randomFaults } from "../../emulators/common/faults.ts";
import type { FaultRule } from "../../emulators/common/faults.ts";
import type { CapacityRule } from "../../emulators/common/capacity.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { gcpAuthClient } from "../../emulators/gcp/clients.ts";
import { projectName } from "../../emulators/gcp/service.ts";

/** What befalls one run: plain data, printed when it fails, and all that is needed to see it again. */
export interface Schedule {
  readonly seed: number;
  readonly cloud: CloudName;
  /** Where all its hosts go when the cloud has no place left. */
  readonly next: CloudName | undefined;
  readonly spot: boolean;
  readonly rules: readonly FaultRule[];
  readonly capacity: readonly CapacityRule[];
  /** The account may have one host of the two, in every region. */
  readonly isShortOfQuota: boolean;
  /** Our process dies with the answer to its n-th call to a cloud on its way. */
  readonly diesAtCall: number | undefined;
  /** Whether somebody resumes it then, or the reaper finds what it left. */
  readonly resumes: boolean;
}

const places: Readonly<Record<CloudName, readonly Place[]>> = {
  aws: [
    { region: "us-east-1", zone: "us-east-1a" },
    { region: "us-east-1", zone: "us-east-1b" },
    { region: "us-west-2", zone: "us-west-2a" },
  ],
  azure: [
    { region: "eastus", zone: "1" },
    { region: "eastus", zone: "2" },
    { region: "westus2", zone: "1" },
  ],
  gcp: [
    { region: "us-central1", zone: "us-central1-a" },
    { region: "us-central1", zone: "us-central1-b" },
    { region: "us-west1", zone: "us-west1-b" },
  ],
};
const zoneNames: Readonly<Record<CloudName, readonly string[]>> = {
  aws: ["us-east-1a", "us-east-1b", "us-west-2a"],
  azure: ["eastus/1", "eastus/2", "westus2/1"],
  gcp: ["us-central1-a", "us-central1-b", "us-west1-b"],
};
const shapes: Readonly<Record<CloudName, Pick<MachineShape, "type" | "image">>> = {
  aws: { type: "c6i.large", image: "ubuntu-24.04" },
  azure: { type: "Standard_D2s_v5", image: "Canonical:ubuntu-24_04-lts:server:latest" },
  gcp: { type: "n2-standard-2", image: "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64" },
};
/** In each cloud's words: room for one of two hosts. */
const oneHost: Readonly<Record<CloudName, Readonly<Record<string, number>>>> = {
  aws: { onDemandVcpus: 2, spotVcpus: 2 },
  azure: { regionalCores: 2, lowPriorityCores: 2 },
  gcp: { cpus: 2, preemptibleCpus: 2 },
};
/** In the order in which they are tried. */
export const placesOf = (cloud: CloudName): readonly Place[] => places[cloud];

/** The account's limits in the schedule's own cloud, as its emulator takes them. */
export const quotasOf = ({
  cloud,
  isShortOfQuota,
}: Schedule): { readonly quotas?: Readonly<Record<string, number>> } =>
  isShortOfQuota ? { quotas: oneHost[cloud] } : {};

const clouds: readonly CloudName[] = ["aws", "azure", "gcp"];

export function drawSchedule(seed: number, cloud: CloudName): Schedule {
  const random = seededRandom(seed * 3 + clouds.indexOf(cloud));
  const chance = (share: number): boolean => random.next() < share;
  const next = chance(0.3) ? clouds.find((other) => other !== cloud && chance(0.5)) : undefined;
  const { rules } = randomFaults(seed, { clouds: next === undefined ? [cloud] : [cloud, next], maxNth: 12 });
  // A zone that has machines for a part of the deployment, none at all, or whose spot machines alone are gone.
  const isFull = chance(0.2);
  const capacity = zoneNames[cloud].flatMap((zone): CapacityRule[] =>
    isFull || chance(0.45)
      ? [{ zone, machines: whole(random, 2), ...(!isFull && chance(0.3) ? { spot: true } : {}) }]
      : [],
  );
  const isShortOfQuota = chance(0.15);
  const diesAtCall = chance(0.5) ? 1 + whole(random, 60) : undefined;
  return { seed, cloud, next, spot: chance(0.4), rules, capacity, isShortOfQuota, diesAtCall, resumes: chance(0.7) };
}

const whole = (random: Random, below: number): number => Math.floor(random.next() * below);

/** Two hosts of one lane, in three zones of two regions. */
function experimentOf({ cloud, next, spot }: Schedule): Experiment {
  const experiment = simExperiment({ points: 1, trials: 1, lanes: 1 });
  const [plain] = experiment.plan.deployments;
  if (plain === undefined) throw new Error("no deployment");
  const hostsOn = (on: CloudName): PlannedHost[] =>
    plain.hosts.map((host) => ({
      ...host,
      provider: on,
      user: "bench",
      shape: { ...host.shape, ...shapes[on], spot, memoryBytes: 4 * 1024 ** 3 },
    }));
  const alternatives: PlannedAlternative[] =
    next === undefined ? [] : [{ provider: next, places: { [next]: places[next] }, hosts: hostsOn(next) }];
  const deployment: PlannedDeployment = {
    ...plain,
    places: { [cloud]: places[cloud] },
    hosts: hostsOn(cloud),
    leaseMs: 7_200_000,
    alternatives,
  };
  return { ...experiment, plan: { ...experiment.plan, deployments: [deployment] } };
}

export interface CloudRun {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  readonly store: MemoryStore;
  readonly experiment: Experiment;
  /** Providers without memory, as another process has them. */
  readonly providers: () => readonly Provider[];
  /** One epoch to its last receipt, or to the death of its process. @returns how its sweep ended */
  epoch(epoch: number, diesAtCall?: number): Promise<string>;
  rounds(): Promise<readonly Round[]>;
}

export const runId = "policy-run";
export const deploymentId = `${runId}-main-1`;

export async function openCloudRun(schedule: Schedule): Promise<CloudRun> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const { seed, rules, capacity, cloud } = schedule;
  const emulator = createEmulator({ clock, seed, faults: rules, [cloud]: { capacity, ...quotasOf(schedule) } });
  const store = new MemoryStore({ clock });
  const experiment = experimentOf(schedule);
  await store.putIfAbsent(runKeys(runId).run, toBytes(runRecord), "test");
  await store.putIfAbsent(runKeys(runId).plan, toBytes(experiment.plan), "test");
  const keys = {
    user: deriveKeyPair(secret, { kind: "user", runId }),
    host: deriveKeyPair(secret, { kind: "host", runId, host: "any" }),
  };
  let engines = 0;

  const startEngine = (dies: { readonly atCall: number; readonly fuse: Fuse } | undefined): EmbeddedEngine => {
    const n = ++engines;
    let ids = 0;
    let calls = 0;
    const guard = <T extends object>(target: T): T => dies?.fuse.protect(target) ?? target;
    const through = (handle: HttpHandler): HttpHandler => {
      if (dies === undefined) return handle;
      return async (request, signal) => {
        calls += 1;
        const isLast = calls === dies.atCall;
        if (calls > dies.atCall) return dead;
        const answer = await handle(request, signal).finally(() => {
          if (isLast) dies.fuse.burn();
        });
        return isLast ? dead : answer;
      };
    };
    const providers = openProviders(emulator, { clock: guard(clock), seed: seed + n, through });
    return createEmbeddedEngine({
      runId,
      clock: guard(clock),
      random: seededRandom(n),
      newId: () => `e${n}-${(++ids).toString().padStart(8, "0")}`,
      store: guard(store),
      machineFiles,
      keepsHistory: false,
      world: {
        openRun: async () => experiment,
        provider: (name) => {
          const found = providers.find((provider) => provider.name === name);
          if (found === undefined) throw new Error(`no provider ${name}`);
          return found;
        },
        agent: (_runId, host) => hostAgent(emulator, host.name, host.publicAddress),
        hostSetup: async () => ({
          authorizedKey: keys.user.publicKey,
          hostPrivateKey: keys.host.privateKey,
          hostKey: keys.host.fingerprint,
        }),
        push: () => undefined,
        version: "test",
      },
    });
  };

  return {
    clock,
    emulator,
    store,
    experiment,
    providers: () => openProviders(emulator, { clock, seed, through: (handle) => handle }),
    rounds: () => readRounds(runId, deploymentId, { store }),
    epoch: async (epoch, diesAtCall) => {
      const fuse = new Fuse(Number.MAX_SAFE_INTEGER, true);
      const engine = startEngine(diesAtCall === undefined ? undefined : { atCall: diesAtCall, fuse });
      const name = sweepExecution(runId, epoch);
      const work = (async () => {
        await engine.asl.start("sweep", name, { runId, epoch });
        const { status } = await engine.asl.wait(name);
        for (let running = engine.asl.listRunning(); running.length > 0; running = engine.asl.listRunning())
          await Promise.all(running.map((execution) => engine.asl.wait(execution.name)));
        return status;
      })();
      work.catch(() => undefined); // a dead engine's work never ends
      return Promise.race([work, fuse.burnt.then(() => "DIED")]);
    },
  };
}

/** An answer that a dead process never takes. */
const dead = new Promise<never>(() => undefined);

const runRecord = recordFixture({ runId, until: "provision" });

function openProviders(
  emulator: Emulator,
  how: { readonly clock: VirtualClock; readonly seed: number; readonly through: (handle: HttpHandler) => HttpHandler },
): readonly Provider[] {
  const { clock, seed, through } = how;
  const random = seededRandom(seed);
  const hosts = { run: () => Promise.reject(new Error("hosts aren't reached here")) };
  const ec2 = new Map<string, EC2Client>();
  const requestHandler = awsRequestHandler(through(emulator.aws.handle));
  const ec2Of = (region: string): EC2Client => {
    const client = ec2.get(region) ?? new EC2Client({ ...awsClientSettings(region), requestHandler });
    ec2.set(region, client);
    return client;
  };
  const regions = ["us-east-1", "us-west-2"];
  const clients = createAzureClients({
    subscriptionId,
    credential: azureCredential,
    httpClient: azureHttpClient(through(emulator.azure.handle)),
  });
  return [
    createAwsProvider({ clock, random, ec2: ec2Of, hosts }, { homeRegion: "us-east-1", regions }),
    createAzureProvider({ clients, clock, random }),
    createGcpProvider({ auth: gcpAuthClient(through(emulator.gcp.handle)), project: projectName, clock, random }),
  ];
}

/** All that provisioning asks of a host: whether it is there. */
function hostAgent(emulator: Emulator, host: string, address: string): HostAgent {
  const prepare: HostAgent["prepare"] = async () => {
    if (emulator.machineAt(address) === undefined)
      throw new FailureError({ class: "transport", message: `${host} doesn't answer`, host });
    return {
      bootId: address,
      instanceId: undefined,
      cpuModel: "none",
      cpuCount: 2,
      microcode: undefined,
      memoryBytes: 4e9,
      kernel: "none",
      os: "none",
      architecture: "x86_64",
      clockSource: undefined,
      virtualization: undefined,
      versions: {},
    };
  };
  return new Proxy({ prepare } as HostAgent, {
    get: (_target, property) => {
      if (property === "prepare") return prepare;
      throw new Error(`provisioning asks a host for ${String(property)}`);
    },
  });
}

/** Every choice that the policy may make, in its order, in one word each. */
export const allChoices = (experiment: Experiment): string[] => {
  const [deployment] = experiment.plan.deployments;
  return deployment === undefined ? [] : placementChoices(deployment).map(choiceWord);
};

export const choiceWord = ({ alternative, market, places: at }: Round["choice"]): string =>
  JSON.stringify([alternative, market, at]);
