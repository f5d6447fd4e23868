import { FailureError } from "../../core/errors/failure.ts";
import type { Reach } from "../../core/names/reach.ts";
import type { AwsOptions } from "./options.ts";
import type { HostIntent } from "./launch.ts";

/** How hosts are reached by a control plane, where they don't say it themselves. */
export interface Access {
  readonly reach: Reach;
  /** Name or ARN of an instance profile with which an SSM agent may speak. */
  readonly hostProfile: string | undefined;
  /** Addresses that may open SSH: CIDR blocks. */
  readonly sshFrom: readonly string[];
}

export const everybody = "0.0.0.0/0";

export const reachOf = ({ host }: HostIntent, access: Access): Reach => host.reach ?? access.reach;

/** Whose SSH a round's security group lets in: nobody's where Systems Manager is the way to all of its hosts. */
export function sshSources(hosts: readonly HostIntent[], access: Access): readonly string[] {
  const reaches = hosts.length === 0 ? [access.reach] : hosts.map((host) => reachOf(host, access));
  return reaches.every((reach) => reach === "ssm") ? [] : access.sshFrom;
}

/** A host's instance profile: its own, or what its agent can't do without. */
export const profileOf = (intent: HostIntent, options: AwsOptions, access: Access): string | undefined =>
  options.instanceProfile ?? (reachOf(intent, access) === "ssm" ? access.hostProfile : undefined);

/** @throws {FailureError} class invalid, for a host that nobody could reach */
export function checkAccess(intent: HostIntent, options: AwsOptions, access: Access): void {
  const reach = reachOf(intent, access);
  if (reach === "ssm" && profileOf(intent, options, access) === undefined)
    throw new FailureError({
      class: "invalid",
      message: `${intent.name} is to be reached by Systems Manager and has no instance profile: its agent may not speak`,
      hint: "name one with AmazonSSMManagedInstanceCore: `options: {aws: {instanceProfile: …}}`; a deployed control plane offers its own",
    });
  if (reach === "nat" && access.sshFrom.includes(everybody))
    throw new FailureError({
      class: "invalid",
      message: `${intent.name} is to be reached from one fixed address, and this control plane has none`,
      hint: "deploy it with `-c reach=nat`, or say `reach: open`",
    });
}
