import type { HandlerName } from "./handlers.ts";

/**
 * Every function that is deployed, with what it needs: the template grants exactly this, and a function asks for nothing
 * else. Data alone, so that the template's code can read it.
 *
 * store: read and write runs, results and blobs. secret: the master secret. hosts: log in to hosts (and `secret`).
 * providers: ask the clouds' functions. startsTeardown, wakes, readsHistory: of Step Functions.
 */
export type Need = "store" | "secret" | "hosts" | "providers" | "startsTeardown" | "wakes" | "readsHistory";

export interface FunctionSpec {
  readonly needs: readonly Need[];
  readonly timeoutSec: number;
  readonly memoryMb: number;
  readonly purpose: string;
}

const small = { timeoutSec: 60, memoryMb: 512 } as const;
/** Those that walk a run's evidence, or ship files to hosts. */
const long = { timeoutSec: 300, memoryMb: 1_024 } as const;

/** The tasks of the state machines. */
export const taskFunctions: Readonly<Record<HandlerName, FunctionSpec>> = {
  admit: { ...long, needs: ["store", "startsTeardown"], purpose: "takes the run for its epoch, writes the tickets" },
  ensure: { ...small, timeoutSec: 120, needs: ["store", "secret", "hosts", "providers"], purpose: "asks for hosts" },
  observe: { ...small, timeoutSec: 120, needs: ["store", "secret", "hosts", "providers"], purpose: "looks at hosts" },
  claim: { ...small, needs: ["store"], purpose: "gives a lane and a block of trials" },
  startPhase: {
    ...long,
    needs: ["store", "secret", "hosts", "providers", "wakes"],
    purpose: "starts a phase on its hosts",
  },
  verify: { ...long, needs: ["store"], purpose: "checks an attempt's evidence, writes its manifest" },
  record: { ...small, needs: ["store", "providers"], purpose: "names the valid attempt or decides on another" },
  release: { ...small, timeoutSec: 120, needs: ["store", "providers", "startsTeardown"], purpose: "hands over hosts" },
  finish: { ...long, needs: ["store"], purpose: "says how the run ended, seals its evidence" },
  close: { ...small, needs: ["store"], purpose: "closes a deployment" },
  destroy: { ...small, timeoutSec: 120, needs: ["store", "secret", "hosts", "providers"], purpose: "begins deletion" },
  observeGone: { ...small, timeoutSec: 120, needs: ["store", "providers"], purpose: "asks what is still there" },
  receipt: { ...long, needs: ["store", "providers"], purpose: "writes the receipt, seals the evidence" },
};

/** Functions that hosts, rules and schedules call. */
export const serviceFunctions = {
  endpoint: { ...small, timeoutSec: 30, needs: ["store", "secret", "wakes"], purpose: "hears hosts, signs uploads" },
  ended: {
    ...long,
    needs: ["store", "startsTeardown", "readsHistory"],
    purpose: "keeps ended executions' histories; takes down what they left",
  },
  reaper: { ...long, needs: ["store", "providers"], purpose: "deletes whatever outlived its expiry" },
} as const satisfies Record<string, FunctionSpec>;

/** One function a cloud: the only ones that hold that cloud's permissions or credentials. */
export const cloudFunctions = {
  aws: { ...small, timeoutSec: 55, needs: ["secret"], purpose: "speaks to EC2" },
  azure: { ...small, timeoutSec: 55, needs: ["secret"], purpose: "speaks to Azure" },
  gcp: { ...small, timeoutSec: 55, needs: ["secret"], purpose: "speaks to Google Cloud" },
} as const satisfies Record<string, FunctionSpec>;

export type ServiceFunctionName = keyof typeof serviceFunctions;
export type CloudName = keyof typeof cloudFunctions;
