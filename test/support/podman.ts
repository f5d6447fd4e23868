import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * A container engine of a test's own: podman with its images and containers in a temporary folder, and one image `work:1`
 * that is made here, of this machine's busybox and Node with their libraries. No registry, no network.
 */
export class Podman {
  readonly root = mkdtempSync(join(tmpdir(), "reprise-podman-"));
  /** What runs the engine, to be written where a definition says `engine:`. */
  readonly command = join(this.root, "podman");

  /** @param options `empty`: without that image */
  constructor({ empty = false }: { readonly empty?: boolean } = {}) {
    const file = (name: string, lines: readonly string[]): string => {
      writeFileSync(join(this.root, name), `${lines.join("\n")}\n`);
      return join(this.root, name);
    };
    // Old and hybrid control groups are runc's; a kernel that keeps limits from being raised refuses the engine's own.
    const runtime = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "crun" : "runc";
    const containers = file("containers.conf", [
      "[containers]",
      'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]',
      'netns = "host"',
      "[engine]",
      `runtime = "${runtime}"`,
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
    ]);
    const storage = file("storage.conf", [
      "[storage]",
      'driver = "vfs"',
      `graphroot = "${join(this.root, "store")}"`,
      `runroot = "${join(this.root, "run")}"`,
    ]);
    file("podman", [
      "#!/bin/sh",
      `CONTAINERS_CONF=${containers} CONTAINERS_STORAGE_CONF=${storage}`,
      "export CONTAINERS_CONF CONTAINERS_STORAGE_CONF",
      'exec podman "$@"',
    ]);
    chmodSync(this.command, 0o755);
    if (!empty) this.run("import", this.#archive(), "work:1");
  }

  /** @throws Error with what the engine said */
  run(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(this.command, args, { encoding: "utf8", timeout: 600_000 });
    if (status !== 0) throw new Error(`podman ${args.join(" ")}: exit ${String(status)}: ${stderr}`);
    return stdout.trim();
  }

  /** Ids of containers, running or not. */
  containers(): string[] {
    return this.run("ps", "--all", "--quiet").split("\n").filter(Boolean);
  }

  remove(): void {
    this.run("rm", "--all", "--force", "--time", "0");
    this.run("rmi", "--all", "--force");
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  #archive(): string {
    const rootfs = join(this.root, "rootfs");
    for (const folder of ["bin", "dev", "proc", "sys", "tmp", "etc"])
      mkdirSync(join(rootfs, folder), { recursive: true });
    const busybox = realpathSync(execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim());
    for (const [binary, name] of [
      [busybox, "busybox"],
      [process.execPath, "node"],
    ] as const) {
      cpSync(binary, join(rootfs, "bin", name));
      for (const library of librariesOf(binary)) {
        mkdirSync(join(rootfs, dirname(library)), { recursive: true });
        cpSync(library, join(rootfs, library), { dereference: true });
      }
    }
    for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n"))
      if (applet !== "" && applet !== "busybox") symlinkSync("busybox", join(rootfs, "bin", applet));
    const archive = join(this.root, "rootfs.tar");
    execFileSync("tar", ["-C", rootfs, "-cf", archive, "."]);
    return archive;
  }
}

/** Absolute paths of what the loader maps for a program; none for a static one. */
function librariesOf(binary: string): string[] {
  const { stdout } = spawnSync("ldd", [binary], { encoding: "utf8" });
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) => (path === undefined ? [] : [path]));
}
