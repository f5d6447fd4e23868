import { FailureError, toFailure } from "../errors/failure.ts";
import type { Failure } from "../errors/failure.ts";
import type { PhaseRef } from "../names/keys.ts";
import { deploymentKeys, hostFolder, hostStepId } from "../names/keys.ts";
import type { Experiment, RenderedStep, Topology } from "../plan/types.ts";
import type { Receipt } from "../records/schemas.ts";
import { failureSchema } from "../records/schemas.ts";
import { z } from "zod";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, toBytes } from "./effects.ts";

/**
 * A definition's own resources (a table, a bucket, a licence seat): commands on a host make and delete them. They get
 * an intent before they are made and a line in the receipt, like machines.
 */
const endedSchema = z.object({ at: z.number(), failure: failureSchema.optional() });

/** Set-up stages that make a deployment's resources: each created, then waited for. */
export function resourceStages(
  experiment: Experiment,
  deployment: string,
  topology: Topology,
): (readonly RenderedStep[])[] {
  const resources = experiment.plan.deployments.find((d) => d.name === deployment)?.resources ?? [];
  return resources.flatMap(({ name }) =>
    (["create", "ready"] as const)
      .map((verb) => experiment.renderResource?.(deployment, name, verb, topology) ?? [])
      .filter((steps) => steps.length > 0),
  );
}

/** Written before the first create command: from here on teardown deletes it, made or not. */
export async function intendResources(
  experiment: Experiment,
  deployment: string,
  topology: Topology,
  runId: string,
  fx: FlowEffects,
): Promise<void> {
  const resources = experiment.plan.deployments.find((d) => d.name === deployment)?.resources ?? [];
  for (const { name, kind } of resources) {
    const key = deploymentKeys(runId, topology.deploymentId).resourceIntent(name);
    await fx.store.putIfAbsent(key, toBytes({ name, kind, at: fx.clock.now() }), "setup");
  }
}

/** How long one asking for a delete command's end lasts; the teardown asks again. */
const deleteWaitMs = 20_000;

/**
 * Deletes what was intended, on the hosts that made it, while they are still there.
 *
 * @returns names of those whose delete command still runs: asked again later
 */
export async function deleteResources(
  what: { readonly runId: string; readonly epoch: number; readonly deployment: string },
  topology: Topology,
  fx: FlowEffects,
): Promise<string[]> {
  const keys = deploymentKeys(what.runId, topology.deploymentId);
  const experiment = await fx.openRun(what.runId);
  const running: string[] = [];
  for (const key of await listKeys(fx.store, keys.resourceIntents)) {
    const name = key.slice(keys.resourceIntents.length).replace(/\.json$/, "");
    if ((await fx.store.head(keys.resourceDeleted(name))) !== undefined) continue;
    const steps = experiment.renderResource?.(what.deployment, name, "delete", topology) ?? [];
    const ended = await runDelete({ ...what, name }, steps, topology, fx);
    if (ended === undefined) running.push(name);
    else
      await fx.store.putIfAbsent(
        keys.resourceDeleted(name),
        toBytes({ at: fx.clock.now(), failure: ended.failure }),
        "teardown",
      );
  }
  return running;
}

async function runDelete(
  what: { readonly runId: string; readonly epoch: number; readonly name: string },
  steps: readonly RenderedStep[],
  topology: Topology,
  fx: FlowEffects,
): Promise<{ readonly failure: Failure | undefined } | undefined> {
  for (const rendered of steps) {
    const host = topology.hosts.find((h) => h.name === rendered.host);
    if (host === undefined) continue;
    const scope: PhaseRef["scope"] = {
      kind: "deployment",
      runId: what.runId,
      deployment: `${topology.deploymentId}.${what.name}`,
      attempt: what.epoch,
    };
    const stepId = hostStepId({ scope, phase: "prepare", stage: 0 });
    try {
      const agent = fx.agent(what.runId, host);
      const timeoutMs = Math.max(...rendered.units.map((u) => u.timeoutMs), 60_000);
      await agent.arm({
        stepId,
        fence: { runId: what.runId, epoch: what.epoch + 1, attempt: 0 }, // outranks every trial of this epoch
        attemptDir: `${hostFolder(scope)}.delete.${what.name}`,
        units: rendered.units,
        waitsForGo: false,
        guardsServices: false,
        stops: "none",
        resets: false,
        collect: [],
        deadlineAt: fx.clock.now() + timeoutMs,
        push: undefined,
      });
      const state = await agent.wait(stepId, deleteWaitMs);
      if (state.kind === "done") {
        if (state.result.failure !== undefined) return { failure: state.result.failure };
      } else if (state.kind !== "unknown") return undefined;
    } catch (error) {
      const failure = error instanceof FailureError ? error.failure : toFailure(error);
      return { failure };
    }
  }
  return { failure: undefined };
}

/** The receipt's lines for the definition's own resources. */
export async function resourceLines(
  runId: string,
  deploymentId: string,
  fx: FlowEffects,
): Promise<Receipt["resources"]> {
  const keys = deploymentKeys(runId, deploymentId);
  const lines: Receipt["resources"] = [];
  for (const key of await listKeys(fx.store, keys.resourceIntents)) {
    const name = key.slice(keys.resourceIntents.length).replace(/\.json$/, "");
    const ended = await readRecord(fx.store, keys.resourceDeleted(name), endedSchema);
    const isGone = ended !== undefined && ended.value.failure === undefined;
    lines.push({
      name,
      provider: "experiment",
      resourceKind: "resource",
      id: name,
      outcome: isGone ? "gone" : "still there",
    });
  }
  return lines;
}
