import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Flag, Texts, Whole } from "./inputs.ts";
import { grantMachines, launchFields, makeInstances, resolveLaunch } from "./launch.ts";
import { terminateInstance } from "./machine.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import { accountId } from "./region.ts";
import type { Ec2Region, Instance, InstanceState } from "./region.ts";
import { tagSet } from "./tags.ts";
import { mergedWithTemplate, TemplateReference } from "./templates.ts";

const stateCodes: Record<InstanceState, number> = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};
const stateOf = (state: InstanceState): WireObject => ({ code: stateCodes[state], name: state });

const runInstances = ec2Operation(
  z.strictObject({
    ...launchFields,
    MinCount: Whole,
    MaxCount: Whole,
    ClientToken: z
      .string()
      .max(64)
      .regex(/^[\x20-\x7e]*$/, "not ASCII")
      .optional(),
    LaunchTemplate: TemplateReference.optional(),
  }),
  (region, input, call) => {
    const { MinCount: min, MaxCount: max, ClientToken: token = "", LaunchTemplate: template, ...own } = input;
    if (min < 1 || max < min)
      throw new CloudError(400, "InvalidParameterValue", `Value (${min}) for parameter minCount is invalid.`);
    const parameters = JSON.stringify(input);
    const earlier = token === "" ? undefined : region.tokens.get(`RunInstances/${token}`);
    if (earlier !== undefined) return replayed(region, earlier.parameters === parameters, earlier.reservationId, token);

    const launch = resolveLaunch(region, mergedWithTemplate(region, template, own));
    const grant = grantMachines(region, launch, max);
    if (grant.machines.length < min) throw grant.refusal!; // a grant is short only with a reason
    const reservationId = region.newId("r");
    const instances = makeInstances(region, launch, grant, { token, reservationId, fleetTags: new Map() }, call);
    if (token !== "") region.tokens.set(`RunInstances/${token}`, { parameters, reservationId, fleet: undefined });
    return reservation(region, reservationId, instances);
  },
);

/** The same token again: the same machines, never new ones. */
function replayed(region: Ec2Region, same: boolean, reservationId: string, token: string): WireObject {
  if (!same)
    throw new CloudError(
      400,
      "IdempotentParameterMismatch",
      `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with client token ${token}.`,
    );
  const instances = [...region.instances.values()].filter((i) => i.reservationId === reservationId);
  if (instances.every((i) => i.state === "terminated"))
    throw new CloudError(
      400,
      "IdempotentInstanceTerminated",
      "The request to launch an instance uses the same client token as a previous request for which the instance has been terminated.",
    );
  return reservation(region, reservationId, instances);
}

const reservation = (region: Ec2Region, reservationId: string, instances: readonly Instance[]): WireObject => ({
  reservationId,
  ownerId: accountId,
  groupSet: [],
  instancesSet: instances.map((i) => describeInstance(region, i)),
});

const describeInstances = ec2Operation(
  z.strictObject({ InstanceId: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const asked = input.InstanceId.map((id) => needInstance(region, id));
    const from = asked.length > 0 ? asked : region.visible(region.instances);
    const matching = from.filter((i) => matchesFilters(input.Filter, filterable(region, i)));
    const page = pageOf(matching, input);
    const byReservation = new Map<string, Instance[]>();
    for (const i of page.items) {
      const together = byReservation.get(i.reservationId);
      if (together === undefined) byReservation.set(i.reservationId, [i]);
      else together.push(i);
    }
    return {
      reservationSet: [...byReservation].map(([id, instances]) => reservation(region, id, instances)),
      nextToken: page.nextToken,
    };
  },
);

const filterable = (region: Ec2Region, i: Instance) => ({
  tags: i.tags,
  values: {
    "instance-id": i.id,
    "instance-state-name": i.state,
    "instance-state-code": String(stateCodes[i.state]),
    "instance-type": i.type.name,
    "instance-lifecycle": i.spotRequestId === undefined ? undefined : "spot",
    "spot-instance-request-id": i.spotRequestId,
    "client-token": i.clientToken,
    "availability-zone": i.zone,
    "placement-group-name": i.placementGroup,
    "instance.group-id": i.groupIds,
    "key-name": i.keyName,
    "vpc-id": region.vpcId,
    "subnet-id": i.subnetId,
    "reservation-id": i.reservationId,
    "image-id": i.image.id,
    "private-ip-address": i.privateIp,
    "ip-address": i.publicIp,
  },
});

export const needInstance = (region: Ec2Region, id: string): Instance => {
  if (!/^i-[0-9a-f]{8,17}$/.test(id)) throw new CloudError(400, "InvalidInstanceID.Malformed", `Invalid id: "${id}"`);
  const instance = region.instances.get(id);
  if (instance === undefined || !region.isVisible(instance))
    throw new CloudError(400, "InvalidInstanceID.NotFound", `The instance ID '${id}' does not exist`);
  return instance;
};

const terminateInstances = ec2Operation(z.strictObject({ InstanceId: Texts }), (region, input, call) => {
  const instances = input.InstanceId.map((id) => needInstance(region, id));
  const guarded = instances.find((i) => i.terminationProtection);
  if (guarded !== undefined)
    throw new CloudError(
      400,
      "OperationNotPermitted",
      `The instance '${guarded.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
    );
  return {
    instancesSet: instances.map((instance) => {
      const before = instance.state;
      if (before !== "terminated" && before !== "shutting-down") call.mutations.push(`terminating ${instance.id}`);
      terminateInstance(
        region,
        instance,
        { code: "Client.UserInitiatedShutdown", message: "Client.UserInitiatedShutdown: User initiated shutdown" },
        "instance-terminated-by-user",
      );
      return { instanceId: instance.id, currentState: stateOf(instance.state), previousState: stateOf(before) };
    }),
  };
});

const FlagAttribute = z.strictObject({ Value: Flag });
const modifyInstanceAttribute = ec2Operation(
  z.strictObject({
    InstanceId: z.string(),
    DisableApiTermination: FlagAttribute.optional(),
    InstanceInitiatedShutdownBehavior: z.strictObject({ Value: z.enum(["stop", "terminate"]) }).optional(),
  }),
  (region, input, call) => {
    const instance = needInstance(region, input.InstanceId);
    if (input.DisableApiTermination !== undefined) instance.terminationProtection = input.DisableApiTermination.Value;
    if (input.InstanceInitiatedShutdownBehavior !== undefined)
      instance.shutdownBehavior = input.InstanceInitiatedShutdownBehavior.Value;
    call.mutations.push(`modified ${instance.id}`);
    return { return: true };
  },
);

const getConsoleOutput = ec2Operation(
  z.strictObject({ InstanceId: z.string(), Latest: Flag.optional() }),
  (region, input) => {
    const instance = needInstance(region, input.InstanceId);
    const booted = region.world.endpointOf(instance.id);
    const text = booted === undefined ? "" : consoleText(booted.hostKey);
    return {
      instanceId: instance.id,
      timestamp: region.world.isoNow(),
      output: Buffer.from(text).toString("base64"),
    };
  },
);

/** As cloud-init writes host keys to the console, so that a caller may read them out of band. */
export const consoleText = (hostKey: string | undefined): string =>
  hostKey === undefined
    ? "cloud-init finished\n"
    : `-----BEGIN SSH HOST KEY KEYS-----\n${hostKey}\n-----END SSH HOST KEY KEYS-----\ncloud-init finished\n`;

export function describeInstance(region: Ec2Region, i: Instance): WireObject {
  const off = i.state === "terminated";
  const time = new Date(i.launchedAtMs).toISOString();
  const dns = (ip: string, kind: string): string => `${kind}-${ip.replaceAll(".", "-")}`;
  const volumes = [...region.volumes.values()].filter((v) => v.instanceId === i.id);
  const groupSet = i.groupIds.map((groupId) => ({
    groupId,
    groupName: region.securityGroups.get(groupId)?.name ?? "",
  }));
  const subnet = off ? {} : { subnetId: i.subnetId, vpcId: region.vpcId, privateIpAddress: i.privateIp };
  const network = {
    privateDnsName: off ? "" : `${dns(i.privateIp, "ip")}.${region.name}.compute.internal`,
    dnsName: i.publicIp === undefined ? "" : `${dns(i.publicIp, "ec2")}.${region.name}.compute.amazonaws.com`,
    ipAddress: i.publicIp,
    groupSet: off ? [] : groupSet,
    networkInterfaceSet: off
      ? []
      : [
          {
            networkInterfaceId: i.eniId,
            subnetId: i.subnetId,
            vpcId: region.vpcId,
            status: "in-use",
            privateIpAddress: i.privateIp,
            sourceDestCheck: true,
            groupSet,
            ownerId: accountId,
            attachment: { deviceIndex: 0, status: "attached", deleteOnTermination: true, attachTime: time },
            association: i.publicIp === undefined ? undefined : { publicIp: i.publicIp, ipOwnerId: "amazon" },
          },
        ],
  };
  return {
    instanceId: i.id,
    imageId: i.image.id,
    instanceState: stateOf(i.state),
    reason: i.transitionReason,
    keyName: i.keyName,
    amiLaunchIndex: i.launchIndex,
    productCodes: [],
    instanceType: i.type.name,
    launchTime: time,
    placement: { availabilityZone: i.zone, groupName: i.placementGroup ?? "", tenancy: "default" },
    monitoring: { state: "disabled" },
    ...subnet,
    ...network,
    stateReason: i.state === "running" ? undefined : i.stateReason,
    architecture: i.type.arch,
    rootDeviceType: "ebs",
    rootDeviceName: i.image.rootDevice,
    blockDeviceMapping: volumes.map((v) => ({
      deviceName: v.device,
      ebs: {
        volumeId: v.id,
        status: "attached",
        attachTime: time,
        deleteOnTermination: v.deleteOnTermination,
      },
    })),
    virtualizationType: "hvm",
    clientToken: i.clientToken,
    instanceLifecycle: i.spotRequestId === undefined ? undefined : "spot",
    spotInstanceRequestId: i.spotRequestId,
    tagSet: tagSet(i.tags),
    hypervisor: "xen",
    iamInstanceProfile: i.profile,
    ebsOptimized: false,
    sourceDestCheck: off ? undefined : true,
    cpuOptions: {
      coreCount: i.coreCount ?? Math.max(1, i.type.vcpus / (i.type.arch === "arm64" ? 1 : 2)),
      threadsPerCore: i.threadsPerCore ?? (i.type.arch === "arm64" ? 1 : 2),
      amdSevSnp: i.sevSnp ? "enabled" : undefined,
    },
    metadataOptions: {
      state: "applied",
      httpTokens: i.httpTokens,
      httpPutResponseHopLimit: i.hopLimit,
      httpEndpoint: "enabled",
      instanceMetadataTags: i.metadataTags,
    },
    enaSupport: true,
    platformDetails: "Linux/UNIX",
  };
}

export const instanceOperations: Readonly<Record<string, Ec2Operation>> = {
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: terminateInstances,
  ModifyInstanceAttribute: modifyInstanceAttribute,
  GetConsoleOutput: getConsoleOutput,
};
