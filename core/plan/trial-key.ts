import type { Json, JsonObject } from "../effects/json.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import { isJsonObject, mergeTrees } from "../definition/json-values.ts";
import { digestOf } from "./digest.ts";
import { hostIdentity } from "./plan-deployments.ts";
import type { Plan, PlannedComparison, PlannedDeployment } from "./types.ts";

/**
 * Digests of all that makes a trial what it is, beside its parameters and index: by part, so that a difference can be
 * told in words.
 *
 * What only judges, shows or prices a trial has no part in it: checks of files, summary, figures, claims, timeouts,
 * budget, the order of sweeps, places.
 */
export function identityOf(
  definition: LoadedDefinition,
  deployment: PlannedDeployment,
  plan: Pick<Plan, "bundle" | "sources">,
): Readonly<Record<string, string>> {
  const { spec } = definition;
  const { trial } = spec;
  const parts = new Map<string, Json>();
  const add = (name: string, value: unknown): void => {
    parts.set(name, value as Json); // the definition's own data, as read from JSON
  };
  add("bundle", plan.bundle.sha256);
  add("seed", spec.seed);
  for (const [name, source] of Object.entries(plan.sources)) add(`source ${name}`, { ...source });
  for (const [name, { readyTimeout: _timeout, ...service }] of Object.entries(trial.services)) {
    add(`service ${name}`, service);
  }
  for (const [name, { timeout: _timeout, ...job }] of Object.entries(trial.jobs)) add(`job ${name}`, job);
  if (Object.keys(trial.env).length > 0) add("environment", trial.env);
  if (trial.reset.length > 0) add("reset", trial.reset);
  for (const event of trial.events) add(`event ${event.name}`, event);
  for (const rule of trial.collect) add(`collection on ${[rule.on].flat().join(", ")}`, rule);
  for (const check of trial.checks) if (check.command !== undefined) add(`check ${check.name}`, check);
  for (const step of spec.setup.steps) {
    if (step.deployments?.includes(deployment.name) ?? true) add(`set-up ${step.name}`, step);
  }
  for (const [name, resource] of Object.entries(spec.resources)) {
    if (resource.deployments?.includes(deployment.name) ?? true) add(`resource ${name}`, resource);
  }
  const shown = Object.values(spec.monitoring?.dashboards ?? {});
  for (const [name, text] of Object.entries(definition.files)) {
    if (shown.includes(name) || Object.values(spec.deployments).some((d) => d.clusterFile === name)) continue;
    add(`file ${name}`, text);
  }
  for (const [name, value] of Object.entries(spec.variables)) add(`variable ${name}`, value);
  const roles = spec.deployments[deployment.name]?.roles ?? {};
  for (const [name, role] of Object.entries(roles)) {
    const hosts = deployment.hosts.filter((host) => host.role === name && (host.lane === 0 || host.lane === "shared"));
    add(`hosts ${name}`, {
      hosts: hosts.map(hostIdentity),
      limits: mergeTrees(toObject(spec.deployments[deployment.name]?.limits), toObject(role.limits)),
    });
  }
  return Object.fromEntries([...parts].map(([name, value]) => [name, digestOf(value).slice(0, 16)]));
}

const toObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** What differs from trial to trial. */
export interface TrialIdentity {
  readonly parameters: JsonObject;
  /** The other side's parameters in a duet. */
  readonly partner: JsonObject | undefined;
  /** A and B may be the same on purpose, and are measured both. */
  readonly arm: "A" | "B" | undefined;
  /** How the sides are brought together decides what they measure; where they run free, nothing is added. */
  readonly compare?: PlannedComparison | undefined;
}

/**
 * A key for each trial of a point: SHA-256 over everything that decides what is measured, and nothing else.
 *
 * @param identity digest of the deployment's `identityOf`
 */
export function trialKeyMaker(identity: string, point: TrialIdentity): (trialIndex: number) => string {
  const shared = digestOf({
    schema: "reprise/trial@1",
    identity,
    parameters: point.parameters,
    ...(point.partner === undefined ? {} : { partner: point.partner }),
    ...(point.arm === undefined ? {} : { arm: point.arm }),
    ...sidesIdentity(point),
  });
  return (trialIndex) => digestOf([shared, trialIndex]);
}

function sidesIdentity({ compare, arm }: TrialIdentity): object {
  if (compare === undefined) return {};
  const { barrier, pattern, place, cpus } = compare;
  const isDuet = arm === undefined;
  const sides = {
    ...(isDuet && barrier ? { barrier } : {}),
    ...(isDuet && pattern !== "ABBA" ? { pattern } : {}),
    ...(place === "free" ? {} : { place, ...(cpus === undefined ? {} : { cpus }) }),
  };
  return Object.keys(sides).length === 0 ? {} : { sides };
}

/** The n-th trial has the same seed at every point: what differs between points is then not the draw. */
export const trialSeed = (seed: number, trialIndex: number): number =>
  Number.parseInt(digestOf(["reprise/seed@1", seed, trialIndex]).slice(0, 8), 16);
