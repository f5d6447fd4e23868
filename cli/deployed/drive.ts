import { randomUUID } from "node:crypto";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { DescribeExecutionCommand } from "@aws-sdk/client-sfn";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { openDeploymentIds } from "../../core/flow/after-execution.ts";
import type { FlowEffects } from "../../core/flow/effects.ts";
import { isSealedWhole, newestReceiptMs } from "../../core/flow/sealed-whole.ts";
import { listKeys } from "../../core/flow/effects.ts";
import { stopRun } from "../../core/flow/stop.ts";
import {
  deploymentKeys,
  parseDeploymentId,
  runKeys,
  sweepExecution,
  teardownExecution,
} from "../../core/names/keys.ts";
import type { StackOutputs } from "../../core/names/stack.ts";
import { consoleLink, executionArn } from "../../core/names/stack.ts";
import type { Plan } from "../../core/plan/types.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { SfnEngine, sfnFailure } from "../../engines/stepfunctions/sfn-engine.ts";
import type { Driver } from "../driver.ts";

/** Everything that commands ask of a deployed control plane goes through here. */
export interface DeployedEffects {
  readonly outputs: StackOutputs;
  readonly client: SFNClient;
  readonly store: ObjectStore;
  readonly clock: Clock;
}

/** A run whose execution ended just now, and badly, is about to be taken over by the rule. */
const ruleTakesMs = 60_000;

/** The rule tells of an execution's end within seconds; a function that starts cold and reads long histories takes more. */
export const sealTakesMs = 180_000;

type Description = { readonly status: string; readonly endedAt: number | undefined } | undefined;

/** The execution that drives a run, or that takes down what it left; undefined when none does. */
export async function driverOnStack(runId: string, effects: DeployedEffects): Promise<Driver | undefined> {
  const { outputs, store, clock } = effects;
  const epoch = await epochOf(runId, store);
  const sweepArn = executionArn(outputs.sweepArn, sweepExecution(runId, epoch));
  const sweep = await describe(sweepArn, effects);
  if (sweep?.status === "RUNNING") return { description: `execution ${consoleLink(sweepArn)}`, epoch };
  for (const deploymentId of await openDeploymentIds(runId, { store })) {
    for (let n = epoch; n >= 1; n--) {
      const arn = executionArn(outputs.teardownArn, teardownExecution(deploymentId, n));
      if ((await describe(arn, effects))?.status === "RUNNING")
        return { description: `teardown ${consoleLink(arn)}`, epoch };
    }
    const isClosed = (await store.head(deploymentKeys(runId, deploymentId).closed)) !== undefined;
    const justEnded = sweep?.endedAt !== undefined && clock.now() - sweep.endedAt < ruleTakesMs;
    if (justEnded && !isClosed && sweep.status !== "SUCCEEDED") {
      return { description: `nothing yet: the rule on ended executions is about to take ${deploymentId} down`, epoch };
    }
  }
  return undefined;
}

const epochOf = async (runId: string, store: ObjectStore): Promise<number> =>
  (await listKeys(store, runKeys(runId).epochs)).length || 1;

/**
 * How the evidence of a run that nothing drives any more stands: sealed with all that belongs to it; about to be, by the
 * rule on ended executions, whose history comes after their end; or not, though the rule had its time.
 */
export async function sealOnStack(runId: string, effects: DeployedEffects): Promise<"whole" | "awaited" | "overdue"> {
  const { outputs, store, clock } = effects;
  const epoch = await epochOf(runId, store);
  if (await isSealedWhole(runId, epoch, { store })) return "whole";
  const sweep = await describe(executionArn(outputs.sweepArn, sweepExecution(runId, epoch)), effects);
  const endedMs = Math.max(sweep?.endedAt ?? 0, (await newestReceiptMs(runId, { store })) ?? 0);
  return clock.now() - endedMs < sealTakesMs ? "awaited" : "overdue";
}

async function describe(arn: string, { client }: DeployedEffects): Promise<Description> {
  try {
    const answer = await client.send(new DescribeExecutionCommand({ executionArn: arn }));
    return { status: answer.status ?? "", endedAt: answer.stopDate?.getTime() };
  } catch (error) {
    if (error instanceof Error && error.name === "ExecutionDoesNotExist") return undefined;
    throw sfnFailure(`describe ${arn}`, error);
  }
}

/** @returns the console's page of what was started */
export async function startOnStack(
  run: { readonly runId: string; readonly epoch: number; readonly task: "sweep" | "teardown" },
  effects: DeployedEffects,
): Promise<string> {
  const { runId, epoch } = run;
  const { outputs, store } = effects;
  const engine = engineOf(effects);
  if (run.task === "sweep") {
    const name = sweepExecution(runId, epoch);
    await engine.start("sweep", name, { runId, epoch });
    return consoleLink(executionArn(outputs.sweepArn, name));
  }
  let link = "";
  for (const deploymentId of await openDeploymentIds(runId, { store })) {
    const name = await freeTeardownName(deploymentId, epoch, effects);
    const deployment = parseDeploymentId(runId, deploymentId).name;
    await engine.start("teardown", name, { runId, epoch, deployment, deploymentId, reason: "asked to take it down" });
    link = consoleLink(executionArn(outputs.teardownArn, name));
  }
  return link;
}

/** A teardown that ended without a receipt isn't begun again under its name: the service keeps names for 90 days. */
const mostTeardowns = 100;

async function freeTeardownName(deploymentId: string, epoch: number, effects: DeployedEffects): Promise<string> {
  for (let n = 1; n <= mostTeardowns; n++) {
    const name =
      n === 1 ? teardownExecution(deploymentId, epoch) : teardownExecution(`${deploymentId}.again${n}`, epoch);
    const there = await describe(executionArn(effects.outputs.teardownArn, name), effects);
    if (there === undefined || there.status === "RUNNING") return name;
  }
  throw new FailureError({
    class: "defect",
    message: `${mostTeardowns} teardowns of ${deploymentId} ended without a receipt`,
    hint: "their histories say why; `reprise reap` deletes by tag",
  });
}

/** Asks the run to end by the flag in the store; with `now` its execution is stopped too, and the rule takes over. */
export async function stopOnStack(
  run: { readonly runId: string; readonly epoch: number; readonly reason: string; readonly now: boolean },
  effects: DeployedEffects,
): Promise<"asked" | "not driven"> {
  const { runId, epoch, reason } = run;
  const driver = await driverOnStack(runId, effects);
  await stopRun(runId, epoch, reason, "cli", flowEffects(effects));
  if (driver === undefined) return "not driven";
  if (run.now) await engineOf(effects).stop(sweepExecution(runId, epoch), reason);
  return "asked";
}

/** @throws FailureError when the plan asks for hosts that this control plane can't reach */
export function requireProviders(plan: Plan, outputs: StackOutputs): void {
  const asked = [...new Set(plan.deployments.flatMap((deployment) => deployment.hosts.map((host) => host.provider)))];
  const missing = asked.filter((name) => !outputs.providers.some((provider) => provider === name));
  if (missing.length === 0) return;
  throw new FailureError({
    class: "invalid",
    message: `the deployed control plane has no provider ${missing.join(", ")}: it has ${outputs.providers.join(", ")}`,
    hint: missing.some((name) => name === "local" || name === "hosts")
      ? "run it with --engine embedded, or elsewhere with --on aws"
      : `\`reprise deploy --providers ${[...outputs.providers, ...missing].join(",")}\` adds it`,
  });
}

const engineOf = ({ client, outputs }: DeployedEffects): SfnEngine =>
  new SfnEngine({ client, machines: { sweep: outputs.sweepArn, teardown: outputs.teardownArn } });

/** What stopping a run needs of the flow's effects; hosts and clouds are the functions' to reach. */
function flowEffects(effects: DeployedEffects): FlowEffects {
  const { store, clock } = effects;
  const notHere = (): never => {
    throw new FailureError({
      class: "defect",
      message: "the command line reaches no hosts of a deployed control plane",
    });
  };
  return {
    store,
    clock,
    engine: engineOf(effects),
    openRun: (runId) => openStoredRun(runId, store),
    provider: notHere,
    agent: notHere,
    hostSetup: notHere,
    push: notHere,
    watch: notHere,
    newId: randomUUID,
    version: effects.outputs.version,
  };
}
