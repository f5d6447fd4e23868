import type { z } from "zod";
import { NotImplemented } from "./cloud-error.ts";
import type { CloudError } from "./cloud-error.ts";

/**
 * Parses what a caller sent by a strict schema: an unknown field is something the emulator lacks and is never ignored.
 *
 * @param invalid the cloud's own error for a bad value
 */
export function accept<T extends z.ZodType>(
  schema: T,
  input: unknown,
  invalid: (message: string) => CloudError,
): z.output<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const unknown = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key].join(".")) : [],
  );
  if (unknown.length > 0) throw new NotImplemented(`parameter ${unknown.join(", ")}`);
  const [first] = parsed.error.issues;
  throw invalid(`${first?.path.join(".") ?? ""}: ${first?.message ?? "invalid"}`);
}
