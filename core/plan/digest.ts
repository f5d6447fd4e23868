import { createHash } from "node:crypto";
import type { Json } from "../effects/json.ts";
import { canonicalJson } from "../definition/json-values.ts";

/** SHA-256 of a value's one spelling, hex. */
export const digestOf = (value: Json | undefined): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex");
