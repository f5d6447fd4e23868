import { z } from "zod";
import { accept } from "../common/accept.ts";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import { jsonResponse } from "../common/http.ts";
import type { HttpRequest, HttpResponse } from "../common/http.ts";
import type { WireObject } from "../common/wire.ts";
import { locations } from "./catalog.ts";
import { types } from "./network.ts";
import { groupDeleting } from "./resources.ts";
import { checkTags, subscriptionId } from "./subscription.ts";
import type { ResourceGroup, Subscription, Tags } from "./subscription.ts";
import type { VirtualMachines } from "./vm.ts";

export const resourcesApiVersion = "2025-04-01";
const TagsInput = z.record(z.string(), z.string()).optional();
const invalid = (message: string): CloudError =>
  new CloudError(400, "InvalidRequestContent", `The request content was invalid: ${message}`);

/** Resource groups, and what is asked of resources whatever their type: lists by tag, and tags at any scope. */
export class Groups {
  private readonly subscription: Subscription;
  private readonly machines: VirtualMachines;

  constructor(subscription: Subscription, machines: VirtualMachines) {
    this.subscription = subscription;
    this.machines = machines;
  }

  put(name: string, body: WireObject, call: OpenCall): HttpResponse {
    if (!/^[\p{L}\p{N}_().-]{1,90}$/u.test(name) || name.endsWith("."))
      throw new CloudError(400, "InvalidResourceGroup", `The provided resource group name '${name}' is invalid.`);
    const input = accept(z.strictObject({ location: z.string(), tags: TagsInput }), body, invalid);
    checkTags(input.tags);
    const location = input.location.toLowerCase().replaceAll(" ", "");
    if (!(location in locations))
      throw new CloudError(
        400,
        "LocationNotAvailableForResourceGroup",
        `The provided location '${input.location}' is not available for resource group.`,
      );
    const existing = this.subscription.groups.get(name.toLowerCase());
    if (existing?.state === "Deleting") throw groupDeleting(name);
    if (existing !== undefined && existing.location !== location)
      throw new CloudError(
        409,
        "InvalidResourceGroupLocation",
        `Invalid resource group location '${location}'. The Resource group already exists in location '${existing.location}'.`,
      );
    if (existing === undefined && this.subscription.groups.size >= 980)
      throw new CloudError(409, "ResourceGroupQuotaExceeded", "The number of resource groups has reached 980.");
    const group: ResourceGroup = existing ?? {
      name,
      location,
      tags: undefined,
      state: "Succeeded",
      listedAtMs: this.subscription.listedAt(),
    };
    group.tags = input.tags;
    this.subscription.groups.set(name.toLowerCase(), group);
    call.mutations.push(`${existing === undefined ? "created" : "updated"} group ${name}`);
    return jsonResponse(existing === undefined ? 201 : 200, viewGroup(group));
  }

  patch(name: string, body: WireObject, call: OpenCall): HttpResponse {
    const group = this.subscription.needGroup(name);
    const { tags } = accept(z.strictObject({ tags: TagsInput }), body, invalid);
    checkTags(tags);
    group.tags = tags ?? group.tags;
    call.mutations.push(`tagged group ${name}`);
    return jsonResponse(200, viewGroup(group));
  }

  get(name: string): HttpResponse {
    return jsonResponse(200, viewGroup(this.subscription.needGroup(name)));
  }

  exists(name: string): HttpResponse {
    return { status: this.subscription.groups.has(name.toLowerCase()) ? 204 : 404, headers: {}, body: "" };
  }

  list(filter: string | undefined): HttpResponse {
    const wanted = parseFilter(filter);
    const shown = [...this.subscription.groups.values()]
      .filter((g) => g.listedAtMs <= this.subscription.world.now())
      .filter((g) => wanted.every((w) => w.test({ type: "", location: g.location, tags: g.tags })));
    return jsonResponse(200, { value: shown.map(viewGroup) });
  }

  /** Takes everything in the group with it, in whatever order it needs; faster where VMs aren't shut down first. */
  delete(name: string, request: HttpRequest, call: OpenCall): HttpResponse {
    const { subscription } = this;
    const forced = request.url.searchParams.get("forceDeletionTypes");
    for (const type of forced?.split(",") ?? [])
      if (type.toLowerCase() !== types.vm.toLowerCase()) throw new NotImplemented(`forceDeletionTypes=${type}`);
    const group = subscription.needGroup(name);
    if (group.state === "Deleting") throw groupDeleting(name);
    group.state = "Deleting";
    call.mutations.push(`deleting group ${name}`);
    for (const vm of subscription.ofType(types.vm).filter((r) => r.group.toLowerCase() === name.toLowerCase()))
      if (vm.state !== "Deleting") this.machines.beginDelete(vm);
    const { world } = subscription;
    const operation = subscription.begin(world.about(world.timings.terminateMs * (forced === null ? 2 : 1)), () => {
      for (const resource of subscription.inGroup(name)) {
        if (resource.type === types.vm) this.machines.remove(resource);
        else subscription.remove(resource);
      }
      subscription.groups.delete(name.toLowerCase());
    });
    const { retryAfterSec } = world.timings;
    return {
      status: 202,
      headers: {
        location: `${request.url.origin}/subscriptions/${subscriptionId}/operationresults/${operation.id}?api-version=${resourcesApiVersion}`,
        ...(retryAfterSec > 0 ? { "retry-after": String(retryAfterSec) } : {}),
      },
      body: "",
    };
  }

  /** Resources of any type, with what every resource has. */
  listResources(filter: string | undefined, group: string | undefined): HttpResponse {
    if (group !== undefined) this.subscription.needGroup(group);
    const wanted = parseFilter(filter);
    const shown = this.subscription
      .all()
      .filter((r) => r.location !== undefined && (group ?? r.group).toLowerCase() === r.group.toLowerCase())
      .filter((r) => r.listedAtMs <= this.subscription.world.now())
      .filter((r) => wanted.every((w) => w.test({ type: r.type, location: r.location ?? "", tags: r.tags })));
    return jsonResponse(200, {
      value: shown.map((r) => ({ id: r.id, name: r.name, type: r.type, location: r.location, tags: r.tags ?? {} })),
    });
  }

  /** `Microsoft.Resources/tags/default` of a group or a resource. */
  tagsAt(scope: string, method: string, body: WireObject, call: OpenCall): HttpResponse {
    const groupName = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)$/i.exec(scope)?.[1];
    const holder: { tags: Tags | undefined } | undefined =
      groupName === undefined ? this.subscription.find(scope) : this.subscription.needGroup(groupName);
    if (holder === undefined) throw new CloudError(404, "ResourceNotFound", `The Resource '${scope}' was not found.`);
    if (method === "PUT" || method === "PATCH") {
      const Properties = z.strictObject({ tags: TagsInput });
      const { operation, properties } = accept(
        method === "PUT"
          ? z.strictObject({ operation: z.literal("Replace").default("Replace"), properties: Properties })
          : z.strictObject({ operation: z.enum(["Replace", "Merge", "Delete"]), properties: Properties }),
        body,
        invalid,
      );
      const given = properties.tags ?? {};
      const tags =
        operation === "Replace"
          ? given
          : operation === "Merge"
            ? { ...holder.tags, ...given }
            : Object.fromEntries(Object.entries(holder.tags ?? {}).filter(([key]) => !(key in given)));
      checkTags(tags);
      holder.tags = tags;
      call.mutations.push(`tagged ${scope}`);
    } else if (method !== "GET") throw new NotImplemented(`${method} of tags`);
    return jsonResponse(200, {
      id: `${scope}/providers/Microsoft.Resources/tags/default`,
      name: "default",
      type: "Microsoft.Resources/tags",
      properties: { tags: holder.tags ?? {} },
    });
  }
}

const viewGroup = (group: ResourceGroup): WireObject => ({
  id: `/subscriptions/${subscriptionId}/resourceGroups/${group.name}`,
  name: group.name,
  type: "Microsoft.Resources/resourceGroups",
  location: group.location,
  tags: group.tags,
  properties: { provisioningState: group.state },
});

interface Filterable {
  readonly type: string;
  readonly location: string;
  readonly tags: Tags | undefined;
}
interface Condition {
  readonly test: (item: Filterable) => boolean;
}

/** `tagName eq 'a' and tagValue eq 'b'`, `resourceType eq 't'`, `location eq 'l'`; as at Azure, tags go with nothing else. */
function parseFilter(filter: string | undefined): readonly Condition[] {
  if (filter === undefined || filter === "") return [];
  const terms = filter.split(/\s+and\s+/i).map((term) => /^(\w+)\s+eq\s+'([^']*)'$/i.exec(term.trim()));
  const pairs = new Map<string, string>();
  for (const term of terms) {
    if (term?.[1] === undefined || term[2] === undefined) throw new NotImplemented(`filter ${filter}`);
    pairs.set(term[1].toLowerCase(), term[2]);
  }
  const tagName = pairs.get("tagname");
  const tagValue = pairs.get("tagvalue");
  if (tagName !== undefined) {
    const known = tagValue === undefined ? 1 : 2;
    if (pairs.size > known)
      throw new CloudError(
        400,
        "InvalidFilterInQueryString",
        "Filtering by tags can't be combined with other filters.",
      );
    return [
      {
        test: (item) =>
          Object.entries(item.tags ?? {}).some(
            ([name, value]) => name.toLowerCase() === tagName.toLowerCase() && (tagValue ?? value) === value,
          ),
      },
    ];
  }
  return [...pairs].map(([name, value]): Condition => {
    switch (name) {
      case "resourcetype":
        return { test: (item) => item.type.toLowerCase() === value.toLowerCase() };
      case "location":
        return { test: (item) => item.location === value };
      default:
        throw new NotImplemented(`filter on ${name}`);
    }
  });
}
