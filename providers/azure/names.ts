import { createHash } from "node:crypto";
import type { Intent } from "../../core/ports/provider.ts";
import { canonicalRegion } from "./regions.ts";

/** Which resource group: one a deployment, placement round and region; the unit of deletion. */
export interface GroupRef {
  readonly deployment: string;
  readonly round: number;
  readonly region: string;
}

/**
 * `reprise-{deployment}-r{round}-{region}`, at most 90 characters.
 *
 * The round is in it because a group takes minutes to go: the next round may want the same region at once, and a group
 * that is being deleted takes nothing new.
 */
export const groupName = ({ deployment, round, region }: GroupRef): string =>
  `reprise-${slug(deployment, 52)}-r${round}-${canonicalRegion(region)}`.slice(0, 90);

export const groupOfIntent = (intent: Intent): GroupRef => ({
  deployment: intent.deployment,
  round: intent.round,
  region: canonicalRegion(intent.place.region),
});

/** @param resource its type in full: `Microsoft.Network/virtualNetworks` */
export const resourceId = (
  subscriptionId: string,
  group: GroupRef,
  resource: { readonly type: string; readonly name: string },
): string =>
  `/subscriptions/${subscriptionId}/resourceGroups/${groupName(group)}/providers/${resource.type}/${resource.name}`;

/** Names inside a group; what a group has once is called the same in all of them. */
export const inGroup = {
  network: "hosts",
  subnet: "hosts",
  firewall: "hosts",
  peersRule: "peers",
  address: (vm: string): string => `${vm}-ip`,
  interface: (vm: string): string => `${vm}-nic`,
  bootDisk: (vm: string): string => `${vm}-boot`,
  dataDisk: (vm: string, lun: number): string => `${vm}-data-${lun}`,
  peering: (region: string): string => `to-${canonicalRegion(region)}`,
} as const;

/**
 * A machine is called what its host is called in the deployment: the group says the rest.
 *
 * At most 54 characters of `[a-z0-9-]`, so that it is a host name and its disks' names stay within 80.
 */
export function vmName(intent: Intent): string {
  const prefixes = [`${intent.deployment}-r${intent.round}-`, `${intent.deployment}-`];
  const prefix = prefixes.find((each) => intent.name.startsWith(each)) ?? "";
  return slug(intent.name.slice(prefix.length), 54);
}

/** The text itself where it fits; else cut, and told apart by a digest. */
function slug(text: string, limit: number): string {
  const safe = text
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "-")
    .replace(/^-+|-+$/g, "");
  if (safe === text && safe !== "" && safe.length <= limit) return safe;
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const head = safe.slice(0, limit - 9).replace(/-+$/, "");
  return head === "" ? `h${digest}` : `${head}-${digest}`;
}
