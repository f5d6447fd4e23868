import { Capacity } from "../common/capacity.ts";
import type { CapacityRule } from "../common/capacity.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import { jsonResponse } from "../common/http.ts";
import type { HttpHandler, HttpRequest } from "../common/http.ts";
import type { InventoryItem } from "../common/inventory.ts";
import { serve } from "../common/service.ts";
import type { Recognised } from "../common/service.ts";
import type { BucketLimit } from "../common/token-bucket.ts";
import type { World } from "../common/world.ts";
import { images } from "./catalog.ts";
import { DiscoveryCheck } from "./discovery.ts";
import { Machines } from "./instances.ts";
import { Project, pathOf } from "./project.ts";
import type { GcpQuotas } from "./project.ts";
import { imageRoutes, routesOf } from "./routes.ts";
import type { GcpRoute } from "./route.ts";

export const projectName = "reprise-test";

export interface GcpOptions {
  readonly capacity?: readonly CapacityRule[];
  readonly quotas?: Partial<GcpQuotas>;
}

/** The emulated Google Cloud project: Compute Engine. */
export class GcpEmulator {
  readonly handle: HttpHandler;
  readonly capacity: Capacity;
  private readonly world: World;
  private readonly project: Project;
  private readonly machines: Machines;
  private readonly routes: readonly MatchableRoute[];
  /** Projects of others, with nothing in them but public images. */
  private readonly imageProjects: ReadonlyMap<string, Project>;
  private readonly imageRoutes: readonly MatchableRoute[];
  private readonly check: DiscoveryCheck | undefined;

  constructor(world: World, options: GcpOptions, throttling: boolean) {
    this.world = world;
    this.capacity = new Capacity(options.capacity ?? []);
    const quotas = { cpus: 500, preemptibleCpus: 500, inUseAddresses: 575, instances: 6000, ...options.quotas };
    this.project = new Project(projectName, world, this.capacity, quotas);
    this.machines = new Machines(this.project);
    this.routes = routesOf(this.machines).map(matchable);
    const names = [...new Set(images.map((i) => i.project))];
    this.imageProjects = new Map(names.map((name) => [name, new Project(name, world, this.capacity, quotas)]));
    this.imageRoutes = imageRoutes.map(matchable);
    this.check = DiscoveryCheck.read("gcp/compute.v1.discovery.subset.json");
    this.handle = serve(
      world,
      {
        cloud: "gcp",
        recognise: (request) => this.recognise(request),
        renderError: (error) => {
          const { status, message, code: reason, headers } = error;
          const domain = reason === "quotaExceeded" || reason === "rateLimitExceeded" ? "usageLimits" : "global";
          return jsonResponse(
            status,
            { error: { code: status, message, errors: [{ message, domain, reason }] } },
            headers,
          );
        },
      },
      throttling,
    );
  }

  /** Preempts a spot machine now: half a minute's notice, then it stops or goes. */
  preempt(instanceName: string): void {
    this.world.timeline.settle();
    this.machines.preemptByName(instanceName);
  }

  /** All that exists beyond the default network of a new project. */
  inventory(): InventoryItem[] {
    this.world.timeline.settle();
    return this.project
      .everything()
      .filter((r) => !r.isBuiltIn)
      .map((r) => ({
        cloud: "gcp",
        kind: r.collection,
        id: pathOf(r),
        name: r.name,
        place: r.scope.split("/")[1] ?? "global",
        state: r.collection === "instances" ? this.machines.statusOf(r) : "",
        costs: r.collection === "instances" || r.collection === "disks",
        tags: r.labels,
      }));
  }

  private recognise(request: HttpRequest): Recognised {
    const { method, url } = request;
    const [, projectId = "", tail = ""] = /^\/compute\/v1\/projects\/([^/]+)\/(.+?)\/?$/.exec(url.pathname) ?? [];
    if (tail === "") throw new NotImplemented(`${method} ${url.pathname}`);
    if (request.headers["authorization"] === undefined) throw new CloudError(401, "required", "Login Required.");
    const imageProject = this.imageProjects.get(projectId);
    if (imageProject === undefined && projectId !== projectName)
      throw new CloudError(404, "notFound", `The resource 'projects/${projectId}' was not found`);
    const project = imageProject ?? this.project;
    const found = match(imageProject === undefined ? this.routes : this.imageRoutes, method, decodeURIComponent(tail));
    if (found === undefined) throw new NotImplemented(`${method} ${url.pathname}`);
    const { route, path } = found;
    const query = new URLSearchParams(url.searchParams);
    for (const standard of ["alt", "prettyPrint", "$alt", "$prettyPrint", "key", "quotaUser"]) query.delete(standard);
    const stray = [...query.keys()].filter((key) => !(route.query ?? []).includes(key));
    if (stray.length > 0) throw new NotImplemented(`query parameter ${stray.join(", ")} of ${route.id}`);
    const body = bodyOf(request);
    const named =
      typeof body === "object" && body !== null && "name" in body && typeof body.name === "string"
        ? `/${body.name}`
        : "";
    return {
      operation: route.id,
      resource: `${tail}${named}`,
      token: query.get("requestId") ?? undefined,
      bucket: bucketOf(route, projectId),
      checkRequest: () =>
        this.check?.request({ id: route.id, path: { project: projectId, ...path }, query: url.searchParams, body }) ??
        [],
      run: async (call) => {
        const context = { project, path, query, body, call };
        if ("read" in route) return jsonResponse(200, await route.read(context));
        const operation = project.earlier(query.get("requestId")) ?? route.mutate(context);
        return jsonResponse(200, project.viewOperation(operation));
      },
      checkResponse: (response) => this.check?.response(route.id, JSON.parse(response.body)) ?? [],
    };
  }
}

interface MatchableRoute {
  readonly route: GcpRoute;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

function matchable(route: GcpRoute): MatchableRoute {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? "");
  return { route, names, pattern: new RegExp(`^${route.path.replace(/\{\w+\}/g, "([^/]+)")}$`) };
}

function match(
  routes: readonly MatchableRoute[],
  method: string,
  tail: string,
): { readonly route: GcpRoute; readonly path: Readonly<Record<string, string>> } | undefined {
  for (const { route, pattern, names } of routes) {
    if (route.method !== method) continue;
    const values = pattern.exec(tail);
    if (values !== null)
      return { route, path: Object.fromEntries(names.map((name, i) => [name, values[i + 1] ?? ""])) };
  }
  return undefined;
}

function bodyOf(request: HttpRequest): unknown {
  if (request.body === "") return {};
  try {
    return JSON.parse(request.body);
  } catch {
    throw new CloudError(400, "parseError", "Parse Error");
  }
}

/** Google's rates are per minute and project; these are the same ones by the second. */
function bucketOf(route: GcpRoute, project: string): { readonly key: string; readonly limit: BucketLimit } {
  if (route.id.includes("perations.")) return { key: `${project}/operations`, limit: { burst: 400, perSec: 40 } };
  return "read" in route
    ? { key: `${project}/reads`, limit: { burst: 400, perSec: 25 } }
    : { key: `${project}/writes`, limit: { burst: 400, perSec: 25 } };
}
