import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { readHistory } from "../../engines/stepfunctions/history.ts";
import type { HistoryEvent } from "../../engines/asl/history.ts";
import { executionArn, masterSecretFromText } from "../../core/names/stack.ts";
import type { Driver } from "../driver.ts";
import type { DeployedEffects } from "./drive.ts";
import { driverOnStack, startOnStack, stopOnStack } from "./drive.ts";
import type { StackRef } from "./stack.ts";
import { awsFailure, readStack } from "./stack.ts";

/** Who drives is asked for at each look at the feed, three times a second: the service is asked this often at most. */
const askEveryMs = 2_000;

export interface Deployed {
  driverOf(runId: string): Promise<Driver | undefined>;
  start(run: { readonly runId: string; readonly epoch: number; readonly task: "sweep" | "teardown" }): Promise<string>;
  stop(run: {
    readonly runId: string;
    readonly epoch: number;
    readonly reason: string;
    readonly now: boolean;
  }): Promise<"asked" | "not driven">;
  history(execution: string): Promise<readonly HistoryEvent[]>;
}

const answers = new Map<string, { readonly at: number; readonly driver: Promise<Driver | undefined> }>();

export async function openDeployed(ref: StackRef, store: ObjectStore): Promise<Deployed> {
  const outputs = await readStack(ref);
  const effects: DeployedEffects = {
    outputs,
    client: new SFNClient({ region: ref.region }),
    store,
    clock: systemClock,
  };
  return {
    driverOf: (runId) => {
      const key = `${outputs.sweepArn} ${runId}`;
      const now = systemClock.now();
      const known = answers.get(key);
      if (known !== undefined && now - known.at < askEveryMs) return known.driver;
      const driver = driverOnStack(runId, effects);
      answers.set(key, { at: now, driver });
      return driver;
    },
    start: async (run) => {
      const page = await startOnStack(run, effects);
      answers.clear();
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
