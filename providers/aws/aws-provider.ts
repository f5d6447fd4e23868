import { CreateTagsCommand } from "@aws-sdk/client-ec2";
import type { EC2Client, SecurityGroup, Tag } from "@aws-sdk/client-ec2";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { Reach } from "../../core/names/reach.ts";
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
import type { Transport } from "../../core/ports/transport.ts";
import { renewExpiry } from "../cloud/expiry-keeper.ts";
import { expiryTag } from "../cloud/identity-tags.ts";
import { AwsCallError, Ec2Api } from "./api.ts";
import type { Work } from "./api.ts";
import { everybody } from "./access.ts";
import { ensureIntents } from "./ensure.ts";
import type { ImageOf } from "./ensure.ts";
import { findImage } from "./images.ts";
import type { AwsImage } from "./images.ts";
import { listGroups, listInstances, listPlacementGroups, listSpotRequests, listVolumes } from "./inventory.ts";
import type { Scope } from "./inventory.ts";
import { describeTypes } from "./machines.ts";
import type { AwsMachine } from "./machines.ts";
import { mapBounded } from "../../core/effects/map-bounded.ts";
import { deletePlacementGroup } from "./placement-group.ts";
import { standardQuotas } from "./quotas.ts";
import type { QuotaReader } from "./quotas.ts";
import { connectGroup, deleteGroup, isClosing, markClosing } from "./security-group.ts";
import { toStates } from "./states.ts";
import type { HostVpc } from "./subnets.ts";
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
  /** Where hosts of one region go. @default each region's default VPC */
  readonly vpc?: HostVpc | undefined;
  /** Regions that sweeps look into. @default every region that is enabled for the account */
  readonly regions?: readonly string[];
  /** How hosts are reached whose intent doesn't say. @default "open" */
  readonly reach?: Reach;
  /** Name or ARN of the instance profile of hosts that are reached by Systems Manager and name none. @default none */
  readonly hostProfile?: string | undefined;
  /** Who may open SSH, as CIDR blocks; hosts take keys only, and their own are pinned. @default everybody: 0.0.0.0/0 */
  readonly sshFrom?: readonly string[];
  /**
   * How long what was made may stay out of listings. EC2 promises no bound; a minute is beyond what is reported.
   * @default 60,000
   */
  readonly visibilityDelayMs?: number;
}

/** What has no default of its own. */
type Unset = "regions" | "hostProfile" | "vpc";

const hostsAtOnce = 16;
const regionsAtOnce = 6;
/** EC2 takes so many resources in one call of CreateTags. */
const tagsPerCall = 500;
/** Images don't change; a control plane that lives for months sees few of them. */
const imagesKept = 200;

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
  private readonly options: Required<Omit<AwsProviderOptions, Unset>> & Pick<AwsProviderOptions, Unset>;
  private readonly images = new Map<string, AwsImage>();

  constructor(deps: AwsProviderDeps, options: AwsProviderOptions) {
    this.deps = deps;
    this.options = { reach: "open", sshFrom: [everybody], visibilityDelayMs: 60_000, ...options };
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
    const imageOf: ImageOf = (region, image, architecture, work) => this.imageOf(region, image, architecture, work);
    const { reach, hostProfile, sshFrom, vpc } = this.options;
    const context = { api: this.api, access: { reach, hostProfile, sshFrom }, vpc, imageOf };
    return ensureIntents(context, intents, this.api.begin(signal));
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
    return toStates({ region: place.region, instances, groups, placementGroups, spotRequests });
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
    const regions = this.options.regions ?? (await enabledRegions(this.api, this.options.homeRegion, this.api.begin()));
    const deployment = scope.kind === "deployment" ? scope.deployment : undefined;
    for (let at = 0; at < regions.length; at += regionsAtOnce) {
      const some = regions.slice(at, at + regionsAtOnce);
      const found = await Promise.all(some.map((region) => this.sweepOne({ region, deployment })));
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

  /**
   * @param image an id, `{owner}/{name}` or a neutral name
   * @returns an id as it is, though it is of this region alone; else `{owner}/{name}`, which every region knows
   */
  async resolveImage(place: Place, image: string, architecture: MachineShape["architecture"]): Promise<string> {
    const { reference } = await findImage(this.api, { region: place.region, image, architecture }, this.api.begin());
    return image.startsWith("ami-") ? image : reference;
  }

  /**
   * Organisations forbid regions that they don't use: where nobody may look, nothing was made by us. Regions that were
   * named to us are another matter.
   */
  private async sweepOne(scope: Scope): Promise<TaggedResource[]> {
    try {
      return await sweepRegion(this.api, scope, this.api.begin());
    } catch (error) {
      const isForbidden = error instanceof AwsCallError && error.failure.class === "auth";
      if (isForbidden && this.options.regions === undefined && scope.region !== this.options.homeRegion) return [];
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
}

export const createAwsProvider = (deps: AwsProviderDeps, options: AwsProviderOptions): AwsProvider =>
  new AwsProvider(deps, options);
