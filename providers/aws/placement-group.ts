import { CreatePlacementGroupCommand, DeletePlacementGroupCommand } from "@aws-sdk/client-ec2";
import type { Intent } from "../../core/ports/provider.ts";
import { hasCode } from "./api.ts";
import type { Ec2Api, Work } from "./api.ts";
import { ignore } from "./security-group.ts";
import { intentTags, tagSpecifications } from "./tags.ts";

export type Strategy = "cluster" | "spread" | "partition";

/** One group a round, zone and strategy: its hosts are near each other, or apart. A cluster has one zone alone. */
export const placementGroupName = (intent: Intent, strategy: Strategy, zone: string | undefined): string =>
  `reprise-${intent.deployment}-r${intent.round}-${zone ?? intent.place.region}-${strategy}`;

/** Makes the group, or leaves the one that is there: names are unique in an account's region. */
export async function ensurePlacementGroup(
  api: Ec2Api,
  request: {
    readonly network: Intent;
    readonly strategy: Strategy;
    readonly zone: string | undefined;
    readonly createdAt: number;
  },
  work: Work,
): Promise<string> {
  const { network, strategy, zone, createdAt } = request;
  const GroupName = placementGroupName(network, strategy, zone);
  await api
    .call(
      network.place.region,
      "CreatePlacementGroup",
      (ec2, options) =>
        ec2.send(
          new CreatePlacementGroupCommand({
            GroupName,
            Strategy: strategy,
            TagSpecifications: tagSpecifications(["placement-group"], intentTags(network, createdAt)),
          }),
          options,
        ),
      work,
    )
    .catch(ignore("InvalidPlacementGroup.Duplicate"));
  return GroupName;
}

/** @returns false while an instance is in it */
export async function deletePlacementGroup(api: Ec2Api, region: string, name: string, work: Work): Promise<boolean> {
  try {
    await api.call(
      region,
      "DeletePlacementGroup",
      (ec2, options) => ec2.send(new DeletePlacementGroupCommand({ GroupName: name }), options),
      work,
      { final: ["InvalidPlacementGroup.Unknown", "InvalidPlacementGroup.InUse"] },
    );
    return true;
  } catch (error) {
    if (hasCode(error, "InvalidPlacementGroup.Unknown")) return true;
    if (hasCode(error, "InvalidPlacementGroup.InUse")) return false;
    throw error;
  }
}
