import { z } from "zod";
import type { Json } from "../effects/json.ts";
import type { Capability, CapabilityVerdict } from "../identity/capability.ts";
import type { PhaseRef } from "../names/keys.ts";
import { holdsFile } from "../evidence/collect-artifacts.ts";
import { attemptKeys, deploymentKeys, hostStepId, liveKey, phaseKeys, phaseNames, scopePrefix } from "../names/keys.ts";
import { expectedRecordSchema, stepResultSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord } from "./effects.ts";
import { reportAlive, reportDone } from "./phase.ts";

/**
 * What hosts that push may ask of the control side, the same behind a Lambda's URL and behind the embedded engine's
 * port: a URL for one final file, and to be heard. Each call shows a capability, which says whom it speaks for.
 */
export const hostCalls = ["upload", "report", "beat"] as const;
export type HostCall = (typeof hostCalls)[number];

export interface HostAnswer {
  readonly status: number;
  readonly body: Json;
}

/** A result lists its artifacts, a few hundred bytes each; nothing honest is larger. */
export const mostCallBytes = 4 * 1024 ** 2;

const path = z
  .string()
  .regex(/^[A-Za-z0-9._=+@-]+(\/[A-Za-z0-9._=+@-]+)*$/)
  .refine((text) => !text.split("/").some((part) => part === "." || part === ".."));
const uploadSchema = z.object({
  capability: z.string(),
  path,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().min(0),
  /** The n-th piece of a file that still grows. */
  live: z.number().int().min(0).optional(),
});
const beatSchema = z.object({ capability: z.string(), stepId: z.string(), state: z.string() });
const reportSchema = z.object({ capability: z.string(), result: stepResultSchema });

export interface HostCallEffects {
  readonly flow: FlowEffects;
  readonly verify: (token: string, now: number) => CapabilityVerdict;
}

/** Answers one call. Refusals have a code each, and change nothing. */
export async function answerHost(call: HostCall, body: unknown, effects: HostCallEffects): Promise<HostAnswer> {
  switch (call) {
    case "upload":
      return withCapability(uploadSchema, body, effects, (input, capability) =>
        answerUpload(input, capability, effects.flow),
      );
    case "beat":
      return withCapability(beatSchema, body, effects, async (input, capability) => {
        const ref = parseStepId(input.stepId, capability.scope);
        if (ref === undefined)
          return refusal(403, "ForeignStep", `${input.stepId} is not of this capability's attempt`);
        if (await isOver(capability.scope, effects.flow)) return { status: 200, body: { answer: "superseded" } };
        await reportAlive(ref, capability.host, effects.flow);
        return { status: 200, body: { answer: "continue" } };
      });
    case "report":
      return withCapability(reportSchema, body, effects, (input, capability) =>
        answerReport(input.result, capability, effects.flow),
      );
    default:
      return call satisfies never;
  }
}

async function withCapability<S extends z.ZodType<{ readonly capability: string }>>(
  schema: S,
  body: unknown,
  effects: HostCallEffects,
  answer: (input: z.output<S>, capability: Capability) => Promise<HostAnswer>,
): Promise<HostAnswer> {
  const input = schema.safeParse(body);
  if (!input.success) return refusal(400, "Malformed", input.error.issues[0]?.message ?? "not what this call takes");
  const verdict = effects.verify(input.data.capability, effects.flow.clock.now());
  switch (verdict.kind) {
    case "valid":
      return answer(input.data, verdict.capability);
    case "expired":
      return refusal(410, "Expired", "this capability's attempt is over");
    case "forged":
      return refusal(403, "Forged", "not signed by this control side");
    case "malformed":
      return refusal(400, "Malformed", "not a capability");
    default:
      return verdict satisfies never;
  }
}

async function answerUpload(
  input: z.output<typeof uploadSchema>,
  capability: Capability,
  fx: FlowEffects,
): Promise<HostAnswer> {
  const { scope, host } = capability;
  const prefix = scopePrefix(scope);
  const key =
    input.live === undefined ? `${prefix}/${host}/${input.path}` : liveKey(prefix, host, input.path, input.live);
  const digest = { sha256: input.sha256, bytes: input.bytes };
  const there = await fx.store.head(key);
  if (there !== undefined) {
    if (await holdsFile(fx.store, key, digest)) return { status: 200, body: { landed: true } };
    return refusal(409, "OtherBytes", `${input.path} has landed already, with other bytes`);
  }
  if (await isOver(scope, fx)) return over(scope);
  const { url, headers } = await fx.store.signPut(key, digest);
  return { status: 200, body: { url, headers: { ...headers } } };
}

/** The first result of a host stands: the same again is heard again, another one is refused. */
async function answerReport(
  result: z.output<typeof stepResultSchema>,
  capability: Capability,
  fx: FlowEffects,
): Promise<HostAnswer> {
  const ref = parseStepId(result.stepId, capability.scope);
  if (ref === undefined || result.host !== capability.host) {
    return refusal(403, "ForeignStep", `${result.stepId} of ${result.host} is not what this capability speaks for`);
  }
  const keys = phaseKeys(ref);
  const known = await readRecord(fx.store, keys.done(result.host), stepResultSchema);
  if (known !== undefined) {
    // Both went through the schema, which puts their keys into the same order.
    if (JSON.stringify(known.value) !== JSON.stringify(result))
      return refusal(409, "OtherResult", `${result.host} has reported another result of ${result.stepId} already`);
  } else {
    const expected = await readRecord(fx.store, keys.expected, expectedRecordSchema);
    if (expected === undefined || !Object.hasOwn(expected.value.hosts, result.host))
      return refusal(403, "NotAsked", `nobody asked ${result.host} for ${result.stepId}`);
    if (await isOver(capability.scope, fx)) return over(capability.scope);
  }
  await reportDone(ref, result, fx);
  return { status: 200, body: { answer: "continue" } };
}

/** Evidence is complete with the attempt's manifest, a set-up's with its deployment's end: what comes later is too late. */
async function isOver(scope: PhaseRef["scope"], fx: FlowEffects): Promise<boolean> {
  const last =
    scope.kind === "attempt"
      ? attemptKeys(scope.attempt).manifest
      : deploymentKeys(scope.runId, scope.deployment).closed;
  return (await fx.store.head(last)) !== undefined;
}

const over = (scope: PhaseRef["scope"]): HostAnswer =>
  refusal(410, "Over", scope.kind === "attempt" ? "this attempt has its manifest" : "this deployment is closed");

const refusal = (status: number, code: string, detail: string): HostAnswer => ({ status, body: { code, detail } });

/** Reads `hostStepId` back, within the scope that the capability names. */
export function parseStepId(stepId: string, scope: PhaseRef["scope"]): PhaseRef | undefined {
  const match = /\.([a-z]+)-(\d+)$/.exec(stepId);
  const phase = phaseNames.find((name) => name === match?.[1]);
  if (phase === undefined) return undefined;
  const ref: PhaseRef = { scope, phase, stage: Number(match?.[2]) };
  return hostStepId(ref) === stepId ? ref : undefined;
}
