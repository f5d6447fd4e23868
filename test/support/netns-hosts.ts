/**
 * Machines for tests that need real ones: OpenSSH's sshd, each in a network, process and mount namespace of its own.
 *
 * Hosts reach each other (`10.x.1.0/24`); the tests' side reaches their port 22; nothing on a host reaches the tests'
 * side: only answers from port 22 have a route there. Each has its own `/root`, `/home`, `/tmp`, `/var/tmp`,
 * boot id and hostname, can be killed, booted again and cut off. Needs root, iproute2, util-linux and openssh-server.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostAddress } from "../../core/ports/transport.ts";

export interface NetnsHostsOptions {
  readonly names: readonly string[];
  /** OpenSSH public key line that may log in, as root and as `bench`. */
  readonly authorizedKey: string;
  /** A host's private key in OpenSSH's format, and its `SHA256:` fingerprint. */
  readonly hostKey: (name: string) => { readonly privateKey: string; readonly fingerprint: string };
}

export interface NetnsHost {
  /** As root. */
  readonly address: HostAddress;
  /** As `bench`, an ordinary user. */
  readonly userAddress: HostAddress;
  /** Its `/root`, seen from outside. */
  readonly home: string;
  /** Its `/home/bench`, seen from outside. */
  readonly userHome: string;
  /** Ends everything on it at once, as when its plug is pulled. Disks survive. */
  kill(): Promise<void>;
  /** Starts it (again): same disks and keys, another boot id. */
  boot(): Promise<void>;
  /** Unplugs its network cable; connections stay open and silent. */
  cut(): void;
  mend(): void;
  /** Runs a command on it past all networks, as root: `nsenter`. */
  exec(argv: readonly [string, ...string[]]): { readonly status: number | null; readonly stdout: string };
}

export interface NetnsHosts {
  readonly hosts: readonly NetnsHost[];
  /** The tests' side as hosts would have to call it, if they had a way there. */
  readonly engineAddress: string;
  /** Ends and removes everything. @returns what could not be removed */
  close(): Promise<readonly string[]>;
}

/** Whether this machine can be so used: for tests that are told why they can't run. */
export function missingForNetnsHosts(): readonly string[] {
  const missing = ["ip", "unshare", "nsenter", "/usr/sbin/sshd"].filter(
    (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
  );
  return process.getuid?.() === 0 ? missing : [...missing, "root"];
}

const userName = "bench";
const userId = 4242;
const prefix = "rp"; // of every namespace, bridge and link; then the owner's pid in base 36 and a dash

/** Where a host sees its own folder. */
const inside = "/mnt";

export async function openNetnsHosts(options: NetnsHostsOptions): Promise<NetnsHosts> {
  const missing = missingForNetnsHosts();
  if (missing.length > 0) throw new Error(`hosts in namespaces need ${missing.join(", ")}`);
  removeOrphans();
  mkdirSync("/run/sshd", { recursive: true });
  const owner = `${prefix}${process.pid.toString(36)}`;
  const subnet = freeSubnet();
  // As short as a network interface's name must be; a test may open several sets.
  const bridge = `${owner}-${subnet.toString(36)}`;
  const engineAddress = `10.${subnet}.0.1`;
  const folder = mkdtempSync(join(tmpdir(), `reprise-netns-${bridge}-`));
  ip(
    `link add ${bridge} type bridge`,
    `link set ${bridge} up`,
    `addr add ${engineAddress}/32 dev ${bridge}`,
    `route add 10.${subnet}.1.0/24 dev ${bridge} src ${engineAddress}`,
  );
  const hosts = options.names.map((name, index) => {
    const id = `${bridge}${index.toString(36)}`;
    const address = `10.${subnet}.1.${index + 1}`;
    return new Host({ id, name, address, bridge, engineAddress, folder: join(folder, name), options });
  });
  const close = async (): Promise<readonly string[]> => {
    await Promise.all(hosts.map((host) => host.kill()));
    for (const host of hosts) host.removeNetwork();
    ip(`link del ${bridge}`);
    rmSync(folder, { recursive: true, force: true });
    return leftOf(bridge, folder);
  };
  try {
    await Promise.all(hosts.map((host) => host.boot()));
  } catch (error) {
    await close();
    throw error;
  }
  return { hosts, engineAddress, close };
}

interface HostOptions {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly bridge: string;
  readonly engineAddress: string;
  readonly folder: string;
  readonly options: NetnsHostsOptions;
}

class Host implements NetnsHost {
  readonly address: HostAddress;
  readonly userAddress: HostAddress;
  readonly home: string;
  readonly userHome: string;
  private readonly given: HostOptions;
  private process: ChildProcess | undefined;

  constructor(given: HostOptions) {
    this.given = given;
    this.home = join(given.folder, "root");
    const { privateKey, fingerprint } = given.options.hostKey(given.name);
    this.address = { host: given.name, address: given.address, port: 22, user: "root", hostKey: fingerprint };
    this.userAddress = { ...this.address, user: userName };
    this.userHome = join(given.folder, "home", userName);
    for (const part of ["root", "tmp", "var-tmp", "home"]) mkdirSync(join(given.folder, part), { recursive: true });
    for (const part of ["tmp", "var-tmp"]) chmodSync(join(given.folder, part), 0o1777);
    mkdirSync(this.userHome);
    chownSync(this.userHome, userId, userId);
    const write = (file: string, text: string, mode: number): void =>
      writeFileSync(join(given.folder, file), text, { mode });
    write("host-key", privateKey, 0o600);
    write("authorized-keys", `${given.options.authorizedKey}\n`, 0o644);
    const account = `${userName}:x:${userId}:${userId}::/home/${userName}:/bin/sh\n`;
    write("passwd", readFileSync("/etc/passwd", "utf8") + account, 0o644);
    // A star, not an exclamation mark: the latter is a locked account to sshd.
    write("shadow", `${readFileSync("/etc/shadow", "utf8")}${userName}:*:19000:0:99999:7:::\n`, 0o600);
    write(
      "sshd-config",
      [
        `ListenAddress ${given.address}:22`,
        `HostKey ${inside}/host-key`,
        `AuthorizedKeysFile ${inside}/authorized-keys`,
        "PermitRootLogin prohibit-password",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PidFile none",
        "MaxStartups 200:30:400",
        "",
      ].join("\n"),
      0o600,
    );
    const { id, bridge, engineAddress } = given;
    ip(
      `netns add ${id}`,
      `link add ${id}h type veth peer name eth0 netns ${id}`,
      `link set ${id}h master ${bridge} up`,
      `-n ${id} link set lo up`,
      `-n ${id} addr add ${given.address}/24 dev eth0`,
      `-n ${id} link set eth0 up`,
      // Answers of sshd find the way back, nothing else does.
      `-n ${id} rule add ipproto tcp sport 22 lookup 100`,
      `-n ${id} route add ${engineAddress}/32 dev eth0 scope link table 100`,
    );
  }

  async boot(): Promise<void> {
    if (this.process !== undefined) return;
    const { id, name, folder } = this.given;
    const bootId = join(folder, "boot-id");
    writeFileSync(bootId, `${randomUUID()}\n`);
    // One after the other: the folder itself may lie below /tmp, which is about to be another one.
    const script = [
      `mount --bind "$1" ${inside}`,
      `mount --bind ${inside}/tmp /tmp`,
      `mount --bind ${inside}/var-tmp /var/tmp`,
      `mount --bind ${inside}/root /root`,
      `mount --bind ${inside}/home /home`,
      `mount --bind ${inside}/passwd /etc/passwd`,
      `mount --bind ${inside}/shadow /etc/shadow`,
      `mount --bind ${inside}/boot-id /proc/sys/kernel/random/boot_id`,
      'hostname "$2"',
      "cd /",
      `exec /usr/sbin/sshd -D -f ${inside}/sshd-config -E ${inside}/sshd.log`,
    ].join(" && ");
    const child = spawn(
      "ip",
      ["netns", "exec", id]
        .concat(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .concat(["sh", "-c", script, "sh", folder, name]),
      { stdio: ["ignore", "ignore", "pipe"], detached: true },
    );
    this.process = child;
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    for (let tries = 0; !(await answers(this.given.address)); tries++) {
      const log = existsSync(join(folder, "sshd.log")) ? readFileSync(join(folder, "sshd.log"), "utf8") : "";
      if (tries === 6_000 || child.exitCode !== null) throw new Error(`${name} does not boot: ${said} ${log}`);
      await sleep(10); // a real machine: there is no clock to move
    }
  }

  async kill(): Promise<void> {
    const child = this.process;
    if (child === undefined) return;
    this.process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    // unshare's child is the namespace's first process and dies with it; with that one all others die.
    child.kill("SIGKILL");
    await ended;
    // Its stderr is closed by then only if every process that held it is gone.
    for (let tries = 0; tries < 6_000 && pidsIn(this.given.id).length > 0; tries++) await sleep(10);
  }

  cut(): void {
    ip(`link set ${this.given.id}h down`);
  }

  mend(): void {
    ip(`link set ${this.given.id}h up`);
  }

  exec(argv: readonly [string, ...string[]]): { readonly status: number | null; readonly stdout: string } {
    const [first] = pidsIn(this.given.id).sort((a, b) => a - b);
    if (first === undefined) return { status: null, stdout: "" };
    const { status, stdout } = spawnSync("nsenter", ["-t", String(first), "-a", ...argv], { encoding: "utf8" });
    return { status, stdout };
  }

  removeNetwork(): void {
    // The cable first: left to itself it goes some time after its namespace.
    ip(`link del ${this.given.id}h`, `netns del ${this.given.id}`);
  }
}

function ip(...commands: readonly string[]): void {
  for (const command of commands) {
    const { status, stderr } = spawnSync("ip", command.split(" "), { encoding: "utf8" });
    if (status !== 0) throw new Error(`ip ${command}: ${stderr.trim()}`);
  }
}

const listed = (command: string): string[] =>
  spawnSync("ip", command.split(" "), { encoding: "utf8" }).stdout.split("\n");

const namespaces = (): string[] =>
  listed("netns list")
    .flatMap((line) => line.split(" ")[0] ?? [])
    .filter((name) => name.startsWith(prefix));

const bridges = (): string[] =>
  listed("-o link show type bridge")
    .flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? [])
    .filter((name) => name.startsWith(prefix));

const pidsIn = (namespace: string): number[] =>
  listed(`netns pids ${namespace}`)
    .filter((line) => line !== "")
    .map(Number);

/** What tests whose process was killed have left: nobody else removes it. */
function removeOrphans(): void {
  const isOrphan = (name: string): boolean => {
    const pid = Number.parseInt(/^(?:reprise-netns-)?rp([0-9a-z]+)-/.exec(name)?.[1] ?? "", 36);
    return Number.isInteger(pid) && !existsSync(`/proc/${pid}`);
  };
  for (const name of namespaces().filter(isOrphan)) {
    for (const pid of pidsIn(name)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it ended meanwhile
      }
    }
    spawnSync("ip", ["netns", "del", name]);
  }
  for (const name of bridges().filter(isOrphan)) spawnSync("ip", ["link", "del", name]);
  for (const name of readdirSync(tmpdir())
    .filter((each) => each.startsWith("reprise-netns-"))
    .filter(isOrphan)) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function freeSubnet(): number {
  const taken = listed("-o -4 addr show").join("\n") + listed("route show").join("\n");
  for (let tries = 0; tries < 100; tries++) {
    const subnet = 64 + ((process.pid + tries * 7) % 128);
    if (!taken.includes(` 10.${subnet}.`) && !taken.includes(`\n10.${subnet}.`)) return subnet;
  }
  throw new Error("no free subnet");
}

function leftOf(bridge: string, folder: string): string[] {
  return [
    ...namespaces().filter((name) => name.startsWith(bridge)),
    ...listed("-o link show").filter((line) => line.includes(bridge)),
    ...(existsSync(folder) ? [folder] : []),
    ...readdirSync("/proc").filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
      } catch {
        return false; // it ended
      }
    }),
  ];
}

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
