import { createHash } from "node:crypto";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import type { Failure } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { TopologyHost } from "../../core/plan/types.ts";
import type {
  ArmAnswer,
  Fence,
  HostAgent,
  HostArtifact,
  HostFacts,
  HostStep,
  StepResult,
  StepState,
  Unit,
  UnitResult,
} from "../../core/ports/host-agent.ts";
import type {
  Capabilities,
  EnsureOutcome,
  Intent,
  MachineShape,
  Place,
  Provider,
  QuotaUse,
  ResourceState,
  SweepScope,
  TaggedResource,
} from "../../core/ports/provider.ts";

import type { SimControl } from "./sim-pusher.ts";
import { SimPusher } from "./sim-pusher.ts";

/**
 * A cloud that exists only in memory: hosts boot, steps run and files appear as fast as the clock is moved.
 *
 * It keeps the promises of `Provider` and `HostAgent` to the letter, so that everything above them can be run ten
 * thousand times in a minute and broken on purpose. What it can't tell is how long anything really takes.
 */
export interface SimBehaviour {
  /** How long the unit runs and how it ends; files are what it leaves for collection. */
  readonly run: (unit: Unit, step: HostStep, host: string) => SimUnitOutcome;
  readonly bootMs: number;
  /** Places that refuse, by region or zone. */
  readonly refuses?: (place: Place, hosts: number, intent: Intent) => Failure | undefined;
  /** What the account may use. @default nobody tells */
  readonly quota?: (place: Place, shapes: readonly MachineShape[]) => readonly QuotaUse[];
  /** Whether hosts end by themselves when they expire. @default true */
  readonly hostKiller?: boolean;
  /** A create that was accepted takes effect so much later; until then nothing lists it and nothing deletes it. @default 0 */
  readonly appearsAfterMs?: (intent: Intent) => number;
  /** How long after it took effect a listing may still miss it. @default 0 */
  readonly visibilityDelayMs?: number;
  /** The host's clock minus ours. @default 0 */
  readonly clockOffsetMs?: (host: string) => number;
  /** The host stalls: a start that was agreed comes so much later. @default 0 */
  readonly startLateMs?: (host: string, step: HostStep) => number;
  /** Told of every unit as it really was: when it ran, and until when. */
  readonly onUnit?: (unit: Unit, host: string, from: number, to: number) => void;
}

export interface SimUnitOutcome {
  readonly durationMs: number;
  readonly exitCode: number;
  readonly files?: Readonly<Record<string, string>>;
  /** What the host says of a unit that failed. @default its exit code */
  readonly message?: string;
}

interface SimHost {
  readonly intent: Intent;
  /** When the create takes effect. */
  readonly existsAt: number;
  readonly readyAt: number;
  bootId: string;
  expiresAt: number;
  /** Cut off from everything until then. */
  cutUntil: number;
  destroyedAt: number | undefined;
  fence: Fence | undefined;
  readonly steps: Map<string, SimStep>;
  readonly files: Map<string, Map<string, string>>; // attempt folder → path → content
  readonly services: Map<string, Unit>;
}

interface SimStep {
  readonly step: HostStep;
  state: StepState;
  started: boolean;
  readonly end: AbortController;
  readonly waiters: (() => void)[];
}

export class SimWorld {
  private readonly hosts = new Map<string, SimHost>();
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly behaviour: SimBehaviour;
  private readonly control: SimControl | undefined;
  readonly provider: Provider;

  constructor(effects: {
    readonly clock: Clock;
    readonly random: Random;
    readonly behaviour: SimBehaviour;
    /** Where steps with a push target report. @default nowhere: they are pulled */
    readonly control?: SimControl | undefined;
  }) {
    this.clock = effects.clock;
    this.random = effects.random;
    this.behaviour = effects.behaviour;
    this.control = effects.control;
    const visibilityDelayMs = effects.behaviour.visibilityDelayMs ?? 0;
    const hostKiller = effects.behaviour.hostKiller ?? true;
    const provider = this.makeProvider({ ...simCapabilities, visibilityDelayMs, hostKiller });
    const { quota } = effects.behaviour;
    this.provider =
      quota === undefined ? provider : { ...provider, quota: async (place, shapes) => quota(place, shapes) };
  }

  private readonly makeProvider = (capabilities: Capabilities): Provider => ({
    name: "sim",
    capabilities,
    ensure: async (intents) => intents.map((intent) => this.ensureOne(intent, intents.length)),
    observe: async (deployment) =>
      [...this.hosts.values()]
        .filter((h) => h.intent.deployment === deployment && this.isListed(h))
        .map((h) => this.resourceState(h)),
    connect: async () => undefined,
    extend: async (deployment, _place, expiresAt) => {
      for (const host of this.hosts.values()) if (host.intent.deployment === deployment) host.expiresAt = expiresAt;
    },
    beginDestroy: async (deployment) => {
      for (const host of this.hosts.values())
        if (host.intent.deployment === deployment && this.isListed(host)) this.destroy(host);
    },
    sweep: (scope) => this.sweep(scope),
    destroyResource: async (resource) => {
      const host = this.hosts.get(resource.id);
      if (host !== undefined) this.destroy(host);
    },
  });

  private isListed(host: SimHost): boolean {
    return this.clock.now() >= host.existsAt + (this.behaviour.visibilityDelayMs ?? 0);
  }

  /** Everything that still exists; a test's inventory. */
  get living(): readonly string[] {
    return [...this.hosts.values()].filter((h) => this.isUp(h)).map((h) => h.intent.name);
  }

  /** The machine is gone from one moment to the next, with its disk. */
  vanish(hostIntentName: string): void {
    const host = this.hosts.get(hostIntentName);
    if (host !== undefined) this.destroy(host);
  }

  /** No packet reaches the host or leaves it until then; what it does goes on. */
  cut(hostIntentName: string, untilMs: number): void {
    const host = this.hosts.get(hostIntentName);
    if (host !== undefined) host.cutUntil = untilMs;
  }

  /** Everything that runs there ends; what was under way is reported as lost to a restart. */
  reboot(hostIntentName: string): void {
    const host = this.hosts.get(hostIntentName);
    if (host === undefined) return;
    host.bootId = this.newBootId();
    host.services.clear();
    for (const sim of host.steps.values()) {
      if (sim.state.kind === "done" || sim.state.kind === "superseded") continue;
      const name = hostNameOf(host);
      sim.end.abort();
      this.endStep(sim, {
        ...quietResult(sim.step, name, this.clock.now()),
        failure: { class: "boot", message: "host rebooted", host: name },
      });
    }
  }

  agent(host: TopologyHost): HostAgent {
    const find = (): SimHost => {
      const found = [...this.hosts.values()].find(
        (h) => h.intent.name.endsWith(`-${host.name}`) && addressOf(h) === host.publicAddress,
      );
      if (found === undefined || !this.isUp(found) || this.isCut(found)) {
        throw new FailureError({ class: "transport", message: `no answer from ${host.name}`, host: host.name });
      }
      return found;
    };
    return new SimAgent(host.name, find, this);
  }

  /** @internal */
  arm(host: SimHost, name: string, step: HostStep): ArmAnswer {
    if (host.fence !== undefined && isOlder(step.fence, host.fence)) return { kind: "superseded", by: host.fence };
    const known = host.steps.get(step.stepId);
    if (known !== undefined) return { kind: "already" };
    if (host.fence !== undefined && isOlder(host.fence, step.fence)) {
      for (const old of host.steps.values()) {
        old.end.abort();
        if (old.state.kind !== "done") old.state = { kind: "superseded", by: step.fence };
        for (const wake of old.waiters.splice(0)) wake();
      }
      host.services.clear();
    }
    host.fence = step.fence;
    if (step.resets) {
      host.services.clear();
      host.files.clear();
      for (const old of host.steps.values()) for (const wake of old.waiters.splice(0)) wake();
      host.steps.clear();
    }
    const sim: SimStep = { step, state: { kind: "armed" }, started: false, end: new AbortController(), waiters: [] };
    host.steps.set(step.stepId, sim);
    if (step.push !== undefined && this.control !== undefined) {
      const pusher = new SimPusher(step.push, this.control, {
        clock: this.clock,
        isCut: () => this.isCut(host),
        isUp: () => this.isUp(host) && host.steps.get(step.stepId) === sim && sim.state.kind !== "superseded",
        files: () => folderOf(host, step.attemptDir),
        whenEnded: (wake) => sim.waiters.push(wake),
      });
      void pusher.follow(step, () => (sim.state.kind === "done" ? sim.state.result : undefined), sim.end.signal);
    }
    if (!step.waitsForGo) this.begin(host, name, sim, this.clock.now());
    return { kind: "armed" };
  }

  /** @internal */
  begin(host: SimHost, name: string, sim: SimStep, startAt: number): void {
    if (sim.started) return;
    sim.started = true;
    void this.execute(host, name, sim, startAt).catch((error: unknown) => {
      if (!sim.end.signal.aborted) throw error;
    });
  }

  private async execute(host: SimHost, name: string, sim: SimStep, startAt: number): Promise<void> {
    const { step } = sim;
    const offsetMs = step.waitsForGo ? (this.behaviour.clockOffsetMs?.(name) ?? 0) : 0;
    const lateMs = step.waitsForGo ? (this.behaviour.startLateMs?.(name, step) ?? 0) : 0;
    // `startAt` is told in the host's own time.
    await this.clock.sleep(Math.max(0, startAt - offsetMs + lateMs - this.clock.now()), sim.end.signal);
    sim.state = { kind: "running", since: this.clock.now() };
    const startedAt = this.clock.now();
    if (step.stops === "all") this.stopOthers(host, name, sim);
    const units: UnitResult[] = [];
    let message: string | undefined;
    const produced = folderOf(host, step.attemptDir);
    const run = async (unit: Unit): Promise<void> => {
      const outcome = this.behaviour.run(unit, step, name);
      message ??= outcome.message;
      const at = this.clock.now();
      try {
        await this.clock.sleep(Math.min(outcome.durationMs, unit.timeoutMs), sim.end.signal);
      } finally {
        this.behaviour.onUnit?.(unit, name, at, this.clock.now());
      }
      for (const [path, content] of Object.entries(outcome.files ?? {})) produced.set(path, content);
      produced.set(`${unit.name}.out`, "");
      const base = { name: unit.name, kind: unit.kind, startedAt: at };
      if (unit.kind === "service") {
        host.services.set(unit.name, unit);
        units.push({ ...base, outcome: "ready", readyAt: this.clock.now() });
      } else if (outcome.durationMs > unit.timeoutMs) {
        units.push({ ...base, outcome: "timedOut", endedAt: this.clock.now() });
      } else {
        units.push({ ...base, outcome: "exited", exitCode: outcome.exitCode, endedAt: this.clock.now() });
      }
    };
    if (step.waitsForGo) await Promise.all(step.units.map(run));
    else for (const unit of step.units) await run(unit);
    if (step.guardsServices && step.units.length === 0) return; // runs on until a newer step stops it
    const artifacts =
      step.stops === "all" || step.collect.length > 0
        ? [...produced].map(([path, content]) => artifactOf(path, content))
        : [];
    const result: StepResult = {
      stepId: step.stepId,
      host: name,
      units,
      artifacts,
      missing: [],
      warnings: [],
      failure: failureOf(units, name, message),
      startedAt,
      endedAt: this.clock.now(),
      ...(step.waitsForGo ? { startLateMs: lateMs } : {}),
    };
    this.endStep(sim, result);
  }

  private endStep(sim: SimStep, result: StepResult): void {
    sim.state = { kind: "done", result };
    for (const wake of sim.waiters.splice(0)) wake();
  }

  private stopOthers(host: SimHost, name: string, by: SimStep): void {
    host.services.clear();
    for (const sim of host.steps.values()) {
      if (sim === by || sim.state.kind === "done" || sim.step.attemptDir !== by.step.attemptDir) continue;
      sim.end.abort();
      this.endStep(sim, quietResult(sim.step, name, this.clock.now()));
    }
  }

  /** @internal */
  facts(host: SimHost): HostFacts {
    return {
      bootId: host.bootId,
      instanceId: host.intent.name,
      cpuModel: "simulated",
      cpuCount: host.intent.host?.shape.vcpus ?? 1,
      microcode: undefined,
      memoryBytes: host.intent.host?.shape.memoryBytes ?? 0,
      kernel: "sim",
      os: "sim",
      architecture: "x86_64",
      clockSource: "sim",
      virtualization: "sim",
      versions: {},
    };
  }

  /** @internal */
  clockOffsetMs(host: string): number {
    return this.behaviour.clockOffsetMs?.(host) ?? 0;
  }

  /** @internal */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.clock.sleep(ms, signal);
  }

  private ensureOne(intent: Intent, hosts: number): EnsureOutcome {
    const refusal = this.behaviour.refuses?.(intent.place, hosts, intent);
    if (refusal !== undefined) return { kind: "refused", failure: refusal, name: intent.name };
    if (intent.kind === "host" && !this.hosts.has(intent.name)) {
      this.hosts.set(intent.name, {
        intent,
        existsAt: this.clock.now() + (this.behaviour.appearsAfterMs?.(intent) ?? 0),
        readyAt: this.clock.now() + (this.behaviour.appearsAfterMs?.(intent) ?? 0) + this.behaviour.bootMs,
        bootId: this.newBootId(),
        expiresAt: intent.expiresAt,
        cutUntil: 0,
        destroyedAt: undefined,
        fence: undefined,
        steps: new Map(),
        files: new Map(),
        services: new Map(),
      });
    }
    return { kind: "accepted", name: intent.name };
  }

  private resourceState(host: SimHost): ResourceState {
    const base = { name: host.intent.name, resourceKind: "host", id: host.intent.name };
    if (!this.isUp(host)) return { ...base, state: "gone" };
    if (this.clock.now() < host.readyAt)
      return { ...base, state: "pending", since: host.readyAt - this.behaviour.bootMs };
    const address = {
      host: host.intent.name,
      address: addressOf(host),
      port: 22,
      user: "sim",
      hostKey: host.intent.host?.setup.hostKey ?? "",
    };
    return { ...base, state: "ready", address, privateAddress: address.address, facts: { portBase: "20000" } };
  }

  private newBootId(): string {
    return Math.floor(this.random.next() * 2 ** 32).toString(16);
  }

  private isUp(host: SimHost): boolean {
    const now = this.clock.now();
    if (host.destroyedAt !== undefined || now < host.existsAt) return false;
    return this.behaviour.hostKiller === false || now < host.expiresAt;
  }

  private isCut(host: SimHost): boolean {
    return this.clock.now() < host.cutUntil;
  }

  private destroy(host: SimHost): void {
    host.destroyedAt ??= this.clock.now();
    for (const sim of host.steps.values()) sim.end.abort();
  }

  private async *sweep(scope: SweepScope): AsyncIterable<TaggedResource> {
    for (const host of this.hosts.values()) {
      if (!this.isUp(host) || !this.isListed(host)) continue;
      const { intent } = host;
      const matches =
        scope.kind === "all" ||
        (scope.kind === "deployment" && intent.deployment === scope.deployment) ||
        (scope.kind === "expired" && host.expiresAt <= scope.now);
      if (!matches) continue;
      yield {
        resourceKind: "host",
        id: intent.name,
        place: intent.place,
        deployment: intent.deployment,
        runId: intent.runId,
        owner: intent.owner,
        createdAt: host.readyAt - this.behaviour.bootMs,
        expiresAt: host.expiresAt,
        name: intent.name,
        machineType: intent.host?.shape.type,
        spot: intent.host?.shape.spot,
      };
    }
  }
}

const simCapabilities: Capabilities = {
  spot: false,
  hostKiller: true,
  createsHosts: true,
  reachesControl: false,
  nameLimit: 200,
  visibilityDelayMs: 0,
};

class SimAgent implements HostAgent {
  private readonly name: string;
  private readonly find: () => SimHost;
  private readonly world: SimWorld;

  constructor(name: string, find: () => SimHost, world: SimWorld) {
    this.name = name;
    this.find = find;
    this.world = world;
  }

  async prepare(): Promise<HostFacts> {
    return this.world.facts(this.find());
  }

  async putFile(): Promise<void> {
    this.find();
  }

  async arm(step: HostStep): Promise<ArmAnswer> {
    return this.world.arm(this.find(), this.name, step);
  }

  async go(stepId: string, startAt: number): Promise<void> {
    const host = this.find();
    const sim = host.steps.get(stepId);
    if (sim !== undefined) this.world.begin(host, this.name, sim, startAt);
  }

  async status(stepId: string): Promise<StepState> {
    return this.find().steps.get(stepId)?.state ?? { kind: "unknown" };
  }

  async wait(stepId: string, timeoutMs: number, signal?: AbortSignal): Promise<StepState> {
    const sim = this.find().steps.get(stepId);
    if (sim === undefined) return { kind: "unknown" };
    if (sim.state.kind === "done") return sim.state;
    const woken = new AbortController();
    const stop = (): void => {
      woken.abort();
    };
    sim.waiters.push(stop);
    signal?.addEventListener("abort", stop, { once: true });
    await this.world.sleep(timeoutMs, woken.signal).catch(() => undefined);
    signal?.removeEventListener("abort", stop);
    return sim.state;
  }

  async stop(stepId: string): Promise<void> {
    this.find().steps.get(stepId)?.end.abort();
  }

  async remove(): Promise<{ readonly left: readonly string[] }> {
    const host = this.find();
    for (const sim of host.steps.values()) sim.end.abort();
    host.steps.clear();
    return { left: [] };
  }

  async outputs(): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
    return [];
  }

  async *read(attemptDir: string, path: string, from: number): AsyncIterable<Uint8Array> {
    const content = folderOf(this.find(), attemptDir).get(path);
    if (content === undefined) throw new FailureError({ class: "collect", message: `${this.name} has no ${path}` });
    yield new TextEncoder().encode(content).subarray(from);
  }

  async acknowledge(): Promise<void> {
    this.find();
  }

  async clockOffset(): Promise<{ readonly offsetMs: number; readonly errorMs: number }> {
    this.find();
    return { offsetMs: this.world.clockOffsetMs(this.name), errorMs: 0 };
  }
}

const folderOf = (host: SimHost, attemptDir: string): Map<string, string> => {
  const known = host.files.get(attemptDir);
  if (known !== undefined) return known;
  const made = new Map<string, string>();
  host.files.set(attemptDir, made);
  return made;
};

/** `{deploymentId}-r{round}-{host}` */
const hostNameOf = (host: SimHost): string => /-r\d+-(.+)$/.exec(host.intent.name)?.[1] ?? host.intent.name;

/** A step that was ended from outside: its units stopped, nothing of it is final. */
function quietResult(step: HostStep, host: string, now: number): StepResult {
  const units = step.units.map((u): UnitResult => ({ name: u.name, kind: u.kind, outcome: "stopped", endedAt: now }));
  const quiet = { artifacts: [], missing: [], warnings: [], startedAt: now, endedAt: now };
  return { stepId: step.stepId, host, units, ...quiet };
}

const addressOf = (host: SimHost): string => `sim:${host.intent.name}`;

const isOlder = (a: Fence, b: Fence): boolean =>
  a.epoch < b.epoch || (a.epoch === b.epoch && a.attempt < b.attempt && a.runId === b.runId);

const artifactOf = (path: string, content: string): HostArtifact => ({
  path,
  sha256: createHash("sha256").update(content).digest("hex"),
  bytes: Buffer.byteLength(content),
});

function failureOf(units: readonly UnitResult[], host: string, message: string | undefined): Failure | undefined {
  for (const unit of units) {
    if (unit.outcome === "timedOut") return { class: "timeout", message: `${unit.name} did not end in time`, host };
    if (unit.outcome === "exited" && unit.exitCode !== 0) {
      return { class: "command", message: message ?? `${unit.name} exited with ${unit.exitCode ?? "?"}`, host };
    }
  }
  return undefined;
}
