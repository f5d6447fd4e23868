/**
 * Emulated machines that are real: each in namespaces of its own, with a throw-away copy of this machine's disk as its
 * root, its user data acted on, OpenSSH at its public address, and an end when its cloud takes the power away.
 *
 * Needs root, iproute2, util-linux, procps, OpenSSH's server and sudo. Machines see neither this side's files (home and
 * temporary folders, this repository) nor its network, but for one port where it is opened.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BootedVm, Guest, ShellResult, VmBackend, VmSpec } from "../common/backend.ts";
import { readCloudConfig } from "./cloud-config.ts";
import { firstBootFiles, poweredOffCode } from "./first-boot.ts";
import { serveMetadata } from "./metadata-service.ts";
import type { MetadataService } from "./metadata-service.ts";
import { VmNetwork, pidsIn } from "./network.ts";

export interface RealHostsOptions {
  /** How long the final stage of cloud-init waits, seconds: SSH is up before a machine is ready. @default 0 */
  readonly finalDelaySec?: (vm: VmSpec) => number;
}

/** Whether this machine can be so used: for tests that are told why they can't run. */
export function missingForRealHosts(): readonly string[] {
  const programs = ["ip", "unshare", "nsenter", "sudo", "useradd", "hostname", "/usr/sbin/sshd"];
  const missing = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  return process.getuid?.() === 0 ? missing : [...missing, "root"];
}

interface Machine {
  readonly vm: VmSpec;
  readonly namespace: string;
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  /** Ends with the machine, also where it fails. */
  readonly metadata: Promise<MetadataService>;
}

export class RealHosts implements VmBackend {
  private readonly options: RealHostsOptions;
  private readonly network: VmNetwork;
  private readonly folder: string;
  private readonly machines = new Map<string, Machine>();

  constructor(options: RealHostsOptions = {}) {
    const missing = missingForRealHosts();
    if (missing.length > 0) throw new Error(`emulated machines as real hosts need ${missing.join(", ")}`);
    this.options = options;
    this.network = new VmNetwork();
    this.folder = mkdtempSync(join(tmpdir(), "reprise-vms-"));
  }

  async boot(vm: VmSpec, guest: Guest): Promise<BootedVm> {
    const config = readCloudConfig(vm.userData);
    const namespace = this.network.add(vm.tags["reprise-deployment"] ?? vm.id, vm);
    const folder = join(this.folder, namespace);
    const files = firstBootFiles({
      hostname: vm.name.replace(/[^A-Za-z0-9-]/g, "-").slice(0, 63) || "vm",
      instanceId: vm.id,
      sshPublicKeys: vm.sshPublicKeys,
      config,
      finalDelaySec: this.options.finalDelaySec?.(vm) ?? 0,
    });
    mkdirSync(join(folder, "root"), { recursive: true });
    for (const file of files) {
      const path = join(folder, "files", file.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, file.text, { mode: file.mode });
    }
    writeFileSync(join(folder, "boot-id"), `${randomUUID()}\n`);
    writeFileSync(join(folder, "power-on"), powerOn, { mode: 0o755 });
    const child = spawn(
      "ip",
      ["netns", "exec", namespace]
        .concat(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"])
        .concat(["sh", join(folder, "power-on"), folder, hiddenFolder()]),
      { stdio: ["ignore", "ignore", "pipe"], detached: true },
    );
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const metadata = serveMetadata(namespace, guest);
    metadata.catch(() => undefined); // reported below
    this.machines.set(vm.id, { vm, namespace, process: child, ended, metadata });
    child.once("exit", (code) => {
      if (code === poweredOffCode && this.machines.get(vm.id)?.process === child) guest.poweredOff();
    });
    const address = vm.publicIp;
    for (let tries = 0; address !== undefined && !(await answers(address)); tries++) {
      if (child.signalCode !== null || child.exitCode === poweredOffCode)
        throw new Error("powered off while it booted");
      if (tries === 6_000 || child.exitCode !== null) throw new Error(`${vm.name} does not boot: ${said}`);
      await sleep(10); // a real machine: there is no clock to move
    }
    await metadata;
    return {
      address: address ?? vm.privateIp,
      port: 22,
      ...(config.ssh_keys === undefined ? {} : { hostKey: config.ssh_keys.ed25519_public }),
    };
  }

  async kill(id: string): Promise<void> {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    this.machines.delete(id);
    // unshare's child is the namespace's first process and dies with it; with that one all others die.
    machine.process.kill("SIGKILL");
    await machine.ended;
    await machine.metadata.then(
      (service) => service.close(),
      () => undefined,
    );
    for (let tries = 0; tries < 6_000 && pidsIn(machine.namespace).length > 0; tries++) await sleep(10);
    this.network.remove(machine.namespace);
    rmSync(join(this.folder, machine.namespace), { recursive: true, force: true });
  }

  async run(id: string, script: string, signal: AbortSignal): Promise<ShellResult> {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`no machine ${id} runs`);
    // The machine's process 1, as seen from here: the one child of unshare.
    const unshare = machine.process.pid ?? 0;
    const first = readFileSync(`/proc/${unshare}/task/${unshare}/children`, "utf8").trim();
    const child = spawn("nsenter", ["-t", first, "-a", "-r", "-w", "sh", "-s"], { signal });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.end(script);
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 137));
    });
    return { exitCode, stdout, stderr };
  }

  /**
   * Machines that boot from now on may call this side at this TCP port.
   *
   * @returns the address at which they do
   */
  open(port: number): string {
    this.network.open(port);
    return this.network.ourAddress;
  }

  /** Machines that have power. */
  running(): readonly VmSpec[] {
    return [...this.machines.values()].map((machine) => machine.vm);
  }

  /** Ends and removes everything. */
  async close(): Promise<void> {
    await Promise.all([...this.machines.keys()].map((id) => this.kill(id)));
    this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The folder at the root of the disk that this repository lies below: a machine in a cloud doesn't have it. */
const hiddenFolder = (): string => `/${import.meta.dirname.split("/")[1] ?? "nowhere"}`;

/**
 * Words: the machine's folder outside, and one to hide. The copy's changes are in memory: they go with the machine.
 */
const powerOn = `#!/bin/sh
set -e
disk=$1/root
boot_id=$(cat "$1/boot-id")
mount -t tmpfs -o mode=755 disk "$disk"
mkdir "$disk/changes" "$disk/work" "$disk/r"
cp -a "$1/files/." "$disk/changes/"
r=$disk/r
mount -t overlay overlay -o "lowerdir=/,upperdir=$disk/changes,workdir=$disk/work" "$r"
chown root:root "$r"
for hidden in /tmp /var/tmp /root /home /run /mnt "$2"; do
  case $hidden in
    /usr | /etc | /var | /bin | /sbin | /lib* | /opt) continue ;;
  esac
  [ -d "$r$hidden" ] || continue
  mount -t tmpfs -o mode=755 hidden "$r$hidden"
done
chmod 1777 "$r/tmp" "$r/var/tmp"
chmod 700 "$r/root"
mount -t proc proc "$r/proc"
mount -t sysfs sysfs "$r/sys"
mount --rbind /dev "$r/dev"
mount -t tmpfs shm "$r/dev/shm"
printf '%s\\n' "$boot_id" > "$r/run/boot-id"
mount --bind "$r/run/boot-id" "$r/proc/sys/kernel/random/boot_id"
exec chroot "$r" /bin/sh /vm/init
`;

const answers = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    const done = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("data", () => done(true));
    socket.once("error", () => done(false));
    socket.setTimeout(1_000, () => done(false));
  });
