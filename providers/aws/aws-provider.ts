import { CreateTagsCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import type { EC2Client, SecurityGroup, Tag } from "@aws-sdk/client-ec2";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import type { Failure, FailureClass } from "../../core/errors/failure.ts";
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
  Refusal,
  ResourceState,
  SweepScope,
  TaggedResource,
} from "../../core/ports/provider.ts";
import type { Transport } from "../../core/ports/transport.ts";
import { renewExpiry } from "../cloud/expiry-keeper.ts";
import { expiryTag } from "../cloud/identity-tags.ts";
import { PacedOutError } from "../cloud/pacer.ts";
import { AwsCallError, Ec2Api, hasCode } from "./api.ts";
import type { Work } from "./api.ts";
import { findImage } from "./images.ts";
import type { AwsImage } from "./images.ts";
import { listGroups, listInstances, listPlacementGroups, listSpotRequests, listVolumes } from "./inventory.ts";
import type { Scope } from "./inventory.ts";
import { buildLaunch } from "./launch.ts";
import type { HostIntent } from "./launch.ts";
import { chooseZone, describeTypes, zoneOf } from "./machines.ts";
import type { AwsMachine } from "./machines.ts";
import { readOptions } from "./options.ts";
import { deletePlacementGroup, ensurePlacementGroup, placementGroupName } from "./placement-group.ts";
import { standardQuotas } from "./quotas.ts";
import type { QuotaReader } from "./quotas.ts";
import { connectGroup, deleteGroup, ensureGroup, isClosing, markClosing } from "./security-group.ts";
import type { Network } from "./security-group.ts";
import { toStates } from "./states.ts";
import { deleteVolume, destroySwept, enabledRegions, isInScope, sweepRegion, terminate } from "./sweep.ts";
import { toTagList } from "./tags.ts";

export interface AwsProviderDeps {
  readonly clock: Clock;
  /** Spreads repeated calls; no secrets are drawn from it. */
  readonly random: Random;
  /** A region's client, with the SDK's own retries off (`createAwsClients`). */
  readonly ec2: (region: string) => EC2Client;
  /** The way to hosts whose own timers a longer lease must reach. */
  readonly hosts: Pick<Transport, "run">;
  /** A region's quotas; without it they are unknown, since EC2's own API doesn't tell them. */
  readonly quota?: QuotaReader;
  /** Hosts can open connections to the control side. @default false: a laptop's address leads nowhere */
  readonly reachesControl?: boolean;
}

export interface AwsProviderOptions {
  /** Where the account is asked which regions it has. */
  readonly homeRegion: string;
  /** Regions that sweeps look into. @default every region that is enabled for the account */
  readonly regions?: readonly string[];
  /** Who may open SSH, as CIDR blocks; hosts take keys only, and their own are pinned. @default everybody: 0.0.0.0/0 */
  readonly sshFrom?: readonly string[];
  /**
   * How long what was made may stay out of listings. EC2 promises no bound; a minute is beyond what is reported.
   * @default 60,000
   */
  readonly visibilityDelayMs?: number;
}

/** Hosts launched side by side; the pace is the pacer's. */
const launchesAtOnce = 5;
const hostsAtOnce = 16;
const regionsAtOnce = 6;
/** EC2 takes so many resources in one call of CreateTags. */
const tagsPerCall = 500;
/** Images don't change; a control plane that lives for months sees few of them. */
const imagesKept = 200;

/** Refusals after which asking for the rest of a round is a waste: all of it moves, or ends. */
const endsRound: ReadonlySet<FailureClass> = new Set(["capacity", "quota", "auth", "invalid", "cancelled", "defect"]);

/**
 * Amazon EC2.
 *
 * Nothing is remembered but images: what exists is read from tags. Names (security and placement groups) and client
 * tokens (instances) make every creation repeatable after a lost reply or a crash.
 */
export class AwsProvider implements Provider {
  readonly name = "aws";
  readonly capabilities: Capabilities;
  private readonly api: Ec2Api;
  private readonly deps: AwsProviderDeps;
  private readonly options: Required<Omit<AwsProviderOptions, "regions">> & Pick<AwsProviderOptions, "regions">;
  private readonly images = new Map<string, AwsImage>();

  constructor(deps: AwsProviderDeps, options: AwsProviderOptions) {
    this.deps = deps;
    this.options = { sshFrom: ["0.0.0.0/0"], visibilityDelayMs: 60_000, ...options };
    this.api = new Ec2Api(deps);
    this.capabilities = {
      spot: true,
      hostKiller: true,
      createsHosts: true,
      reachesControl: deps.reachesControl ?? false,
      nameLimit: 200, // of a security group 255, with our prefix and suffixes
      visibilityDelayMs: this.options.visibilityDelayMs,
    };
  }

  async ensure(intents: readonly Intent[], signal: AbortSignal): Promise<readonly EnsureOutcome[]> {
    signal.throwIfAborted();
    const work = this.api.begin(signal);
    const outcomes = new Map<string, EnsureOutcome>();
    for (const round of groupBy(intents, ({ deployment, place, round }) => JSON.stringify([deployment, place, round])))
      for (const outcome of await this.ensureRound(round, work)) outcomes.set(outcome.name, outcome);
    return intents.map(({ name }) => outcomes.get(name) ?? refused(name, unmade(name)));
  }

  async observe(deployment: DeploymentId, place: Place): Promise<readonly ResourceState[]> {
    const work = this.api.begin();
    const scope = { region: place.region, deployment };
    const [instances, groups, placementGroups] = await Promise.all([
      listInstances(this.api, scope, work),
      listGroups(this.api, scope, work),
      listPlacementGroups(this.api, scope, work),
    ]);
    const hasSpot = instances.some((i) => i.InstanceLifecycle === "spot" && i.State?.Name === "running");
    const spotRequests = hasSpot ? await listSpotRequests(this.api, scope, work) : [];
    return toStates({ instances, groups, placementGroups, spotRequests });
  }

  async connect(deployment: DeploymentId, place: Place, peers: readonly string[]): Promise<void> {
    const work = this.api.begin();
    const groups = (await this.groupsOf(deployment, place, work)).filter((group) => !isClosing(group));
    if (groups.length === 0)
      throw new FailureError({
        class: "transport", // asked again: its hosts are up, so it is there and not listed yet
        message: `no security group of ${deployment} in ${place.region}`,
      });
    for (const group of groups) await connectGroup(this.api, { region: place.region, group, peers }, work);
  }

  async extend(deployment: DeploymentId, place: Place, expiresAt: number): Promise<void> {
    const work = this.api.begin();
    const scope = { region: place.region, deployment };
    const resources = await sweepRegion(this.api, scope, work);
    const Tags = toTagList(expiryTag(expiresAt));
    for (let at = 0; at < resources.length; at += tagsPerCall) {
      const Resources = resources.slice(at, at + tagsPerCall).map(({ id }) => id);
      await this.tag(place.region, Resources, Tags, work);
    }
    await this.renewHosts(await this.observe(deployment, place), expiresAt, deployment);
  }

  async beginDestroy(deployment: DeploymentId, place: Place): Promise<void> {
    const work = this.api.begin();
    const { region } = place;
    const scope: Scope = { region, deployment };
    const groups = await listGroups(this.api, scope, work);
    // First: whatever is launched after this was launched by somebody who hasn't looked.
    for (const group of groups) await markClosing(this.api, region, group, work);
    const instances = await listInstances(this.api, scope, work);
    const running = instances.filter(({ State }) => State?.Name !== "terminated" && State?.Name !== "shutting-down");
    await terminate(
      this.api,
      region,
      running.flatMap(({ InstanceId }) => InstanceId ?? []),
      work,
    );
    if (instances.some(({ State }) => State?.Name !== "terminated")) return; // the rest is in use until they are gone
    for (const volume of await listVolumes(this.api, scope, work))
      if (volume.VolumeId !== undefined) await deleteVolume(this.api, region, volume.VolumeId, work);
    for (const { GroupName } of await listPlacementGroups(this.api, scope, work))
      if (GroupName !== undefined) await deletePlacementGroup(this.api, region, GroupName, work);
    for (const { GroupId } of groups) if (GroupId !== undefined) await deleteGroup(this.api, region, GroupId, work);
  }

  async *sweep(scope: SweepScope): AsyncGenerator<TaggedResource> {
    const work = this.api.begin();
    const regions = this.options.regions ?? (await enabledRegions(this.api, this.options.homeRegion, work));
    const deployment = scope.kind === "deployment" ? scope.deployment : undefined;
    for (let at = 0; at < regions.length; at += regionsAtOnce) {
      const some = regions.slice(at, at + regionsAtOnce);
      const found = await Promise.all(
        some.map((region) => sweepRegion(this.api, { region, deployment }, this.api.begin())),
      );
      for (const resource of found.flat()) if (isInScope(resource, scope)) yield resource;
    }
  }

  async destroyResource(resource: TaggedResource): Promise<void> {
    await destroySwept(this.api, resource, this.api.begin());
  }

  /**
   * vCPUs in use and allowed, of the families that these machines belong to.
   *
   * @returns nothing where nobody can tell: an empty list is "unknown", not "unlimited"
   */
  async quota(place: Place, shapes: readonly MachineShape[]): Promise<readonly QuotaUse[]> {
    if (this.deps.quota === undefined) return [];
    return standardQuotas(this.api, { place, shapes, read: this.deps.quota }, this.api.begin());
  }

  /** vCPUs, memory and architecture of these types, as EC2 describes them in the region. */
  async describeMachines(place: Place, types: readonly string[]): Promise<readonly AwsMachine[]> {
    return describeTypes(this.api, place.region, types, this.api.begin());
  }

  /** Finds an image by id, `{owner}/{name}` or neutral name; freeze its `reference`, which every region knows. */
  async resolveImage(place: Place, image: string, architecture: MachineShape["architecture"]): Promise<AwsImage> {
    return this.imageOf(place.region, image, architecture, this.api.begin());
  }

  /** One deployment's intents for one place and round. */
  private async ensureRound(intents: readonly Intent[], work: Work): Promise<EnsureOutcome[]> {
    const bad = intents.map((intent) => ({ intent, failure: this.refusalOf(intent) }));
    // Wrong in one is wrong in all: nothing is made that would only have to be destroyed.
    const first = bad.find(({ failure }) => failure !== undefined)?.failure;
    if (first !== undefined) return bad.map(({ intent, failure }) => refused(intent.name, failure ?? first));

    const hosts = intents.filter(isHost);
    const [any] = intents;
    if (any === undefined) return [];
    const network = intents.find(({ kind }) => kind === "network") ?? networkOf(any);
    try {
      const made = await this.ensureNetwork(network, hosts, work);
      const outcomes = await this.launchAll(hosts, made, network, work);
      return [{ kind: "accepted", name: network.name }, ...outcomes];
    } catch (error) {
      const refusal = this.toRefusal(error, work);
      return intents.map(({ name }) => ({ ...refusal, name }));
    }
  }

  /** What is wrong with an intent before any call is made for it. */
  private refusalOf(intent: Intent): Failure | undefined {
    if (intent.kind === "resource" || (intent.kind === "host") !== (intent.host !== undefined))
      return { class: "invalid", message: `AWS can't make "${intent.name}", a ${intent.kind}` };
    if (this.deps.clock.now() > intent.notAfter || this.deps.clock.now() >= intent.expiresAt)
      return { class: "cancelled", message: `the time to create "${intent.name}" is over` };
    if (intent.host === undefined) return undefined;
    try {
      readOptions(intent.host.shape.options);
      return undefined;
    } catch (error) {
      return error instanceof FailureError ? error.failure : unmade(intent.name);
    }
  }

  private async ensureNetwork(network: Intent, hosts: readonly HostIntent[], work: Work): Promise<Network> {
    const types = hosts.map(({ host }) => host.shape.type);
    const seed = `${network.deployment} ${network.round}`;
    const named = zoneOf(network.place);
    const choose = async (): Promise<string | undefined> =>
      named === undefined && types.length > 0
        ? chooseZone(this.api, { region: network.place.region, types, seed }, work)
        : undefined;
    const { sshFrom } = this.options;
    const made = await ensureGroup(this.api, { intent: network, sshFrom, chooseZone: choose }, work);
    // The group's tag has a zone where one was chosen; hosts of several zones may share the group.
    return { ...made, zone: named ?? made.zone ?? (await choose()) };
  }

  /** Launches side by side; after a refusal that decides the round, nothing more is asked for. */
  private async launchAll(
    hosts: readonly HostIntent[],
    network: Network,
    networkIntent: Intent,
    work: Work,
  ): Promise<EnsureOutcome[]> {
    const strategies = new Set(hosts.flatMap(({ host }) => readOptions(host.shape.options).placementGroup ?? []));
    for (const strategy of strategies)
      await ensurePlacementGroup(
        this.api,
        { network: networkIntent, strategy, zone: network.zone, createdAt: network.createdAt },
        work,
      );
    let decided: Refusal | undefined;
    return mapBounded(hosts, launchesAtOnce, async (intent): Promise<EnsureOutcome> => {
      if (decided !== undefined) return { ...decided, name: intent.name };
      try {
        await this.launch(intent, network, work);
        return { kind: "accepted", name: intent.name };
      } catch (error) {
        const refusal = this.toRefusal(error, work);
        if (endsRound.has(refusal.failure.class)) decided ??= refusal;
        return { ...refusal, name: intent.name };
      }
    });
  }

  private async launch(intent: HostIntent, network: Network, work: Work): Promise<void> {
    const { region } = intent.place;
    const { shape } = intent.host;
    const options = readOptions(shape.options);
    const image = await this.imageOf(region, shape.image, shape.architecture, work);
    const placementGroup =
      options.placementGroup === undefined
        ? undefined
        : placementGroupName(intent, options.placementGroup, network.zone);
    const input = buildLaunch(intent, { image, network, zone: network.zone, placementGroup, options });
    if (this.deps.clock.now() > intent.notAfter)
      throw new FailureError({ class: "cancelled", message: `the time to create "${intent.name}" is over` });
    try {
      await this.api.call(region, "RunInstances", (ec2, send) => ec2.send(new RunInstancesCommand(input), send), work);
    } catch (error) {
      // It was launched by an earlier try, and has ended since, or of what was then the newest image of its family:
      // `observe` tells how it is.
      if (hasCode(error, "IdempotentInstanceTerminated", "IdempotentParameterMismatch")) return;
      throw error;
    }
  }

  private async imageOf(
    region: string,
    image: string,
    architecture: MachineShape["architecture"],
    work: Work,
  ): Promise<AwsImage> {
    const key = `${region} ${architecture} ${image}`;
    const known = this.images.get(key);
    if (known !== undefined) return known;
    const found = await findImage(this.api, { region, image, architecture }, work);
    if (this.images.size >= imagesKept) this.images.clear();
    this.images.set(key, found);
    return found;
  }

  /** One that is gone refuses the whole call: then each is tagged by itself. */
  private async tag(region: string, Resources: string[], Tags: Tag[], work: Work): Promise<void> {
    try {
      await this.api.call(
        region,
        "CreateTags",
        (ec2, options) => ec2.send(new CreateTagsCommand({ Resources, Tags }), options),
        work,
        { final: ["InvalidInstanceID.NotFound", "InvalidGroup.NotFound", "InvalidPlacementGroup.Unknown"] },
      );
    } catch (error) {
      if (!(error instanceof AwsCallError) || !/\.(NotFound|Unknown)$/.test(error.code)) throw error;
      if (Resources.length > 1) for (const id of Resources) await this.tag(region, [id], Tags, work);
    }
  }

  /** Hosts end themselves by their own timers: a lease that doesn't reach them isn't renewed, and says so. */
  private async renewHosts(states: readonly ResourceState[], expiresAt: number, deployment: string): Promise<void> {
    const addresses = states.flatMap((s) => (s.state === "ready" && s.address !== undefined ? [s.address] : []));
    const results = await mapBounded(addresses, hostsAtOnce, (host) =>
      this.deps.hosts.run(host, renewExpiry(expiresAt)),
    );
    const failed = results.filter(({ outcome, exitCode }) => outcome !== "exited" || exitCode !== 0);
    const [first] = failed;
    if (first === undefined) return;
    throw new FailureError({
      class: "transport",
      message: `${failed.length} of ${addresses.length} hosts of ${deployment} didn't hear of their longer life: ${first.host}: ${first.outcome} ${first.stderr.slice(-300)}`,
      hint: "they end themselves when their old one is over",
      host: first.host,
    });
  }

  private async groupsOf(deployment: DeploymentId, place: Place, work: Work): Promise<SecurityGroup[]> {
    return listGroups(this.api, { region: place.region, deployment }, work);
  }

  /**
   * A cloud's no as data.
   *
   * @throws what no refusal can express: the caller gave up, or the way to AWS is down, and asking again may do
   */
  private toRefusal(error: unknown, work: Work): Refusal {
    if (work.signal?.aborted === true) throw error;
    if (!(error instanceof FailureError)) throw error;
    if (error.failure.class === "transport") throw error;
    const retryAfterMs =
      error instanceof AwsCallError || error instanceof PacedOutError ? error.retryAfterMs : undefined;
    return { kind: "refused", failure: error.failure, retryAfterMs };
  }
}

export const createAwsProvider = (deps: AwsProviderDeps, options: AwsProviderOptions): AwsProvider =>
  new AwsProvider(deps, options);

const isHost = (intent: Intent): intent is HostIntent => intent.kind === "host" && intent.host !== undefined;

/** The network that hosts are asked for without: named as the flow names it, so that both ways lead to one group. */
const networkOf = ({ host: _host, ...intent }: Intent): Intent => ({
  ...intent,
  kind: "network",
  name: `${intent.deployment}-r${intent.round}`,
});

const refused = (name: string, failure: Failure): EnsureOutcome => ({ kind: "refused", name, failure });

const unmade = (name: string): Failure => ({ class: "defect", message: `nothing was decided about "${name}"` });

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Results in the order of the items; the first error, once all that were begun have settled. */
async function mapBounded<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length && errors.length === 0; index = next++) {
      try {
        results[index] = await work(items[index] as T); // inside the list, by the loop's condition
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}
