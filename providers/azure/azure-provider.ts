import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type {
  Capabilities,
  DeploymentId,
  EnsureOutcome,
  Intent,
  MachineShape,
  Place,
  Provider,
  QuotaUse,
  ResourceState,
  SweepScope,
  TaggedResource,
} from "../../core/ports/provider.ts";
import { expiryTag } from "../cloud/identity-tags.ts";
import { PacedOutError } from "../cloud/pacer.ts";
import { renderUserData } from "../cloud/user-data.ts";
import { ArmCalls } from "./arm-calls.ts";
import type { ArmSession } from "./arm-calls.ts";
import type { AzureClients } from "./clients.ts";
import { connectGroups } from "./connect.ts";
import { ensureGroup } from "./ensure-group.ts";
import type { GroupPlan } from "./group-resources.ts";
import { AzureError } from "./errors.ts";
import { deleteGroup, findGroups } from "./groups.ts";
import type { OurGroup } from "./groups.ts";
import { exactImage } from "./image.ts";
import type { HostWanted } from "./machine-body.ts";
import { wantHost } from "./machine-body.ts";
import { describeMachines, readQuota } from "./machines.ts";
import type { MachineDescription } from "./machines.ts";
import { groupName, groupOfIntent, resourceId, vmName } from "./names.ts";
import { observeGroup } from "./observe.ts";
import { withSelfDeletion } from "./self-deletion.ts";
import { destroyResource, sweepGroups } from "./sweep.ts";
import { hostTags } from "./tags.ts";

export interface AzureDeps {
  readonly clients: AzureClients;
  readonly clock: Clock;
  /** Spreads repeated calls. */
  readonly random: Random;
  /** Address prefixes that may open SSH connections; keys are the only way in. @default anywhere */
  readonly sshSources?: readonly string[];
  /**
   * Resource id of a user-assigned managed identity that may delete virtual machines, with their disks, interfaces and
   * addresses: every machine gets it, and deletes itself when its lease is over. Whoever gets onto a host can use it, so
   * it should be allowed nothing else. @default machines only shut themselves down, and are billed until they are deleted
   */
  readonly selfDeletionIdentity?: string;
  /** Whether hosts can open connections to the control side. @default false: the engine pulls */
  readonly reachesControl?: boolean;
}

/** Azure as a provider, and what planning may ask of it. */
export interface AzureProvider extends Provider {
  /** Of each quota that `shapes` would draw from (of all that are used, without): used, limit, and needed for them. */
  quota(place: Place, shapes?: readonly MachineShape[]): Promise<readonly QuotaUse[]>;
  /** What Azure's own catalogue says of these types; one that isn't sold in the place is missing from the answer. */
  describeMachines(place: Place, types: readonly string[]): Promise<readonly MachineDescription[]>;
  /** Whether it is of the machine's architecture is told when the machine is asked for. */
  resolveImage(place: Place, image: string): Promise<string>;
}

/** Provider calls end within a minute; what isn't done by then is said to be so. */
const callMs = 50_000;

const capabilities: Omit<Capabilities, "reachesControl" | "hostKiller"> = {
  spot: true,
  createsHosts: true,
  nameLimit: 54,
  /**
   * Lists of groups come from caches that are seconds old, and a PUT whose reply was lost may take effect a request's
   * time after we gave it up. Nothing says how long at most; a minute and a half is generous.
   */
  visibilityDelayMs: 90_000,
};

export const createAzureProvider = (deps: AzureDeps): AzureProvider => new AzureCloud(deps);

/**
 * Hosts on Azure: each placement round of a deployment has one resource group in each of its regions, in which all that
 * it makes lies, and whose deletion takes all away. The lease, too, is the group's tag.
 */
class AzureCloud implements AzureProvider {
  readonly name = "azure";
  readonly capabilities: Capabilities;
  private readonly deps: AzureDeps;
  private readonly calls: ArmCalls;
  /** Rounds that this process asked for, by deployment and region: found at once, before any list shows them. A hint only. */
  private readonly made = new Map<string, Set<number>>();

  constructor(deps: AzureDeps) {
    this.deps = deps;
    this.calls = new ArmCalls(deps);
    this.capabilities = {
      ...capabilities,
      hostKiller: deps.selfDeletionIdentity !== undefined,
      reachesControl: deps.reachesControl ?? false,
    };
  }

  async ensure(intents: readonly Intent[], signal: AbortSignal): Promise<readonly EnsureOutcome[]> {
    signal.throwIfAborted();
    const session = this.calls.open(callMs, signal);
    // By intent and not by name: networks of several regions bear one name.
    const outcomes = new Map<Intent, EnsureOutcome>();
    await Promise.all(
      groupsOf(intents).map(async (cell) => {
        for (const [intent, outcome] of await this.ensureCell(cell, session)) outcomes.set(intent, outcome);
      }),
    );
    return intents.flatMap((intent) => outcomes.get(intent) ?? []);
  }

  /** @param intents of one resource group */
  private async ensureCell(
    intents: readonly [Intent, ...Intent[]],
    session: ArmSession,
  ): Promise<readonly (readonly [Intent, EnsureOutcome])[]> {
    try {
      const failures = await ensureGroup(this.planGroup(intents), {
        clients: this.deps.clients,
        session,
        now: () => this.deps.clock.now(),
        sshSources: this.deps.sshSources ?? ["*"],
      });
      return intents.map((intent) => [intent, outcomeOf(intent, failures.get(intent.name))]);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      return intents.map((intent) => [intent, outcomeOf(intent, error)]);
    }
  }

  /** @throws {FailureError} before anything is asked of the cloud: the time is over, or a machine is impossible */
  private planGroup(intents: readonly [Intent, ...Intent[]]): GroupPlan {
    const now = this.deps.clock.now();
    const [first] = intents;
    const late = intents.find((intent) => now > intent.notAfter || now >= intent.expiresAt);
    if (late !== undefined) throw cancelled(`the time to create "${late.name}" is over`);
    const foreign = intents.find(({ kind }) => kind === "resource");
    if (foreign !== undefined) throw invalid(`Azure can't make "${foreign.name}", a resource`);
    const ref = groupOfIntent(first);
    this.remember(ref.deployment, ref.region, ref.round);
    return {
      ref,
      owner: intents.find(({ kind }) => kind === "network") ?? first,
      hosts: intents.flatMap((intent) => this.hostOf(intent, now)),
      notAfter: Math.min(...intents.map(({ notAfter }) => notAfter)),
    };
  }

  private hostOf(intent: Intent, now: number): HostWanted[] {
    const { host } = intent;
    if (host === undefined) return [];
    const { selfDeletionIdentity: identity, clients } = this.deps;
    const userData = renderUserData(host.setup, host.shape.disks, "azure");
    const tags = hostTags(intent, host.setup, now);
    if (identity === undefined) return [wantHost(intent, { userData, tags })];
    const vmId = resourceId(clients.subscriptionId, groupOfIntent(intent), {
      type: "Microsoft.Compute/virtualMachines",
      name: vmName(intent),
    });
    const { expiresAt } = host.setup;
    const mortal = withSelfDeletion(userData, { vmId, identity, expiresAt, endpoint: clients.endpoint });
    return [wantHost(intent, { userData: mortal, tags, identity })];
  }

  async observe(deployment: DeploymentId, place: Place): Promise<readonly ResourceState[]> {
    const session = this.calls.open(callMs);
    const groups = await this.groups(session, deployment, place);
    const states = await Promise.all(groups.map((group) => observeGroup(this.deps.clients, session, group)));
    return states.flat();
  }

  async connect(deployment: DeploymentId, place: Place, peers: readonly string[]): Promise<void> {
    const session = this.calls.open(callMs);
    const group = current(await this.groups(session, deployment, place));
    if (group === undefined) return;
    await connectGroups(this.deps.clients, session, group, peers);
  }

  /**
   * The lease is the group's tag alone: what the reaper reads. The machines' own timers stand in a file on each host,
   * which a VM's tags or user data can't change afterwards; whoever reaches the hosts renews them (`renewExpiry`).
   */
  async extend(deployment: DeploymentId, place: Place, expiresAt: number): Promise<void> {
    const session = this.calls.open(callMs);
    const groups = await this.groups(session, deployment, place);
    for (const { id, name } of groups.filter(({ isDeleting }) => !isDeleting)) {
      await session.call({
        doing: `lease of resource group ${name}`,
        kind: "write",
        send: (options) =>
          this.deps.clients.resources.tagsOperations.beginUpdateAtScope(
            id,
            { operation: "Merge", properties: { tags: expiryTag(expiresAt) } },
            options,
          ),
      });
    }
  }

  async beginDestroy(deployment: DeploymentId, place: Place): Promise<void> {
    const session = this.calls.open(callMs);
    const groups = await this.groups(session, deployment, place);
    for (const group of groups.filter(({ isDeleting }) => !isDeleting))
      await deleteGroup(this.deps.clients, session, group.name);
  }

  sweep(scope: SweepScope): AsyncIterable<TaggedResource> {
    return sweepGroups(this.deps.clients, () => this.calls.open(callMs), scope);
  }

  destroyResource(resource: TaggedResource): Promise<void> {
    return destroyResource(this.deps.clients, this.calls.open(callMs), resource);
  }

  quota(place: Place, shapes?: readonly MachineShape[]): Promise<readonly QuotaUse[]> {
    return readQuota(this.deps.clients, this.calls.open(callMs), place, shapes);
  }

  describeMachines(place: Place, types: readonly string[]): Promise<readonly MachineDescription[]> {
    return describeMachines(this.deps.clients, this.calls.open(callMs), place, types);
  }

  resolveImage(place: Place, image: string): Promise<string> {
    return exactImage(this.deps.clients, this.calls.open(callMs), place, image);
  }

  private groups(session: ArmSession, deployment: string, { region }: Place): Promise<OurGroup[]> {
    const made = [...(this.made.get(`${deployment} ${region}`) ?? [])];
    return findGroups(this.deps.clients, session, { deployment, region, made });
  }

  private remember(deployment: string, region: string, round: number): void {
    const key = `${deployment} ${region}`;
    const rounds = this.made.get(key) ?? new Set<number>();
    rounds.add(round);
    this.made.delete(key); // and to the end: the oldest is forgotten first
    this.made.set(key, rounds);
    const [oldest] = this.made.keys();
    if (this.made.size > mostRemembered && oldest !== undefined) this.made.delete(oldest);
  }
}

const mostRemembered = 1_000;

/** Intents by the resource group that they are to lie in. */
function groupsOf(intents: readonly Intent[]): readonly (readonly [Intent, ...Intent[]])[] {
  const groups = new Map<string, [Intent, ...Intent[]]>();
  for (const intent of intents) {
    const name = groupName(groupOfIntent(intent));
    const others = groups.get(name);
    if (others === undefined) groups.set(name, [intent]);
    else others.push(intent);
  }
  return [...groups.values()];
}

/** Of a deployment's groups in one region the latest round's that stands. */
const current = (groups: readonly OurGroup[]): OurGroup | undefined =>
  groups.filter(({ isDeleting }) => !isDeleting).at(-1);

function outcomeOf({ name }: Intent, error: FailureError | undefined): EnsureOutcome {
  if (error === undefined) return { kind: "accepted", name };
  return { kind: "refused", name, failure: error.failure, retryAfterMs: retryAfterOf(error) };
}

function retryAfterOf(error: FailureError): number | undefined {
  if (error instanceof AzureError) return error.answer.retryAfterMs;
  return error instanceof PacedOutError ? error.retryAfterMs : undefined;
}

const cancelled = (message: string): FailureError => new FailureError({ class: "cancelled", message });
const invalid = (message: string): FailureError => new FailureError({ class: "invalid", message });
