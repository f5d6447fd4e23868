import type { Guest, VmSpec } from "../common/backend.ts";
import { jsonResponse } from "../common/http.ts";
import type { HttpResponse } from "../common/http.ts";
import { accountId } from "./region.ts";
import type { Ec2Region, Instance } from "./region.ts";

/** The two minutes between a spot interruption's notice and the interruption. */
export const spotNoticeMs = 120_000;

/** Takes an accepted instance through boot. */
export function startInstance(region: Ec2Region, instance: Instance, publicAddress: boolean): void {
  const { world } = region;
  world.timeline.after(world.about(world.timings.launchMs), () => {
    if (instance.state !== "pending") return;
    instance.state = "running";
    instance.runningSinceMs = world.now();
    if (publicAddress) instance.publicIp = world.publicIp("aws");
    if (!instance.unreachable) world.powerOn(vmSpec(region, instance), guestOf(region, instance));
  });
}

/** An accepted launch that comes to nothing. */
export function failInstance(region: Ec2Region, instance: Instance, code: string, message: string): void {
  const { world } = region;
  world.timeline.after(world.about(world.timings.failureMs), () => {
    if (instance.state === "pending")
      endInstance(region, instance, { code, message }, "instance-terminated-no-capacity");
  });
}

/** Begins termination; calling it again changes nothing. */
export function terminateInstance(
  region: Ec2Region,
  instance: Instance,
  reason: { readonly code: string; readonly message: string },
  spotStatus: string,
): void {
  if (instance.state === "shutting-down" || instance.state === "terminated") return;
  const { world } = region;
  instance.state = "shutting-down";
  instance.stateReason = reason;
  instance.transitionReason =
    reason.code === "Client.UserInitiatedShutdown"
      ? `User initiated (${world.isoNow().replace("T", " ").slice(0, 19)} GMT)`
      : reason.message;
  world.powerOff(instance.id);
  closeSpotRequest(region, instance, spotStatus);
  world.timeline.after(world.about(world.timings.terminateMs), () => endInstance(region, instance, reason, spotStatus));
}

/** Announces a spot interruption, and carries it out two minutes later. */
export function interruptInstance(region: Ec2Region, instance: Instance): void {
  if (instance.spotRequestId === undefined || instance.interruptionAtMs !== undefined) return;
  const { world } = region;
  instance.interruptionAtMs = world.now() + spotNoticeMs;
  const request = region.spotRequests.get(instance.spotRequestId);
  if (request !== undefined)
    request.status = {
      code: "marked-for-termination",
      message: "Your Spot Instance has been marked for termination.",
      atMs: world.now(),
    };
  world.timeline.after(spotNoticeMs, () =>
    terminateInstance(
      region,
      instance,
      { code: "Server.SpotInstanceTermination", message: "Server.SpotInstanceTermination: Spot Instance Termination" },
      "instance-terminated-no-capacity",
    ),
  );
}

function endInstance(
  region: Ec2Region,
  instance: Instance,
  reason: { readonly code: string; readonly message: string },
  spotStatus: string,
): void {
  const { world } = region;
  instance.state = "terminated";
  instance.stateReason = reason;
  if (instance.transitionReason === "") instance.transitionReason = reason.message;
  instance.publicIp = undefined;
  world.powerOff(instance.id);
  closeSpotRequest(region, instance, spotStatus);
  for (const volume of [...region.volumes.values()].filter((v) => v.instanceId === instance.id))
    if (volume.deleteOnTermination) region.volumes.delete(volume.id);
    else volume.instanceId = undefined;
  world.timeline.after(world.timings.terminatedVisibleMs, () => region.instances.delete(instance.id));
}

function closeSpotRequest(region: Ec2Region, instance: Instance, statusCode: string): void {
  const request = instance.spotRequestId === undefined ? undefined : region.spotRequests.get(instance.spotRequestId);
  if (request?.state !== "active") return;
  request.state = "closed";
  request.status = {
    code: statusCode,
    message: `Your Spot Instance was terminated: ${statusCode}.`,
    atMs: region.world.now(),
  };
}

/** A guest that powers itself off is stopped or terminated, as its launch said. */
function poweredOff(region: Ec2Region, instance: Instance): void {
  if (instance.state !== "running") return;
  const reason = {
    code: "Client.InstanceInitiatedShutdown",
    message: "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
  };
  if (instance.shutdownBehavior === "terminate") {
    terminateInstance(region, instance, reason, "instance-terminated-by-user");
    return;
  }
  instance.state = "stopped";
  instance.stateReason = reason;
  instance.transitionReason = reason.message;
  instance.publicIp = undefined;
  region.world.powerOff(instance.id);
}

function vmSpec(region: Ec2Region, instance: Instance): VmSpec {
  const key = [...region.keyPairs.values()].find((k) => k.name === instance.keyName);
  return {
    cloud: "aws",
    id: instance.id,
    name: instance.tags.get("Name") ?? instance.id,
    region: region.name,
    zone: instance.zone,
    machineType: instance.type.name,
    arch: instance.type.arch,
    vcpus: instance.type.vcpus,
    image: instance.image.id,
    userData: Buffer.from(instance.userData, "base64").toString("utf8"),
    sshPublicKeys: key === undefined ? [] : [key.publicKey],
    privateIp: instance.privateIp,
    publicIp: instance.publicIp,
    tags: Object.fromEntries(instance.tags),
  };
}

function guestOf(region: Ec2Region, instance: Instance): Guest {
  return {
    poweredOff: () => {
      region.world.timeline.settle();
      poweredOff(region, instance);
    },
    metadata: (request) => {
      region.world.timeline.settle();
      return metadata(region, instance, request);
    },
  };
}

/** IMDS, version 2 always and version 1 where the launch left it on. */
function metadata(
  region: Ec2Region,
  instance: Instance,
  request: { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>> },
): HttpResponse {
  const text = (body: string): HttpResponse => ({ status: 200, headers: { "content-type": "text/plain" }, body });
  const token = `token-of-${instance.id}`;
  if (request.path === "/latest/api/token")
    return request.method === "PUT" && request.headers["x-aws-ec2-metadata-token-ttl-seconds"] !== undefined
      ? text(token)
      : { status: 400, headers: {}, body: "" };
  const shown = request.headers["x-aws-ec2-metadata-token"];
  if (shown !== token && (shown !== undefined || instance.httpTokens === "required"))
    return { status: 401, headers: {}, body: "" };
  const notice =
    instance.interruptionAtMs === undefined
      ? undefined
      : { action: "terminate", time: new Date(instance.interruptionAtMs).toISOString().replace(/\.\d+Z/, "Z") };
  const answers: Readonly<Record<string, string | undefined>> = {
    "/latest/meta-data/instance-id": instance.id,
    "/latest/meta-data/instance-type": instance.type.name,
    "/latest/meta-data/placement/availability-zone": instance.zone,
    "/latest/meta-data/placement/region": region.name,
    "/latest/meta-data/local-ipv4": instance.privateIp,
    "/latest/meta-data/public-ipv4": instance.publicIp,
    "/latest/meta-data/instance-life-cycle": instance.spotRequestId === undefined ? "on-demand" : "spot",
    "/latest/meta-data/spot/instance-action": notice === undefined ? undefined : JSON.stringify(notice),
    "/latest/meta-data/spot/termination-time": notice?.time,
    "/latest/user-data":
      instance.userData === "" ? undefined : Buffer.from(instance.userData, "base64").toString("utf8"),
  };
  if (request.path === "/latest/dynamic/instance-identity/document")
    return jsonResponse(200, {
      accountId,
      architecture: instance.type.arch,
      availabilityZone: instance.zone,
      imageId: instance.image.id,
      instanceId: instance.id,
      instanceType: instance.type.name,
      privateIp: instance.privateIp,
      region: region.name,
      version: "2017-09-30",
    });
  const answer = answers[request.path];
  return answer === undefined ? { status: 404, headers: {}, body: "" } : text(answer);
}
