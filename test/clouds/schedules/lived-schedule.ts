/**
 * One run under a schedule of faults, as real as it gets without a cloud: the real SDKs over real HTTP, machines that
 * are real hosts, reached by SSH, with the supervisor on them and evidence that is fetched. Its engine is in this
 * process, so that it can die with any answer of a cloud's on its way, and on a clock that hurries where nothing real is
 * under way, so that hundreds of them take minutes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EC2Client } from "@aws-sdk/client-ec2";
import { OAuth2Client } from "google-auth-library";
import { z } from "zod";
import { loadExperiment } from "../../../cli/load.ts";
import { seededRandom } from "../../../core/effects/random.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { afterSweep } from "../../../core/flow/after-execution.ts";
import { listKeys, requireRecord } from "../../../core/flow/effects.ts";
import { submitRun } from "../../../core/flow/submit.ts";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import { runKeys, sweepExecution } from "../../../core/names/keys.ts";
import type { PlannedDeployment } from "../../../core/plan/types.ts";
import type { Provider } from "../../../core/ports/provider.ts";
import type { Transport } from "../../../core/ports/transport.ts";
import { metadataUrl } from "../../../core/supervision/index.ts";
import { receiptSchema } from "../../../core/records/schemas.ts";
import type { Receipt } from "../../../core/records/schemas.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { createEmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import type { EmbeddedEngine } from "../../../engines/embedded/embedded-engine.ts";
import { hostAddress, openStoredRun, supervisorRoot } from "../../../engines/embedded/world.ts";
import { createAwsProvider } from "../../../providers/aws/index.ts";
import { createAzureClients, createAzureProvider } from "../../../providers/azure/index.ts";
import { isCloud } from "../../../providers/catalogue/machine-type.ts";
import { hostPaths } from "../../../providers/cloud/host-paths.ts";
import { createGcpProvider } from "../../../providers/gcp/index.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { ShellAgent, readSupervisorFiles, whenReady } from "../../../transports/agent/index.ts";
import { SshTransport, dialTcp } from "../../../transports/ssh/index.ts";
import { awsClientSettings } from "../../emulators/aws/clients.ts";
import { azureCredential } from "../../emulators/azure/clients.ts";
import { subscriptionId } from "../../emulators/azure/subscription.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import type { Emulator } from "../../emulators/cloud.ts";
import type { VmBackend } from "../../emulators/common/backend.ts";
import type { CloudName } from "../../emulators/common/cloud-name.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { listenLoopback } from "../../emulators/common/server.ts";
import type { LoopbackTls } from "../../emulators/common/tls.ts";
import { gcpCredentials } from "../../emulators/gcp/clients.ts";
import { projectName } from "../../emulators/gcp/service.ts";
import { RealHosts } from "../../emulators/hosts/real-hosts.ts";
import { Fuse, machineFiles, secret } from "../../engines/embedded/sim-run.ts";
import type { Schedule } from "../../providers/policy/cloud-run.ts";
import { placesOf, quotasOf } from "../../providers/policy/cloud-run.ts";
import { HurriedClock } from "./hurried-clock.ts";

const oneLine = join(import.meta.dirname, "../experiments/one-line");
const nobodysHome = "/nonexistent/reprise";
/** How many times faster time passes while nothing real is under way. */
const hurry = 20;

export const runId = "lived-run";

export interface LivedRun {
  readonly clock: HurriedClock;
  readonly emulator: Emulator;
  readonly store: MemoryStore;
  readonly hosts: RealHosts;
  /** Providers without memory, as another process has them. */
  readonly providers: readonly Provider[];
  /** One epoch to its last receipt, or to the death of its process. @returns how its sweep ended */
  epoch(epoch: number, diesAtCall?: number): Promise<string>;
  receipts(): Promise<readonly Receipt[]>;
  /** Deployments that intents were written for, before the first call for them. */
  intended(): Promise<readonly string[]>;
  /** Trials with a valid outcome. */
  valid(): Promise<number>;
  /** Its feed and its last calls, for a report of what went wrong. */
  told(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/**
 * @param lane of 62: whatever lives at the same time needs one of its own, for its machines' addresses
 * @param tls for Azure, whose SDK speaks to nobody without
 */
export async function openLivedRun(schedule: Schedule, lane: number, tls: LoopbackTls): Promise<LivedRun> {
  const { cloud, next, seed, rules, capacity } = schedule;
  const clock = new HurriedClock(hurry);
  const hosts = new RealHosts();
  const emulator = createEmulator({
    clock,
    seed,
    faults: rules,
    backend: countedBackend(hosts, clock),
    addressBlock: lane,
    [cloud]: { capacity, ...quotasOf(schedule) },
  });
  const driven = new AbortController();
  const driving = emulator.drive(driven.signal);
  const store = new MemoryStore({ clock });
  const stored = submit(schedule, store);
  await stored;
  const supervisor = await readSupervisorFiles();
  const keys = (host: string) => ({
    user: deriveKeyPair(secret, { kind: "user", runId }),
    host: deriveKeyPair(secret, { kind: "host", runId, host }),
  });
  const clouds: readonly CloudName[] = next === undefined ? [cloud] : [cloud, next];
  const closers: (() => Promise<unknown>)[] = [];

  /** The clouds as one process reaches them. */
  const openProviders = async (
    how: { readonly seed: number } & Pick<Parts, "clock" | "transport" | "through">,
  ): Promise<readonly Provider[]> => {
    const random = seededRandom(how.seed);
    const deps = { clock: how.clock, random };
    return Promise.all(
      clouds.map(async (name): Promise<Provider> => {
        const server = await listenLoopback(how.through(emulator[name].handle), name === "azure" ? tls : undefined);
        closers.push(() => server.close());
        switch (name) {
          case "aws": {
            const ec2 = new Map<string, EC2Client>();
            const ec2Of = (region: string): EC2Client => {
              const client = ec2.get(region) ?? new EC2Client({ ...awsClientSettings(region), endpoint: server.url });
              ec2.set(region, client);
              return client;
            };
            closers.push(async () => [...ec2.values()].forEach((client) => client.destroy()));
            const regions = [...new Set(placesOf("aws").map(({ region }) => region))];
            return createAwsProvider(
              { ...deps, ec2: ec2Of, hosts: how.transport },
              { homeRegion: "us-east-1", regions },
            );
          }
          case "azure": {
            const clients = createAzureClients({
              subscriptionId,
              credential: azureCredential,
              endpoint: server.url,
              tlsOptions: { ca: tls.caPem },
            });
            return createAzureProvider({ ...deps, clients });
          }
          case "gcp": {
            const auth = new OAuth2Client();
            auth.setCredentials(gcpCredentials);
            return createGcpProvider({ ...deps, auth, project: projectName, endpoint: server.url });
          }
          default:
            return name satisfies never;
        }
      }),
    );
  };

  let engines = 0;
  const startEngine = async (fuse: Fuse, diesAtCall: number): Promise<EmbeddedEngine> => {
    const n = ++engines;
    let ids = 0;
    let calls = 0;
    const through =
      (handle: HttpHandler): HttpHandler =>
      async (request, signal) => {
        calls += 1;
        const isLast = calls === diesAtCall;
        if (calls > diesAtCall) return never;
        const answer = await handle(request, signal).finally(() => {
          if (isLast) fuse.burn();
        });
        return isLast ? never : answer;
      };
    const transport = openTransport(clock);
    closers.push(() => transport.close());
    const providers = await openProviders({ seed: seed + n, clock: fuse.protect(clock), transport, through });
    return createEmbeddedEngine({
      runId,
      clock: fuse.protect(clock),
      random: seededRandom(n),
      newId: () => `e${n}-${(++ids).toString().padStart(8, "0")}`,
      store: fuse.protect(store),
      machineFiles,
      keepsHistory: false,
      world: {
        openRun: () => stored,
        provider: (name) => {
          const found = providers.find((provider) => provider.name === name);
          if (found === undefined) throw new Error(`no provider ${name}`);
          return fuse.protect(found);
        },
        agent: (_runId, host) => {
          const address = hostAddress(host);
          const shell = new ShellAgent(
            {
              host: address,
              root: supervisorRoot(runId),
              settings: {
                dropsCaches: false,
                notices:
                  host.spot === true && isCloud(host.provider) ? { cloud: host.provider, url: metadataUrl } : undefined,
              },
            },
            { transport, clock: fuse.protect(clock), files: supervisor },
          );
          return fuse.protect(whenReady(shell, address, { transport, files: hostPaths }));
        },
        hostSetup: async (_runId, _deploymentId, host) => {
          const { user, host: own } = keys(host);
          return { authorizedKey: user.publicKey, hostPrivateKey: own.privateKey, hostKey: own.fingerprint };
        },
        push: () => undefined,
        version: "test",
      },
    });
  };

  const outside = openTransport(clock);
  closers.push(() => outside.close());
  return {
    clock,
    emulator,
    store,
    hosts,
    providers: await openProviders({ seed, clock, transport: outside, through: (handle) => handle }),
    epoch: async (epoch, diesAtCall = Number.MAX_SAFE_INTEGER) => {
      const fuse = new Fuse(Number.MAX_SAFE_INTEGER, true);
      const engine = await startEngine(fuse, diesAtCall);
      const work = (async () => {
        const name = sweepExecution(runId, epoch);
        await engine.asl.start("sweep", name, { runId, epoch });
        const { status } = await engine.asl.wait(name);
        await afterSweep({ runId, epoch, status }, engine.effects);
        for (let running = engine.asl.listRunning(); running.length > 0; running = engine.asl.listRunning())
          await Promise.all(running.map((execution) => engine.asl.wait(execution.name)));
        await engine.close();
        return status;
      })();
      work.catch(() => undefined); // a dead engine's work never ends
      return Promise.race([work, fuse.burnt.then(() => "DIED")]);
    },
    receipts: async () => {
      const found = (await listKeys(store, `runs/${runId}/deployments/`)).filter((key) =>
        key.endsWith("/receipt.json"),
      );
      return Promise.all(found.map((key) => requireRecord(store, key, receiptSchema)));
    },
    intended: async () => {
      const found = await listKeys(store, `runs/${runId}/deployments/`);
      return [...new Set(found.flatMap((key) => /deployments\/([^/]+)\/intents\//.exec(key)?.[1] ?? []))];
    },
    told: async () => {
      const lines: string[] = [];
      for (const key of await listKeys(store, runKeys(runId).events)) {
        const { at, text } = await requireRecord(store, key, eventSchema);
        lines.push(`${at} ${text}`);
      }
      const calls = emulator.log.calls.slice(-20).map((call) => JSON.stringify(call).slice(0, 300));
      return [...lines, ...calls];
    },
    valid: async () => (await listKeys(store, runKeys(runId).outcomes)).length,
    close: async () => {
      driven.abort();
      await Promise.allSettled([driving, ...closers.map((close) => close())]);
      await clock.end();
      await hosts.close();
    },
  };
}

interface Parts {
  readonly clock: HurriedClock;
  readonly transport: Transport;
  readonly through: (handle: HttpHandler) => HttpHandler;
}

const eventSchema = z.looseObject({ at: z.string(), text: z.string() });

/** An answer that a dead process never takes. */
const never = new Promise<never>(() => undefined);

/** Hosts are real: what they are asked has this machine's time, and ours keeps pace meanwhile. */
function openTransport(clock: HurriedClock): Transport & { close(): Promise<void> } {
  const { privateKey } = deriveKeyPair(secret, { kind: "user", runId });
  const ssh = new SshTransport({ privateKey: () => privateKey }, { clock: systemClock, dial: dialTcp });
  return new Proxy(ssh, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      const call = member.bind(target) as (...args: unknown[]) => unknown; // a method of the target
      if (property === "close") return call;
      return (...args: unknown[]) => {
        const result = call(...args);
        return result instanceof Promise ? clock.during(() => result as Promise<unknown>) : result;
      };
    },
  });
}

const countedBackend = (hosts: RealHosts, clock: HurriedClock): VmBackend => ({
  boot: (vm, guest) => clock.during(() => hosts.boot(vm, guest)),
  kill: (id) => clock.during(() => hosts.kill(id)),
  run: (id, script, signal) => clock.during(() => hosts.run(id, script, signal)),
});

/** Puts the run into its store, as the command line does. */
async function submit(schedule: Schedule, store: MemoryStore): ReturnType<typeof openStoredRun> {
  const { cloud, next, spot } = schedule;
  const loaded = await loadExperiment(oneLine, { on: cloud }, nobodysHome);
  const deploymentOn = async (on: CloudName): Promise<PlannedDeployment> => {
    const { plan } = on === cloud ? loaded : await loadExperiment(oneLine, { on }, nobodysHome);
    const [deployment] = plan.deployments;
    if (deployment === undefined) throw new Error("no deployment");
    const hosts = deployment.hosts.map((host) => ({ ...host, shape: { ...host.shape, spot } }));
    return { ...deployment, hosts, places: { [on]: placesOf(on) } };
  };
  const main = await deploymentOn(cloud);
  const other = next === undefined ? undefined : await deploymentOn(next);
  const alternatives =
    next === undefined || other === undefined ? [] : [{ provider: next, places: other.places, hosts: other.hosts }];
  await submitRun(
    {
      record: {
        runId,
        experiment: loaded.plan.experiment,
        definitionDigest: loaded.definition.digest,
        owner: "test",
        createdAt: new Date(0).toISOString(),
        repriseVersion: "test",
        until: "trials",
        keep: false,
        reuse: "run",
        deploymentsAtOnce: 1,
      },
      definitionText: readFileSync(join(oneLine, "experiment.yaml"), "utf8"),
      plan: { ...loaded.plan, deployments: [{ ...main, alternatives }] },
      bundle: loaded.bundle,
      sha256: sha256Hex,
    },
    store,
  );
  return openStoredRun(runId, store);
}
