import type { Clock } from "../../core/effects/clock.ts";
import { FailureError, toFailure } from "../../core/errors/failure.ts";
import type { Failure } from "../../core/errors/failure.ts";
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
import type { HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";
import { forEachHost, parseSuccess } from "../../transports/ssh/index.ts";
import { readLock, releaseLock, rewriteLock, takeLock } from "./lock.ts";
import type { Holder, LockRecord } from "./lock.ts";
import type { Machine } from "./machines.ts";

export interface HostsProviderOptions {
  readonly machines: readonly Machine[];
  /** `MachinesSpec.lockFolder` */
  readonly lockFolder: string;
  /** Whether these machines can open connections to the control side. @default false */
  readonly reachesControl?: boolean;
}

export interface HostsProviderEffects {
  readonly clock: Clock;
  readonly transport: Pick<Transport, "run">;
  /** Stops our processes on a machine and removes our files: `HostAgent.remove`. */
  readonly remove: (host: HostAddress, deployment: DeploymentId) => Promise<{ readonly left: readonly string[] }>;
}

type Look =
  | { readonly kind: "seen"; readonly machine: Machine; readonly holders: readonly Holder[] }
  | { readonly kind: "unseen"; readonly machine: Machine; readonly failure: Failure };

const resourceKind = "machineLock";
const fanOut = { concurrency: 32, deadlineMs: 50_000 };

/**
 * Machines that exist already. Nothing is created or destroyed: what a deployment gets of a machine is its lock, and
 * what teardown gives back is the machine without our processes, our files and the lock.
 *
 * The locks on the machines are all the state there is, so any engine sees and releases what another one took. A machine
 * without a role serves any.
 */
export class HostsProvider implements Provider {
  readonly name = "hosts";
  readonly capabilities: Capabilities;
  private readonly options: HostsProviderOptions;
  private readonly effects: HostsProviderEffects;

  constructor(options: HostsProviderOptions, effects: HostsProviderEffects) {
    this.options = options;
    this.effects = effects;
    this.capabilities = {
      spot: false,
      hostKiller: false,
      createsHosts: false,
      reachesControl: options.reachesControl ?? false,
      nameLimit: 200,
      visibilityDelayMs: 0,
    };
  }

  async ensure(intents: readonly Intent[], signal: AbortSignal): Promise<readonly EnsureOutcome[]> {
    signal.throwIfAborted();
    const now = this.effects.clock.now();
    const isDue = (intent: Intent): boolean => now <= intent.notAfter && now < intent.expiresAt;
    const looks = intents.some((intent) => intent.host !== undefined && isDue(intent))
      ? await this.lookAtAll(signal)
      : [];
    const taken = new Set<string>();
    const outcomes: EnsureOutcome[] = [];
    for (const intent of intents) {
      signal.throwIfAborted();
      const { name } = intent;
      const refuse = (failure: Failure): void => void outcomes.push({ kind: "refused", name, failure });
      if (!isDue(intent)) refuse({ class: "cancelled", message: `the time to take a machine for "${name}" is over` });
      else if (intent.kind === "resource") {
        refuse({ class: "invalid", message: `given machines can't make "${name}", a resource` });
      } else if (intent.host === undefined) outcomes.push({ kind: "accepted", name });
      else {
        const refusal = await this.takeOne(intent, intent.host, looks, taken, signal);
        if (refusal === undefined) outcomes.push({ kind: "accepted", name });
        else refuse(refusal);
      }
    }
    return outcomes;
  }

  async observe(deployment: DeploymentId, _place: Place): Promise<readonly ResourceState[]> {
    return (await this.lookAtAll()).flatMap((look): ResourceState[] => {
      if (look.kind === "unseen") {
        // It may or may not hold our lock: silence would read as "given back".
        const message = `${look.failure.message}; a lock on it, if any, ends by itself`;
        const failure = { ...look.failure, message };
        return [{ name: look.machine.name, resourceKind, id: look.machine.name, state: "failed", failure }];
      }
      return look.holders
        .filter(({ record }) => record.deployment === deployment)
        .map((holder) => this.stateOf(look.machine, holder));
    });
  }

  /** Nothing to do: the network between given machines is their owner's. */
  async connect(): Promise<void> {
    await Promise.resolve();
  }

  async extend(deployment: DeploymentId, _place: Place, expiresAt: number): Promise<void> {
    const now = this.effects.clock.now();
    await this.onHolders(deployment, async (machine, record) => {
      await this.ask(machine.address, rewriteLock(this.options.lockFolder, { ...record, expiresAt }, now));
    });
  }

  /** Removes what is ours from each machine, then its lock; a machine that keeps something of ours keeps the lock. */
  async beginDestroy(deployment: DeploymentId, _place: Place): Promise<void> {
    await this.onHolders(deployment, (machine, record) => this.giveBack(machine, record));
  }

  async *sweep(scope: SweepScope): AsyncGenerator<TaggedResource> {
    const unseen: Failure[] = [];
    for (const look of await this.lookAtAll()) {
      if (look.kind === "unseen") {
        unseen.push(look.failure);
        continue;
      }
      for (const { record, isLive } of look.holders) {
        const resource = taggedResource(look.machine, record);
        if (isInScope(resource, isLive, scope)) yield resource;
      }
    }
    const [first] = unseen;
    // An empty list must mean that nothing is there, not that nobody answered.
    if (first !== undefined)
      throw new FailureError({ ...first, message: `${unseen.length} machines unseen: ${first.message}` });
  }

  async destroyResource(resource: TaggedResource): Promise<void> {
    const machine = this.options.machines.find(({ name }) => name === resource.id);
    if (machine === undefined || resource.resourceKind !== resourceKind) return;
    for (const { record } of await this.ask(machine.address, readLock(this.options.lockFolder))) {
      if (record.deployment === resource.deployment) await this.giveBack(machine, record);
    }
  }

  /** @returns why not, or undefined once a machine is ours */
  private async takeOne(
    intent: Intent,
    host: NonNullable<Intent["host"]>,
    looks: readonly Look[],
    taken: Set<string>,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    const isOurs = (look: Look): boolean =>
      look.kind === "seen" &&
      look.holders.some(
        ({ record, isLive }) => isLive && record.deployment === intent.deployment && record.name === intent.name,
      );
    const { role } = host;
    const fitting = looks.filter(({ machine }) => machine.role === role || machine.role === undefined);
    // Ours from an earlier call first; then machines of this very role; those that serve any come last.
    const rank = (look: Look): number => (isOurs(look) ? 0 : look.machine.role === role ? 1 : 2);
    const reasons: string[] = [];
    let hasAnswer = false;
    for (const look of fitting.toSorted((a, b) => rank(a) - rank(b))) {
      signal.throwIfAborted();
      const { machine } = look;
      if (taken.has(machine.name)) continue;
      if (look.kind === "unseen") {
        reasons.push(`${machine.name}: ${look.failure.message}`);
        continue;
      }
      hasAnswer = true;
      const answer = await this.take(machine, intent, host, signal);
      if (answer === "ours") {
        taken.add(machine.name);
        return undefined;
      }
      reasons.push(`${machine.name}: ${answer}`);
    }
    return {
      class: hasAnswer || reasons.length === 0 ? "capacity" : "transport",
      message: `no machine for ${role}-${host.index}: ${reasons.join("; ") || "none is left for its role"}`,
      hint: "wait for the other run, end it, or add machines",
    };
  }

  /** @returns "ours", or whose it is */
  private async take(
    machine: Machine,
    intent: Intent,
    host: NonNullable<Intent["host"]>,
    signal: AbortSignal,
  ): Promise<string> {
    const { clock } = this.effects;
    const { deployment, runId, owner, name, place, expiresAt } = intent;
    for (let attempt = 1; attempt <= 3; attempt++) {
      const now = clock.now();
      const part = `${host.role}-${host.index}`;
      const record = { deployment, runId, owner, name, host: part, ...place, takenAt: now, expiresAt, left: [] };
      let answer;
      try {
        answer = await this.ask(machine.address, takeLock(this.options.lockFolder, record, now), signal);
      } catch (error) {
        return toFailure(error).message;
      }
      switch (answer.kind) {
        case "taken":
        case "mine":
          return "ours";
        case "held":
          return answer.by === undefined
            ? "held by somebody unknown"
            : `held by run ${answer.by.runId} of ${answer.by.owner} until ${new Date(answer.by.expiresAt).toISOString()}`;
        case "busy":
          await clock.sleep(100 * attempt, signal);
          break;
        default:
          answer satisfies never;
      }
    }
    return "others want it at this very moment";
  }

  private async giveBack(machine: Machine, record: LockRecord): Promise<void> {
    const folder = this.options.lockFolder;
    const { left } = await this.effects.remove({ ...machine.address, host: record.host }, record.deployment);
    if (left.length === 0) await this.ask(machine.address, releaseLock(folder, record));
    else await this.ask(machine.address, rewriteLock(folder, { ...record, left: [...left] }, this.effects.clock.now()));
  }

  private stateOf(machine: Machine, { record, isLive }: Holder): ResourceState {
    const common = { name: record.name, resourceKind, id: machine.name };
    const failed = (failure: Failure): ResourceState => ({
      ...common,
      state: "failed",
      failure: { ...failure, host: record.host },
    });
    if (record.left.length > 0) {
      return failed({
        class: "command",
        message: `${machine.name} keeps what could not be removed: ${record.left.join(", ")}`,
        hint: `remove it by hand, then tear down again; the lock ends ${new Date(record.expiresAt).toISOString()}`,
      });
    }
    if (!isLive) return failed({ class: "timeout", message: `the lock on ${machine.name} has ended` });
    return {
      ...common,
      state: "ready",
      address: { ...machine.address, host: record.host },
      privateAddress: machine.privateAddress,
      facts: { machine: machine.name, given: "nothing was created; teardown removes our files, processes and lock" },
    };
  }

  private async onHolders(
    deployment: DeploymentId,
    work: (machine: Machine, record: LockRecord) => Promise<void>,
  ): Promise<void> {
    const looks = await this.lookAtAll();
    const failures = looks.filter((look) => look.kind === "unseen");
    const held = looks
      .filter((look) => look.kind === "seen")
      .flatMap(({ machine, holders }) => {
        const records = holders.map(({ record }) => record).filter((record) => record.deployment === deployment);
        return records.map((record) => ({ host: machine.name, machine, record }));
      });
    await forEachHost(held, ({ machine, record }) => work(machine, record), { ...fanOut, clock: this.effects.clock });
    const [first] = failures;
    if (first !== undefined) throw new FailureError(first.failure);
  }

  private lookAtAll(signal?: AbortSignal): Promise<Look[]> {
    const hosts = this.options.machines.map((machine) => ({ host: machine.name, machine }));
    return forEachHost(
      hosts,
      async ({ machine }, aborted): Promise<Look> => {
        try {
          const holders = await this.ask(machine.address, readLock(this.options.lockFolder), aborted);
          return { kind: "seen", machine, holders };
        } catch (error) {
          return { kind: "unseen", machine, failure: toFailure(error) };
        }
      },
      { ...fanOut, clock: this.effects.clock, signal },
    );
  }

  private async ask<T>(host: HostAddress, task: RemoteTask<T>, signal?: AbortSignal): Promise<T> {
    return parseSuccess(task, await this.effects.transport.run(host, task, undefined, signal));
  }
}

function taggedResource(machine: Machine, record: LockRecord): TaggedResource {
  const { deployment, runId, owner, region, zone, takenAt, expiresAt } = record;
  return {
    resourceKind,
    id: machine.name,
    place: { region, zone },
    deployment,
    runId,
    owner,
    createdAt: takenAt,
    expiresAt,
  };
}

function isInScope(resource: TaggedResource, isLive: boolean, scope: SweepScope): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "deployment":
      return resource.deployment === scope.deployment;
    case "expired":
      return !isLive || (resource.expiresAt ?? 0) <= scope.now;
    default:
      return scope satisfies never;
  }
}
