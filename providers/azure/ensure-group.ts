import { FailureError } from "../../core/errors/failure.ts";
import { AzureError } from "./errors.ts";
import { GroupResources } from "./group-resources.ts";
import type { GroupMaker, GroupPlan } from "./group-resources.ts";
import { failedMachine } from "./host-states.ts";
import type { HostWanted } from "./machine-body.ts";

/** Machines whose creation is begun at once. */
const hostsAtOnce = 8;

/**
 * Makes what isn't there yet of one group: group, then network, firewall and proximity groups side by side, then each
 * host's address, interface and machine.
 *
 * Each step waits for what it refers to, some seconds each; the machines themselves are only begun. One PUT a resource,
 * and not one template deployment for all: ARM would then hold the order, but tell of a refusal minutes later, and a
 * deployment that is under way goes on creating behind a group's deletion.
 *
 * @returns by intent name, why it wasn't made; all others are accepted
 */
export async function ensureGroup(plan: GroupPlan, maker: GroupMaker): Promise<ReadonlyMap<string, FailureError>> {
  return new GroupEnsurer(plan, maker).run();
}

class GroupEnsurer {
  private readonly plan: GroupPlan;
  private readonly maker: GroupMaker;
  private readonly group: GroupResources;

  constructor(plan: GroupPlan, maker: GroupMaker) {
    this.plan = plan;
    this.maker = maker;
    this.group = new GroupResources(plan, maker);
  }

  async run(): Promise<ReadonlyMap<string, FailureError>> {
    const { hosts } = this.plan;
    const failures = new Map<string, FailureError>();
    await this.group.group();
    const proximityGroups = [...new Set(hosts.flatMap((host) => host.proximityGroup ?? []))];
    const base = Promise.all([
      this.group.network(),
      this.group.firewall(),
      ...proximityGroups.map((name) => this.group.proximity(name)),
    ]);
    base.catch(() => undefined); // awaited by each host, and below
    const queue = [...hosts];
    const worker = async (): Promise<void> => {
      for (let host = queue.shift(); host !== undefined; host = queue.shift()) {
        try {
          await this.host(host, base);
        } catch (error) {
          if (!(error instanceof FailureError)) throw error;
          failures.set(host.intent.name, error);
          this.group.giveUp(error);
          for (const other of queue.splice(0)) failures.set(other.intent.name, error);
        }
      }
    };
    const workers = Array.from({ length: Math.min(hostsAtOnce, queue.length) }, worker);
    // All settle before an error is told: nothing goes on behind the caller's back.
    const settled = await Promise.allSettled([base, ...workers]);
    const broken = settled.find((each) => each.status === "rejected");
    if (broken?.status === "rejected") throw broken.reason;
    return failures;
  }

  private async host(wanted: HostWanted, base: Promise<unknown>): Promise<void> {
    const { session, clients } = this.maker;
    const existing = await this.look(wanted);
    if (existing) return;
    const addressId = await this.group.address(wanted);
    await base;
    const interfaceId = await this.group.interface(wanted, addressId);
    const { virtualMachines } = clients.compute;
    const body = {
      ...wanted.body,
      networkProfile: { networkInterfaces: [{ id: interfaceId, primary: true, deleteOption: "Delete" }] },
      ...(wanted.proximityGroup === undefined
        ? {}
        : {
            proximityPlacementGroup: {
              id: this.group.idOf("Microsoft.Compute/proximityPlacementGroups", wanted.proximityGroup),
            },
          }),
    };
    const doing = this.describe(wanted);
    await session.until(doing, async () => {
      this.group.checkOpen();
      try {
        await session.call({
          doing,
          kind: "write",
          // Only if there's none: the same PUT again would begin an update of a machine that is coming up.
          send: (options) =>
            virtualMachines
              .createOrUpdate(this.group.name, wanted.vm, body, { ifNoneMatch: "*", ...options })
              .submitted(),
        });
        return true;
      } catch (error) {
        if (!(error instanceof AzureError) || (error.kind !== "exists" && error.kind !== "busy")) throw error;
        return (await this.look(wanted)) ? true : undefined;
      }
    });
  }

  /**
   * @returns whether the machine is there, made by us or by another who was asked the same
   * @throws {FailureError} when it is there and has failed
   */
  private async look(wanted: HostWanted): Promise<boolean> {
    const { session, clients } = this.maker;
    const doing = this.describe(wanted);
    const vm = await session.find(doing, (options) =>
      clients.compute.virtualMachines.get(this.group.name, wanted.vm, { expand: "instanceView", ...options }),
    );
    const failure = vm === undefined ? undefined : failedMachine(vm, doing);
    if (failure !== undefined) throw new FailureError(failure);
    return vm !== undefined;
  }

  private describe({ vm, intent }: HostWanted): string {
    const { region, zone } = intent.place;
    return `virtual machine ${vm} in ${region}${zone === undefined ? "" : ` zone ${zone}`}`;
  }
}
