import type { Clock } from "../../core/effects/clock.ts";
import type { Failure } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { EnsureOutcome, Intent } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import { PacedOutError } from "../cloud/pacer.ts";
import type { ComputeApi } from "./compute-api.ts";
import { failureOfOperation, failureOfRefusal, GoogleRefusal, isTaken, isTakenName } from "./errors.ts";
import { buildInstance, networkPath } from "./instance-body.ts";
import type { HostIntent } from "./instance-body.ts";
import { describe, networkTag, parseDescription, requestIdOf, subnetRange, unlabelledName } from "./names.ts";
import type { UnlabelledKind } from "./names.ts";
import { isFailure, readOptions } from "./options.ts";
import type { GcpOptions } from "./options.ts";
import { Instance, Unlabelled } from "./wire.ts";
import { chooseZone } from "./zones.ts";

export interface EnsureEffects {
  readonly api: ComputeApi;
  readonly clock: Clock;
  /** Who may open SSH connections to hosts, CIDR. */
  readonly sshSources: readonly string[];
  readonly signal: AbortSignal;
}

/** What came of one insert. `making`: begun, and what refers to it must wait. */
type Inserted =
  | { readonly kind: "there" | "making" }
  | { readonly kind: "refused"; readonly failure: Failure; readonly retryAfterMs?: number | undefined };

/** How soon to ask again for what waits for a network or a policy. */
const soonMs = 3_000;
const hostsAtOnce = 16;

/**
 * Asks for the network's part and the hosts of each deployment, round and place; asked again it asks for the same, and
 * takes what is there already.
 *
 * Hosts are asked for one by one, at the same time, and not by `bulkInsert`: that gives all its machines the same
 * metadata and labels (`perInstanceProperties` knows only names and host names), and every host of ours has a host key
 * of its own that was pinned before its birth. Sharing one text with all keys in it would let each host pass for all
 * others. What is lost is all-or-nothing: a round of which one host is refused is given up by the flow, and deleted.
 */
export async function ensureAll(intents: readonly Intent[], fx: EnsureEffects): Promise<readonly EnsureOutcome[]> {
  const rounds = new Map<string, [Intent, ...Intent[]]>();
  for (const intent of intents) {
    const key = JSON.stringify([intent.deployment, intent.round, intent.place.region, intent.place.zone]);
    const round = rounds.get(key);
    if (round === undefined) rounds.set(key, [intent]);
    else round.push(intent);
  }
  const outcomes = new Map<string, EnsureOutcome>();
  for (const round of rounds.values())
    for (const outcome of await ensureRound(round, fx)) outcomes.set(outcome.name, outcome);
  return intents.flatMap(({ name }) => outcomes.get(name) ?? []);
}

async function ensureRound(
  intents: readonly [Intent, ...Intent[]],
  fx: EnsureEffects,
): Promise<readonly EnsureOutcome[]> {
  const [first] = intents;
  const refuseAll = (refused: Inserted & { readonly kind: "refused" }): EnsureOutcome[] =>
    intents.map(({ name }) => ({ ...refused, name }));

  const hosts = readHosts(intents, fx.clock.now());
  if (!Array.isArray(hosts)) return refuseAll({ kind: "refused", failure: hosts });
  const network = networkOptions(hosts);
  if ("class" in network) return refuseAll({ kind: "refused", failure: network });

  const made = await ensureNetwork(first, network, fx);
  if (made.kind === "refused") return refuseAll(made);
  if (made.kind === "making") return refuseAll(notYet("the deployment's network is being made"));
  if (hosts.length === 0) return intents.map(({ name }) => ({ kind: "accepted", name }));

  const zone = await chooseZone(
    first,
    hosts.map(({ intent }) => intent.host.shape),
    fx.api,
  );
  if (typeof zone !== "string") return refuseAll({ kind: "refused", failure: zone });
  const accepted = await ensureHosts(hosts, zone, fx);
  // The network's part is there either way; a host that was refused names its own reason.
  return intents.map(({ name }) => accepted.get(name) ?? { kind: "accepted", name });
}

interface ReadHost {
  readonly intent: HostIntent;
  readonly options: GcpOptions;
}

/** Nothing is made while one of the intents can't be. */
function readHosts(intents: readonly Intent[], now: number): ReadHost[] | Failure {
  const hosts: ReadHost[] = [];
  for (const intent of intents) {
    const { host, kind, name } = intent;
    if (now > intent.notAfter || now >= intent.expiresAt)
      return { class: "cancelled", message: `the time to create "${name}" is over` };
    if (kind === "resource" || (kind === "host" && host === undefined))
      return { class: "invalid", message: `Google can't make "${name}", a ${kind}` };
    if (host === undefined) continue;
    const options = readOptions(host.shape.options);
    if (isFailure(options)) return options;
    hosts.push({ intent: { ...intent, host }, options });
  }
  return hosts;
}

interface NetworkOptions {
  readonly network: GcpOptions["network"];
  readonly compact: boolean;
}

/** One network for all hosts: its firewalls are the deployment's. */
function networkOptions(hosts: readonly ReadHost[]): NetworkOptions | Failure {
  const network = hosts[0]?.options.network ?? "default";
  const other = hosts.find(({ options }) => options.network !== network)?.options.network;
  if (other !== undefined)
    return {
      class: "invalid",
      message: `hosts of one deployment are in two networks of Google, "${network}" and "${other}"`,
      hint: "give all its roles the same `network`, or make two deployments of them",
    };
  return { network, compact: hosts.some(({ options }) => options.compact) };
}

/**
 * Network and subnetwork (an own one), firewalls, placement policy. The SSH rule comes before all hosts and goes before
 * them: while it stands, the round is wanted (see `readSnapshot`).
 */
async function ensureNetwork(intent: Intent, options: NetworkOptions, fx: EnsureEffects): Promise<Inserted> {
  const { region } = intent.place;
  const description = describe(intent, fx.clock.now());
  const path = networkPath(intent, options);
  const insert = (collection: string, kind: UnlabelledKind, rest: object): Promise<Inserted> => {
    const body = { name: unlabelledName(intent, kind), description, ...rest };
    return insertUnlabelled(intent, collection, body, fx);
  };

  if (options.network === "own") {
    const network = await insert("global/networks", "net", { autoCreateSubnetworks: false });
    if (network.kind !== "there") return network;
    const subnet = await insert(`regions/${region}/subnetworks`, "sub", {
      network: path,
      ipCidrRange: subnetRange(region),
    });
    if (subnet.kind !== "there") return subnet;
  }
  const tags = [networkTag(intent.deployment)];
  // Nothing refers to a firewall, so nobody waits for it.
  const ssh = await insert("global/firewalls", "ssh", {
    network: path,
    direction: "INGRESS",
    sourceRanges: fx.sshSources,
    targetTags: tags,
    allowed: [{ IPProtocol: "tcp", ports: ["22"] }, { IPProtocol: "icmp" }],
  });
  if (ssh.kind === "refused") return ssh;
  const lan = await insert("global/firewalls", "lan", {
    network: path,
    direction: "INGRESS",
    sourceTags: tags,
    targetTags: tags,
    allowed: [{ IPProtocol: "all" }],
  });
  if (lan.kind === "refused") return lan;
  if (options.compact)
    return insert(`regions/${region}/resourcePolicies`, "pol", {
      groupPlacementPolicy: { collocation: "COLLOCATED" },
    });
  return { kind: "there" };
}

async function ensureHosts(
  hosts: readonly ReadHost[],
  zone: string,
  fx: EnsureEffects,
): Promise<ReadonlyMap<string, EnsureOutcome>> {
  const outcomes = new Map<string, EnsureOutcome>();
  let refused: (Inserted & { readonly kind: "refused" }) | undefined;
  const lost: Error[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let host = hosts[next++]; host !== undefined; host = hosts[next++]) {
      const { name } = host.intent;
      try {
        // What Google refuses once it refuses for the rest, who would only have to be deleted again.
        const inserted = refused ?? (await insertHost(host, zone, fx));
        if (inserted.kind === "refused") refused = inserted;
        outcomes.set(name, inserted.kind === "refused" ? { ...inserted, name } : { kind: "accepted", name });
      } catch (error) {
        // The others are settled first: none of them goes on after the answer.
        lost.push(error instanceof Error ? error : new Error(String(error)));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(hostsAtOnce, hosts.length) }, worker));
  if (lost[0] !== undefined && refused === undefined) throw lost[0];
  for (const { intent } of hosts)
    if (refused !== undefined && !outcomes.has(intent.name))
      outcomes.set(intent.name, { ...refused, name: intent.name });
  return outcomes;
}

async function insertHost({ intent, options }: ReadHost, zone: string, fx: EnsureEffects): Promise<Inserted> {
  fx.signal.throwIfAborted();
  let body: ReturnType<typeof buildInstance>;
  try {
    body = buildInstance(intent, options, zone, fx.clock.now());
  } catch (error) {
    if (error instanceof FailureError) return { kind: "refused", failure: error.failure };
    throw error;
  }
  const path = `zones/${zone}/instances`;
  return insertOnce(intent, path, body, fx, async () => {
    const found = await fx.api.get(`${path}/${body.name}`, Instance);
    if (found === undefined) return undefined;
    const identity = fromTags(found.labels);
    return identity?.deployment === intent.deployment && identity.name === intent.name ? "there" : "foreign";
  });
}

const insertUnlabelled = (
  intent: Intent,
  path: string,
  body: { readonly name: string },
  fx: EnsureEffects,
): Promise<Inserted> =>
  insertOnce(intent, path, body, fx, async () => {
    const found = await fx.api.get(`${path}/${body.name}`, Unlabelled);
    if (found === undefined) return undefined;
    if (found.status === "CREATING") return "making";
    const mark = parseDescription(found.description);
    // Without its description it still has a name that carries our deployment and expiry.
    return mark === undefined || mark.deployment === intent.deployment ? "there" : "foreign";
  });

/**
 * One insert, by a request id that the intent decides: a repeated one answers with the first operation, and tells how
 * far it is. Beyond the time that Google remembers ids, the taken name tells.
 *
 * @param find what stands under that name; undefined while reads don't show it yet
 */
async function insertOnce(
  intent: Intent,
  path: string,
  body: { readonly name: string },
  fx: EnsureEffects,
  find: () => Promise<"there" | "making" | "foreign" | undefined>,
): Promise<Inserted> {
  const adopt = async (): Promise<Inserted> => {
    const found = await find();
    if (found !== "foreign") return { kind: found ?? "making" };
    const message = `${path}/${body.name} is there already, and isn't of deployment ${intent.deployment}`;
    return { kind: "refused", failure: { class: "invalid", message } };
  };
  try {
    fx.signal.throwIfAborted();
    const operation = await fx.api.change("POST", path, body, requestIdOf(intent.clientToken, `${path}/${body.name}`));
    if (isTakenName(operation)) return await adopt();
    const failure = failureOfOperation(operation);
    if (failure !== undefined) return { kind: "refused", failure };
    return { kind: operation.status === "DONE" ? "there" : "making" };
  } catch (error) {
    if (isTaken(error)) return adopt();
    if (error instanceof PacedOutError)
      return { kind: "refused", failure: error.failure, retryAfterMs: error.retryAfterMs };
    if (!(error instanceof GoogleRefusal)) throw error;
    const failure = failureOfRefusal(error, `create ${path}/${body.name}`);
    // A server's error is no answer: whether it acted, the next call with the same id finds out.
    if (failure.class === "transport") throw new FailureError(failure, { cause: error });
    return {
      kind: "refused",
      failure,
      retryAfterMs: error.retryAfterMs ?? (failure.class === "throttled" ? soonMs : undefined),
    };
  }
}

/** Google takes no reference to what is still being made. The flow waits as long as it is told, and asks again. */
const notYet = (message: string): Inserted & { readonly kind: "refused" } => ({
  kind: "refused",
  failure: { class: "throttled", message },
  retryAfterMs: soonMs,
});
