import { z } from "zod";
import { accept } from "../common/accept.ts";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError } from "../common/cloud-error.ts";
import { jsonResponse } from "../common/http.ts";
import type { HttpRequest, HttpResponse } from "../common/http.ts";
import type { WireObject } from "../common/wire.ts";
import type { ArmKind, Put } from "./kind.ts";
import { parentId } from "./kind.ts";
import { locations } from "./catalog.ts";
import { types } from "./network.ts";
import { checkTags, subscriptionId } from "./subscription.ts";
import type { ArmOperation, ArmResource, Subscription } from "./subscription.ts";
import type { VirtualMachines } from "./vm.ts";

const TagsInput = z.record(z.string(), z.string()).optional();

/** Where a request points at in a resource group. */
export interface Target {
  readonly kind: ArmKind;
  readonly group: string;
  readonly name: string;
  /** As the caller spelt it; equal to another in any case of letters. */
  readonly id: string;
}

/** PUT, PATCH, GET, DELETE and lists of every resource type, in ARM's one way. */
export class Resources {
  private readonly subscription: Subscription;
  private readonly machines: VirtualMachines;
  private readonly kinds: ReadonlyMap<string, ArmKind>;
  /** The operation that now works on a resource, by id in lower case. */
  private readonly working = new Map<string, ArmOperation>();

  constructor(subscription: Subscription, machines: VirtualMachines, kinds: ReadonlyMap<string, ArmKind>) {
    this.subscription = subscription;
    this.machines = machines;
    this.kinds = kinds;
  }

  put(target: Target, body: WireObject, request: HttpRequest, call: OpenCall): HttpResponse {
    const { subscription } = this;
    const { kind, id } = target;
    const group = subscription.needGroup(target.group);
    if (group.state === "Deleting") throw groupDeleting(group.name);
    if (!kind.name.test(target.name))
      throw new CloudError(400, "InvalidResourceName", `Resource name ${target.name} is invalid.`);
    const { location, tags, own } = split(kind, body);
    checkTags(tags);
    const existing = subscription.find(id);
    checkPreconditions(existing, request);
    this.refuseIfBusy(id, kind);
    if (existing?.state === "Deleting") throw busy(kind, id);
    if (existing !== undefined && existing.location !== location)
      throw new CloudError(
        409,
        "InvalidResourceLocation",
        `The resource '${target.name}' already exists in location '${existing.location ?? ""}' in resource group '${group.name}'. A resource with the same name cannot be created in location '${location ?? ""}'. Please select a new resource name.`,
      );
    const put: Put = { subscription, id, name: target.name, group: group.name, location, body: own, existing };
    kind.check?.(put);
    const remade = existing?.state === "Failed";
    const changed = existing === undefined || remade ? undefined : kind.immutable?.(existing.body, own);
    if (changed !== undefined)
      throw new CloudError(409, "PropertyChangeNotAllowed", `Changing property '${changed}' is not allowed.`, {
        details: [{ code: "PropertyChangeNotAllowed", message: changed }],
      });
    const complete = kind.complete?.(put) ?? own;
    const resource = existing ?? this.newResource(put, kind, tags);
    resource.body = complete;
    resource.tags = tags ?? resource.tags;
    resource.etag = subscription.newEtag();
    if (existing === undefined) subscription.add(resource);
    kind.onWritten?.(put, resource);
    call.mutations.push(`${existing === undefined ? "created" : "updated"} ${id}`);
    const status = existing === undefined ? 201 : 200;
    if (kind.isSynchronous === true) return jsonResponse(status, this.view(resource));

    resource.state = existing === undefined || remade ? "Creating" : "Updating";
    const operation =
      kind.type === types.vm && (existing === undefined || remade)
        ? this.machines.create(resource)
        : this.work(id, subscription.world.timings.operationMs, () => {
            resource.state = "Succeeded";
          });
    return jsonResponse(status, this.view(resource), this.poll(operation, kind, location, request));
  }

  private newResource(put: Put, kind: ArmKind, tags: ArmResource["tags"]): ArmResource {
    const { subscription } = this;
    return {
      id: put.id,
      type: kind.type,
      name: put.name,
      group: put.group,
      location: put.location,
      tags,
      body: put.body,
      state: "Succeeded",
      etag: subscription.newEtag(),
      guid: subscription.world.ids.uuid("azure/guid"),
      createdAtMs: subscription.world.now(),
      listedAtMs: subscription.listedAt(),
    };
  }

  /** Only tags can be patched, as `updateTags` does. */
  patch(target: Target, body: WireObject, call: OpenCall): HttpResponse {
    const resource = this.need(target);
    const { tags } = accept(z.strictObject({ tags: TagsInput }), body, invalidBody);
    checkTags(tags);
    resource.tags = tags ?? resource.tags;
    resource.etag = this.subscription.newEtag();
    call.mutations.push(`tagged ${resource.id}`);
    return jsonResponse(200, this.view(resource));
  }

  get(target: Target): HttpResponse {
    return jsonResponse(200, this.view(this.need(target)));
  }

  list(kind: ArmKind, within: { readonly group?: string; readonly parent?: string }): HttpResponse {
    const { subscription } = this;
    if (within.group !== undefined) subscription.needGroup(within.group);
    const parent = within.parent === undefined ? undefined : subscription.find(within.parent);
    if (within.parent !== undefined && parent === undefined) throw resourceNotFound(within.parent);
    const shown = (parent === undefined ? subscription.ofType(kind.type) : subscription.childrenOf(parent, kind.type))
      .filter((r) => (within.group ?? r.group).toLowerCase() === r.group.toLowerCase())
      .filter((r) => r.listedAtMs <= subscription.world.now());
    return jsonResponse(200, { value: shown.map((r) => this.view(r)) });
  }

  delete(target: Target, request: HttpRequest, call: OpenCall): HttpResponse {
    const { subscription } = this;
    subscription.needGroup(target.group);
    const { kind, id } = target;
    const resource = subscription.find(id);
    if (resource === undefined) return { status: 204, headers: {}, body: "" };
    checkPreconditions(resource, request);
    if (kind.type !== types.vm) this.refuseIfBusy(id, kind);
    else if (resource.state === "Deleting") throw busy(kind, id);
    kind.canDelete?.(resource, subscription);
    call.mutations.push(`deleting ${resource.id}`);
    if (kind.isSynchronous === true) {
      subscription.remove(resource);
      return { status: 200, headers: {}, body: "" };
    }
    let operation: ArmOperation;
    if (kind.type === types.vm) operation = this.machines.beginDelete(resource);
    else {
      resource.state = "Deleting";
      operation = this.work(id, subscription.world.timings.operationMs, () => {
        subscription.remove(resource);
        kind.onDeleted?.(resource, subscription);
      });
    }
    const location = resource.location ?? subscription.find(parentId(id))?.location;
    return { status: 202, headers: this.poll(operation, kind, location, request), body: "" };
  }

  /** An operation on a resource and, for a child, on its parent: a vnet takes one change at a time. */
  private work(id: string, ms: number, finish: () => void): ArmOperation {
    const { subscription } = this;
    const operation = subscription.begin(subscription.world.about(ms), finish);
    this.working.set(id.toLowerCase(), operation);
    if (this.isChildId(id)) this.working.set(parentId(id).toLowerCase(), operation);
    return operation;
  }

  private isChildId(id: string): boolean {
    return /\/providers\/[^/]+\/[^/]+\/[^/]+\/[^/]+\/[^/]+$/.test(id);
  }

  private refuseIfBusy(id: string, kind: ArmKind): void {
    const ids = this.isChildId(id) ? [id, parentId(id)] : [id];
    const resource = this.subscription.find(id);
    const creating = kind.type === types.vm && (resource?.state === "Creating" || resource?.state === "Updating");
    if (creating || ids.some((one) => this.working.get(one.toLowerCase())?.status === "InProgress"))
      throw busy(kind, id);
  }

  /** The headers of an answer that has only begun. */
  poll(
    operation: ArmOperation,
    kind: { readonly type: string; readonly apiVersion: string },
    location: string | undefined,
    request: HttpRequest,
  ): Record<string, string> {
    const [provider = ""] = kind.type.split("/");
    const base = `${request.url.origin}/subscriptions/${subscriptionId}/providers/${provider}/locations/${location ?? "eastus"}`;
    const { retryAfterSec } = this.subscription.world.timings;
    return {
      "azure-asyncoperation": `${base}/operations/${operation.id}?api-version=${kind.apiVersion}`,
      ...(request.method === "PUT"
        ? {}
        : { location: `${base}/operationResults/${operation.id}?api-version=${kind.apiVersion}` }),
      ...(retryAfterSec > 0 ? { "retry-after": String(retryAfterSec) } : {}),
    };
  }

  /** @throws {CloudError} ResourceGroupNotFound, ParentResourceNotFound, ResourceNotFound */
  need(target: Target): ArmResource {
    this.subscription.needGroup(target.group);
    const found = this.subscription.find(target.id);
    if (found !== undefined) return found;
    throw resourceNotFound(target.id);
  }

  view(resource: ArmResource): WireObject {
    const kind = this.kinds.get(resource.type.toLowerCase());
    if (kind === undefined) throw new Error(`no kind ${resource.type}`);
    return {
      name: resource.name,
      id: resource.id,
      ...(kind.type.startsWith("Microsoft.Network") ? { etag: resource.etag } : {}),
      type: resource.type,
      ...(kind.isChild === true ? {} : { location: resource.location, tags: resource.tags }),
      ...kind.beside?.(resource),
      properties: kind.properties(resource, this.subscription),
    };
  }
}

export const resourceNotFound = (id: string): CloudError => {
  const [, group = "", rest = ""] = /\/resourceGroups\/([^/]+)\/providers\/(.+)$/i.exec(id) ?? [];
  return new CloudError(
    404,
    "ResourceNotFound",
    `The Resource '${rest}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  );
};

export const groupDeleting = (name: string): CloudError =>
  new CloudError(
    409,
    "ResourceGroupBeingDeleted",
    `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`,
  );

const busy = (kind: ArmKind, id: string): CloudError =>
  kind.busyCode === "Conflict"
    ? new CloudError(
        409,
        "Conflict",
        "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests.",
      )
    : new CloudError(
        409,
        "AnotherOperationInProgress",
        `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: ${id}.`,
      );

const invalidBody = (message: string): CloudError =>
  new CloudError(400, "InvalidRequestContent", `The request content was invalid: ${message}`);

/** Location and tags belong to every resource, the rest to its kind. */
function split(
  kind: ArmKind,
  body: WireObject,
): { readonly location: string | undefined; readonly tags: ArmResource["tags"]; readonly own: WireObject } {
  // Names and ids may stand in a body that was read before; they repeat the path.
  const { location: rawLocation, tags: rawTags, id: _id, name: _name, type: _type, etag: _etag, ...rest } = body;
  const own = accept(kind.body, rest, invalidBody);
  if (kind.isChild === true) {
    return { location: undefined, tags: undefined, own };
  }
  const { tags, location } = accept(
    z.strictObject({ tags: TagsInput, location: z.string() }),
    { tags: rawTags, location: rawLocation },
    () => new CloudError(400, "LocationRequired", "The location property is required for this definition."),
  );
  const canonical = location.toLowerCase().replaceAll(" ", "");
  if (!(canonical in locations))
    throw new CloudError(
      400,
      "LocationNotAvailableForResourceType",
      `The provided location '${location}' is not available for resource type '${kind.type}'.`,
    );
  return { location: canonical, tags, own };
}

function checkPreconditions(existing: ArmResource | undefined, request: HttpRequest): void {
  const match = request.headers["if-match"];
  const noneMatch = request.headers["if-none-match"];
  const failed =
    (noneMatch === "*" && existing !== undefined) ||
    (match !== undefined && (existing === undefined || (match !== "*" && match !== existing.etag)));
  if (failed)
    throw new CloudError(
      412,
      "PreconditionFailed",
      "The condition of the If-Match or If-None-Match header is not met.",
    );
}
