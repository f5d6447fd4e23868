import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { readHistory } from "../../engines/stepfunctions/history.ts";
import type { HistoryEvent } from "../../engines/asl/history.ts";
import { executionArn, masterSecretFromText } from "../../core/names/stack.ts";
import type { Driver } from "../driver.ts";
import type { DeployedEffects } from "./drive.ts";
import { driverOnStack, sealOnStack, startOnStack, stopOnStack } from "./drive.ts";
import type { StackRef } from "./stack.ts";
import { awsFailure, readStack } from "./stack.ts";

/** Who drives is asked for at each look at the feed, three times a second: the service is asked this often at most. */
const askEveryMs = 2_000;

export interface Deployed {
  driverOf(runId: string): Promise<Driver | undefined>;
  /** To be asked when nothing drives the run. */
  sealOf(runId: string): Promise<"whole" | "awaited" | "overdue">;
  start(run: { readonly runId: string; readonly epoch: number; readonly task: "sweep" | "teardown" }): Promise<string>;
  stop(run: {
    readonly runId: string;
    readonly epoch: number;
    readonly reason: string;
    readonly now: boolean;
  }): Promise<"asked" | "not driven">;
  history(execution: string): Promise<readonly HistoryEvent[]>;
}

const drivers = new Map<string, Answer<Driver | undefined>>();
const seals = new Map<string, Answer<"whole" | "awaited" | "overdue">>();

interface Answer<T> {
  readonly at: number;
  readonly answer: Promise<T>;
}

/** The last answer while it is fresh, else a new one. */
function atMostEvery<T>(answers: Map<string, Answer<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const now = systemClock.now();
  const known = answers.get(key);
  if (known !== undefined && now - known.at < askEveryMs) return known.answer;
  const answer = ask();
  answers.set(key, { at: now, answer });
  return answer;
}

export async function openDeployed(ref: StackRef, store: ObjectStore): Promise<Deployed> {
  const outputs = await readStack(ref);
  const effects: DeployedEffects = {
    outputs,
    client: new SFNClient({ region: ref.region }),
    store,
    clock: systemClock,
  };
  return {
    driverOf: (runId) => atMostEvery(drivers, `${outputs.sweepArn} ${runId}`, () => driverOnStack(runId, effects)),
    sealOf: (runId) => atMostEvery(seals, `${outputs.sweepArn} ${runId}`, () => sealOnStack(runId, effects)),
    start: async (run) => {
      const page = await startOnStack(run, effects);
      drivers.clear();
      seals.clear();
      return page;
    },
    stop: (run) => stopOnStack(run, effects),
    history: (execution) => {
      const machine = execution.endsWith(".teardown") ? outputs.teardownArn : outputs.sweepArn;
      return readHistory(effects.client, executionArn(machine, execution));
    },
  };
}

export async function readStackSecret(ref: StackRef): Promise<Uint8Array> {
  const { masterSecret } = await readStack(ref);
  const answer = await new SecretsManagerClient({ region: ref.region })
    .send(new GetSecretValueCommand({ SecretId: masterSecret }))
    .catch((error: unknown) => {
      throw awsFailure("the master secret", error);
    });
  return masterSecretFromText(answer.SecretString ?? "");
}
