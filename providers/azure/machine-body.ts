import type { OSDisk, StorageAccountTypes, VirtualMachine } from "@azure/arm-compute";
import { FailureError } from "../../core/errors/failure.ts";
import type { DiskShape, HostSetup, Intent, MachineShape } from "../../core/ports/provider.ts";
import { imageReference } from "./image.ts";
import { inGroup, vmName } from "./names.ts";
import { readShapeOptions, takesPremium } from "./shape-options.ts";
import type { AzureShapeOptions } from "./shape-options.ts";
import { canonicalRegion } from "./regions.ts";

/** A host of an intent, understood: everything that can be wrong with it has been looked for. */
export interface HostWanted {
  readonly intent: Intent;
  readonly setup: HostSetup;
  readonly vm: string;
  readonly options: AzureShapeOptions;
  /** The proximity group that it is in. */
  readonly proximityGroup: string | undefined;
  /** Its VM, but for the ids of what it is attached to. */
  readonly body: VirtualMachine;
}

/** VMs need an administrator whom ARM accepts; who uses the host is cloud-init's matter, and may be root. */
const administrator = "reprise";

/** What a machine is given beside what its intent asks for. */
export interface HostGifts {
  /** Text of `renderUserData`. */
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Resource id of an identity that every machine gets. */
  readonly identity?: string;
}

/** @throws {FailureError} class invalid */
export function wantHost(intent: Intent, gifts: HostGifts): HostWanted {
  const { host } = intent;
  if (host === undefined) throw new FailureError({ class: "defect", message: `${intent.name} is no host` });
  const { shape, setup } = host;
  const vm = vmName(intent);
  const options = readShapeOptions(shape, vm);
  const identities = [...new Set([options.identity, gifts.identity].filter((id) => id !== undefined))];
  const body: VirtualMachine = {
    location: canonicalRegion(intent.place.region),
    tags: { ...gifts.tags },
    ...(intent.place.zone === undefined ? {} : { zones: [zoneNumber(intent.place.zone)] }),
    ...(identities.length === 0
      ? {}
      : {
          identity: {
            type: "UserAssigned",
            userAssignedIdentities: Object.fromEntries(identities.map((id) => [id, {}])),
          },
        }),
    hardwareProfile: { vmSize: shape.type },
    storageProfile: {
      imageReference: imageReference(shape.image),
      osDisk: bootDisk(shape, options, vm),
      dataDisks: shape.disks
        .filter((disk) => disk.kind === "data")
        .map((disk, lun) => ({
          lun,
          name: inGroup.dataDisk(vm, lun),
          createOption: "Empty",
          diskSizeGB: gibibytes(disk, vm),
          deleteOption: "Delete",
          caching: "None",
          managedDisk: { storageAccountType: diskType(shape, options) },
        })),
      ...(options.diskController === undefined ? {} : { diskControllerType: options.diskController }),
    },
    osProfile: {
      computerName: vm,
      adminUsername: administrator,
      customData: Buffer.from(gifts.userData, "utf8").toString("base64"),
      linuxConfiguration: {
        disablePasswordAuthentication: true,
        ssh: {
          publicKeys: [{ path: `/home/${administrator}/.ssh/authorized_keys`, keyData: setup.authorizedKey }],
        },
      },
    },
    ...(shape.spot
      ? {
          priority: "Spot",
          // Not "Delete": a machine that is gone without a trace can't be told from one that somebody deleted.
          evictionPolicy: "Deallocate",
          billingProfile: { maxPrice: spotPrice(intent, options) },
        }
      : {}),
    ...security(options),
    diagnosticsProfile: { bootDiagnostics: { enabled: true } },
  };
  return { intent, setup, vm, options, proximityGroup: proximityGroupOf(options), body };
}

/** `eastus/1`, `eastus-1` and `1` all mean the first. */
const zoneNumber = (zone: string): string => /(\d+)$/.exec(zone)?.[1] ?? zone;

function proximityGroupOf({ proximityGroup }: AzureShapeOptions): string | undefined {
  if (proximityGroup === undefined || proximityGroup === false) return undefined;
  return proximityGroup === true ? "near" : proximityGroup;
}

function bootDisk(shape: MachineShape, options: AzureShapeOptions, vm: string): OSDisk {
  const boot = shape.disks.find((disk) => disk.kind === "boot");
  return {
    name: inGroup.bootDisk(vm),
    createOption: "FromImage",
    caching: "ReadWrite",
    deleteOption: "Delete",
    ...(boot?.bytes === undefined ? {} : { diskSizeGB: gibibytes(boot, vm) }),
    managedDisk: {
      storageAccountType: bootDiskType(shape, options),
      ...(options.confidential === undefined
        ? {}
        : { securityProfile: { securityEncryptionType: "VMGuestStateOnly" } }),
    },
  };
}

const diskType = (shape: MachineShape, { storage }: AzureShapeOptions): StorageAccountTypes =>
  storage ?? (takesPremium(shape.type) ? "Premium_LRS" : "StandardSSD_LRS");

/** The two fastest kinds can't be booted from. */
function bootDiskType(shape: MachineShape, options: AzureShapeOptions): StorageAccountTypes {
  const type = diskType(shape, options);
  return type === "PremiumV2_LRS" || type === "UltraSSD_LRS" ? "Premium_LRS" : type;
}

function gibibytes(disk: DiskShape, vm: string): number {
  if (disk.bytes === undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${vm}: a ${disk.kind} disk without a size`,
      hint: "Azure has no default size for data disks",
      host: vm,
    });
  }
  return Math.ceil(disk.bytes / 1024 ** 3);
}

function security({
  confidential,
  trustedLaunch,
  encryptionAtHost,
}: AzureShapeOptions): Pick<VirtualMachine, "securityProfile"> {
  const securityType =
    confidential !== undefined ? "ConfidentialVM" : trustedLaunch === true ? "TrustedLaunch" : undefined;
  if (securityType === undefined && encryptionAtHost === undefined) return {};
  return {
    securityProfile: {
      ...(securityType === undefined
        ? {}
        : { securityType, uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } }),
      ...(encryptionAtHost === undefined ? {} : { encryptionAtHost }),
    },
  };
}

/** Dollars an hour; the tighter of what the definition and the budget say. -1: never evicted for its price. */
function spotPrice(intent: Intent, { maxPrice }: AzureShapeOptions): number {
  const bids = [maxPrice, intent.host?.maxDollarsPerHour].filter((bid) => bid !== undefined && bid > 0);
  return bids.length === 0 ? -1 : Math.min(...bids.map(Number));
}
