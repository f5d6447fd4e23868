/**
 * The network of emulated machines: everybody's public address on one "Internet", private ones on a network of their
 * own, and this side behind a NAT: it reaches the machines' public port 22, and no machine reaches it but at one port, where
 * it has opened that.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { metadataAddress } from "./metadata-service.ts";

/** Of every namespace, bridge and link; then the owner's pid in base 36 and a number: 15 characters at most. */
const prefix = "rv";

/** Never used twice: the kernel takes its time to remove what was deleted. */
let named = 0;

export class VmNetwork {
  private readonly owner = `${prefix}${process.pid.toString(36)}`;
  private readonly internet: string;
  /** This side as machines would have to call it, if they had a way. */
  readonly ourAddress = "198.51.100.1"; // TEST-NET-2, RFC 5737
  private openPort: number | undefined;
  private readonly privateBridges = new Map<string, string>();
  private readonly namespaces = new Map<string, readonly string[]>();

  constructor() {
    removeOrphans();
    this.internet = this.bridge();
    ip(`addr add ${this.ourAddress}/32 dev ${this.internet}`);
    // Other addresses of ours aren't told to who asks on this bridge.
    writeSysctl(`net/ipv4/conf/${this.internet}/arp_ignore`, "1");
  }

  /** Machines that are added from now on reach this TCP port of ours, and no other. */
  open(port: number): void {
    this.openPort = port;
  }

  /**
   * @param network machines with the same one reach each other by private addresses
   * @returns the namespace's name
   */
  add(network: string, addresses: { readonly publicIp: string | undefined; readonly privateIp: string }): string {
    const id = this.name();
    const { publicIp, privateIp } = addresses;
    let bridge = this.privateBridges.get(network);
    if (bridge === undefined) this.privateBridges.set(network, (bridge = this.bridge()));
    ip(`netns add ${id}`);
    this.namespaces.set(id, publicIp === undefined ? [] : [publicIp]);
    ip(
      `-n ${id} link set lo up`,
      `-n ${id} addr add ${metadataAddress}/32 dev lo`,
      `link add ${id}p type veth peer name eth1 netns ${id}`,
      `link set ${id}p master ${bridge} up`,
      `-n ${id} addr add ${privateIp}/32 dev eth1`,
      `-n ${id} link set eth1 up`,
      ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map((range) => `-n ${id} route add ${range} dev eth1`),
    );
    if (publicIp === undefined) return id;
    ip(
      `link add ${id}i type veth peer name eth0 netns ${id}`,
      `link set ${id}i master ${this.internet} up`,
      `-n ${id} addr add ${publicIp}/32 dev eth0`,
      `-n ${id} link set eth0 up`,
      `-n ${id} route add default dev eth0 src ${publicIp}`,
      // sshd's answers find the way back to us, and calls to the open port; nothing else does.
      `-n ${id} route add blackhole ${this.ourAddress}/32`,
      `-n ${id} rule add ipproto tcp sport 22 lookup 100 pref 10`,
      ...(this.openPort === undefined
        ? []
        : [`-n ${id} rule add ipproto tcp dport ${this.openPort} to ${this.ourAddress} lookup 100 pref 11`]),
      `-n ${id} route add ${this.ourAddress}/32 dev eth0 table 100`,
      `route add ${publicIp}/32 dev ${this.internet} src ${this.ourAddress}`,
    );
    return id;
  }

  remove(id: string): void {
    const addresses = this.namespaces.get(id);
    if (addresses === undefined) return;
    this.namespaces.delete(id);
    ip(
      ...addresses.flatMap((address) => [`route del ${address}/32 dev ${this.internet}`, `link del ${id}i`]),
      `link del ${id}p`,
      `netns del ${id}`,
    );
  }

  close(): void {
    for (const id of [...this.namespaces.keys()]) this.remove(id);
    for (const bridge of [this.internet, ...this.privateBridges.values()]) ip(`link del ${bridge}`);
    this.privateBridges.clear();
  }

  private bridge(): string {
    const name = this.name();
    ip(`link add ${name} type bridge`, `link set ${name} up`);
    return name;
  }

  private name(): string {
    named += 1;
    return `${this.owner}-${named.toString(36)}`;
  }
}

export const pidsIn = (namespace: string): number[] =>
  listed(`netns pids ${namespace}`)
    .filter((line) => line !== "")
    .map(Number);

function ip(...commands: readonly string[]): void {
  for (const command of commands) {
    const { status, stderr } = spawnSync("ip", command.split(" "), { encoding: "utf8" });
    if (status !== 0) throw new Error(`ip ${command}: ${stderr.trim()}`);
  }
}

function writeSysctl(key: string, value: string): void {
  const { status, stderr } = spawnSync("sh", ["-c", `echo ${value} > /proc/sys/${key}`], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${key}: ${stderr.trim()}`);
}

const listed = (command: string): string[] =>
  spawnSync("ip", command.split(" "), { encoding: "utf8" }).stdout.split("\n");

/** What processes that were killed have left: nobody else removes it. */
function removeOrphans(): void {
  const isOrphan = (name: string): boolean => {
    const pid = Number.parseInt(new RegExp(`^${prefix}([0-9a-z]+)-`).exec(name)?.[1] ?? "", 36);
    return Number.isInteger(pid) && !existsSync(`/proc/${pid}`);
  };
  const namespaces = listed("netns list").flatMap((line) => line.split(" ")[0] ?? []);
  for (const name of namespaces.filter(isOrphan)) {
    for (const pid of pidsIn(name)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it ended meanwhile
      }
    }
    spawnSync("ip", ["netns", "del", name]);
  }
  const bridges = listed("-o link show type bridge").flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? []);
  for (const name of bridges.filter(isOrphan)) spawnSync("ip", ["link", "del", name]);
}
