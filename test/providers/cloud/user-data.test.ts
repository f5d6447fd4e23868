import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { DiskShape, HostSetup } from "../../../core/ports/provider.ts";
import { disksScript } from "../../../providers/cloud/disks-script.ts";
import { keepExpiry, renewExpiry } from "../../../providers/cloud/expiry-keeper.ts";
import { hostPaths } from "../../../providers/cloud/host-paths.ts";
import { openSshPublicKey } from "../../../providers/cloud/openssh-key.ts";
import { renderUserData } from "../../../providers/cloud/user-data.ts";

const gibi = 1024 ** 3;
const own = deriveKeyPair(new Uint8Array(32).fill(7), { kind: "host", runId: "r", host: "server-0" });
const login = deriveKeyPair(new Uint8Array(32).fill(7), { kind: "user", runId: "r" });
const setupFixture = (overrides: Partial<HostSetup> = {}): HostSetup => ({
  user: "reprise",
  authorizedKey: login.publicKey,
  hostPrivateKey: own.privateKey,
  hostKey: own.fingerprint,
  packages: [],
  sysctl: {},
  swapBytes: undefined,
  mounts: [],
  expiresAt: 1_795_245_600_000,
  ...overrides,
});
const disk = (overrides: Partial<DiskShape>): DiskShape => ({
  kind: "data",
  bytes: undefined,
  mount: undefined,
  fileSystem: undefined,
  ...overrides,
});
/** The parts that are looked at; strict, so that nothing is added without a look here. */
const cloudConfig = z.strictObject({
  bootcmd: z.array(z.string()),
  write_files: z.array(z.strictObject({ path: z.string(), permissions: z.string(), content: z.string() })),
  users: z.array(z.record(z.string(), z.unknown())),
  disable_root: z.boolean(),
  ssh_pwauth: z.literal(false),
  ssh_deletekeys: z.literal(true),
  ssh_keys: z.strictObject({ ed25519_private: z.string(), ed25519_public: z.string() }),
  package_update: z.literal(true).optional(),
  packages: z.array(z.string()).optional(),
  package_reboot_if_required: z.literal(true).optional(),
  mounts: z.array(z.unknown()).optional(),
  runcmd: z.array(z.array(z.string())),
});
const read = (text: string): z.output<typeof cloudConfig> => cloudConfig.parse(parse(text));

describe("renderUserData", () => {
  it("gives the user, the login's key, and the pinned host key alone", () => {
    const text = renderUserData(setupFixture(), [], "aws");
    expect(text.startsWith("#cloud-config\n")).toBe(true);
    const config = read(text);
    expect(config.users).toEqual([
      {
        name: "reprise",
        shell: "/bin/bash",
        groups: "sudo",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        lock_passwd: true,
        ssh_authorized_keys: [login.publicKey],
      },
    ]);
    expect(config.ssh_keys.ed25519_private).toBe(own.privateKey);
    expect(config.ssh_keys.ed25519_public).toBe(own.publicKey.split(" ").slice(0, 2).join(" "));
    expect(config.disable_root).toBe(true);
    expect(config.runcmd.at(-1)?.join(" ")).toContain(hostPaths.born);
  });

  it("lets root in where root is the user", () => {
    const config = read(renderUserData(setupFixture({ user: "root" }), [], "gcp"));
    expect(config.users).toEqual([{ name: "root", ssh_authorized_keys: [login.publicKey] }]);
    expect(config.disable_root).toBe(false);
  });

  it("installs packages, sets the kernel and mounts", () => {
    const config = read(
      renderUserData(
        setupFixture({
          packages: ["redis-server", "g++"],
          sysctl: { "net.core.somaxconn": "4096", "vm.overcommit_memory": "1" },
          mounts: [{ device: "tmpfs", path: "/scratch", options: "size=1G" }],
        }),
        [],
        "azure",
      ),
    );
    expect(config.packages).toEqual(["redis-server", "g++"]);
    expect(config.write_files.find((file) => file.path === hostPaths.sysctl)?.content).toBe(
      "net.core.somaxconn = 4096\nvm.overcommit_memory = 1\n",
    );
    expect(config.runcmd).toContainEqual(["sysctl", "-q", "-p", hostPaths.sysctl]);
    expect(config.runcmd.find((words) => words[3] === "mount")?.slice(4)).toEqual(["tmpfs", "/scratch", "size=1G"]);
  });

  it("hands swap and disks to the script that finds them, boot disks to nobody", () => {
    const config = read(
      renderUserData(
        setupFixture({ swapBytes: 4 * gibi }),
        [
          disk({ kind: "boot", bytes: 50 * gibi }),
          disk({ kind: "data", bytes: 100 * gibi, mount: "/data", fileSystem: "xfs" }),
          disk({ kind: "localNvme", mount: "/fast", fileSystem: "ext4" }),
          disk({ kind: "localNvme" }),
          disk({ kind: "swap", bytes: gibi }),
        ],
        "azure",
      ),
    );
    expect(config.runcmd).toContainEqual([
      ...[hostPaths.disks, "reprise", "5120"],
      ...["data", "102400", "/data", "xfs"],
      ...["local", "-", "/fast", "ext4"],
      ...["local", "-", "-", "ext4"],
    ]);
    expect(config.mounts).toEqual([["ephemeral0", null]]);
  });

  it("keeps Google's guest agent from making host keys of its own", () => {
    expect(read(renderUserData(setupFixture(), [], "gcp")).bootcmd[0]).toContain("set_host_keys = false");
    expect(read(renderUserData(setupFixture(), [], "aws")).bootcmd).toHaveLength(1);
  });

  it.each([
    ["a user", { user: "Ada L" }],
    ["a package that is an option", { packages: ["--reinstall"] }],
    ["a kernel setting", { sysctl: { "a b": "1" } }],
    ["a setting of two lines", { sysctl: { a: "1\nb = 2" } }],
    ["a mount with a space", { mounts: [{ device: "/dev/sdb", path: "/my data", options: "defaults" }] }],
  ])("refuses %s that no host takes", (_what, overrides) => {
    expect(() => renderUserData(setupFixture(overrides), [], "aws")).toThrow(/that a host takes/);
  });

  it("says so when it doesn't fit the cloud", () => {
    const packages = Array.from({ length: 900 }, (_, i) => `a-package-name-${i}`);
    expect(() => renderUserData(setupFixture({ packages }), [], "aws")).toThrow(/aws takes 16384/);
    expect(() => renderUserData(setupFixture({ packages }), [], "azure")).not.toThrow();
  });

  it("leaves room on the narrowest cloud", () => {
    expect(renderUserData(setupFixture(), [disk({ bytes: gibi, mount: "/d" })], "aws").length).toBeLessThan(9_000);
  });
});

describe("openSshPublicKey", () => {
  it("refuses what is no such key", () => {
    expect(() => openSshPublicKey(own.pkcs8)).toThrow(/OpenSSH/);
    const cut = own.privateKey.split("\n").toSpliced(2).concat("-----END OPENSSH PRIVATE KEY-----").join("\n");
    expect(() => openSshPublicKey(cut)).toThrow(/OpenSSH/);
  });
});

/** A folder with stand-ins for commands, which write down how they were called. */
class Tools {
  readonly folder = mkdtempSync(join(tmpdir(), "reprise-tools-"));
  readonly log = join(this.folder, "log");

  add(name: string, body: string): void {
    const path = join(this.folder, name);
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> ${this.log}\n${body}\n`);
    chmodSync(path, 0o755);
  }

  run(script: string, args: readonly string[]): string {
    execFileSync("sh", ["-c", script, "script", ...args], {
      env: { PATH: `${this.folder}:/usr/bin:/bin` },
      stdio: "pipe",
      timeout: 300_000,
    });
    return readFileSync(this.log, "utf8");
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

describe("disksScript", () => {
  let tools: Tools;
  beforeEach(() => {
    tools = new Tools();
    tools.add("findmnt", "echo /dev/nvme0n1p1");
    // The root disk, two EBS volumes in the wrong order, one instance store disk; sizes in bytes.
    tools.add(
      "lsblk",
      `case "$*" in
        *"-nrso NAME"*) printf 'nvme0n1p1\\nnvme0n1\\n' ;;
        *"NAME,TYPE /dev/nvme3n1") printf 'nvme3n1 disk\\nnvme3n1p1 part\\nnvme3n1p2 part\\n' ;;
        *NAME,TYPE*) printf 'nvme0n1 disk\\nnvme1n1 disk\\nnvme2n1 disk\\nnvme3n1 disk\\n' ;;
        *"MODEL /dev/nvme3n1") echo 'Amazon\\x20EC2\\x20NVMe\\x20Instance\\x20Storage' ;;
        *MODEL*) echo 'Amazon\\x20Elastic\\x20Block\\x20Store' ;;
        *"SIZE /dev/nvme1n1") echo ${200 * gibi} ;;
        *SIZE*) echo ${100 * gibi} ;;
      esac`,
    );
    for (const name of ["udevadm", "mkfs.ext4", "mkfs.xfs", "mkswap", "swapon", "mount", "umount", "chown", "wipefs"])
      tools.add(name, "");
    tools.add("sfdisk", `cat >> ${tools.log}`);
    tools.add("blkid", `echo "uuid-of-\${5#/dev/}"`);
    tools.add("mkdir", "");
  });
  afterEach(() => tools.remove());
  const fstab = (): string => join(tools.folder, "fstab");
  const script = (): string =>
    disksScript.replaceAll("/etc/fstab", fstab()).replaceAll("/swapfile-reprise", join(tools.folder, "swapfile"));

  it("tells data disks by size and local ones by model, and puts swap on the local one", () => {
    const log = tools.run(script(), [
      ...["ada", "4096"],
      ...["data", String(100 * 1024), "/data", "xfs"],
      ...["data", String(200 * 1024), "/more", "ext4"],
      ...["local", "-", "/fast", "ext4"],
    ]);
    expect(log).toContain("mkfs.xfs -qf /dev/nvme2n1\n");
    expect(log).toContain("mkfs.ext4 -qF -E nodiscard /dev/nvme1n1\n");
    expect(log).toContain("size=4096MiB, type=0657FD6D");
    expect(log).toContain("mkswap /dev/nvme3n1p1\nswapon /dev/nvme3n1p1\n");
    expect(log).toContain("mkfs.ext4 -qF -E nodiscard /dev/nvme3n1p2\n");
    expect(log).toContain("mount /dev/nvme3n1p2 /fast\nchown ada: /fast\n");
    expect(log).not.toMatch(/mkfs\S* .*nvme0n1/);
    expect(readFileSync(fstab(), "utf8").split("\n")).toEqual([
      "UUID=uuid-of-nvme2n1 /data xfs defaults,nofail,noatime 0 2",
      "UUID=uuid-of-nvme1n1 /more ext4 defaults,nofail,noatime 0 2",
      "UUID=uuid-of-nvme3n1p1 none swap sw,nofail 0 0",
      "UUID=uuid-of-nvme3n1p2 /fast ext4 defaults,nofail,noatime 0 2",
      "",
    ]);
  });

  it("swaps to a file without a local disk, and leaves a disk without a mount point raw", () => {
    const log = tools.run(script(), ["ada", "1", "data", String(200 * 1024), "-", "ext4"]);
    expect(log).not.toContain("mkfs");
    expect(log).toContain(`swapon ${join(tools.folder, "swapfile")}`);
  });

  it("fails, with what it sees, when a disk isn't there", () => {
    tools.add("sleep", "");
    expect(() => tools.run(script(), ["ada", "0", "data", "12345", "/data", "ext4"])).toThrow(
      /no data disk of 12345 MiB was found/,
    );
  });
});

describe("keepExpiry", () => {
  let tools: Tools;
  beforeEach(() => {
    tools = new Tools();
    for (const name of ["shutdown", "poweroff"]) tools.add(name, "");
    tools.add("setsid", `"$@" < /dev/null`); // in the foreground, so that the test sees its end
  });
  afterEach(() => tools.remove());
  const here = (text: string): string =>
    text.replaceAll("/var/lib/reprise", join(tools.folder, "lib")).replaceAll("/run/systemd/system", "/nowhere");

  it("shuts the host down at its time", () => {
    tools.add("sleep", "");
    const log = tools.run(here(`${keepExpiry(1_000_000)}\nwait`), []);
    expect(log).toMatch(/shutdown -h now\nsleep 120\npoweroff -f\n$/);
  });

  it("follows a renewal, and keeps it over a reboot", () => {
    // The clock goes on as the keeper sleeps; the lease is renewed once on the way, by the task itself.
    const clock = join(tools.folder, "clock");
    writeFileSync(clock, "1000");
    tools.add("date", `cat ${clock}`);
    tools.add(
      "sleep",
      `echo $(($(cat ${clock}) + $1)) > ${clock}\n[ -e ${clock}.renewed ] || { touch ${clock}.renewed; ${tools.folder}/renew; }`,
    );
    const [command, flag, text, ...rest] = renewExpiry(1_200_000).argv;
    const words = [command, flag, `'${here(text ?? "").replaceAll("'", `'\\''`)}'`, ...rest];
    writeFileSync(join(tools.folder, "renew"), `#!/bin/sh\n${words.join(" ")}\n`);
    chmodSync(join(tools.folder, "renew"), 0o755);
    const script = here(`${keepExpiry(1_100_000)}\nwait`);
    const log = tools.run(script, []);
    const before = log.slice(0, log.indexOf("shutdown"));
    expect(before.match(/sleep \d+/g)).toEqual(["30", "30", "30", "30", "30", "30", "20"].map((s) => `sleep ${s}`));
    tools.run(script, []); // as bootcmd does at the next boot
    expect(readFileSync(join(tools.folder, "lib/expires-at"), "utf8")).toBe("1200\n");
  });
});
