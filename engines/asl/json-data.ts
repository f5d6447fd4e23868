import type { Json, JsonObject } from "../../core/effects/json.ts";

export const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A JSON value with its text: events carry the text, limits count its bytes, so it is made once. */
export interface Document {
  readonly value: Json;
  readonly text: string;
}

export const toDocument = (value: Json): Document => ({ value, text: JSON.stringify(value) });

export function fitsPayload(text: string, maxBytes: number): boolean {
  // A UTF-16 unit takes one to three bytes: most texts need no counting.
  if (text.length * 3 <= maxBytes) return true;
  return text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes;
}

/** Same value, whatever the order of keys. */
export function jsonEquals(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((item, i) => jsonEquals(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && jsonEquals(a[key], b[key]))
  );
}
