import { DescribeSubnetsCommand } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { Ec2Api, Work } from "./api.ts";

/** A VPC that was there before us, with subnets of its own: hosts of its region are launched into it. */
export interface HostVpc {
  readonly region: string;
  readonly id: string;
}

export interface Subnet {
  readonly id: string;
  readonly zone: string;
  /** Whether hosts in it are given public addresses by themselves: a sign that it has a way to the internet. */
  readonly isPublic: boolean;
}

/** The subnets of a VPC; undefined where hosts of the region go to the default VPC, whose subnets EC2 finds itself. */
export async function listSubnets(
  api: Ec2Api,
  asked: { readonly region: string; readonly vpc: HostVpc | undefined },
  work: Work,
): Promise<readonly Subnet[] | undefined> {
  const { region, vpc } = asked;
  if (vpc?.region !== region) return undefined;
  const { Subnets = [] } = await api.call(
    region,
    "DescribeSubnets",
    (ec2, options) =>
      ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: "vpc-id", Values: [vpc.id] }] }), options),
    work,
  );
  if (Subnets.length > 0)
    return Subnets.map(({ SubnetId = "", AvailabilityZone = "", MapPublicIpOnLaunch = false }) => ({
      id: SubnetId,
      zone: AvailabilityZone,
      isPublic: MapPublicIpOnLaunch,
    }));
  throw new FailureError({
    class: "invalid",
    message: `the VPC ${vpc.id} has no subnet in ${region}, or isn't there`,
    hint: "deploy with another --host-vpc, or without: the default VPC is taken then",
  });
}

/**
 * The subnet for a zone's hosts: a public one before a private one, and always the same of several.
 *
 * @throws {FailureError} class capacity where the zone has none, so that another zone of the user's list is tried
 */
export function subnetIn(subnets: readonly Subnet[], zone: string | undefined): string {
  const there = subnets.filter((subnet) => zone === undefined || subnet.zone === zone);
  const [first] = there.toSorted((a, b) => Number(b.isPublic) - Number(a.isPublic) || (a.id < b.id ? -1 : 1));
  if (first !== undefined) return first.id;
  throw new FailureError({
    class: "capacity",
    message: `the VPC for hosts has no subnet in ${zone ?? "any zone"}`,
    hint: `it has some in ${[...new Set(subnets.map((subnet) => subnet.zone))].sort().join(", ")}`,
  });
}
