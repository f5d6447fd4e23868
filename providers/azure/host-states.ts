import type { InstanceViewStatus, VirtualMachine } from "@azure/arm-compute";
import type { Failure } from "../../core/errors/failure.ts";
import type { ResourceState } from "../../core/ports/provider.ts";
import { fromTags } from "../cloud/identity-tags.ts";
import type { AzureError } from "./errors.ts";
import { toAzureError } from "./errors.ts";
import { describeImage } from "./image.ts";
import { readHostAccess } from "./tags.ts";

export interface Addresses {
  readonly publicAddress: string | undefined;
  readonly privateAddress: string | undefined;
}

/**
 * A VM as the flow sees it.
 *
 * @param vm with its instance view where its provisioning has ended
 */
export function hostState(vm: VirtualMachine, addresses: Addresses): ResourceState {
  const host = vm.name ?? "";
  const common = { name: fromTags(vm.tags ?? {})?.name ?? host, resourceKind: "virtualMachine", id: vm.id ?? host };
  const pending: ResourceState = { ...common, state: "pending", since: vm.timeCreated?.getTime() };
  if (vm.provisioningState === "Deleting") return { ...common, state: "deleting" };
  const failure = failedMachine(vm, `virtual machine ${host} in ${vm.location}`);
  if (failure !== undefined) return { ...common, state: "failed", failure: { ...failure, host } };
  if (vm.provisioningState !== "Succeeded") return pending;
  const power = powerOf(vm);
  // Statuses may be missing while a machine changes: github.com/Azure/azure-sdk-for-python/issues/3406
  if (power === undefined || power === "starting" || power === "unknown") return pending;
  if (power !== "running") return { ...common, state: "failed", failure: lossOf(vm, host, power) };
  const access = readHostAccess(vm.tags);
  const { publicAddress, privateAddress } = addresses;
  if (access === undefined || publicAddress === undefined) return pending;
  return {
    ...common,
    state: "ready",
    address: { host, address: publicAddress, port: 22, ...access },
    ...(privateAddress === undefined ? {} : { privateAddress }),
    facts: factsOf(vm),
  };
}

function factsOf(vm: VirtualMachine): Readonly<Record<string, string>> {
  const facts: Record<string, string | undefined> = {
    machineType: vm.hardwareProfile?.vmSize,
    image: describeImage(vm.storageProfile?.imageReference),
    instanceId: vm.vmId,
    zone: vm.zones?.[0],
    createdAt: vm.timeCreated?.toISOString(),
    // Networks of a deployment's regions are peered: private addresses reach everywhere.
    network: "azure",
    lifecycle: vm.priority === "Spot" ? "spot" : "on-demand",
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** A machine that ran and doesn't any more. An evicted spot machine is deallocated, as its eviction policy says. */
function lossOf(vm: VirtualMachine, host: string, power: string): Failure {
  const isEvicted = vm.priority === "Spot" && power.startsWith("deallocat");
  return {
    class: "preempted",
    message: isEvicted
      ? `Azure evicted the spot machine ${host} (PowerState/${power})`
      : `${host} was stopped (PowerState/${power})`,
    hint: isEvicted
      ? "spot machines go when Azure needs the room or the price passes `maxPrice`; on-demand ones stay"
      : "it shut itself down, or somebody stopped it: see the activity log of its resource group",
    host,
  };
}

const statusesOf = (vm: VirtualMachine): readonly InstanceViewStatus[] => vm.instanceView?.statuses ?? [];

function powerOf(vm: VirtualMachine): string | undefined {
  const codes = statusesOf(vm).map(({ code }) => /^PowerState\/(\w+)$/.exec(code ?? "")?.[1]);
  return codes.find((code) => code !== undefined);
}

/**
 * Why a machine's creation failed, or undefined where it hasn't.
 *
 * The code stands behind the state: `ProvisioningState/failed/AllocationFailed`.
 * @see https://learn.microsoft.com/azure/virtual-machines/states-billing
 */
export function failedMachine(vm: VirtualMachine, doing: string): Failure | undefined {
  if (vm.provisioningState !== "Failed" && vm.provisioningState !== "Canceled") return undefined;
  for (const { code, message } of statusesOf(vm)) {
    const failed = /^ProvisioningState\/failed\/(\w+)$/.exec(code ?? "")?.[1];
    if (failed !== undefined) return failureOf(failed, message ?? "the creation failed", doing);
  }
  return failureOf("ProvisioningFailed", `the creation ended as ${vm.provisioningState}`, doing);
}

/** Async failures carry a code and a text alone, so they are read as the SDKs would have thrown them. */
function failureOf(code: string, message: string, doing: string): Failure {
  const error = toAzureError(new Error(`The long-running operation has failed. ${code}. ${message}`), doing);
  // Nothing is repeated by itself here: what has failed stays so, and another machine has to be asked for.
  return isFinal(error) ? error.failure : { ...error.failure, class: "boot" };
}

const isFinal = (error: AzureError): boolean => error.kind === "refused";
