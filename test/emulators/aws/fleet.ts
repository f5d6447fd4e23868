import { z } from "zod";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { isOffered, spotPrice } from "./catalog.ts";
import { Flag, Whole } from "./inputs.ts";
import { grantMachines, launchFields, makeInstances, resolveLaunch } from "./launch.ts";
import type { Launch, LaunchInput } from "./launch.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import type { Ec2Region } from "./region.ts";
import { tagsFor, TagSpecificationInput } from "./tags.ts";
import { mergedWithTemplate, needTemplate, TemplateReference } from "./templates.ts";

const Override = z.strictObject({
  InstanceType: z.string().optional(),
  MaxPrice: z.string().optional(),
  SubnetId: z.string().optional(),
  AvailabilityZone: z.string().optional(),
  ImageId: z.string().optional(),
  Priority: z.coerce.number().optional(),
  Placement: launchFields.Placement,
});
type Override = z.infer<typeof Override>;

const MarketOptions = z
  .strictObject({
    AllocationStrategy: z.string().optional(),
    SingleInstanceType: Flag.default(false),
    SingleAvailabilityZone: Flag.default(false),
    MinTargetCapacity: Whole.optional(),
    InstanceInterruptionBehavior: z.literal("terminate").optional(),
  })
  .optional();

/** Fleets of type `instant` only: one call, machines or reasons in the answer, nothing that keeps running. */
const createFleet = ec2Operation(
  z.strictObject({
    Type: z.literal("instant"),
    ClientToken: z.string().max(64).optional(),
    LaunchTemplateConfigs: z
      .array(
        z.strictObject({ LaunchTemplateSpecification: TemplateReference, Overrides: z.array(Override).default([]) }),
      )
      .min(1),
    TargetCapacitySpecification: z.strictObject({
      TotalTargetCapacity: Whole,
      OnDemandTargetCapacity: Whole.optional(),
      SpotTargetCapacity: Whole.optional(),
      DefaultTargetCapacityType: z.enum(["spot", "on-demand"]).optional(),
    }),
    SpotOptions: MarketOptions,
    OnDemandOptions: MarketOptions,
    TagSpecification: TagSpecificationInput,
  }),
  (region, input, call) => {
    const { ClientToken: token = "" } = input;
    const parameters = JSON.stringify(input);
    const earlier = token === "" ? undefined : region.tokens.get(`CreateFleet/${token}`);
    if (earlier?.fleet !== undefined) {
      if (earlier.parameters === parameters) return earlier.fleet;
      throw new CloudError(
        400,
        "IdempotentParameterMismatch",
        `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with client token ${token}.`,
      );
    }
    const fleetId = `fleet-${region.world.ids.uuid(`${region.name}/fleet`)}`;
    const wanted = targetsOf(input.TargetCapacitySpecification);
    tagsFor(input.TagSpecification, "fleet", ["fleet", "instance"]);
    const launchTags = input.TagSpecification.filter((s) => s.ResourceType === "instance");
    const filled = (["on-demand", "spot"] as const)
      .filter((lifecycle) => wanted[lifecycle] > 0)
      .map((lifecycle) => {
        const options = lifecycle === "spot" ? input.SpotOptions : input.OnDemandOptions;
        const choices = input.LaunchTemplateConfigs.flatMap((config) =>
          (config.Overrides.length === 0 ? [{}] : config.Overrides).map((override: Partial<Override>) =>
            choiceOf(region, config.LaunchTemplateSpecification, override, lifecycle, launchTags),
          ),
        );
        return fill(region, choices, wanted[lifecycle], options, { fleetId, lifecycle }, call);
      });
    const answer: WireObject = {
      fleetId,
      errorSet: filled.flatMap((f) => f.errors),
      fleetInstanceSet: filled.flatMap((f) => f.instances),
    };
    if (token !== "") region.tokens.set(`CreateFleet/${token}`, { parameters, reservationId: fleetId, fleet: answer });
    return answer;
  },
);

function targetsOf(target: {
  readonly TotalTargetCapacity: number;
  readonly OnDemandTargetCapacity?: number | undefined;
  readonly SpotTargetCapacity?: number | undefined;
  readonly DefaultTargetCapacityType?: "spot" | "on-demand" | undefined;
}): Record<"spot" | "on-demand", number> {
  const spot = target.SpotTargetCapacity ?? 0;
  const onDemand = target.OnDemandTargetCapacity ?? 0;
  const rest = Math.max(0, target.TotalTargetCapacity - spot - onDemand);
  return target.DefaultTargetCapacityType === "spot"
    ? { spot: spot + rest, "on-demand": onDemand }
    : { spot, "on-demand": onDemand + rest };
}

interface Choice {
  readonly launch: Launch;
  readonly priority: number;
  readonly echo: WireObject;
}

function choiceOf(
  region: Ec2Region,
  reference: z.infer<typeof TemplateReference>,
  override: Partial<Override>,
  lifecycle: "spot" | "on-demand",
  launchTags: LaunchInput["TagSpecification"],
): Choice {
  const template = needTemplate(region, reference);
  const { data } = template;
  const subnet = override.SubnetId === undefined ? {} : { SubnetId: override.SubnetId };
  const placement = {
    ...data.Placement,
    ...override.Placement,
    ...(override.AvailabilityZone === undefined ? {} : { AvailabilityZone: override.AvailabilityZone }),
  };
  const merged: LaunchInput = {
    ...mergedWithTemplate(region, reference, { ...data, TagSpecification: [...data.TagSpecification, ...launchTags] }),
    ...subnet,
    ...(override.InstanceType === undefined ? {} : { InstanceType: override.InstanceType }),
    ...(override.ImageId === undefined ? {} : { ImageId: override.ImageId }),
    Placement: placement,
    InstanceMarketOptions:
      lifecycle === "spot"
        ? { MarketType: "spot", SpotOptions: { MaxPrice: override.MaxPrice ?? undefined } }
        : undefined,
  };
  return {
    launch: resolveLaunch(region, merged),
    priority: override.Priority ?? 0,
    echo: {
      launchTemplateSpecification: { launchTemplateId: template.id, version: "1" },
      overrides: {
        instanceType: override.InstanceType,
        maxPrice: override.MaxPrice,
        subnetId: override.SubnetId,
        availabilityZone: override.AvailabilityZone,
        imageId: override.ImageId,
        priority: override.Priority,
      },
    },
  };
}

/** Goes through the choices in the strategy's order until enough machines are granted. */
function fill(
  region: Ec2Region,
  choices: readonly Choice[],
  wanted: number,
  options: z.infer<typeof MarketOptions>,
  fleet: { readonly fleetId: string; readonly lifecycle: "spot" | "on-demand" },
  call: OpenCall,
): { readonly instances: readonly WireObject[]; readonly errors: readonly WireObject[] } {
  const one = (options?.SingleInstanceType ?? false) || (options?.SingleAvailabilityZone ?? false);
  const errors: WireObject[] = [];
  const granted: { readonly choice: Choice; readonly grant: ReturnType<typeof grantMachines> }[] = [];
  let left = wanted;
  for (const choice of ordered(choices, options?.AllocationStrategy)) {
    if (left === 0) break;
    const grant = grantMachines(region, choice.launch, left);
    const whole = grant.machines.length === left;
    if (grant.refusal !== undefined)
      errors.push({
        launchTemplateAndOverrides: choice.echo,
        lifecycle: fleet.lifecycle,
        errorCode: grant.refusal.code,
        errorMessage: grant.refusal.message,
      });
    if (grant.machines.length === 0 || (one && !whole)) continue;
    granted.push({ choice, grant });
    left -= grant.machines.length;
  }
  if (wanted - left < (options?.MinTargetCapacity ?? 0)) return { instances: [], errors };
  const instances = granted.map(({ choice, grant }): WireObject => {
    const made = makeInstances(
      region,
      choice.launch,
      grant,
      { token: "", reservationId: region.newId("r"), fleetTags: new Map([["aws:ec2:fleet-id", fleet.fleetId]]) },
      call,
    );
    return {
      launchTemplateAndOverrides: choice.echo,
      lifecycle: fleet.lifecycle,
      instanceIds: made.map((i) => i.id),
      instanceType: choice.launch.type.name,
    };
  });
  return { instances, errors };
}

function ordered(choices: readonly Choice[], strategy: string | undefined): readonly Choice[] {
  switch (strategy) {
    case undefined:
    case "lowest-price":
    case "price-capacity-optimized":
    case "capacity-optimized": // capacity isn't known ahead here, so the cheapest stands for the roomiest
      return [...choices].sort((a, b) => priceOf(a) - priceOf(b));
    case "prioritized":
    case "capacity-optimized-prioritized":
      return [...choices].sort((a, b) => a.priority - b.priority);
    case "diversified":
      return choices;
    default:
      throw new CloudError(400, "InvalidParameterValue", `Unknown allocation strategy ${strategy}`);
  }
}

function priceOf({ launch }: Choice): number {
  if (!launch.spot) return launch.type.onDemandDollarsPerHour;
  const zone = launch.zone ?? "a";
  return isOffered(launch.type.name, zone) ? Number(spotPrice(launch.type, zone)) : launch.type.onDemandDollarsPerHour;
}

export const fleetOperations: Readonly<Record<string, Ec2Operation>> = { CreateFleet: createFleet };
