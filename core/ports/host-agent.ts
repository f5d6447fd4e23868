import type { Failure } from "../errors/failure.ts";

/**
 * Who may command a host: later runs of the same trial outrank earlier ones. Compared as a tuple, epoch first.
 *
 * A step with an older fence than the host has seen is refused as superseded; a newer one stops what the older left
 * running and waits for its exit before it starts.
 */
export interface Fence {
  readonly runId: string;
  readonly epoch: number;
  readonly attempt: number;
}

/** A file that a unit finds in its work folder before it starts. */
export interface InputFile {
  readonly path: string; // relative to the unit's work folder
  readonly mode: string; // octal, "644"
  readonly content: string;
}

/** How the supervisor finds out, on the host itself, that a service can be used. */
export type Readiness =
  | { readonly kind: "none" }
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "http"; readonly url: string }
  | { readonly kind: "logLine"; readonly pattern: string } // POSIX basic regular expression over stdout and stderr
  | { readonly kind: "command"; readonly script: string }; // ready when it exits 0

export interface UnitLimits {
  readonly memoryBytes?: number | undefined;
  readonly swapBytes?: number | undefined;
  /** CPUs by number, `0-3,8`, for taskset or cpuset. */
  readonly cpus?: string | undefined;
  /** stdout and stderr each stop growing here; the cut is reported. @default 1 GiB */
  readonly logBytes?: number | undefined;
}

/**
 * One process tree under the supervisor.
 *
 * command: runs to its end, one after another in list order. service: runs on after its phase, which ends when it is
 * ready. job: all of a phase's jobs start together at the agreed instant. event: a script that acts on services
 * (kill, pause, restart, shape) at an instant or a log line, and whose undo runs when the phase ends.
 */
export interface Unit {
  readonly name: string; // [a-z0-9.-]+, unique within a host's attempt
  readonly kind: "command" | "service" | "job" | "event";
  /** Text for `sh -c`, or for the interpreter named by its `#!` line. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly InputFile[];
  /** Absolute, or relative to the host's attempt folder, which is emptied between trials. */
  readonly workDir: string;
  readonly user?: string | undefined; // where the supervisor runs as root
  readonly timeoutMs: number;
  readonly limits: UnitLimits;
  readonly ready?: Readiness | undefined; // services
  readonly readyTimeoutMs?: number | undefined;
  readonly stopSignal?: "TERM" | "INT" | "KILL" | undefined; // @default TERM, KILL after stopGraceMs
  readonly stopGraceMs?: number | undefined;
  readonly trigger?: EventTrigger | undefined; // events
  readonly undo?: string | undefined; // events
}

export type EventTrigger =
  | { readonly kind: "at"; readonly offsetMs: number } // after the phase's start instant
  | { readonly kind: "logLine"; readonly unit: string; readonly pattern: string };

/** Files that are evidence once a phase ends: globs relative to the host's attempt folder. */
export interface CollectRule {
  readonly glob: string;
  readonly required: boolean;
}

/** Where a host reports and uploads; absent when it can't reach the control side, which then pulls. */
export interface PushTarget {
  readonly endpoint: string;
  /** Signs for this (run, trial, attempt, host) alone; never a task token. */
  readonly capability: string;
}

/** What one host does in one phase. Arming the same `stepId` twice is arming it once. */
export interface HostStep {
  readonly stepId: string; // `hostStepId()`
  readonly fence: Fence;
  /** The attempt's folder below the supervisor's root; services, jobs and collection of one attempt share it. */
  readonly attemptDir: string;
  readonly units: readonly Unit[];
  /** Waits for `go` instead of starting at once. */
  readonly waitsForGo: boolean;
  /** Files of the attempt's folder that are of interest while they grow, as globs. @default what units print, alone */
  readonly live?: readonly string[] | undefined;
  /** Runs on until stopped, and fails as soon as a service of this host ends unasked. */
  readonly guardsServices: boolean;
  /** Stops these first, in this order; `all` in reverse order of their start. */
  readonly stops: "none" | "all";
  /** Kills everything of older attempts, empties the work folder, drops caches where root allows. */
  readonly resets: boolean;
  readonly collect: readonly CollectRule[];
  /** The host gives up and stops everything then, whoever is out there: ms since the epoch. */
  readonly deadlineAt: number;
  readonly push: PushTarget | undefined;
}

/** What became of one unit. Times are the host's clock. */
export interface UnitResult {
  readonly name: string;
  readonly kind: Unit["kind"];
  readonly outcome: "exited" | "signaled" | "timedOut" | "stopped" | "notReady" | "ready" | "notStarted";
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly readyAt?: number | undefined;
  /** Where `limits.cpus` was asked for: what held its processes on which CPUs. A cpuset can't be left, taskset's mask can. */
  readonly pinned?: { readonly by: "cpuset" | "taskset" | "nothing"; readonly cpus: string } | undefined;
}

/** A final file on the host, to be landed under the attempt's prefix as `{host}/{path}`. */
export interface HostArtifact {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The durable record of a host's part in a phase: `done/{host}`. */
export interface StepResult {
  readonly stepId: string;
  readonly host: string;
  readonly units: readonly UnitResult[];
  readonly artifacts: readonly HostArtifact[];
  /** Collect rules that matched nothing. */
  readonly missing: readonly string[];
  /** What the supervisor itself has to say: a log cut, a full disk, a file that changed while it was read. */
  readonly warnings: readonly string[];
  readonly failure?: Failure | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Later than asked by this much, where `go` named an instant. */
  readonly startLateMs?: number | undefined;
}

export type StepState =
  | { readonly kind: "unknown" } // never armed here, or the host lost its disk
  | { readonly kind: "armed" }
  | { readonly kind: "running"; readonly since: number }
  | { readonly kind: "done"; readonly result: StepResult }
  | { readonly kind: "superseded"; readonly by: Fence };

export type ArmAnswer = { readonly kind: "armed" | "already" } | { readonly kind: "superseded"; readonly by: Fence };

/** What a host says of itself: recorded for every attempt, compared between trials. */
export interface HostFacts {
  readonly bootId: string;
  readonly instanceId: string | undefined;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly microcode: string | undefined;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly os: string;
  readonly architecture: string;
  readonly clockSource: string | undefined;
  readonly virtualization: string | undefined;
  /** Versions of what runs, by name, as the definition's `facts:` commands printed them. */
  readonly versions: Readonly<Record<string, string>>;
  /** How it came up, where a cloud made it for us. */
  readonly start?: HostStart | undefined;
}

/** By the host's own clock, ms since the epoch; the round that asked for it has when that was. */
export interface HostStart {
  /** When its kernel started. */
  readonly bootedAt: number | undefined;
  /** When its first boot had done all that it was told. */
  readonly setUpAt: number | undefined;
  /** What it runs is older than what is installed: packages ask for a reboot that nobody will do. */
  readonly rebootDue: boolean;
}

/**
 * The supervisor on one host, as the control side sees it: the same verbs over SSH and SSM.
 *
 * Every call is short, idempotent and bounded; a FailureError of class transport means "no answer", nothing more.
 */
export interface HostAgent {
  /** Ships the supervisor if its digest differs, checks the guard (instance and boot id), gives the facts. */
  prepare(expected: { readonly bootId?: string | undefined }): Promise<HostFacts>;
  /**
   * Puts a file of the definition's bundle or of another host's publication below the supervisor's root.
   *
   * @param isSecret nobody on the way may keep or show it. @default false
   */
  putFile(path: string, body: Uint8Array, mode: string, isSecret?: boolean): Promise<void>;
  arm(step: HostStep): Promise<ArmAnswer>;
  /** Starts an armed step at `startAt`, an instant of the host's own clock. */
  go(stepId: string, startAt: number): Promise<void>;
  status(stepId: string): Promise<StepState>;
  /** Answers as soon as the step is done, or with its state after `timeoutMs`. */
  wait(stepId: string, timeoutMs: number, signal?: AbortSignal): Promise<StepState>;
  stop(stepId: string): Promise<void>;
  /** Stops everything this run left on the host, removes its files; what could not be removed is named. */
  remove(): Promise<{ readonly left: readonly string[] }>;
  /** Whether a question costs the host next to nothing right now: tails are only looked at then. @default yes */
  isCheapToAsk?(): boolean;
  /** Sizes of the outputs and declared logs so far, for tails. */
  outputs(stepId: string): Promise<readonly { readonly path: string; readonly bytes: number }[]>;
  /** Reads a file of the attempt folder from byte `from` on, at most `limit` bytes. */
  read(attemptDir: string, path: string, from: number, limit?: number): AsyncIterable<Uint8Array>;
  /** The pull side's acknowledgement: the result has landed, the host may forget its files. */
  acknowledge(stepId: string): Promise<void>;
  /** Host clock minus ours, by the fastest of a few round trips; half of that round trip is the error. */
  clockOffset(): Promise<{ readonly offsetMs: number; readonly errorMs: number }>;
}
