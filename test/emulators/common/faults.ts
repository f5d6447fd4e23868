import { seededRandom } from "../../../core/effects/random.ts";
import type { Random } from "../../../core/effects/random.ts";
import type { CloudName } from "./cloud-name.ts";

/** What goes wrong with a call. `before` means that the cloud has done nothing, `after` that it has done what was asked. */
export type CallFault =
  | {
      readonly kind: "error";
      readonly when: "before" | "after";
      readonly status: number;
      readonly code: string;
      readonly message?: string;
      readonly retryAfterSec?: number;
    }
  /** The connection closes without an answer; after the effect this is the lost reply. */
  | { readonly kind: "drop"; readonly when: "before" | "after" }
  | { readonly kind: "delay"; readonly when: "before" | "after"; readonly ms: number }
  /** The connection closes at once, and the cloud acts on the request this much later: a create after the sweep. */
  | { readonly kind: "late"; readonly when: "before"; readonly ms: number }
  /** No answer ever: the call ends when the caller aborts. */
  | { readonly kind: "hang"; readonly when: "before" | "after" };

/** What goes wrong with one machine, at its launch or later. */
export type MachineFault =
  /** The cloud has no room for it, and says so at once (Google: in the operation). */
  | { readonly kind: "stockOut" }
  /** Accepted, then it fails: EC2 pending to terminated, Azure a failed VM, Google an operation with an error. */
  | { readonly kind: "fails"; readonly code?: string; readonly message?: string }
  /** The cloud says running, but nothing ever boots. */
  | { readonly kind: "unreachable" }
  /** The cloud takes it back, with the usual notice, this long after it runs. Spot machines only. */
  | { readonly kind: "interrupt"; readonly afterMs: number };

interface Scope {
  readonly cloud?: CloudName;
  /** The first matching event that is hit, from 1. @default 1 */
  readonly nth?: number;
  /** How many matching events in a row are hit. @default 1 */
  readonly count?: number;
}
/** Plain data, so that a schedule can be printed and replayed. In patterns `*` stands for any characters; case is ignored. */
export type FaultRule =
  | (Scope & {
      readonly on: "call";
      readonly operation?: string;
      readonly resource?: string;
      readonly fault: CallFault;
    })
  | (Scope & {
      readonly on: "machine";
      readonly type?: string;
      readonly zone?: string;
      readonly spot?: boolean;
      readonly fault: MachineFault;
    });

export interface CallEvent {
  readonly cloud: CloudName;
  readonly operation: string;
  readonly resource: string;
}
export interface MachineEvent {
  readonly cloud: CloudName;
  readonly type: string;
  readonly zone: string;
  readonly spot: boolean;
}

/** The rules in force, each with the number of events it has seen. The first rule that hits decides. */
export class FaultScript {
  private armed: { readonly rule: FaultRule; seen: number }[] = [];
  /** Every hit, for reports of a failing schedule. */
  readonly hits: { readonly rule: FaultRule; readonly event: CallEvent | MachineEvent }[] = [];

  constructor(rules: readonly FaultRule[] = []) {
    this.add(...rules);
  }

  add(...rules: readonly FaultRule[]): void {
    for (const rule of rules) this.armed.push({ rule, seen: 0 });
  }

  clear(): void {
    this.armed = [];
  }

  onCall(event: CallEvent): CallFault | undefined {
    let hit: CallFault | undefined;
    for (const entry of this.armed) {
      const { rule } = entry;
      if (rule.on !== "call" || !matchesCall(rule, event)) continue;
      entry.seen++;
      if (hit === undefined && isDue(rule, entry.seen)) {
        hit = rule.fault;
        this.hits.push({ rule, event });
      }
    }
    return hit;
  }

  onMachine(event: MachineEvent): MachineFault | undefined {
    let hit: MachineFault | undefined;
    for (const entry of this.armed) {
      const { rule } = entry;
      if (rule.on !== "machine" || !matchesMachine(rule, event)) continue;
      entry.seen++;
      if (hit === undefined && isDue(rule, entry.seen)) {
        hit = rule.fault;
        this.hits.push({ rule, event });
      }
    }
    return hit;
  }
}

const isDue = (rule: Scope, seen: number): boolean => {
  const first = rule.nth ?? 1;
  return seen >= first && seen < first + (rule.count ?? 1);
};

const matchesCall = (rule: FaultRule & { readonly on: "call" }, event: CallEvent): boolean =>
  (rule.cloud ?? event.cloud) === event.cloud &&
  glob(rule.operation, event.operation) &&
  glob(rule.resource, event.resource);

const matchesMachine = (rule: FaultRule & { readonly on: "machine" }, event: MachineEvent): boolean =>
  (rule.cloud ?? event.cloud) === event.cloud &&
  (rule.spot ?? event.spot) === event.spot &&
  glob(rule.type, event.type) &&
  glob(rule.zone, event.zone);

function glob(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`, "is").test(text);
}

export interface RandomFaultOptions {
  readonly clouds: readonly CloudName[];
  /** @default 4 */
  readonly maxRules?: number;
  /** Calls to hit are drawn from the first this many of their operation. @default 6 */
  readonly maxNth?: number;
}
/** A schedule with the seed that makes it again: print it whole when a test fails. */
export interface FaultSchedule {
  readonly seed: number;
  readonly rules: readonly FaultRule[];
}

/**
 * A random schedule of faults that a correct caller survives: errors that a cloud does give, lost replies, delays,
 * throttling, stock-outs and interruptions.
 *
 * @param seed any 32-bit number; the same seed and options give the same schedule
 */
export function randomFaults(seed: number, options: RandomFaultOptions): FaultSchedule {
  const random = seededRandom(seed);
  const rules: FaultRule[] = [];
  const count = 1 + Math.floor(random.next() * (options.maxRules ?? 4));
  for (let i = 0; i < count; i++) {
    const cloud = pick(random, options.clouds);
    const nth = 1 + Math.floor(random.next() * (options.maxNth ?? 6));
    if (random.next() < 0.25) rules.push({ on: "machine", cloud, nth, fault: randomMachineFault(random) });
    else
      rules.push({
        on: "call",
        cloud,
        operation: pick(random, faultyOperations[cloud]),
        nth,
        ...callFault(random, cloud),
      });
  }
  return { seed, rules };
}

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!; // never empty here

const randomMachineFault = (random: Random): MachineFault =>
  pick<MachineFault>(random, [
    { kind: "stockOut" },
    { kind: "fails" },
    { kind: "unreachable" },
    { kind: "interrupt", afterMs: Math.floor(random.next() * 600_000) },
  ]);

function callFault(random: Random, cloud: CloudName): { count: number; fault: CallFault } {
  const when = random.next() < 0.5 ? "before" : "after";
  const throttle = throttled[cloud];
  return pick<{ count: number; fault: CallFault }>(random, [
    { count: 1, fault: { kind: "drop", when } },
    { count: 1, fault: { kind: "late", when: "before", ms: Math.floor(random.next() * 60_000) } },
    { count: 1, fault: { kind: "delay", when, ms: Math.floor(random.next() * 60_000) } },
    { count: 1 + Math.floor(random.next() * 3), fault: { kind: "error", when, ...internal[cloud] } },
    { count: 1 + Math.floor(random.next() * 3), fault: { kind: "error", when: "before", ...throttle } },
  ]);
}

/** A server error of the cloud's own. */
const internal: Record<CloudName, { status: number; code: string }> = {
  aws: { status: 500, code: "InternalError" },
  azure: { status: 500, code: "InternalServerError" },
  gcp: { status: 503, code: "backendError" },
};
/** The cloud's refusal of too many calls. */
export const throttled: Record<CloudName, { status: number; code: string; retryAfterSec?: number }> = {
  aws: { status: 503, code: "RequestLimitExceeded" },
  azure: { status: 429, code: "TooManyRequests", retryAfterSec: 10 },
  gcp: { status: 403, code: "rateLimitExceeded" },
};
const faultyOperations: Record<CloudName, readonly string[]> = {
  aws: [
    "*",
    "RunInstances",
    "CreateFleet",
    "DescribeInstances",
    "TerminateInstances",
    "Create*",
    "Delete*",
    "Authorize*",
  ],
  azure: ["*", "PUT *", "GET *", "DELETE *", "PUT virtualMachines", "PUT networkInterfaces", "DELETE resourceGroups"],
  gcp: ["*", "*.insert", "*.delete", "*.get", "compute.instances.*", "compute.firewalls.*", "compute.zoneOperations.*"],
};
