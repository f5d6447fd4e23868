import { Capacity } from "../common/capacity.ts";
import type { CapacityRule } from "../common/capacity.ts";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import { jsonResponse } from "../common/http.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../common/http.ts";
import type { InventoryItem } from "../common/inventory.ts";
import { serve } from "../common/service.ts";
import type { Recognised, Service } from "../common/service.ts";
import type { BucketLimit } from "../common/token-bucket.ts";
import type { WireObject } from "../common/wire.ts";
import { isWireObject } from "../common/wire.ts";
import type { World } from "../common/world.ts";
import { BicepCheck } from "./bicep.ts";
import { findImageLine, imageVersions, locations, vmSizes, zonesOffering } from "./catalog.ts";
import { diskKind } from "./disks.ts";
import { Groups, resourcesApiVersion } from "./groups.ts";
import type { ArmKind } from "./kind.ts";
import { networkKinds, types } from "./network.ts";
import { placementKind } from "./placement.ts";
import { Resources } from "./resources.ts";
import type { Target } from "./resources.ts";
import { Subscription, subscriptionId } from "./subscription.ts";
import type { AzureQuotas } from "./subscription.ts";
import { computeApiVersion, VirtualMachines } from "./vm.ts";

export interface AzureOptions {
  /** `type` is a VM size, `zone` is `eastus/1`, or `eastus/` for machines without a zone. */
  readonly capacity?: readonly CapacityRule[];
  readonly quotas?: Partial<AzureQuotas>;
}

/** The emulated Azure subscription: resource groups, network, compute. */
export class AzureEmulator {
  readonly handle: HttpHandler;
  readonly capacity: Capacity;
  private readonly world: World;
  private readonly subscription: Subscription;
  private readonly machines: VirtualMachines;
  private readonly resources: Resources;
  private readonly groups: Groups;
  private readonly kinds: ReadonlyMap<string, ArmKind>;
  private readonly checks: readonly BicepCheck[];

  constructor(world: World, options: AzureOptions, throttling: boolean) {
    this.world = world;
    this.capacity = new Capacity(options.capacity ?? []);
    const quotas = { regionalCores: 350, familyCores: 350, lowPriorityCores: 350, publicIps: 200, ...options.quotas };
    this.subscription = new Subscription(world, this.capacity, quotas);
    this.machines = new VirtualMachines(this.subscription);
    const kinds = [
      ...networkKinds(this.machines),
      placementKind,
      diskKind((disk) => this.machines.ownerOfDisk(disk)),
      this.machines.kind,
    ];
    this.kinds = new Map(kinds.map((kind) => [kind.type.toLowerCase(), kind]));
    this.resources = new Resources(this.subscription, this.machines, this.kinds);
    this.groups = new Groups(this.subscription, this.machines);
    this.checks = [
      "azure/microsoft.compute-2026-03-01.bicep-types.json",
      "azure/microsoft.network-2025-05-01.bicep-types.json",
      "azure/microsoft.resources-2025-04-01.bicep-types.json",
    ]
      .map((file) => BicepCheck.read(file))
      .filter((check) => check !== undefined);
    const service: Service = {
      cloud: "azure",
      recognise: (request) => this.recognise(request),
      renderError: (error) =>
        jsonResponse(
          error.status,
          {
            error: {
              code: error.code,
              message: error.message,
              ...(error.details.length === 0 ? {} : { details: error.details }),
            },
          },
          { "x-ms-request-id": world.ids.uuid("azure/request"), ...error.headers },
        ),
    };
    this.handle = serve(world, service, throttling);
  }

  /** Announces a spot VM's eviction now; it goes thirty seconds later. */
  evict(vmId: string): void {
    this.world.timeline.settle();
    const vm = this.subscription.find(vmId);
    if (vm === undefined) throw new Error(`no VM ${vmId}`);
    this.machines.evict(vm);
  }

  /** All that exists: groups, resources, and what failed and still stands there. */
  inventory(): InventoryItem[] {
    this.world.timeline.settle();
    const costly: ReadonlySet<string> = new Set([types.vm, types.publicIp, "Microsoft.Compute/disks"]);
    return [
      ...[...this.subscription.groups.values()].map((g): InventoryItem => ({
        cloud: "azure",
        kind: "Microsoft.Resources/resourceGroups",
        id: `/subscriptions/${subscriptionId}/resourceGroups/${g.name}`,
        name: g.name,
        place: g.location,
        state: g.state,
        costs: false,
        tags: g.tags ?? {},
      })),
      ...this.subscription.all().map((r): InventoryItem => ({
        cloud: "azure",
        kind: r.type,
        id: r.id,
        name: r.name,
        place: r.location ?? "",
        state: r.state,
        costs: costly.has(r.type),
        tags: r.tags ?? {},
      })),
    ];
  }

  private recognise(request: HttpRequest): Recognised {
    const { method, url } = request;
    if (!/^Bearer .+/.test(request.headers["authorization"] ?? ""))
      throw new CloudError(
        401,
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing.",
      );
    const route = this.route(decodeURIComponent(url.pathname).replace(/\/{2,}/g, "/"), method);
    const version = url.searchParams.get("api-version");
    if (version === null)
      throw new CloudError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
      );
    if (route.apiVersion !== undefined && version !== route.apiVersion)
      throw new NotImplemented(`api-version ${version} of ${route.operation}`);
    const stray = [...url.searchParams.keys()].filter((key) => key !== "api-version" && !route.query.includes(key));
    if (stray.length > 0) throw new NotImplemented(`query parameter ${stray.join(", ")} of ${route.operation}`);
    const body = bodyOf(request);
    const checked = route.type === undefined ? undefined : `${route.type}@${version}`;
    const hold = (value: unknown, direction: "request" | "response"): readonly string[] =>
      checked === undefined ? [] : this.checks.flatMap((check) => check.check(checked, value, direction));
    return {
      operation: route.operation,
      resource: url.pathname,
      token: undefined,
      bucket: bucketOf(method),
      checkRequest: () => (method === "PUT" ? hold(body, "request") : []),
      run: (call) => route.run(call, request, body),
      checkResponse: (response) => {
        if (response.body === "" || response.status >= 300) return [];
        const answer: unknown = JSON.parse(response.body);
        if (!isWireObject(answer) || !Array.isArray(answer["value"])) return hold(answer, "response");
        return answer["value"].flatMap((item: unknown) => hold(item, "response"));
      },
    };
  }

  /** @param path decoded; letters of any case */
  private route(path: string, method: string): Route {
    const inSubscription = /^\/subscriptions\/([^/]+)(\/.*)?$/i.exec(path);
    if (inSubscription?.[1] === undefined) throw new NotImplemented(path);
    if (inSubscription[1].toLowerCase() !== subscriptionId)
      throw new CloudError(404, "SubscriptionNotFound", `The subscription '${inSubscription[1]}' could not be found.`);
    const rest = inSubscription[2] ?? "";
    const scope = /^(.+)\/providers\/Microsoft\.Resources\/tags\/default$/i.exec(path)?.[1];
    if (scope !== undefined)
      return {
        operation: `${method} tags`,
        apiVersion: resourcesApiVersion,
        query: [],
        type: "Microsoft.Resources/tags",
        run: (call, _request, body) => this.groups.tagsAt(scope, method, body, call),
      };
    return (
      this.groupRoute(rest, method) ??
      this.subscriptionRoute(rest, method) ??
      this.resourceRoute(path, rest, method) ??
      notImplemented(method, path)
    );
  }

  private groupRoute(rest: string, method: string): Route | undefined {
    const match = /^\/resourceGroups(?:\/([^/]+))?(\/resources)?$/i.exec(rest);
    if (match === null) return undefined;
    const name = match[1];
    const common = { apiVersion: resourcesApiVersion, query: [], type: "Microsoft.Resources/resourceGroups" };
    const operation = `${method} resourceGroups`;
    if (match[2] !== undefined)
      return {
        operation: `${method} resources`,
        apiVersion: resourcesApiVersion,
        query: ["$filter"],
        type: undefined,
        run: (_call, request) => this.groups.listResources(request.url.searchParams.get("$filter") ?? undefined, name),
      };
    if (name === undefined)
      return {
        ...common,
        operation: "LIST resourceGroups",
        query: ["$filter"],
        run: (_call, request) => this.groups.list(request.url.searchParams.get("$filter") ?? undefined),
      };
    switch (method) {
      case "PUT":
        return { ...common, operation, run: (call, _request, body) => this.groups.put(name, body, call) };
      case "PATCH":
        return { ...common, operation, run: (call, _request, body) => this.groups.patch(name, body, call) };
      case "GET":
        return { ...common, operation, run: () => this.groups.get(name) };
      case "HEAD":
        return { ...common, operation, run: () => this.groups.exists(name) };
      case "DELETE":
        return {
          ...common,
          operation,
          query: ["forceDeletionTypes"],
          run: (call, request) => this.groups.delete(name, request, call),
        };
      default:
        return undefined;
    }
  }

  private subscriptionRoute(rest: string, method: string): Route | undefined {
    if (method !== "GET") return undefined;
    if (/^\/resources$/i.test(rest))
      return {
        operation: "LIST resources",
        apiVersion: resourcesApiVersion,
        query: ["$filter"],
        type: undefined,
        run: (_call, request) =>
          this.groups.listResources(request.url.searchParams.get("$filter") ?? undefined, undefined),
      };
    const result = /^\/operationresults\/([^/]+)$/i.exec(rest)?.[1];
    if (result !== undefined) return this.operationRoute(result, "Location", resourcesApiVersion);
    const [, provider = "", location = "", what = ""] =
      /^\/providers\/(Microsoft\.\w+)\/(?:locations\/([^/]+)\/)?(.+)$/i.exec(rest) ?? [];
    const compute = provider.toLowerCase() === "microsoft.compute";
    const apiVersion = compute ? computeApiVersion : "2025-05-01";
    const polled = /^operation(s|Results)\/([^/]+)$/i.exec(what);
    if (polled?.[2] !== undefined) {
      const version = compute ? undefined : apiVersion; // disks poll with a version of their own
      return this.operationRoute(
        polled[2],
        polled[1]?.toLowerCase() === "s" ? "Azure-AsyncOperation" : "Location",
        version,
      );
    }
    if (/^usages$/i.test(what))
      return {
        operation: "GET usages",
        apiVersion,
        query: [],
        type: undefined,
        run: () => jsonResponse(200, { value: compute ? this.computeUsages(location) : this.networkUsages(location) }),
      };
    if (compute && /^skus$/i.test(what))
      return {
        operation: "LIST skus",
        apiVersion: "2021-07-01",
        query: ["$filter"],
        type: undefined,
        run: (_call, request) => jsonResponse(200, { value: skus(request.url.searchParams.get("$filter")) }),
      };
    const image =
      /^publishers\/([^/]+)\/artifacttypes\/vmimage\/offers\/([^/]+)\/skus\/([^/]+)\/versions(?:\/([^/]+))?$/i.exec(
        what,
      );
    if (compute && image !== null) {
      const [, publisher = "", offer = "", sku = "", version] = image;
      return {
        operation: version === undefined ? "LIST vmimage versions" : "GET vmimage version",
        apiVersion,
        query: ["$top", "$orderby"],
        type: undefined,
        run: (_call, request) => jsonResponse(200, imageAnswer({ location, publisher, offer, sku, version }, request)),
      };
    }
    return undefined;
  }

  /** What an operation's two URLs say while it runs and after. */
  private operationRoute(
    id: string,
    header: "Location" | "Azure-AsyncOperation",
    apiVersion: string | undefined,
  ): Route {
    return {
      operation: "GET operations",
      apiVersion,
      // arm-resources repeats the query of the call that began the operation.
      query: ["forceDeletionTypes"],
      type: undefined,
      run: () => {
        const operation = this.subscription.operations.get(id);
        if (operation === undefined) throw new CloudError(404, "ResourceNotFound", `The entity ${id} was not found.`);
        const { retryAfterSec } = this.world.timings;
        const again =
          operation.status === "InProgress" && retryAfterSec > 0 ? { "retry-after": String(retryAfterSec) } : {};
        if (header === "Location") {
          if (operation.status === "InProgress") return { status: 202, headers: again, body: "" };
          if (operation.error !== undefined) throw new CloudError(409, operation.error.code, operation.error.message);
          return { status: 200, headers: {}, body: "" };
        }
        return jsonResponse(
          200,
          {
            name: operation.id,
            status: operation.status,
            startTime: new Date(operation.startMs).toISOString(),
            ...(operation.endMs === undefined ? {} : { endTime: new Date(operation.endMs).toISOString() }),
            ...(operation.error === undefined ? {} : { error: operation.error }),
          },
          again,
        );
      },
    };
  }

  private resourceRoute(path: string, rest: string, method: string): Route | undefined {
    const match = /^(?:\/resourceGroups\/([^/]+))?\/providers\/(Microsoft\.\w+)\/(.+)$/i.exec(rest);
    if (match === null) return undefined;
    const [, group, provider = "", tail = ""] = match;
    const parts = tail.split("/");
    const action = this.vmAction(path, group, provider, parts, method);
    if (action !== undefined) return action;
    const typeName = [provider, ...parts.filter((_, i) => i % 2 === 0)].join("/");
    const kind = this.kinds.get(typeName.toLowerCase());
    if (kind === undefined) return undefined;
    const short = kind.type.split("/").at(-1) ?? "";
    const common = { operation: `${method} ${short}`, apiVersion: kind.apiVersion, query: [], type: kind.type };
    if (parts.length % 2 === 1) {
      if (method !== "GET") return undefined;
      const parent = parts.length === 1 ? undefined : path.split("/").slice(0, -1).join("/");
      const within = { ...(group === undefined ? {} : { group }), ...(parent === undefined ? {} : { parent }) };
      return { ...common, operation: `LIST ${short}`, run: () => this.resources.list(kind, within) };
    }
    if (group === undefined) return undefined;
    const target: Target = { kind, group, name: parts.at(-1) ?? "", id: canonicalId(kind, group, parts) };
    switch (method) {
      case "PUT":
        return { ...common, run: (call, request, body) => this.resources.put(target, body, request, call) };
      case "PATCH":
        return { ...common, run: (call, _request, body) => this.resources.patch(target, body, call) };
      case "GET":
        return {
          ...common,
          query: kind.type === types.vm ? ["$expand"] : [],
          run: (_call, request) => this.getResource(target, request.url.searchParams.get("$expand")),
        };
      case "DELETE":
        return {
          ...common,
          query: kind.type === types.vm ? ["forceDeletion"] : [],
          run: (call, request) => this.resources.delete(target, request, call),
        };
      default:
        return undefined;
    }
  }

  private getResource(target: Target, expand: string | null): HttpResponse {
    if (expand === null) return this.resources.get(target);
    if (expand !== "instanceView") throw new NotImplemented(`$expand=${expand}`);
    const vm = this.resources.need(target);
    const { properties, ...view } = this.resources.view(vm);
    const shown = isWireObject(properties) ? properties : {};
    return jsonResponse(200, { ...view, properties: { ...shown, instanceView: this.machines.instanceView(vm) } });
  }

  /** `…/virtualMachines/{name}/{action}` */
  private vmAction(
    path: string,
    group: string | undefined,
    provider: string,
    parts: readonly string[],
    method: string,
  ): Route | undefined {
    const [collection = "", name = "", action = ""] = parts;
    const isVm = `${provider}/${collection}`.toLowerCase() === types.vm.toLowerCase() && parts.length === 3;
    if (!isVm || group === undefined) return undefined;
    const target: Target = {
      kind: this.machines.kind,
      group,
      name,
      id: canonicalId(this.machines.kind, group, parts.slice(0, 2)),
    };
    const common = { operation: `${method} virtualMachines/${action}`, apiVersion: computeApiVersion, type: undefined };
    if (method === "GET" && action.toLowerCase() === "instanceview")
      return {
        ...common,
        query: [],
        run: () => jsonResponse(200, this.machines.instanceView(this.resources.need(target))),
      };
    if (method !== "POST") return undefined;
    const power = ({ start: "running", restart: "running", poweroff: "stopped", deallocate: "deallocated" } as const)[
      action.toLowerCase()
    ];
    if (action.toLowerCase() === "simulateeviction")
      return {
        ...common,
        query: [],
        run: (call) => {
          const vm = this.resources.need(target);
          call.mutations.push(`evicting ${vm.id}`);
          this.machines.evict(vm);
          return { status: 204, headers: {}, body: "" };
        },
      };
    if (power === undefined) throw new NotImplemented(`${method} ${path}`);
    return {
      ...common,
      query: ["skipShutdown"],
      run: (call, request) => {
        const vm = this.resources.need(target);
        call.mutations.push(`${action} ${vm.id}`);
        const operation = this.subscription.begin(this.world.about(this.world.timings.operationMs), () => {
          if (action.toLowerCase() === "restart") this.machines.setPower(vm, "stopped");
          this.machines.setPower(vm, power);
        });
        return {
          status: 202,
          headers: this.resources.poll(operation, this.machines.kind, vm.location, request),
          body: "",
        };
      },
    };
  }

  private computeUsages(location: string): WireObject[] {
    const { quotas } = this.subscription;
    const used = this.machines.usage(location.toLowerCase());
    const row = (value: string, localizedValue: string, currentValue: number, limit: number): WireObject => ({
      unit: "Count",
      currentValue,
      limit,
      name: { value, localizedValue },
    });
    const families = [...new Set([...vmSizes.values()].map((s) => s.family))];
    return [
      row("cores", "Total Regional vCPUs", used.cores, quotas.regionalCores),
      row("virtualMachines", "Virtual Machines", used.machines, 25_000),
      row("lowPriorityCores", "Total Regional Low-priority vCPUs", used.lowPriorityCores, quotas.lowPriorityCores),
      ...families.map((family) => row(family, family, used.families.get(family) ?? 0, quotas.familyCores)),
    ];
  }

  private networkUsages(location: string): WireObject[] {
    const count = (type: string): number =>
      this.subscription.ofType(type).filter((r) => r.location === location.toLowerCase()).length;
    const row = (value: string, currentValue: number, limit: number): WireObject => ({
      id: `/subscriptions/${subscriptionId}/providers/Microsoft.Network/locations/${location}/usages/${value}`,
      unit: "Count",
      currentValue,
      limit,
      name: { value, localizedValue: value },
    });
    return [
      row("VirtualNetworks", count(types.vnet), 1000),
      row("NetworkInterfaces", count(types.nic), 65_536),
      row("NetworkSecurityGroups", count(types.nsg), 5000),
      row("PublicIPAddresses", count(types.publicIp), this.subscription.quotas.publicIps),
      row("StandardSkuPublicIpAddresses", count(types.publicIp), this.subscription.quotas.publicIps),
    ];
  }
}

interface Route {
  readonly operation: string;
  /** Undefined where any will do. */
  readonly apiVersion: string | undefined;
  readonly query: readonly string[];
  /** The type whose description bodies and answers are held against. */
  readonly type: string | undefined;
  readonly run: (call: OpenCall, request: HttpRequest, body: WireObject) => HttpResponse;
}

const notImplemented = (method: string, path: string): never => {
  throw new NotImplemented(`${method} ${path}`);
};

/** Ids are given back in Azure's own spelling of types, with the caller's spelling of names. */
function canonicalId(kind: ArmKind, group: string, parts: readonly string[]): string {
  const [provider = "", ...typeParts] = kind.type.split("/");
  const names = parts.filter((_, i) => i % 2 === 1);
  const tail = typeParts.map((type, i) => `${type}/${names[i] ?? ""}`).join("/");
  return `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/${provider}/${tail}`;
}

function bodyOf(request: HttpRequest): WireObject {
  if (request.body === "") return {};
  let body: unknown;
  try {
    body = JSON.parse(request.body);
  } catch {
    throw new CloudError(
      400,
      "InvalidRequestContent",
      "The request content was invalid and could not be deserialized.",
    );
  }
  if (!isWireObject(body)) throw new CloudError(400, "InvalidRequestContent", "The request content is not an object.");
  return body;
}

/** ARM's token buckets of a subscription, for one caller. */
function bucketOf(method: string): { readonly key: string; readonly limit: BucketLimit } {
  if (method === "GET" || method === "HEAD") return { key: "reads", limit: { burst: 250, perSec: 25 } };
  return { key: method === "DELETE" ? "deletes" : "writes", limit: { burst: 200, perSec: 10 } };
}

function skus(filter: string | null): WireObject[] {
  const wanted = filter === null ? undefined : /^location eq '([^']+)'$/i.exec(filter)?.[1];
  if (filter !== null && wanted === undefined) throw new NotImplemented(`filter ${filter}`);
  return Object.keys(locations)
    .filter((location) => (wanted ?? location).toLowerCase() === location)
    .flatMap((location) =>
      [...vmSizes.values()].map((size): WireObject => {
        const zones = zonesOffering(size, location);
        const capability = (name: string, value: number | string | boolean): WireObject => ({
          name,
          value: typeof value === "boolean" ? (value ? "True" : "False") : String(value),
        });
        return {
          resourceType: "virtualMachines",
          name: size.name,
          tier: "Standard",
          size: size.name.replace("Standard_", ""),
          family: size.family,
          locations: [location],
          locationInfo: [{ location, zones: zones ?? [], zoneDetails: [] }],
          capabilities: [
            capability("vCPUs", size.vcpus),
            capability("MemoryGB", size.memoryGb),
            capability("CpuArchitectureType", size.arch),
            capability("HyperVGenerations", "V2"),
            capability("LowPriorityCapable", true),
            capability("PremiumIO", size.premiumDisks),
            capability("MaxResourceVolumeMB", size.tempGib * 1024),
            capability("AcceleratedNetworkingEnabled", size.acceleratedNetworking),
            ...(size.nvmeGib > 0 ? [capability("NvmeDiskSizeInMiB", size.nvmeGib * 1024)] : []),
            ...(size.confidential === undefined ? [] : [capability("ConfidentialComputingType", size.confidential)]),
          ],
          restrictions:
            zones === undefined
              ? [
                  {
                    type: "Location",
                    values: [location],
                    restrictionInfo: { locations: [location] },
                    reasonCode: "NotAvailableForSubscription",
                  },
                ]
              : [],
        };
      }),
    );
}

function imageAnswer(
  at: {
    readonly location: string;
    readonly publisher: string;
    readonly offer: string;
    readonly sku: string;
    readonly version: string | undefined;
  },
  request: HttpRequest,
): WireObject | readonly WireObject[] {
  const line = findImageLine(at.publisher, at.offer, at.sku);
  if (line === undefined)
    throw new CloudError(404, "NotFound", `Artifact: VMImage was not found: ${at.publisher}:${at.offer}:${at.sku}.`);
  const path = `/Subscriptions/${subscriptionId}/Providers/Microsoft.Compute/Locations/${at.location}/Publishers/${line.publisher}/ArtifactTypes/VMImage/Offers/${line.offer}/Skus/${line.sku}/Versions`;
  const view = (version: string): WireObject => ({ location: at.location, name: version, id: `${path}/${version}` });
  if (at.version !== undefined) {
    const version = at.version === "latest" ? imageVersions.at(-1) : imageVersions.find((v) => v === at.version);
    if (version === undefined)
      throw new CloudError(404, "NotFound", `Artifact: VMImage was not found: version ${at.version}.`);
    return {
      ...view(version),
      properties: {
        architecture: line.arch,
        hyperVGeneration: "V2",
        osDiskImage: { operatingSystem: "Linux", sizeInGb: line.diskGb },
        dataDiskImages: [],
        automaticOSUpgradeProperties: { automaticOSUpgradeSupported: true },
        imageDeprecationStatus: { imageState: "Active" },
      },
    };
  }
  const order = request.url.searchParams.get("$orderby");
  if (order !== null && !/^name( desc| asc)?$/.test(order)) throw new NotImplemented(`$orderby=${order}`);
  const top = Number(request.url.searchParams.get("$top") ?? imageVersions.length);
  const versions = order === "name desc" ? [...imageVersions].reverse() : imageVersions;
  return versions.slice(0, top).map(view);
}
