import { z } from "zod";
import { instanceTypes, isOffered, spotPrice } from "./catalog.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Texts } from "./inputs.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import { tagSet } from "./tags.ts";

const missing = "InvalidSpotInstanceRequestID.NotFound";

const describeSpotInstanceRequests = ec2Operation(
  z.strictObject({ SpotInstanceRequestId: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const asked = input.SpotInstanceRequestId.map((id) =>
      region.need(region.spotRequests, id, missing, "spot request"),
    );
    const matching = (asked.length > 0 ? asked : region.visible(region.spotRequests)).filter((r) =>
      matchesFilters(input.Filter, {
        tags: r.tags,
        values: {
          state: r.state,
          "status-code": r.status.code,
          "instance-id": r.instanceId,
          "spot-instance-request-id": r.id,
        },
      }),
    );
    const page = pageOf(matching, input);
    return {
      spotInstanceRequestSet: page.items.map((r) => ({
        spotInstanceRequestId: r.id,
        spotPrice: r.price,
        type: "one-time",
        state: r.state,
        status: { code: r.status.code, message: r.status.message, updateTime: new Date(r.status.atMs).toISOString() },
        launchSpecification: { imageId: r.imageId, instanceType: r.type.name },
        instanceId: r.instanceId,
        createTime: new Date(r.createdAtMs).toISOString(),
        productDescription: "Linux/UNIX",
        launchedAvailabilityZone: r.zone,
        instanceInterruptionBehavior: "terminate",
        tagSet: tagSet(r.tags),
      })),
      nextToken: page.nextToken,
    };
  },
);

/** Cancelling ends the request, not its instance. */
const cancelSpotInstanceRequests = ec2Operation(
  z.strictObject({ SpotInstanceRequestId: Texts }),
  (region, input, call) => {
    const requests = input.SpotInstanceRequestId.map((id) =>
      region.need(region.spotRequests, id, missing, "spot request"),
    );
    for (const request of requests) {
      if (request.state !== "active") continue;
      request.state = "cancelled";
      request.status = {
        code: "request-canceled-and-instance-running",
        message: "Your Spot request is cancelled, but your instance is still running.",
        atMs: region.world.now(),
      };
      call.mutations.push(`cancelled ${request.id}`);
    }
    return {
      spotInstanceRequestSet: requests.map((r) => ({ spotInstanceRequestId: r.id, state: "cancelled" })),
    };
  },
);

const describeSpotPriceHistory = ec2Operation(
  z.strictObject({
    InstanceType: Texts,
    ProductDescription: Texts,
    AvailabilityZone: z.string().optional(),
    StartTime: z.string().optional(),
    EndTime: z.string().optional(),
    Filter: FilterInput,
    ...pageInput,
  }),
  (region, input) => {
    const rows = [...instanceTypes.values()]
      .filter((t) => input.InstanceType.length === 0 || input.InstanceType.includes(t.name))
      .flatMap((type) =>
        region.zones
          .filter((zone) => (input.AvailabilityZone ?? zone) === zone && isOffered(type.name, zone))
          .map((zone) => ({ type, zone })),
      )
      .filter(({ type, zone }) =>
        matchesFilters(input.Filter, {
          values: {
            "instance-type": type.name,
            "availability-zone": zone,
            "product-description": "Linux/UNIX",
          },
        }),
      );
    const page = pageOf(rows, input);
    return {
      spotPriceHistorySet: page.items.map(({ type, zone }) => ({
        instanceType: type.name,
        productDescription: "Linux/UNIX",
        spotPrice: spotPrice(type, zone),
        timestamp: new Date(Math.floor(region.world.now() / 3_600_000) * 3_600_000).toISOString(),
        availabilityZone: zone,
      })),
      nextToken: page.nextToken,
    };
  },
);

export const spotOperations: Readonly<Record<string, Ec2Operation>> = {
  DescribeSpotInstanceRequests: describeSpotInstanceRequests,
  CancelSpotInstanceRequests: cancelSpotInstanceRequests,
  DescribeSpotPriceHistory: describeSpotPriceHistory,
};
