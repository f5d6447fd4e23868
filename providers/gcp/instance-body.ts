import type { Intent } from "../../core/ports/provider.ts";
import { hostPaths } from "../cloud/host-paths.ts";
import { tagKeys, toTags } from "../cloud/identity-tags.ts";
import { renderUserData } from "../cloud/user-data.ts";
import { hostOf, instanceName, networkTag, unlabelledName } from "./names.ts";
import type { GcpOptions } from "./options.ts";

/** Where a host's own facts stand, for whoever lists it later without its intent. */
export const metadataKeys = {
  /** Its name among its deployment's: `server-0`. */
  host: "reprise-host",
  user: "reprise-user",
  /** `SHA256:` fingerprint of the pinned host key. */
  hostKey: "reprise-host-key",
  /** The lease, unix seconds: what `extend` changes and the host listens to. */
  expiresAt: tagKeys.expiresAt,
} as const;

export type HostIntent = Intent & { readonly host: NonNullable<Intent["host"]> };

/** What an instance is made from: the part of Google's schema `Instance` that is sent. */
export interface InstanceBody {
  readonly name: string;
  readonly machineType: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: { readonly items: readonly string[] };
  readonly disks: readonly object[];
  readonly networkInterfaces: readonly object[];
  readonly metadata: { readonly items: readonly { readonly key: string; readonly value: string }[] };
  readonly scheduling: {
    readonly provisioningModel: "STANDARD" | "SPOT";
    readonly instanceTerminationAction: "DELETE";
    readonly terminationTime: string;
    readonly onHostMaintenance: "MIGRATE" | "TERMINATE";
    readonly automaticRestart: boolean;
  };
  readonly [rare: string]: unknown;
}

/**
 * When Google itself deletes the host, ms since the epoch.
 *
 * Google lets nobody change the termination time of a running machine (`setScheduling` wants it stopped), but a lease is
 * renewed again and again while its run goes on. So there are two timers. The lease is kept on the host (cloud/expiry-keeper.ts)
 * and shuts the machine down: it stops, costs its disks only, and the reaper deletes it. Google's own is set once, this
 * far away, and deletes what none of us could; beyond it `extend` says no.
 */
export const terminationOf = (intent: Intent, options: GcpOptions): number =>
  Math.max(intent.notAfter + options.maxLifetimeHours * 3_600_000, intent.expiresAt);

/** @throws FailureError class invalid, for user data that a host or Google doesn't take */
export function buildInstance(intent: HostIntent, options: GcpOptions, zone: string, createdAt: number): InstanceBody {
  const { shape, setup, role } = intent.host;
  const { deployment, runId, owner, name, round, expiresAt } = intent;
  const labels = toTags({ deployment, runId, owner, name, round, role, createdAt, expiresAt });
  const mustStop = shape.spot || options.confidential !== undefined;
  return {
    name: instanceName(intent),
    machineType: `zones/${zone}/machineTypes/${shape.type}`,
    labels,
    tags: { items: [networkTag(deployment)] },
    disks: buildDisks(intent, options, zone, labels),
    networkInterfaces: [
      {
        ...networkOf(intent, options),
        ...(options.nicType !== undefined || options.tier1 ? { nicType: options.nicType ?? "GVNIC" } : {}),
        accessConfigs: [
          {
            type: "ONE_TO_ONE_NAT",
            name: "External NAT",
            ...(options.networkTier === undefined ? {} : { networkTier: options.networkTier }),
          },
        ],
      },
    ],
    metadata: {
      items: [
        { key: "user-data", value: renderUserData(setup, shape.disks, "gcp") },
        { key: "startup-script", value: leaseScript() },
        { key: metadataKeys.host, value: hostOf(intent) },
        { key: metadataKeys.user, value: setup.user },
        { key: metadataKeys.hostKey, value: setup.hostKey },
        { key: metadataKeys.expiresAt, value: String(Math.ceil(expiresAt / 1000)) },
        // The one key that was asked for, not whatever the project gives to all its machines.
        { key: "block-project-ssh-keys", value: "TRUE" },
        { key: "enable-oslogin", value: "FALSE" },
      ],
    },
    scheduling: {
      // Google takes no bids (`maxDollarsPerHour`): a spot machine costs what it costs that day.
      provisioningModel: shape.spot ? "SPOT" : "STANDARD",
      instanceTerminationAction: "DELETE",
      terminationTime: new Date(terminationOf(intent, options)).toISOString(),
      onHostMaintenance: options.onHostMaintenance ?? (mustStop ? "TERMINATE" : "MIGRATE"),
      // A host that comes back after a crash of its machine isn't the one that was measured on; a spot one never may.
      automaticRestart: false,
    },
    ...(options.serviceAccount === undefined
      ? {}
      : { serviceAccounts: [{ email: options.serviceAccount, scopes: (options.scopes ?? allScopes).split(",") }] }),
    ...(options.compact
      ? { resourcePolicies: [`regions/${intent.place.region}/resourcePolicies/${unlabelledName(intent, "pol")}`] }
      : {}),
    ...(options.confidential === undefined
      ? {}
      : {
          confidentialInstanceConfig: {
            enableConfidentialCompute: true,
            confidentialInstanceType: options.confidential,
          },
        }),
    ...(options.secureBoot === undefined
      ? {}
      : { shieldedInstanceConfig: { enableSecureBoot: options.secureBoot, enableVtpm: true } }),
    ...(options.tier1 ? { networkPerformanceConfig: { totalEgressBandwidthTier: "TIER_1" } } : {}),
    ...(options.threadsPerCore === undefined
      ? {}
      : { advancedMachineFeatures: { threadsPerCore: options.threadsPerCore } }),
    ...(options.minCpuPlatform === undefined ? {} : { minCpuPlatform: options.minCpuPlatform }),
  };
}

const allScopes = "https://www.googleapis.com/auth/cloud-platform";
const gib = 1024 ** 3;

function buildDisks(
  intent: HostIntent,
  options: GcpOptions,
  zone: string,
  labels: Readonly<Record<string, string>>,
): object[] {
  const { shape } = intent.host;
  const name = instanceName(intent);
  const sizeOf = (bytes: number | undefined): { readonly diskSizeGb?: string } =>
    bytes === undefined ? {} : { diskSizeGb: String(Math.ceil(bytes / gib)) };
  const persistent = (diskName: string, type: string, bytes: number | undefined): object => ({
    diskName,
    diskType: `zones/${zone}/diskTypes/${type}`,
    labels,
    ...sizeOf(bytes),
  });
  const boot = shape.disks.find((disk) => disk.kind === "boot");
  // Types that end in "-lssd" come with their local disks; of the others each is asked for, 375 GiB apiece.
  const locals = shape.type.endsWith("-lssd") ? [] : shape.disks.filter((disk) => disk.kind === "localNvme");
  return [
    {
      boot: true,
      autoDelete: true,
      initializeParams: {
        ...persistent(name, options.bootDiskType, boot?.bytes),
        sourceImage: shape.image.includes("/") ? shape.image : `global/images/${shape.image}`,
      },
    },
    ...shape.disks
      .filter((disk) => disk.kind === "data")
      .map((disk, index) => ({
        autoDelete: true,
        initializeParams: persistent(`${name}-d${index + 1}`, options.dataDiskType, disk.bytes ?? 100 * gib),
      })),
    ...locals.map(() => ({
      type: "SCRATCH",
      interface: "NVME",
      autoDelete: true,
      initializeParams: { diskType: `zones/${zone}/diskTypes/local-ssd` },
    })),
  ];
}

/** The network that the machines of a deployment are in, as Google wants it named. */
export const networkPath = (intent: Intent, options: Pick<GcpOptions, "network">): string =>
  options.network === "own"
    ? `global/networks/${unlabelledName(intent, "net")}`
    : options.network.includes("/")
      ? options.network
      : `global/networks/${options.network}`;

function networkOf(intent: HostIntent, options: GcpOptions): object {
  const subnetwork = options.network === "own" ? unlabelledName(intent, "sub") : options.subnetwork;
  return subnetwork === undefined
    ? { network: networkPath(intent, options) }
    : {
        network: networkPath(intent, options),
        subnetwork: subnetwork.includes("/") ? subnetwork : `regions/${intent.place.region}/subnetworks/${subnetwork}`,
      };
}

/** Words: the file, the URL. It asks once in five minutes at most, and hears of a change at once. */
const leaseMirror = `while :; do
  at=$(curl -sf -m 330 -H 'Metadata-Flavor: Google' "$2?wait_for_change=true&timeout_sec=300") || { sleep 30; continue; }
  have=$(cat "$1" 2>/dev/null)
  case $at in '' | *[!0-9]*) sleep 30; continue ;; esac
  case $have in *[!0-9]*) have=0 ;; esac
  [ "$at" -gt "\${have:-0}" ] || continue
  echo "$at" > "$1.mirrored" && mv "$1.mirrored" "$1"
done`;

/**
 * Carries a renewed lease from the metadata, which `extend` can write, to the file that the keeper on the host reads.
 *
 * Google's guest agent runs it at each boot. It only ever moves the time away: whoever renewed the file itself (over
 * SSH, say) is not overruled.
 */
export function leaseScript(file: string = hostPaths.expiresAt): string {
  const words = `/bin/sh ${file}-mirror ${file} "$url"`;
  return `#!/bin/sh
url=http://metadata.google.internal/computeMetadata/v1/instance/attributes/${metadataKeys.expiresAt}
cat > ${file}-mirror <<'END'
${leaseMirror}
END
if [ -d /run/systemd/system ]; then
  systemd-run --no-block --unit=reprise-lease -p Restart=always ${words}
else
  setsid ${words} < /dev/null > /dev/null 2>&1 &
fi
`;
}
