import { spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import type { Failure } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type {
  Capabilities,
  DeploymentId,
  EnsureOutcome,
  Intent,
  Place,
  Provider,
  ResourceState,
  SweepScope,
  TaggedResource,
} from "../../core/ports/provider.ts";
import { createFile, hostFiles, isCode, readJsonFile, replaceFile } from "./host-files.ts";
import type { HostLaunch, HostSpec, ProcessOrder } from "./host-files.ts";
import { isAlive, signalProcess } from "./processes.ts";
import { gonePrefix } from "./remove-host.ts";
import {
  DestroyingFile,
  HostRecordFile,
  HostSpecFile,
  LeaseFile,
  NetworkFile,
  ProcessIdFile,
  StuckFile,
} from "./state-files.ts";

export interface LocalProviderOptions {
  /** Holds all local hosts of this user: what isn't below it was never ours. */
  readonly root: string;
  /** Starts `host-process.ts`: `["node", "dist/local-host.js"]`. */
  readonly command: readonly [string, ...string[]];
  /**
   * Hosts of one deployment in one process: less memory and a faster start for hundreds, but they die together.
   * @default 1
   */
  readonly hostsPerProcess?: number;
  /** A host that does not listen after so long has failed. @default 15,000 */
  readonly bootTimeoutMs?: number;
  /** A host that still lives so long after it was told to end is killed. @default 10,000 */
  readonly endTimeoutMs?: number;
}

export interface LocalProviderEffects {
  readonly clock: Clock;
  /** Starts a detached process, hands it its order on stdin, and does not wait for more. @default spawns it */
  readonly launch?: (order: ProcessOrder, logFile: string) => Promise<void>;
}

const newPrefix = ".new.";
/** Folders being made or taken away by somebody are theirs for so long; older ones are what a crash left. */
const inProgressMs = 60_000;

/**
 * This machine as a cloud: a host is a folder with an SSH server of its own (`host-process.ts`).
 *
 * The provider remembers nothing: state files and live processes are all it trusts, so any engine, at any time, sees and
 * ends what another one made.
 */
export class LocalProvider implements Provider {
  readonly name = "local";
  readonly capabilities: Capabilities = {
    spot: false,
    hostKiller: true,
    createsHosts: true,
    reachesControl: true,
    nameLimit: 120,
    visibilityDelayMs: 0,
  };
  private readonly options: Required<LocalProviderOptions>;
  private readonly clock: Clock;
  private readonly launch: (order: ProcessOrder, logFile: string) => Promise<void>;

  constructor(options: LocalProviderOptions, effects: LocalProviderEffects) {
    this.options = { hostsPerProcess: 1, bootTimeoutMs: 15_000, endTimeoutMs: 10_000, ...options };
    this.clock = effects.clock;
    this.launch = effects.launch ?? ((order, logFile) => spawnDetached(this.options.command, order, logFile));
  }

  async ensure(intents: readonly Intent[], signal: AbortSignal): Promise<readonly EnsureOutcome[]> {
    const { hosts, networks } = await this.folders();
    const outcomes: EnsureOutcome[] = [];
    const launches: HostLaunch[] = [];
    for (const intent of intents) {
      signal.throwIfAborted();
      const refusal = this.refusalOf(intent);
      if (refusal !== undefined) {
        outcomes.push({ kind: "refused", name: intent.name, failure: refusal });
        continue;
      }
      if (intent.host === undefined) {
        await createFile(join(networks, `${intent.name}.json`), this.networkOf(intent));
      } else {
        const dir = join(hosts, intent.name);
        const known = await this.createHost(dir, this.specOf(intent, intent.host));
        if (known.deployment !== intent.deployment) {
          const message = `a host "${intent.name}" of deployment ${known.deployment} is here already`;
          outcomes.push({ kind: "refused", name: intent.name, failure: { class: "invalid", message } });
          continue;
        }
        // Unclaimed: never started, or about to claim; a second process would find it claimed and end at once.
        if ((await readJsonFile(hostFiles(dir).claim)) === undefined) {
          const { authorizedKey, hostPrivateKey, hostKey } = intent.host.setup;
          launches.push({ dir, spec: known, authorizedKey, hostPrivateKey, fingerprint: hostKey });
        }
      }
      outcomes.push({ kind: "accepted", name: intent.name });
    }
    for (const group of groupsOf(launches, this.options.hostsPerProcess)) {
      signal.throwIfAborted();
      await this.launch({ kind: "host", hosts: group }, hostFiles(group[0].dir).log);
    }
    return outcomes;
  }

  async observe(deployment: DeploymentId, _place: Place): Promise<readonly ResourceState[]> {
    const states: ResourceState[] = [];
    for (const entry of await this.hostEntries()) {
      if (entry.spec?.deployment !== deployment) continue;
      // Being made at this moment, or what a crash left of that; it counts once it is in place, or told to go.
      if (entry.isNew && !(await exists(hostFiles(entry.dir).destroying))) continue;
      const state = await this.stateOf(entry.dir, entry.spec);
      if (state !== undefined) states.push(state);
    }
    for (const { file, network } of await this.networkEntries()) {
      if (network.deployment !== deployment) continue;
      states.push({ name: network.name, resourceKind: networkKind, id: file, state: "ready" });
    }
    return states.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Nothing to do: one machine reaches itself. */
  async connect(): Promise<void> {
    await Promise.resolve();
  }

  async extend(deployment: DeploymentId, _place: Place, expiresAt: number): Promise<void> {
    for (const { dir, spec, isNew } of await this.hostEntries()) {
      if (spec?.deployment !== deployment || isNew) continue;
      await replaceFile(hostFiles(dir).lease, { expiresAt }).catch(ignoreMissing); // ended meanwhile
    }
    for (const { path, network } of await this.networkEntries()) {
      if (network.deployment === deployment) await replaceFile(path, { ...network, expiresAt });
    }
  }

  async beginDestroy(deployment: DeploymentId, _place: Place): Promise<void> {
    for (const { dir, spec } of await this.hostEntries()) {
      if (spec?.deployment === deployment) await this.destroyHost(dir);
    }
    for (const { path, network } of await this.networkEntries()) {
      if (network.deployment === deployment) await rm(path, { force: true });
    }
  }

  async *sweep(scope: SweepScope): AsyncGenerator<TaggedResource> {
    for (const { id, dir, spec, changedAt } of await this.hostEntries()) {
      const lease = await readState(LeaseFile, hostFiles(dir).lease);
      // Without a spec nobody knows whose it is; a while later nobody can still be at work on it.
      if (spec === undefined && this.clock.now() - changedAt < inProgressMs) continue;
      const resource: TaggedResource = {
        resourceKind: hostKind,
        id,
        place: spec === undefined ? { region: "local" } : placeOf(spec),
        deployment: spec?.deployment,
        runId: spec?.runId,
        owner: spec?.owner,
        createdAt: spec?.createdAt ?? changedAt,
        expiresAt: lease?.expiresAt ?? spec?.expiresAt ?? changedAt + inProgressMs,
      };
      if (isInScope(resource, scope)) yield resource;
    }
    for (const { file, network } of await this.networkEntries()) {
      const { deployment, runId, owner, createdAt, expiresAt } = network;
      const place = placeOf(network);
      const resource = { resourceKind: networkKind, id: file, place, deployment, runId, owner, createdAt, expiresAt };
      if (isInScope(resource, scope)) yield resource;
    }
  }

  async destroyResource(resource: TaggedResource): Promise<void> {
    const { hosts, networks } = await this.folders();
    // An id is a name in one of our two folders, never a way out of them.
    if (resource.id !== basename(resource.id) || resource.id === ".." || resource.id === ".") return;
    if (resource.resourceKind === networkKind) await rm(join(networks, resource.id), { force: true });
    else if (resource.resourceKind === hostKind) await this.destroyHost(join(hosts, resource.id));
  }

  private refusalOf(intent: Intent): Failure | undefined {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/.test(intent.name)) {
      return { class: "invalid", message: `not a name for a local resource: "${intent.name}"` };
    }
    if (intent.kind === "resource" || (intent.kind === "host" && intent.host === undefined)) {
      return { class: "invalid", message: `this machine can't make "${intent.name}", a ${intent.kind}` };
    }
    const now = this.clock.now();
    if (now > intent.notAfter || now >= intent.expiresAt) {
      return { class: "cancelled", message: `the time to create "${intent.name}" is over` };
    }
    return undefined;
  }

  private networkOf({ name, deployment, runId, owner, place, expiresAt }: Intent): NetworkFile {
    return { name, deployment, runId, owner, ...place, createdAt: this.clock.now(), expiresAt };
  }

  private specOf(intent: Intent, host: NonNullable<Intent["host"]>): HostSpec {
    const { setup } = host;
    const notApplied = [
      ...setup.packages.map((name) => `package ${name}`),
      ...Object.entries(setup.sysctl).map(([key, value]) => `sysctl ${key}=${value}`),
      ...(setup.swapBytes === undefined ? [] : [`swap of ${setup.swapBytes} bytes`]),
      ...setup.mounts.map(({ device, path }) => `mount of ${device} at ${path}`),
    ];
    return {
      name: intent.name,
      host: `${host.role}-${host.index}`,
      deployment: intent.deployment,
      runId: intent.runId,
      owner: intent.owner,
      ...intent.place,
      user: setup.user,
      createdAt: this.clock.now(),
      expiresAt: Math.min(setup.expiresAt, intent.expiresAt),
      notApplied,
    };
  }

  /** Makes the folder with its spec inside in one step, unless it is there. @returns the spec that counts */
  private async createHost(dir: string, spec: HostSpec): Promise<HostSpec> {
    const known = await readState(HostSpecFile, hostFiles(dir).spec);
    if (known !== undefined) return known;
    const { hosts } = await this.folders();
    const fresh = await mkdtemp(join(hosts, `${newPrefix}${spec.name}.`));
    await mkdir(hostFiles(fresh).home);
    await writeFile(hostFiles(fresh).spec, `${JSON.stringify(spec, null, 1)}\n`, { mode: 0o600 });
    try {
      await rename(fresh, dir);
      return spec;
    } catch (error) {
      await rm(fresh, { recursive: true, force: true });
      const other = await readState(HostSpecFile, hostFiles(dir).spec);
      if (other === undefined) throw error;
      return other;
    }
  }

  private async stateOf(dir: string, spec: HostSpec): Promise<ResourceState | undefined> {
    const files = hostFiles(dir);
    const common = { name: spec.name, resourceKind: hostKind, id: basename(dir) };
    const failed = (failureClass: Failure["class"], message: string): ResourceState => ({
      ...common,
      state: "failed",
      failure: { class: failureClass, message: `${spec.host}: ${message}`, host: spec.host },
    });
    const [isDestroying, claim, record, stuck] = await Promise.all([
      exists(files.destroying),
      readState(ProcessIdFile, files.claim),
      readState(HostRecordFile, files.host),
      readState(StuckFile, files.stuck),
    ]);
    if (isDestroying || basename(dir).startsWith(gonePrefix)) {
      return stuck === undefined
        ? { ...common, state: "deleting" }
        : failed("command", `can't be removed: ${stuck.message}`);
    }
    if (stuck !== undefined) return failed("boot", `did not start: ${stuck.message}`);
    if (!(await exists(dir))) return undefined; // gone while we looked
    if (claim !== undefined && !isAlive(claim)) {
      return record === undefined
        ? failed("boot", `its process ended before it listened: ${await tailOf(files.log)}`)
        : failed("preempted", "its process ended unasked");
    }
    if (claim === undefined || record === undefined) {
      return this.clock.now() - spec.createdAt > this.options.bootTimeoutMs
        ? failed("boot", `does not listen after ${this.options.bootTimeoutMs} ms: ${await tailOf(files.log)}`)
        : { ...common, state: "pending", since: spec.createdAt };
    }
    return {
      ...common,
      state: "ready",
      address: {
        host: spec.host,
        address: "127.0.0.1",
        port: record.port,
        user: spec.user,
        hostKey: record.fingerprint,
      },
      privateAddress: "127.0.0.1",
      facts: {
        home: files.home,
        // The rest of the range that its SSH server holds: see `portRange`.
        portBase: String(record.port + 1),
        ...(spec.notApplied.length > 0 ? { notApplied: spec.notApplied.join("; ") } : {}),
      },
    };
  }

  /** Tells a host to end; one without a process is taken away by a reaper, one that does not obey is killed first. */
  private async destroyHost(dir: string): Promise<void> {
    const files = hostFiles(dir);
    if ((await createFile(files.destroying, { since: this.clock.now() })) === "noFolder") return;
    const [claim, order] = await Promise.all([
      readState(ProcessIdFile, files.claim),
      readState(DestroyingFile, files.destroying),
    ]);
    if (claim !== undefined && order !== undefined && isAlive(claim)) {
      if (this.clock.now() - order.since <= this.options.endTimeoutMs) {
        signalProcess(claim, "SIGHUP");
        return;
      }
      signalProcess(claim, "SIGKILL");
    }
    if (await exists(dir)) await this.launch({ kind: "reap", dir }, join((await this.folders()).root, "reaper.log"));
  }

  private async folders(): Promise<{ root: string; hosts: string; networks: string }> {
    await mkdir(join(this.options.root, "hosts"), { recursive: true, mode: 0o700 });
    await mkdir(join(this.options.root, "networks"), { recursive: true, mode: 0o700 });
    // Processes are found by this path as /proc shows it: without links in it.
    const root = await realpath(this.options.root);
    return { root, hosts: join(root, "hosts"), networks: join(root, "networks") };
  }

  private async hostEntries(): Promise<readonly HostEntry[]> {
    const { hosts } = await this.folders();
    for (let looks = 1; ; looks++) {
      const ids = await readdir(hosts);
      const entries = (await Promise.all(ids.map((id) => this.hostEntry(hosts, id)))).filter(
        (one) => one !== undefined,
      );
      // What vanished while we looked may be on its last way, and have another name by now.
      if (entries.length === ids.length || looks === mostLooks) return entries;
    }
  }

  /** @returns undefined for what isn't there any more */
  private async hostEntry(hosts: string, id: string): Promise<HostEntry | undefined> {
    const dir = join(hosts, id);
    const spec = await readState(HostSpecFile, hostFiles(dir).spec);
    const changed = await stat(dir).catch(() => undefined);
    if (changed === undefined) return undefined;
    return { id, dir, spec, isNew: id.startsWith(newPrefix), changedAt: Math.trunc(changed.mtimeMs) };
  }

  private async networkEntries(): Promise<readonly { file: string; path: string; network: NetworkFile }[]> {
    const { networks } = await this.folders();
    const found: { file: string; path: string; network: NetworkFile }[] = [];
    for (const file of (await readdir(networks)).filter((name) => name.endsWith(".json"))) {
      const path = join(networks, file);
      const network = await readState(NetworkFile, path);
      if (network !== undefined) found.push({ file, path, network });
    }
    return found;
  }
}

/** Folders vanish twice at most, by their last rename and by their end; others may do so meanwhile. */
const mostLooks = 20;

interface HostEntry {
  readonly id: string;
  readonly dir: string;
  readonly spec: HostSpec | undefined;
  readonly isNew: boolean;
  readonly changedAt: number;
}

/** Never two deployments in one group: what shares a process may have to die together. */
function groupsOf(launches: readonly HostLaunch[], size: number): readonly (readonly [HostLaunch, ...HostLaunch[]])[] {
  const groups: [HostLaunch, ...HostLaunch[]][] = [];
  for (const launch of launches) {
    const open = groups.find((group) => group.length < size && group[0].spec.deployment === launch.spec.deployment);
    if (open === undefined) groups.push([launch]);
    else open.push(launch);
  }
  return groups;
}

const hostKind = "localHost";
const networkKind = "localNetwork";

const placeOf = ({ region, zone }: { region: string; zone?: string | undefined }): Place => ({ region, zone });

function isInScope(resource: TaggedResource, scope: SweepScope): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "deployment":
      return resource.deployment === scope.deployment;
    case "expired":
      return resource.expiresAt === undefined || resource.expiresAt <= scope.now;
    default:
      return scope satisfies never;
  }
}

async function readState<T>(schema: z.ZodType<T>, path: string): Promise<T | undefined> {
  const json = await readJsonFile(path);
  return json === undefined ? undefined : schema.parse(json);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function ignoreMissing(error: unknown): void {
  if (!isCode(error, "ENOENT")) throw error;
}

async function tailOf(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim().slice(-400) || "it said nothing";
  } catch (error) {
    return `no log (${messageOf(error)})`;
  }
}

async function spawnDetached(
  [file, ...args]: readonly [string, ...string[]],
  order: ProcessOrder,
  logFile: string,
): Promise<void> {
  const log = await open(logFile, "a", 0o600);
  try {
    const child = spawn(file, args, { detached: true, stdio: ["pipe", log.fd, log.fd] });
    child.unref();
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      if (child.stdin === null) throw new Error("a process without the pipe that was asked for");
      child.stdin.once("error", () => resolve()); // it died before it read: its log says why
      // Once the kernel has it, it reaches the process even if we end now.
      child.stdin.end(JSON.stringify(order), resolve);
    });
  } finally {
    await log.close();
  }
}
