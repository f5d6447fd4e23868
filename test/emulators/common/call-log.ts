import type { CloudName } from "./cloud-name.ts";

export interface Call {
  /** Counts all calls of all clouds, from 1. */
  readonly seq: number;
  readonly atMs: number;
  readonly cloud: CloudName;
  /** The cloud's own name: `RunInstances`, `PUT virtualMachines`, `compute.instances.insert`. */
  readonly operation: string;
  /** Everything in the request that names a resource; what a fault rule's `resource` is matched against. */
  readonly resource: string;
  /** The client token or request id, where one was sent. */
  readonly token: string | undefined;
  /** What it changed, in order: `instance i-… launched`. Empty for reads and refused calls. */
  readonly mutations: readonly string[];
  readonly outcome: CallOutcome;
}
export type CallOutcome =
  | { readonly kind: "pending" }
  | { readonly kind: "answered"; readonly status: number; readonly code: string | undefined }
  /** The caller saw no answer; mutations say whether the cloud had acted. */
  | { readonly kind: "dropped" };

type Observer = (call: Call, moment: "begun" | "acted" | "ended") => void;
const LIMIT = 100_000;

/** Every call, oldest first; the oldest fall out beyond 100,000. */
export class CallLog {
  private readonly entries: OpenCall[] = [];
  private readonly observers = new Set<Observer>();
  private seq = 0;
  forgotten = 0;

  begin(call: Omit<Call, "seq" | "mutations" | "outcome">): OpenCall {
    const open: OpenCall = { ...call, seq: ++this.seq, mutations: [], outcome: { kind: "pending" } };
    this.entries.push(open);
    if (this.entries.length > LIMIT) {
      this.entries.shift();
      this.forgotten++;
    }
    this.tell(open, "begun");
    return open;
  }

  end(call: OpenCall, outcome: CallOutcome): void {
    call.outcome = outcome;
    this.tell(call, "ended");
  }

  tell(call: OpenCall, moment: "begun" | "acted" | "ended"): void {
    for (const observe of this.observers) observe(call, moment);
  }

  get calls(): readonly Call[] {
    return this.entries;
  }

  /** The calls that changed something. */
  get mutating(): readonly Call[] {
    return this.entries.filter((call) => call.mutations.length > 0);
  }

  /** Watches calls as they happen, for tests that kill the caller at a given one. @returns a function that stops it */
  observe(observer: Observer): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }
}

/** A call while it runs. */
export type OpenCall = Omit<Call, "mutations" | "outcome"> & { readonly mutations: string[]; outcome: CallOutcome };
