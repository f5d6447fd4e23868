import { RunInstancesCommand } from "@aws-sdk/client-ec2";
import type { Failure, FailureClass } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { EnsureOutcome, Intent, MachineShape, Refusal } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import { PacedOutError } from "../cloud/pacer.ts";
import { checkAccess, profileOf, reachOf, sshSources } from "./access.ts";
import type { Access } from "./access.ts";
import { AwsCallError, hasCode } from "./api.ts";
import type { Ec2Api, Work } from "./api.ts";
import type { AwsImage } from "./images.ts";
import { listInstances } from "./inventory.ts";
import { buildLaunch } from "./launch.ts";
import type { HostIntent } from "./launch.ts";
import { chooseZone, zoneOf } from "./machines.ts";
import { mapBounded } from "../../core/effects/map-bounded.ts";
import { readOptions } from "./options.ts";
import { ensurePlacementGroup, placementGroupName } from "./placement-group.ts";
import { ensureGroup } from "./security-group.ts";
import type { Network } from "./security-group.ts";
import { listSubnets, subnetIn } from "./subnets.ts";
import type { HostVpc } from "./subnets.ts";
import { readTagList } from "./tags.ts";

export type ImageOf = (
  region: string,
  image: string,
  architecture: MachineShape["architecture"],
  work: Work,
) => Promise<AwsImage>;

export interface EnsureContext {
  readonly api: Ec2Api;
  readonly access: Access;
  /** Where hosts of its region go. @default the default VPC */
  readonly vpc: HostVpc | undefined;
  readonly imageOf: ImageOf;
}

/** Hosts launched side by side; the pace is the pacer's. */
const launchesAtOnce = 5;
/** Asked again after so long, a large deployment goes on where it stopped. */
const goOnMs = 1_000;

/** Refusals after which asking for the rest of a round is a waste: all of it moves, or ends. */
const endsRound: ReadonlySet<FailureClass> = new Set(["capacity", "quota", "auth", "invalid", "cancelled", "defect"]);

/**
 * Makes what intents ask for, or finds that it is there: the network first, then placement groups, then the hosts.
 *
 * @throws what no refusal can express: the caller gave up, or the way to AWS is down, and asking again may do
 */
export async function ensureIntents(
  context: EnsureContext,
  intents: readonly Intent[],
  work: Work,
): Promise<EnsureOutcome[]> {
  const outcomes = new Map<string, EnsureOutcome>();
  for (const round of groupBy(intents, ({ deployment, place, round }) => JSON.stringify([deployment, place, round])))
    for (const outcome of await ensureRound(context, round, work)) outcomes.set(outcome.name, outcome);
  return intents.map(({ name }) => outcomes.get(name) ?? refused(name, undecided(name)));
}

/** One deployment's intents for one place and round. */
async function ensureRound(context: EnsureContext, intents: readonly Intent[], work: Work): Promise<EnsureOutcome[]> {
  const now = context.api.clock.now();
  const bad = intents.map((intent) => ({ intent, failure: problemOf(intent, now, context.access) }));
  // Wrong in one is wrong in all: nothing is made that would only have to be destroyed.
  const first = bad.find(({ failure }) => failure !== undefined)?.failure;
  if (first !== undefined) return bad.map(({ intent, failure }) => refused(intent.name, failure ?? first));

  const hosts = intents.filter(isHost);
  const [any] = intents;
  if (any === undefined) return [];
  const network = intents.find(({ kind }) => kind === "network") ?? networkOf(any);
  try {
    const made = await ensureNetwork(context, network, hosts, work);
    const outcomes = await launchAll(context, { hosts, network, made }, work);
    return [{ kind: "accepted", name: network.name }, ...outcomes];
  } catch (error) {
    const refusal = toRefusal(error, work);
    return intents.map(({ name }) => ({ ...refusal, name }));
  }
}

/** What is wrong with an intent before any call is made for it. */
function problemOf(intent: Intent, now: number, access: Access): Failure | undefined {
  if (intent.kind === "resource" || (intent.kind === "host") !== (intent.host !== undefined))
    return { class: "invalid", message: `AWS can't make "${intent.name}", a ${intent.kind}` };
  if (now > intent.notAfter || now >= intent.expiresAt)
    return { class: "cancelled", message: `the time to create "${intent.name}" is over` };
  if (!isHost(intent)) return undefined;
  try {
    checkAccess(intent, readOptions(intent.host.shape.options), access);
    return undefined;
  } catch (error) {
    return error instanceof FailureError ? error.failure : undecided(intent.name);
  }
}

async function ensureNetwork(
  { api, access, vpc }: EnsureContext,
  network: Intent,
  hosts: readonly HostIntent[],
  work: Work,
): Promise<Network> {
  const { region } = network.place;
  const types = hosts.map(({ host }) => host.shape.type);
  const subnets = await listSubnets(api, { region, vpc }, work);
  const zones = subnets?.map(({ zone }) => zone);
  const seed = `${network.deployment} ${network.round}`;
  const named = zoneOf(network.place);
  const choose = async (): Promise<string | undefined> =>
    named === undefined && types.length > 0 ? chooseZone(api, { region, types, seed, zones }, work) : undefined;
  const made = await ensureGroup(
    api,
    {
      intent: network,
      vpcId: subnets === undefined ? undefined : vpc?.id,
      sshFrom: sshSources(hosts, access),
      chooseZone: choose,
    },
    work,
  );
  // The group's tag has a zone where one was chosen; hosts of several zones may share the group.
  const zone = named ?? made.zone ?? (await choose());
  const subnetId = subnets === undefined || hosts.length === 0 ? undefined : subnetIn(subnets, zone);
  return { ...made, zone, subnetId };
}

interface Round {
  readonly hosts: readonly HostIntent[];
  readonly network: Intent;
  readonly made: Network;
}

/** Launches side by side; after a refusal that decides the round, nothing more is asked for. */
async function launchAll(context: EnsureContext, round: Round, work: Work): Promise<EnsureOutcome[]> {
  const { api } = context;
  const { hosts, network, made } = round;
  const strategies = new Set(hosts.flatMap(({ host }) => readOptions(host.shape.options).placementGroup ?? []));
  for (const strategy of strategies)
    await ensurePlacementGroup(api, { network, strategy, zone: made.zone, createdAt: made.createdAt }, work);
  // A launch repeated by its token costs as much of EC2's pace as a first one; what is listed needs none. One that
  // ended is not launched again: `observe` tells of it.
  const there = new Set(hosts.length === 0 ? [] : await listedNames(api, network, work));
  let decided: Refusal | undefined;
  return mapBounded(hosts, launchesAtOnce, async (intent): Promise<EnsureOutcome> => {
    const { name } = intent;
    if (there.has(name)) return { kind: "accepted", name };
    if (decided !== undefined) return { ...decided, name };
    if (api.clock.now() >= work.until) return { ...outOfTime(name), name };
    try {
      await launch(context, intent, made, work);
      return { kind: "accepted", name };
    } catch (error) {
      const refusal = toRefusal(error, work);
      if (endsRound.has(refusal.failure.class)) decided ??= refusal;
      return { ...refusal, name };
    }
  });
}

async function listedNames(api: Ec2Api, { deployment, place }: Intent, work: Work): Promise<string[]> {
  const listed = await listInstances(api, { region: place.region, deployment }, work);
  return listed.flatMap(({ Tags }) => fromTags(readTagList(Tags))?.name ?? []);
}

async function launch(
  { api, access, imageOf }: EnsureContext,
  intent: HostIntent,
  network: Network,
  work: Work,
): Promise<void> {
  const { region } = intent.place;
  const { shape } = intent.host;
  const { zone } = network;
  const options = readOptions(shape.options);
  const image = await imageOf(region, shape.image, shape.architecture, work);
  const placementGroup =
    options.placementGroup === undefined ? undefined : placementGroupName(intent, options.placementGroup, zone);
  const instanceProfile = profileOf(intent, options, access);
  const reach = reachOf(intent, access);
  const input = buildLaunch(intent, { image, network, zone, placementGroup, options, instanceProfile, reach });
  if (api.clock.now() > intent.notAfter)
    throw new FailureError({ class: "cancelled", message: `the time to create "${intent.name}" is over` });
  try {
    await api.call(region, "RunInstances", (ec2, send) => ec2.send(new RunInstancesCommand(input), send), work);
  } catch (error) {
    // It was launched by an earlier try, and has ended since, or of what was then the newest image of its family:
    // `observe` tells how it is.
    if (hasCode(error, "IdempotentInstanceTerminated", "IdempotentParameterMismatch")) return;
    throw error;
  }
}

/** A cloud's no as data; anything else is thrown. */
function toRefusal(error: unknown, work: Work): Refusal {
  if (work.signal?.aborted === true) throw error;
  if (!(error instanceof FailureError)) throw error;
  if (error.failure.class === "transport") throw error;
  const retryAfterMs = error instanceof AwsCallError || error instanceof PacedOutError ? error.retryAfterMs : undefined;
  return { kind: "refused", failure: error.failure, retryAfterMs };
}

const outOfTime = (name: string): Refusal => ({
  kind: "refused",
  failure: { class: "throttled", message: `EC2's pace of launches left no time for ${name} in this call` },
  retryAfterMs: goOnMs,
});

const isHost = (intent: Intent): intent is HostIntent => intent.kind === "host" && intent.host !== undefined;

/** The network that hosts are asked for without: named as the flow names it, so that both ways lead to one group. */
const networkOf = ({ host: _host, ...intent }: Intent): Intent => ({
  ...intent,
  kind: "network",
  name: `${intent.deployment}-r${intent.round}`,
});

const refused = (name: string, failure: Failure): EnsureOutcome => ({ kind: "refused", name, failure });

const undecided = (name: string): Failure => ({ class: "defect", message: `nothing was decided about "${name}"` });

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
