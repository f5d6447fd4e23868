/**
 * The process that is a local host (or several): an SSH server in a folder, with an end of its own.
 *
 * It gets its orders on stdin, claims its folder, listens, says where, and then only looks at its folder once a second:
 * it ends at its expiry, when its state file or folder is gone, when `destroying` appears (SIGHUP: look now), and on
 * SIGTERM. Ending means that every process started here is killed and the folder removed. Nothing else can end it, not
 * the engine's death either: that is the point.
 *
 * Bundled to one file; it imports `ssh2` and `node:` alone, for a hundred of these shall fit a laptop.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createFile, hostFiles, markerVariable, readJsonFile, replaceFile } from "./host-files.ts";
import type { HostLaunch, HostRecord, ProcessId, ProcessOrder } from "./host-files.ts";
import { startHostServer } from "./host-server.ts";
import type { HostServer } from "./host-server.ts";
import { processId } from "./processes.ts";
import { removeHost } from "./remove-host.ts";

const tickMs = 1_000;

class LocalHost {
  private readonly launch: HostLaunch;
  private readonly self: ProcessId;
  private server: HostServer | undefined;
  private expiresAt: number;
  private ending: Promise<void> | undefined;
  private isStarting = true;

  constructor(launch: HostLaunch, self: ProcessId) {
    this.launch = launch;
    this.self = self;
    this.expiresAt = launch.spec.expiresAt;
  }

  /** @returns false when another process is this host, or its folder is gone */
  async claim(): Promise<boolean> {
    return (await createFile(hostFiles(this.launch.dir).claim, this.self)) === "created";
  }

  /** Listens and says so; what prevents it is told in `stuck.json`, and the folder kept until somebody destroys it. */
  async start(): Promise<void> {
    try {
      await this.listen();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      process.stderr.write(`${message}\n`);
      await replaceFile(hostFiles(this.launch.dir).stuck, { message }).catch(() => undefined);
    } finally {
      this.isStarting = false;
    }
  }

  private async listen(): Promise<void> {
    const { dir, spec } = this.launch;
    const files = hostFiles(dir);
    const home = files.home;
    await mkdir(join(home, "tmp"), { recursive: true });
    this.server = await startHostServer({
      hostPrivateKey: this.launch.hostPrivateKey,
      authorizedKey: this.launch.authorizedKey,
      user: spec.user,
      home,
      env: {
        PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        LANG: process.env["LANG"] ?? "C.UTF-8",
        HOME: home,
        TMPDIR: join(home, "tmp"),
        SHELL: "/bin/sh",
        USER: spec.user,
        LOGNAME: spec.user,
        [markerVariable]: dir,
      },
    });
    const record: HostRecord = { ...spec, ...this.self, port: this.server.port, fingerprint: this.launch.fingerprint };
    await replaceFile(files.host, record);
  }

  /** @returns true while the host lives on */
  async look(): Promise<boolean> {
    const files = hostFiles(this.launch.dir);
    if (this.ending === undefined) {
      const lease = await readJsonFile(files.lease).catch(() => undefined); // unreadable: the old end holds
      if (typeof lease === "object" && lease !== null && "expiresAt" in lease && typeof lease.expiresAt === "number") {
        this.expiresAt = lease.expiresAt;
      }
      const isThere = existsSync(files.host) || existsSync(files.stuck);
      const wanted = isThere && !existsSync(files.destroying) && Date.now() < this.expiresAt;
      if (wanted || this.isStarting) return true;
    }
    await this.end();
    return false;
  }

  end(): Promise<void> {
    return (this.ending ??= this.endOnce());
  }

  private async endOnce(): Promise<void> {
    // From here on it is on its way out for everybody who looks.
    await createFile(hostFiles(this.launch.dir).destroying, { since: Date.now() }).catch(() => undefined); // a full disk
    this.server?.close();
    await removeHost(this.launch.dir);
  }
}

async function beHosts(launches: readonly HostLaunch[]): Promise<void> {
  const self = processId(process.pid);
  if (self === undefined) throw new Error("/proc doesn't show this process");
  const hosts = new Set<LocalHost>();
  const lookAtAll = async (): Promise<void> => {
    await Promise.all(
      [...hosts].map(async (host) => {
        if (!(await host.look())) hosts.delete(host);
      }),
    );
    if (hosts.size === 0) process.exit(0);
  };
  let told = false as boolean; // widened: the compiler can't see a signal change it
  // Before any claim: whoever reads one may signal at once.
  process.on("SIGHUP", () => {
    if (hosts.size > 0) void lookAtAll();
  });
  process.on("SIGTERM", () => {
    told = true;
    void Promise.all([...hosts].map((host) => host.end())).then(() => process.exit(0));
  });
  for (const launch of launches) {
    const host = new LocalHost(launch, self);
    if (!(await host.claim())) continue;
    hosts.add(host);
    await host.start();
  }
  if (told) await Promise.all([...hosts].map((host) => host.end()));
  await lookAtAll(); // destroyed or expired while it started
  setInterval(() => void lookAtAll(), tickMs);
}

/** Ends a host whose process is no more, or never was. */
async function reap(dir: string): Promise<void> {
  process.on("SIGHUP", () => undefined); // "look at your folder": that is what it does
  const files = hostFiles(dir);
  const self = processId(process.pid);
  // A process that is only now about to start as this host finds it claimed, and a second reaper is not needed.
  if ((await createFile(files.claim, self)) === "other") await replaceFile(files.claim, self);
  await removeHost(dir);
}

async function main(): Promise<void> {
  process.chdir("/"); // not the folder of whoever started us: that one may go
  const order = JSON.parse(await text(process.stdin)) as ProcessOrder; // from the provider, in the same installation
  if (order.kind === "reap") await reap(order.dir);
  else await beHosts(order.hosts);
}

void main();
