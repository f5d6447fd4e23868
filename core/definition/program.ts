import type { Json } from "../effects/json.ts";
import type { CheckSpec, Definition, MetricSpec } from "./schema.ts";
import type { Parameters } from "./parameters.ts";
import type { Path } from "./problem.ts";
import type { Slot, Tell } from "./slots.ts";
import type { SweepAxes } from "./sweep-axes.ts";

/** A definition's trial, set-up and sweeps with every text read: what is rendered for a point and a topology. */
export interface Program {
  /** @see SlotMaker.tolerating */
  readonly tolerating: <T>(tell: Tell, run: () => T) => T;
  readonly variables: readonly { readonly name: string; readonly value: Slot<Json> }[];
  readonly timeoutMs: Slot<number>;
  readonly expectedMs: Slot<number> | undefined;
  readonly env: EnvProgram;
  readonly reset: readonly ResetProgram[];
  readonly services: readonly ProcessProgram[];
  readonly jobs: readonly ProcessProgram[];
  readonly serviceStages: number;
  readonly jobStages: number;
  readonly events: readonly EventProgram[];
  readonly collect: readonly {
    readonly on: readonly string[];
    readonly globs: readonly Slot<string>[];
    readonly required: boolean;
  }[];
  readonly checks: readonly CheckProgram[];
  readonly summary: readonly { readonly name: string; readonly spec: MetricSpec; readonly scale: Slot<number> }[];
  /** Limits of each process on a role's hosts, by deployment and role. */
  readonly roleLimits: Readonly<Record<string, Readonly<Record<string, LimitsProgram>>>>;
  readonly steps: readonly StepProgram[];
  readonly setupTimeoutMs: Slot<number>;
  readonly facts: Definition["facts"];
  readonly resources: readonly ResourceProgram[];
  /** Lists of values in sweeps that are written as expressions, by `formatPath` of their place. */
  readonly lists: ReadonlyMap<string, Slot<readonly Json[]>>;
}

export type EnvProgram = readonly { readonly name: string; readonly value: Slot<string> }[];

export interface ResetProgram {
  readonly on: readonly string[];
  readonly run: Slot<string>;
  readonly when: Slot<boolean>;
}

export interface FileProgram {
  readonly name: string;
  readonly mode: string;
  readonly content: Slot<string>;
}

export interface LimitsProgram {
  readonly memoryBytes: Slot<number> | undefined;
  readonly swapBytes: Slot<number> | undefined;
  readonly cpus: Slot<string> | undefined;
  readonly logBytes: Slot<number> | undefined;
}

export type ReadyProgram =
  | { readonly kind: "none" | "exit" }
  | { readonly kind: "namedPort"; readonly name: string }
  | { readonly kind: "port"; readonly port: Slot<number> }
  | { readonly kind: "http"; readonly url: Slot<string> }
  | { readonly kind: "logLine"; readonly pattern: Slot<string> }
  | { readonly kind: "command"; readonly script: Slot<string> };

/** A fresh container that a process's script runs in. */
export interface ContainerProgram {
  readonly image: Slot<string>;
  readonly engine: Slot<string>;
  readonly copy: readonly Slot<string>[];
  readonly options: readonly Slot<string>[];
  readonly keep: boolean;
  readonly diskFreeBytes: Slot<number> | undefined;
}

/** A service or a job: one process or several. */
export interface ProcessProgram {
  readonly kind: "service" | "job";
  readonly name: string;
  readonly path: Path;
  readonly stage: number;
  readonly on: readonly string[];
  readonly run: Slot<string>;
  readonly env: EnvProgram;
  readonly files: readonly FileProgram[];
  readonly user: string | undefined;
  readonly when: Slot<boolean>;
  readonly count: Slot<number> | undefined;
  readonly offset: Slot<number> | undefined;
  readonly deal: "turns" | "blocks";
  readonly ports: readonly { readonly name: string; readonly fixed: Slot<number> | undefined }[];
  readonly ready: ReadyProgram;
  readonly readyTimeoutMs: Slot<number> | undefined;
  readonly stopSignal: "TERM" | "INT" | "KILL" | undefined;
  readonly stopGraceMs: Slot<number> | undefined;
  readonly timeoutMs: Slot<number> | undefined;
  readonly limits: LimitsProgram;
  readonly collect: readonly Slot<string>[];
  readonly container: ContainerProgram | undefined;
  readonly arm: "each" | "shared";
}

export interface TargetProgram {
  readonly name: string;
  /** undefined: all of them. */
  readonly index: Slot<number> | undefined;
}

export type EventAction =
  | { readonly kind: "kill" | "pause" | "resume" | "restart"; readonly target: TargetProgram }
  | {
      readonly kind: "shape";
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly rateBitsPerSec: Slot<number> | undefined;
      readonly delayMs: Slot<number> | undefined;
      readonly loss: Slot<number> | undefined;
    }
  | {
      readonly kind: "run";
      readonly on: readonly string[];
      readonly script: Slot<string>;
      readonly undo: Slot<string> | undefined;
    };

export interface EventProgram {
  readonly name: string;
  readonly path: Path;
  readonly stage: number;
  readonly at: Slot<number> | undefined;
  readonly onLog: { readonly of: TargetProgram; readonly pattern: Slot<string> } | undefined;
  readonly action: EventAction;
  readonly when: Slot<boolean>;
}

export interface CheckProgram {
  readonly spec: CheckSpec;
  readonly path: Path;
  readonly when: Slot<boolean>;
  readonly command: Slot<string> | undefined;
  readonly rows: RangeProgram | undefined;
  readonly bytes: RangeProgram | undefined;
}

export interface RangeProgram {
  readonly min: Slot<number> | undefined;
  readonly max: Slot<number> | undefined;
}

export interface StepProgram {
  readonly name: string;
  readonly path: Path;
  readonly stage: number;
  readonly on: readonly string[];
  readonly run: Slot<string> | undefined;
  readonly env: EnvProgram;
  readonly files: readonly FileProgram[];
  readonly user: string | undefined;
  readonly when: Slot<boolean>;
  readonly each: Slot<readonly Json[]> | undefined;
  readonly publish: readonly { readonly name: Slot<string>; readonly path: Slot<string>; readonly secret: boolean }[];
  readonly fetch: readonly { readonly name: Slot<string>; readonly to: Slot<string>; readonly mode: string }[];
  readonly deployments: readonly string[] | undefined;
  readonly timeoutMs: Slot<number>;
}

/** A resource of the definition's own; a built-in kind has no scripts. */
export interface ResourceProgram {
  readonly name: string;
  readonly kind: string; // "commands" where it has scripts
  readonly options: Slot<Json>;
  readonly on: readonly string[];
  readonly create: Slot<string> | undefined;
  readonly ready: Slot<string> | undefined;
  readonly delete: Slot<string> | undefined;
  readonly deployments: readonly string[] | undefined;
  readonly timeoutMs: Slot<number>;
}

/** A definition that has been read and checked. */
export interface LoadedDefinition {
  readonly spec: Definition;
  readonly text: string;
  readonly file: string;
  /** SHA-256 of the text, hex. */
  readonly digest: string;
  readonly parameters: Parameters;
  readonly program: Program;
  readonly sweeps: Readonly<Record<string, SweepAxes>>;
  /** Texts of the files that it names (templates, cluster files), by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Fails with a problem at a place of the definition. */
  readonly fail: (path: Path, message: string, hint?: string, value?: unknown) => never;
}
