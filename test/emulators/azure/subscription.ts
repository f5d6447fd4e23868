import type { Capacity } from "../common/capacity.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { ErrorDetail } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import type { World } from "../common/world.ts";

export const subscriptionId = "00000000-1111-2222-3333-444444444444";

export type ProvisioningState = "Creating" | "Updating" | "Succeeded" | "Failed" | "Deleting";
export type Tags = Readonly<Record<string, string>>;

/** Anything with an ARM id inside a resource group. `type` is the full name in Azure's own spelling. */
export interface ArmResource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly group: string;
  readonly location: string | undefined;
  tags: Tags | undefined;
  /** What was asked for, `tags` and `location` left out; `view` makes an answer of it. */
  body: WireObject;
  state: ProvisioningState;
  etag: string;
  readonly guid: string;
  readonly createdAtMs: number;
  /** Lists are served from a cache: they show it from here on. */
  readonly listedAtMs: number;
}

export interface ResourceGroup {
  readonly name: string;
  readonly location: string;
  readonly listedAtMs: number;
  tags: Tags | undefined;
  state: "Succeeded" | "Deleting";
}

/** A long-running operation, as its Azure-AsyncOperation URL tells it. */
export interface ArmOperation {
  readonly id: string;
  readonly startMs: number;
  status: "InProgress" | "Succeeded" | "Failed" | "Canceled";
  endMs: number | undefined;
  error: ErrorDetail | undefined;
}

export interface AzureQuotas {
  /** Cores of all families, a location. */
  readonly regionalCores: number;
  /** Cores of one family, a location. */
  readonly familyCores: number;
  /** Spot cores, a location. */
  readonly lowPriorityCores: number;
  readonly publicIps: number;
}

/** All that exists in the one subscription. */
export class Subscription {
  readonly world: World;
  readonly capacity: Capacity;
  readonly quotas: AzureQuotas;
  readonly groups = new Map<string, ResourceGroup>();
  /** By id in lower case: ARM doesn't mind case. */
  private readonly resources = new Map<string, ArmResource>();
  private readonly byType = new Map<string, Map<string, ArmResource>>();
  readonly operations = new Map<string, ArmOperation>();

  constructor(world: World, capacity: Capacity, quotas: AzureQuotas) {
    this.world = world;
    this.capacity = capacity;
    this.quotas = quotas;
  }

  find(id: string): ArmResource | undefined {
    return this.resources.get(id.toLowerCase());
  }

  add(resource: ArmResource): void {
    const key = resource.id.toLowerCase();
    this.resources.set(key, resource);
    const type = resource.type.toLowerCase();
    const together = this.byType.get(type) ?? new Map<string, ArmResource>();
    together.set(key, resource);
    this.byType.set(type, together);
  }

  remove(resource: ArmResource): void {
    const key = resource.id.toLowerCase();
    this.resources.delete(key);
    this.byType.get(resource.type.toLowerCase())?.delete(key);
  }

  ofType(type: string): ArmResource[] {
    return [...(this.byType.get(type.toLowerCase())?.values() ?? [])];
  }

  inGroup(group: string): ArmResource[] {
    const name = group.toLowerCase();
    return [...this.resources.values()].filter((r) => r.group.toLowerCase() === name);
  }

  all(): ArmResource[] {
    return [...this.resources.values()];
  }

  childrenOf(parent: ArmResource, type: string): ArmResource[] {
    const prefix = `${parent.id.toLowerCase()}/`;
    return this.ofType(type).filter((r) => r.id.toLowerCase().startsWith(prefix));
  }

  /** @throws {CloudError} ResourceGroupNotFound */
  needGroup(name: string): ResourceGroup {
    const group = this.groups.get(name.toLowerCase());
    if (group !== undefined) return group;
    throw new CloudError(404, "ResourceGroupNotFound", `Resource group '${name}' could not be found.`);
  }

  /** When lists will show what is made now. */
  listedAt(): number {
    return this.world.now() + this.world.about(this.world.timings.visibilityMs);
  }

  newEtag(): string {
    return `W/"${this.world.ids.uuid("azure/etag")}"`;
  }

  /**
   * Begins a long-running operation that ends after `ms`.
   *
   * @param finish the effect; throws a {@link CloudError} to end the operation as failed
   */
  begin(ms: number, finish: () => void): ArmOperation {
    const operation: ArmOperation = {
      id: this.world.ids.uuid("azure/operation"),
      startMs: this.world.now(),
      status: "InProgress",
      endMs: undefined,
      error: undefined,
    };
    this.operations.set(operation.id, operation);
    this.world.timeline.after(ms, () => {
      if (operation.status !== "InProgress") return;
      try {
        finish();
        this.end(operation, "Succeeded");
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
        this.end(operation, "Failed", { code: error.code, message: error.message });
      }
    });
    return operation;
  }

  end(operation: ArmOperation, status: "Succeeded" | "Failed" | "Canceled", error?: ErrorDetail): void {
    operation.status = status;
    operation.endMs = this.world.now();
    operation.error = error;
  }
}

/** Names and values of tags: 50 at most, 512 and 256 characters, no `<>%&\?/` in names, which have no case. */
export function checkTags(tags: Tags | undefined): void {
  const names = Object.keys(tags ?? {});
  if (names.length > 50) throw new CloudError(400, "InvalidTags", "The number of tags exceeds the maximum of 50.");
  if (new Set(names.map((n) => n.toLowerCase())).size !== names.length)
    throw new CloudError(400, "DuplicateTags", "Tag names differ only in case.");
  for (const [name, value] of Object.entries(tags ?? {})) {
    if (name === "" || name.length > 512 || /[<>%&\\?/]/.test(name))
      throw new CloudError(
        400,
        "InvalidTagNameCharacters",
        `The tag name '${name}' has reserved characters or a bad length.`,
      );
    if (value.length > 256) throw new CloudError(400, "InvalidTagValue", `The value of tag '${name}' is too long.`);
    if (/^(microsoft|azure|windows)/i.test(name))
      throw new CloudError(400, "ReservedTagName", `The tag name '${name}' has a reserved prefix.`);
  }
}
