import { createHash } from "node:crypto";
import type { Capacity } from "../common/capacity.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import type { World } from "../common/world.ts";
import { regions } from "./catalog.ts";

export const root = "https://www.googleapis.com/compute/v1/";

export type Collection = "networks" | "subnetworks" | "firewalls" | "resourcePolicies" | "instances" | "disks";

/** `global`, `regions/us-central1` or `zones/us-central1-a` */
export type Scope = string;

export interface GcpResource {
  readonly collection: Collection;
  readonly scope: Scope;
  readonly name: string;
  /** A number in decimal, unique. */
  readonly id: string;
  readonly createdAtMs: number;
  /** Reads miss it before. */
  readonly visibleAtMs: number;
  body: WireObject;
  labels: Readonly<Record<string, string>>;
  /** False while its insert runs. */
  isReady: boolean;
  isDeleting: boolean;
  /** Came with the project: the default network and what belongs to it. */
  readonly isBuiltIn: boolean;
}

export interface GcpOperation {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly scope: Scope;
  readonly target: { readonly link: string; readonly id: string };
  readonly requestId: string | undefined;
  readonly group: string | undefined;
  readonly user: string;
  readonly insertedAtMs: number;
  startedAtMs: number | undefined;
  endedAtMs: number | undefined;
  error: OperationError | undefined;
  metadata: WireObject | undefined;
}

/** Ends an operation as failed: in the operation's body, never as an HTTP status. */
export class OperationError extends Error {
  override readonly name = "OperationError";
  readonly code: string;
  readonly httpStatus: number;
  readonly httpMessage: string;
  constructor(code: string, message: string, http: { readonly status: number; readonly message: string }) {
    super(message);
    this.code = code;
    this.httpStatus = http.status;
    this.httpMessage = http.message;
  }
}

export interface GcpQuotas {
  /** Processors of each machine family, a region. */
  readonly cpus: number;
  /** Processors of spot machines, a region. */
  readonly preemptibleCpus: number;
  /** External addresses in use, a region. */
  readonly inUseAddresses: number;
  /** Machines, a region. */
  readonly instances: number;
}

/** All that exists in the one project. */
export class Project {
  readonly name: string;
  readonly world: World;
  readonly capacity: Capacity;
  readonly quotas: GcpQuotas;
  private readonly resources = new Map<string, GcpResource>();
  readonly operations: GcpOperation[] = [];
  private readonly byRequest = new Map<string, GcpOperation>();

  constructor(name: string, world: World, capacity: Capacity, quotas: GcpQuotas) {
    this.name = name;
    this.world = world;
    this.capacity = capacity;
    this.quotas = quotas;
    this.furnish();
  }

  /** The default network of every new project. */
  private furnish(): void {
    const builtIn = (collection: Collection, scope: Scope, name: string, body: WireObject): void => {
      this.resources.set(pathOf({ collection, scope, name }), {
        collection,
        scope,
        name,
        id: this.world.ids.decimal("gcp/id"),
        createdAtMs: this.world.now(),
        visibleAtMs: 0,
        body,
        labels: {},
        isReady: true,
        isDeleting: false,
        isBuiltIn: true,
      });
    };
    builtIn("networks", "global", "default", {
      autoCreateSubnetworks: true,
      description: "Default network for the project",
      routingConfig: { routingMode: "REGIONAL" },
    });
    for (const [region, { defaultRange }] of Object.entries(regions))
      builtIn("subnetworks", `regions/${region}`, "default", {
        network: this.link("global/networks/default"),
        ipCidrRange: defaultRange,
      });
    const allow = (name: string, sourceRanges: readonly string[], allowed: readonly WireObject[]): void =>
      builtIn("firewalls", "global", name, {
        network: this.link("global/networks/default"),
        direction: "INGRESS",
        priority: 65534,
        sourceRanges,
        allowed,
      });
    allow("default-allow-internal", ["10.128.0.0/9"], [{ IPProtocol: "all" }]);
    allow("default-allow-ssh", ["0.0.0.0/0"], [{ IPProtocol: "tcp", ports: ["22"] }]);
    allow("default-allow-icmp", ["0.0.0.0/0"], [{ IPProtocol: "icmp" }]);
  }

  /** The full URL of a path inside the project. */
  link(path: string): string {
    return `${root}projects/${this.name}/${path}`;
  }

  /** `projects/p/zones/z/instances/i`, as messages name resources */
  fullName(path: string): string {
    return `projects/${this.name}/${path}`;
  }

  /** The path inside the project that a reference means: full URL, `projects/…`, `zones/…` or `global/…`. */
  pathOf(reference: string): string {
    return reference
      .replace(/^https:\/\/(www|compute)\.googleapis\.com\/compute\/v1\//, "")
      .replace(new RegExp(`^projects/${this.name}/`), "");
  }

  at(path: string): GcpResource | undefined {
    return this.resources.get(path);
  }

  /** What reads see. @throws {CloudError} 404 notFound */
  need(path: string): GcpResource {
    const found = this.resources.get(path);
    if (found !== undefined && found.visibleAtMs <= this.world.now()) return found;
    throw notFound(this.fullName(path));
  }

  /** What a body's field refers to: there and ready. @throws {CloudError} 400 invalid or resourceNotReady */
  needReferenced(field: string, reference: string, noun: string): GcpResource {
    const found = this.resources.get(this.pathOf(reference));
    if (found === undefined) throw invalid(field, reference, `The referenced ${noun} resource cannot be found.`);
    if (!found.isReady || found.isDeleting)
      throw new CloudError(400, "resourceNotReady", `The resource '${this.fullName(pathOf(found))}' is not ready`);
    return found;
  }

  visible(collection: Collection, scope?: Scope): GcpResource[] {
    return this.all(collection, scope).filter((r) => r.visibleAtMs <= this.world.now());
  }

  all(collection: Collection, scope?: Scope): GcpResource[] {
    return [...this.resources.values()].filter((r) => r.collection === collection && (scope ?? r.scope) === r.scope);
  }

  everything(): GcpResource[] {
    return [...this.resources.values()];
  }

  /** @throws {CloudError} 409 alreadyExists, 400 invalid for a bad name */
  add(
    resource: Pick<GcpResource, "collection" | "scope" | "name" | "body"> & { readonly labels?: GcpResource["labels"] },
  ): GcpResource {
    this.refuseTaken(resource);
    const added: GcpResource = {
      labels: {},
      ...resource,
      id: this.world.ids.decimal("gcp/id"),
      createdAtMs: this.world.now(),
      visibleAtMs: this.world.now() + this.world.about(this.world.timings.visibilityMs),
      isReady: false,
      isDeleting: false,
      isBuiltIn: false,
    };
    this.resources.set(pathOf(resource), added);
    return added;
  }

  refuseTaken(resource: Pick<GcpResource, "collection" | "scope" | "name">): void {
    if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(resource.name))
      throw invalid("resource.name", resource.name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'");
    if (this.resources.has(pathOf(resource)))
      throw new CloudError(409, "alreadyExists", `The resource '${this.fullName(pathOf(resource))}' already exists`);
  }

  remove(resource: GcpResource): void {
    this.resources.delete(pathOf(resource));
  }

  /** The operation that a request id stands for, if it came before. @throws {CloudError} for what is no UUID, or the zero one */
  earlier(requestId: string | null): GcpOperation | undefined {
    if (requestId === null) return undefined;
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(requestId) || /^[0-]+$/.test(requestId))
      throw invalid("requestId", requestId, "Must be a valid UUID other than the zero one");
    return this.byRequest.get(requestId.toLowerCase());
  }

  /**
   * Begins an operation: pending for a moment, running, then done.
   *
   * @param finish the effect at its end; an {@link OperationError} makes the operation fail
   */
  begin(
    what: {
      readonly type: string;
      readonly scope: Scope;
      readonly target: { readonly link: string; readonly id: string };
      readonly requestId?: string | null;
      readonly group?: string;
      readonly user?: string;
    },
    ms: number,
    finish: () => void,
  ): GcpOperation {
    const { world } = this;
    const operation: GcpOperation = {
      id: world.ids.decimal("gcp/id"),
      name: `operation-${world.now()}-${world.ids.hex("gcp/operation", 13)}-${world.ids.hex("gcp/operation", 8)}`,
      type: what.type,
      scope: what.scope,
      target: what.target,
      requestId: what.requestId ?? undefined,
      group: what.group,
      user: what.user ?? "reprise@example.com",
      insertedAtMs: world.now(),
      startedAtMs: undefined,
      endedAtMs: undefined,
      error: undefined,
      metadata: undefined,
    };
    this.operations.push(operation);
    if (operation.requestId !== undefined) this.byRequest.set(operation.requestId.toLowerCase(), operation);
    world.timeline.after(ms / 10, () => {
      operation.startedAtMs = world.now();
    });
    world.timeline.after(ms, () => {
      if (operation.endedAtMs !== undefined) return;
      try {
        finish();
      } catch (error) {
        if (!(error instanceof OperationError)) throw error;
        operation.error = error;
      }
      operation.endedAtMs = world.now();
    });
    return operation;
  }

  /** By name or number. @throws {CloudError} 404 notFound */
  needOperation(scope: Scope, nameOrId: string): GcpOperation {
    const found = this.operations.find((o) => o.scope === scope && (o.name === nameOrId || o.id === nameOrId));
    if (found === undefined) throw notFound(this.fullName(`${scope}/operations/${nameOrId}`));
    return found;
  }

  viewOperation(o: GcpOperation): WireObject {
    const status = o.endedAtMs !== undefined ? "DONE" : o.startedAtMs !== undefined ? "RUNNING" : "PENDING";
    const [kind, place] = o.scope.split("/");
    return {
      kind: "compute#operation",
      id: o.id,
      name: o.name,
      operationType: o.type,
      targetLink: o.target.link,
      targetId: o.target.id,
      status,
      user: o.user,
      progress: status === "DONE" ? 100 : 0,
      insertTime: new Date(o.insertedAtMs).toISOString(),
      startTime: o.startedAtMs === undefined ? undefined : new Date(o.startedAtMs).toISOString(),
      endTime: o.endedAtMs === undefined ? undefined : new Date(o.endedAtMs).toISOString(),
      selfLink: this.link(`${o.scope}/operations/${o.name}`),
      zone: kind === "zones" && place !== undefined ? this.link(`zones/${place}`) : undefined,
      region: kind === "regions" && place !== undefined ? this.link(`regions/${place}`) : undefined,
      clientOperationId: o.requestId,
      operationGroupId: o.group,
      instancesBulkInsertOperationMetadata: o.metadata,
      ...(o.error === undefined
        ? {}
        : {
            error: { errors: [{ code: o.error.code, message: o.error.message }] },
            httpErrorStatusCode: o.error.httpStatus,
            httpErrorMessage: o.error.httpMessage,
          }),
    };
  }

  target(resource: GcpResource): { readonly link: string; readonly id: string } {
    return { link: this.link(pathOf(resource)), id: resource.id };
  }
}

/** `zones/us-central1-a/instances/x` */
export const pathOf = (r: Pick<GcpResource, "collection" | "scope" | "name">): string =>
  `${r.scope}/${r.collection}/${r.name}`;

export const notFound = (fullName: string): CloudError =>
  new CloudError(404, "notFound", `The resource '${fullName}' was not found`);

export const invalid = (field: string, value: string, why: string): CloudError =>
  new CloudError(400, "invalid", `Invalid value for field '${field}': '${value}'. ${why}`);

/** Changes whenever the value does. */
export const fingerprint = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("base64").slice(0, 11) + "=";

/** Keys and values of lower-case letters, digits, `_` and `-`, 63 at most; keys start with a letter; 64 labels. */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  if (Object.keys(labels).length > 64)
    throw new CloudError(
      400,
      "invalid",
      "Invalid value for field 'resource.labels': ''. There are more than 64 labels.",
    );
  for (const [key, value] of Object.entries(labels)) {
    if (!/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key))
      throw invalid(
        "resource.labels",
        key,
        "Label keys must be lower-case letters, digits, dashes and underscores, start with a letter and be at most 63 characters.",
      );
    if (!/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(value))
      throw invalid(
        "resource.labels",
        value,
        "Label values must be lower-case letters, digits, dashes and underscores and be at most 63 characters.",
      );
  }
}
