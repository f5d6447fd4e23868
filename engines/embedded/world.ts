import { readFile } from "node:fs/promises";
import { FailureError } from "../../core/errors/failure.ts";
import type { Clock } from "../../core/effects/clock.ts";
import { readDefinition } from "../../core/definition/read-definition.ts";
import type { FlowEffects } from "../../core/flow/effects.ts";
import { requireRecord } from "../../core/flow/effects.ts";
import { buildCapability, deriveKeyPair } from "../../core/identity/index.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { Experiment, Plan, TopologyHost } from "../../core/plan/types.ts";
import type { HostAgent } from "../../core/ports/host-agent.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import type { Provider } from "../../core/ports/provider.ts";
import type { HostAddress, Transport } from "../../core/ports/transport.ts";
import { openExperiment } from "../../core/render/open-experiment.ts";
import { runRecordSchema } from "../../core/records/schemas.ts";
import type { Machine } from "../../providers/hosts/index.ts";
import { HostsProvider, MachinesSpec, machineIdentities, resolveMachines } from "../../providers/hosts/index.ts";
import { isCloud } from "../../providers/catalogue/machine-type.ts";
import { hostPaths } from "../../providers/cloud/host-paths.ts";
import { metadataUrl } from "../../core/supervision/index.ts";
import type { SupervisorFiles } from "../../transports/agent/index.ts";
import { ShellAgent, whenReady } from "../../transports/agent/index.ts";
import { SshTransport, dialTcp } from "../../transports/ssh/index.ts";
import type { Ways } from "../../transports/ways/index.ts";
import { openWays } from "../../transports/ways/index.ts";

export interface WorldOptions {
  /** The run that is driven. */
  readonly runId: string;
  /** The run whose key opens its hosts, where they were borrowed. @default itself */
  readonly loginRunId?: string | undefined;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly secret: Uint8Array;
  readonly supervisor: SupervisorFiles;
  readonly providers: readonly Provider[];
  /** Clouds' providers, which reach hosts by the run's own way. @default none */
  readonly clouds?: (hosts: Pick<Transport, "run">) => readonly Provider[];
  readonly version: string;
  /** Where hosts that reach this machine report to. @default everything is pulled */
  readonly callUrl?: string;
  /** The way to hosts that Systems Manager reaches; closed with the world. @default there is none */
  readonly ssm?: Transport | undefined;
  /** Machines that exist already, for the provider `hosts`. @default none */
  readonly machines?: readonly Machine[];
}

/** What the embedded engine reaches: runs in the store, providers, and hosts by the way of each. */
export interface World {
  readonly effects: Omit<FlowEffects, "clock" | "store" | "engine" | "watch" | "newId">;
  /** The transport to a run's hosts, and how to address one of them; for commands that people give. */
  readonly transport: (runId: string) => Ways;
  close(): Promise<void>;
}

export function createWorld(options: WorldOptions): World {
  const { store, clock, secret, machines = [] } = options;
  const experiments = new Map<string, Promise<Experiment>>();
  const transports = new Map<string, Ways>();
  const agents = new Map<string, HostAgent>();

  const transport = (runId: string): Ways => {
    const known = transports.get(runId);
    if (known !== undefined) return known;
    const { privateKey } = deriveKeyPair(secret, { kind: "user", runId });
    const identity = machineIdentities(machines, () => privateKey, { readText: (path) => readFile(path, "utf8") });
    const made = openWays(new SshTransport({ privateKey: identity }, { clock, dial: dialTcp }), options.ssm);
    transports.set(runId, made);
    return made;
  };
  const shellAgent = (
    runId: string,
    host: HostAddress,
    { provider, loginRunId = runId, spot }: Pick<TopologyHost, "provider" | "loginRunId" | "spot">,
  ): ShellAgent =>
    new ShellAgent(
      {
        host,
        root: supervisorRoot(runId),
        settings: {
          // Other people's work is on this machine too: its page cache stays.
          dropsCaches: provider !== "local",
          notices: spot === true && isCloud(provider) ? { cloud: provider, url: metadataUrl } : undefined,
        },
      },
      { transport: transport(loginRunId).to(host), clock, files: options.supervisor },
    );
  const providers: readonly Provider[] = [
    ...options.providers,
    ...(options.clouds?.(transport(options.loginRunId ?? options.runId)) ?? []),
    ...givenMachines(machines, options.runId, { clock, transport: transport(options.runId), shellAgent }),
  ];
  return {
    transport,
    effects: {
      openRun: (runId) => {
        const known = experiments.get(runId);
        if (known !== undefined) return known;
        const opened = openStoredRun(runId, store);
        experiments.set(runId, opened);
        opened.catch(() => experiments.delete(runId)); // the caller hears of it; the next one may have more luck
        return opened;
      },
      provider: (name) => {
        const provider = providers.find((p) => p.name === name);
        if (provider !== undefined) return provider;
        throw new FailureError({
          class: "invalid",
          message: `the embedded engine has no provider "${name}"`,
          hint: `it has ${providers.map((p) => p.name).join(", ")}`,
        });
      },
      agent: (runId, host) => {
        const key = `${runId} ${host.name} ${host.publicAddress}:${host.sshPort}`;
        const known = agents.get(key);
        if (known !== undefined) return known;
        const made = agentOf(
          host,
          shellAgent(runId, hostAddress(host), host),
          transport(host.loginRunId ?? runId).to(hostAddress(host)),
        );
        agents.set(key, made);
        return made;
      },
      hostSetup: async (runId, _deploymentId, host) => {
        const own = deriveKeyPair(secret, { kind: "host", runId, host });
        const user = deriveKeyPair(secret, { kind: "user", runId });
        return { authorizedKey: user.publicKey, hostPrivateKey: own.privateKey, hostKey: own.fingerprint };
      },
      push: (_runId, phase, host) => {
        const provider = providers.find((p) => p.name === host.provider);
        if (options.callUrl === undefined || provider?.capabilities.reachesControl !== true) return undefined;
        const capability = buildCapability(secret, {
          scope: phase.scope,
          host: host.name,
          expiresAt: clock.now() + capabilityLifeMs,
        });
        return { endpoint: options.callUrl, capability };
      },
      version: options.version,
    },
    close: async () => {
      await Promise.all([...[...transports.values()].map((t) => t.close()), options.ssm?.close()]);
    },
  };
}

/** The provider of machines that exist already, where a run has any. */
function givenMachines(
  machines: readonly Machine[],
  runId: string,
  effects: {
    readonly clock: Clock;
    readonly transport: Pick<Transport, "run">;
    readonly shellAgent: (
      runId: string,
      host: HostAddress,
      of: Pick<TopologyHost, "provider" | "loginRunId" | "spot">,
    ) => ShellAgent;
  },
): Provider[] {
  if (machines.length === 0) return [];
  const remove = (host: HostAddress): Promise<{ readonly left: readonly string[] }> =>
    effects.shellAgent(runId, host, { provider: "hosts" }).remove();
  return [new HostsProvider({ machines, lockFolder: "/var/tmp/reprise-lock" }, { ...effects, remove })];
}

/** The machines that a plan names, with their keys pinned. */
export async function plannedMachines(plan: Plan, knownHosts: string | undefined): Promise<readonly Machine[]> {
  const given = plan.deployments.flatMap((d) => d.hosts).filter((host) => host.given !== undefined);
  if (given.length === 0) return [];
  const spec = MachinesSpec.parse({
    ...(knownHosts === undefined ? {} : { knownHosts }),
    machines: given.map(({ name, role, user, given: machine }) => ({
      name,
      role,
      address: machine?.address,
      privateAddress: machine?.privateAddress,
      port: machine?.port,
      user: machine?.user ?? user,
      ...(machine?.keyFile === undefined ? {} : { identityFile: machine.keyFile }),
      ...(machine?.hostKey === undefined ? {} : { hostKey: machine.hostKey }),
    })),
  });
  return resolveMachines(spec, { readText: (path) => readFile(path, "utf8") });
}

/** What is particular about a provider's hosts. */
function agentOf(host: TopologyHost, shell: ShellAgent, transport: Transport): HostAgent {
  if (host.provider === "local") return withOurClock(shell);
  if (isCloud(host.provider)) return whenReady(shell, hostAddress(host), { transport, files: hostPaths });
  return shell;
}

/** A host on this machine has this machine's clock: there is nothing to measure. */
const withOurClock = (agent: HostAgent): HostAgent =>
  new Proxy(agent, {
    get: (target, property) => {
      if (property === "clockOffset") return async () => ({ offsetMs: 0, errorMs: 0 });
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member; // a method keeps its object
    },
  });

/** Longer than any trial: a host may report until its own deadline, which is what bounds it. */
const capabilityLifeMs = 7 * 24 * 3_600_000;

/** One folder a run on each host. */
export const supervisorRoot = (runId: string): string => `~/.reprise/${runId}`;

export const hostAddress = (host: TopologyHost): HostAddress => ({
  host: host.name,
  address: host.publicAddress,
  port: host.sshPort,
  user: host.user,
  hostKey: host.hostKey,
  ...(host.ssm === undefined ? {} : { ssm: host.ssm }),
});

/** A run's definition and plan as they were when it was started. */
export async function openStoredRun(runId: string, store: ObjectStore): Promise<Experiment> {
  const keys = runKeys(runId);
  await requireRecord(store, keys.run, runRecordSchema);
  const [definition, plan] = await Promise.all([store.get(keys.definition), store.get(keys.plan)]);
  if (definition === undefined || plan === undefined) {
    throw new FailureError({ class: "defect", message: `the store has no definition or plan of ${runId}` });
  }
  const decoder = new TextDecoder();
  const parsedPlan = JSON.parse(decoder.decode(plan.body)) as Plan; // written once by our own submit, digest in the run's record
  const read = readDefinition(
    decoder.decode(definition.body),
    `${runId}/definition.yaml`,
    (path) => parsedPlan.files?.[path],
  );
  if (!read.ok) {
    throw new FailureError({
      class: "invalid",
      message: `the definition of ${runId} can't be read by this version: ${read.problems[0]?.message ?? "unknown"}`,
      hint: "use the version that started the run",
    });
  }
  return openExperiment(read.definition, parsedPlan);
}
