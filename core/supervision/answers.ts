import { z } from "zod";
import { FailureError } from "../errors/failure.ts";
import { stepResultSchema } from "../records/schemas.ts";

/**
 * What the supervisor says, one JSON object a call.
 *
 * A cut answer isn't JSON any more and counts as none (class transport); JSON of another shape is a defect.
 */

const fence = z.strictObject({ runId: z.string(), epoch: z.int(), attempt: z.int() });
const superseded = z.strictObject({ kind: z.literal("superseded"), by: fence });

export const armAnswerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("armed") }),
  z.strictObject({ kind: z.literal("already") }),
  superseded,
]);

export const stepStateSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("unknown") }),
  z.strictObject({ kind: z.literal("armed") }),
  z.strictObject({ kind: z.literal("running"), since: z.number() }),
  z.strictObject({ kind: z.literal("done"), result: stepResultSchema }),
  superseded,
]);

export const outputsSchema = z.strictObject({
  kind: z.literal("outputs"),
  files: z.array(z.strictObject({ path: z.string(), bytes: z.int() })),
});

export const clockSchema = z.strictObject({ kind: z.literal("clock"), now: z.int() });
export const removedSchema = z.strictObject({ kind: z.literal("removed"), left: z.array(z.string()) });

/** The facts, and what the control side needs to know of the supervisor itself. */
export const factsSchema = z.strictObject({
  kind: z.literal("facts"),
  bootId: z.string(),
  instanceId: z.string().optional(),
  cpuModel: z.string(),
  cpuCount: z.int(),
  microcode: z.string().optional(),
  memoryBytes: z.int(),
  kernel: z.string(),
  os: z.string(),
  architecture: z.string(),
  clockSource: z.string().optional(),
  virtualization: z.string().optional(),
  versions: z.record(z.string(), z.string()),
  /** SHA-256 of the files that were shipped; empty where there is none. */
  supervisor: z.string(),
  uploaderFile: z.string(),
  uploader: z.enum(["curl", "node", "none"]),
});

/** An answer that only says that the call was heard. */
export const heardSchema = z.object({ kind: z.enum(["put", "going", "stopping", "acknowledged"]) });

/** Reads one answer. @throws {FailureError} class transport for a torn answer, defect for a foreign one; both quote it */
export function parseAnswer<S extends z.ZodType>(text: string, schema: S, host: string): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FailureError({
      class: "transport",
      message: `${host}: the supervisor's answer came torn: ${quote(text)}`,
      host,
    });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new FailureError({
      class: "defect",
      message: `${host}: not an answer of this version's supervisor: ${quote(text)}`,
      hint: z.prettifyError(parsed.error).slice(0, 400),
      host,
    });
  }
  return parsed.data;
}

const quote = (text: string): string => JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
