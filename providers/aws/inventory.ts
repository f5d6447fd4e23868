import {
  DescribeInstancesCommand,
  DescribePlacementGroupsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeVolumesCommand,
} from "@aws-sdk/client-ec2";
import type { Instance, PlacementGroup, SecurityGroup, SpotInstanceRequest, Volume } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { Ec2Api, Work } from "./api.ts";
import { isOf, ourFilters } from "./tags.ts";

/** A listing longer than this is not one of ours: 200,000 resources. */
const maxPages = 200;

/** Whose resources: one deployment's, or all that have our tags. */
export interface Scope {
  readonly region: string;
  readonly deployment: string | undefined;
}

/** Instances in whatever state; terminated ones are listed for about an hour. */
export async function listInstances(api: Ec2Api, scope: Scope, work: Work): Promise<Instance[]> {
  const Filters = ourFilters(scope.deployment);
  const pages = await collect((NextToken) =>
    api.call(
      scope.region,
      "DescribeInstances",
      (ec2, options) => ec2.send(new DescribeInstancesCommand({ Filters, MaxResults: 1000, NextToken }), options),
      work,
    ),
  );
  return pages
    .flatMap(({ Reservations = [] }) => Reservations.flatMap(({ Instances = [] }) => Instances))
    .filter(({ Tags }) => isOf(scope.deployment, Tags));
}

export async function listGroups(api: Ec2Api, scope: Scope, work: Work): Promise<SecurityGroup[]> {
  const Filters = ourFilters(scope.deployment);
  const pages = await collect((NextToken) =>
    api.call(
      scope.region,
      "DescribeSecurityGroups",
      (ec2, options) => ec2.send(new DescribeSecurityGroupsCommand({ Filters, MaxResults: 1000, NextToken }), options),
      work,
    ),
  );
  return pages.flatMap(({ SecurityGroups = [] }) => SecurityGroups).filter(({ Tags }) => isOf(scope.deployment, Tags));
}

/** This listing has no pages. */
export async function listPlacementGroups(api: Ec2Api, scope: Scope, work: Work): Promise<PlacementGroup[]> {
  const { PlacementGroups = [] } = await api.call(
    scope.region,
    "DescribePlacementGroups",
    (ec2, options) => ec2.send(new DescribePlacementGroupsCommand({ Filters: ourFilters(scope.deployment) }), options),
    work,
  );
  return PlacementGroups.filter(({ Tags, State }) => isOf(scope.deployment, Tags) && State !== "deleted");
}

export async function listVolumes(api: Ec2Api, scope: Scope, work: Work): Promise<Volume[]> {
  const Filters = ourFilters(scope.deployment);
  const pages = await collect((NextToken) =>
    api.call(
      scope.region,
      "DescribeVolumes",
      (ec2, options) => ec2.send(new DescribeVolumesCommand({ Filters, MaxResults: 500, NextToken }), options),
      work,
    ),
  );
  return pages
    .flatMap(({ Volumes = [] }) => Volumes)
    .filter(({ Tags, State }) => isOf(scope.deployment, Tags) && State !== "deleted");
}

/** Spot requests that are still about something: open, or with a machine. */
export async function listSpotRequests(api: Ec2Api, scope: Scope, work: Work): Promise<SpotInstanceRequest[]> {
  const Filters = [...ourFilters(scope.deployment), { Name: "state", Values: ["open", "active"] }];
  const pages = await collect((NextToken) =>
    api.call(
      scope.region,
      "DescribeSpotInstanceRequests",
      (ec2, options) =>
        ec2.send(new DescribeSpotInstanceRequestsCommand({ Filters, MaxResults: 1000, NextToken }), options),
      work,
    ),
  );
  return pages
    .flatMap(({ SpotInstanceRequests = [] }) => SpotInstanceRequests)
    .filter(({ Tags }) => isOf(scope.deployment, Tags));
}

async function collect<P extends { readonly NextToken?: string | undefined }>(
  page: (token: string | undefined) => Promise<P>,
): Promise<P[]> {
  const pages: P[] = [];
  for (let token: string | undefined; pages.length < maxPages;) {
    const next = await page(token);
    pages.push(next);
    token = next.NextToken;
    if (token === undefined || token === "") return pages;
  }
  throw new FailureError({ class: "defect", message: `a listing of EC2 didn't end after ${maxPages} pages` });
}
