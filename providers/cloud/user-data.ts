/**
 * What a new machine of any cloud is told at birth: one `#cloud-config`, rendered from the neutral `HostSetup`.
 *
 * In the order in which cloud-init acts: the expiry keeper (`bootcmd`: every boot, before the network), files, the user,
 * the pinned host key, packages, and last (`runcmd`: once) swap, disks, mounts and kernel settings, which stop at the
 * first error, so that `cloud-init status` is the machine's own word on whether it is what was asked for. No secret but
 * the host's own key is in it: user data can be read by every process on a host.
 */
import { stringify } from "yaml";
import { FailureError } from "../../core/errors/failure.ts";
import type { DiskShape, HostSetup } from "../../core/ports/provider.ts";
import { disksScript } from "./disks-script.ts";
import { keepExpiry } from "./expiry-keeper.ts";
import { hostPaths } from "./host-paths.ts";
import { openSshPublicKey } from "./openssh-key.ts";

export type UserDataCloud = "aws" | "azure" | "gcp";

/** Before base64. AWS and Azure from their documentation, Google's is the limit of one metadata value. */
const limitBytes: Readonly<Record<UserDataCloud, number>> = { aws: 16_384, azure: 65_536, gcp: 262_144 };

/**
 * @param disks the machine's own, in the order of the definition: boot disks are the provider's matter, `data` disks are
 *   found by their size, `localNvme` ones by what they call themselves; `swap` adds to the swap space
 * @returns text for EC2's `UserData` and Azure's `customData` (both base64), Google's `user-data` metadata
 * @throws FailureError class invalid, for what doesn't fit the cloud's limit or isn't a name that a host takes
 */
export function renderUserData(setup: HostSetup, disks: readonly DiskShape[], cloud: UserDataCloud): string {
  checkNames(setup);
  const sysctl = Object.entries(setup.sysctl).map(([key, value]) => `${key} = ${value}\n`);
  const hasLocalDisk = disks.some((disk) => disk.kind === "localNvme");
  const config = {
    // Google's guest agent makes host keys anew on a machine it hasn't seen, which would undo the pinned one.
    bootcmd: [...(cloud === "gcp" ? [keepHostKeys] : []), keepExpiry(setup.expiresAt)],
    write_files: [
      { path: hostPaths.disks, permissions: "0755", content: disksScript },
      // Upgrades in the background disturb measurements and hold the package lock.
      { path: hostPaths.apt, permissions: "0644", content: 'APT::Periodic::Enable "0";\n' },
      ...(sysctl.length === 0 ? [] : [{ path: hostPaths.sysctl, permissions: "0644", content: sysctl.join("") }]),
    ],
    users: [
      {
        name: setup.user,
        ...(setup.user === "root"
          ? {}
          : { shell: "/bin/bash", groups: "sudo", sudo: "ALL=(ALL) NOPASSWD:ALL", lock_passwd: true }),
        ssh_authorized_keys: [setup.authorizedKey],
      },
    ],
    disable_root: setup.user !== "root",
    ssh_pwauth: false,
    // With keys given, cloud-init makes none of its own: the pinned one is the only one that a client is offered.
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: setup.hostPrivateKey, ed25519_public: openSshPublicKey(setup.hostPrivateKey) },
    ...(setup.packages.length === 0
      ? {}
      : { package_update: true, packages: [...setup.packages], package_reboot_if_required: true }),
    // Azure's image would format and mount the temporary disk at /mnt before our own partitions are made.
    ...(cloud === "azure" && hasLocalDisk ? { mounts: [["ephemeral0", null]] } : {}),
    runcmd: [["set", "-eu"], ...firstBoot(setup, disks, sysctl.length > 0)],
  };
  const text = `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > limitBytes[cloud]) {
    throw new FailureError({
      class: "invalid",
      message: `user data of ${bytes} bytes, and ${cloud} takes ${limitBytes[cloud]}`,
      hint: "install fewer packages by name: a script of the experiment's `setup:` may have any length",
    });
  }
  return text;
}

function firstBoot(setup: HostSetup, disks: readonly DiskShape[], hasSysctl: boolean): string[][] {
  const swapBytes = disks
    .filter((disk) => disk.kind === "swap")
    .reduce((sum, disk) => sum + (disk.bytes ?? 0), setup.swapBytes ?? 0);
  const own = disks.filter((disk) => disk.kind === "data" || disk.kind === "localNvme");
  return [
    ...(own.length === 0 && swapBytes === 0
      ? []
      : [[hostPaths.disks, setup.user, String(Math.ceil(swapBytes / mebi)), ...own.flatMap(diskArguments)]]),
    ...setup.mounts.map(({ device, path, options }) => ["sh", "-c", mountCommand, "mount", device, path, options]),
    ...(hasSysctl ? [["sysctl", "-q", "-p", hostPaths.sysctl]] : []),
    // The last word of a first boot that went well; a readiness check looks for it.
    ["sh", "-c", `cat /proc/sys/kernel/random/boot_id > ${hostPaths.born}`],
  ];
}

const mebi = 1024 ** 2;

/** Four words a disk: kind, MiB (`-`: the size it has), mount point (`-`: left raw), file system. */
const diskArguments = (disk: DiskShape): string[] => [
  disk.kind === "data" ? "data" : "local",
  disk.bytes === undefined ? "-" : String(Math.ceil(disk.bytes / mebi)),
  disk.mount ?? "-",
  disk.fileSystem ?? "ext4",
];

/** As /etc/fstab would, and into it; `$1` device, `$2` path, `$3` options. A device that isn't a path names its own type. */
const mountCommand = [
  "case $1 in /*|*=*) type=auto ;; *) type=$1 ;; esac",
  'mkdir -p "$2"',
  `grep -qs " $2 " /etc/fstab || echo "$1 $2 $type $3,nofail 0 0" >> /etc/fstab`,
  'mountpoint -q "$2" || mount "$2"',
].join("\n");

/** Lines of the image's own stay; the last ones win. */
const keepHostKeys =
  "grep -qs 'set_host_keys = false' /etc/default/instance_configs.cfg || printf '[InstanceSetup]\\nset_host_keys = false\\n' >> /etc/default/instance_configs.cfg";

function checkNames(setup: HostSetup): void {
  const bad = (what: string, value: string): never => {
    throw new FailureError({ class: "invalid", message: `not ${what} that a host takes: ${JSON.stringify(value)}` });
  };
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(setup.user)) bad("a user's name", setup.user);
  for (const name of setup.packages) if (!/^[A-Za-z0-9][A-Za-z0-9.+:~=_/-]*$/.test(name)) bad("a package", name);
  for (const [key, value] of Object.entries(setup.sysctl)) {
    if (!/^[A-Za-z0-9_./*-]+$/.test(key)) bad("a kernel setting", key);
    if (/[\n\r]/.test(value)) bad("a kernel setting's value", value);
  }
  for (const { device, path, options } of setup.mounts) {
    // /etc/fstab separates by spaces.
    for (const word of [device, path, options]) if (!/^[^\s\\"]+$/.test(word)) bad("part of a mount", word);
  }
}
