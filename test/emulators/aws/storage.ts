import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Texts } from "./inputs.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import { tagSet } from "./tags.ts";

const describeVolumes = ec2Operation(
  z.strictObject({ VolumeId: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const asked = input.VolumeId.map((id) => region.need(region.volumes, id, "InvalidVolume.NotFound", "volume"));
    const matching = (asked.length > 0 ? asked : region.visible(region.volumes)).filter((v) =>
      matchesFilters(input.Filter, {
        tags: v.tags,
        values: {
          status: v.instanceId === undefined ? "available" : "in-use",
          "volume-id": v.id,
          "attachment.instance-id": v.instanceId,
          "availability-zone": v.zone,
        },
      }),
    );
    const page = pageOf(matching, input);
    return {
      volumeSet: page.items.map((v) => ({
        volumeId: v.id,
        size: v.sizeGib,
        snapshotId: v.snapshotId,
        availabilityZone: v.zone,
        status: v.instanceId === undefined ? "available" : "in-use",
        createTime: new Date(v.createdAtMs).toISOString(),
        attachmentSet:
          v.instanceId === undefined
            ? []
            : [
                {
                  volumeId: v.id,
                  instanceId: v.instanceId,
                  device: v.device,
                  status: "attached",
                  attachTime: new Date(v.createdAtMs).toISOString(),
                  deleteOnTermination: v.deleteOnTermination,
                },
              ],
        tagSet: tagSet(v.tags),
        volumeType: v.type,
        iops: v.iops,
        throughput: v.throughput,
        encrypted: v.encrypted,
        multiAttachEnabled: false,
      })),
      nextToken: page.nextToken,
    };
  },
);

const deleteVolume = ec2Operation(z.strictObject({ VolumeId: z.string() }), (region, input, call) => {
  const volume = region.need(region.volumes, input.VolumeId, "InvalidVolume.NotFound", "volume");
  if (volume.instanceId !== undefined)
    throw new CloudError(400, "VolumeInUse", `Volume ${volume.id} is currently attached to ${volume.instanceId}`);
  region.volumes.delete(volume.id);
  call.mutations.push(`deleted ${volume.id}`);
  return { return: true };
});

export const storageOperations: Readonly<Record<string, Ec2Operation>> = {
  DescribeVolumes: describeVolumes,
  DeleteVolume: deleteVolume,
};
