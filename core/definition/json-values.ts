import type { Json, JsonObject } from "../effects/json.ts";

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isJsonList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** The word for a value's type in messages. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "object":
      return "a mapping";
    case "string":
      return "a text";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "undefined":
      return "nothing";
    case "function":
      return "a function";
    default:
      return typeof value;
  }
}

/** The value at a dotted path, or undefined. */
export function valueAt(tree: Json | undefined, path: readonly string[]): Json | undefined {
  let value = tree;
  for (const step of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** A copy of `tree` with the value at `path` replaced; mappings on the way are made where there are none. */
export function withValueAt(tree: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [first, ...rest] = path;
  if (first === undefined) return isJsonObject(value) ? value : tree;
  const inner = tree[first];
  return { ...tree, [first]: rest.length === 0 ? value : withValueAt(isJsonObject(inner) ? inner : {}, rest, value) };
}

/**
 * Lays one tree over another: mappings merge key by key, anything else is replaced; the later wins.
 *
 * @see Pirateship's harness: global config, then the experiment's override, then the sweep's element
 */
export function mergeTrees(base: JsonObject, over: JsonObject): JsonObject {
  const result: Record<string, Json | undefined> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isJsonObject(below) && isJsonObject(value) ? mergeTrees(below, value) : value;
  }
  return result;
}

/** `{a: {b: 1}}` as `[["a", "b"], 1]`; lists and empty mappings are leaves. */
export function* leavesOf(
  tree: JsonObject,
  prefix: readonly string[] = [],
): Generator<readonly [readonly string[], Json]> {
  for (const [key, value] of Object.entries(tree)) {
    if (value === undefined) continue;
    const path = [...prefix, key];
    if (isJsonObject(value) && Object.keys(value).length > 0) yield* leavesOf(value, path);
    else yield [path, value];
  }
}

/**
 * The one spelling of a JSON value: keys sorted by code unit, no spaces, absent members left out.
 *
 * @see RFC 8785 (JSON Canonicalization Scheme), which this follows for the values that definitions hold
 */
export function canonicalJson(value: Json | undefined): string {
  if (isJsonList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (isJsonObject(value)) {
    const members = Object.keys(value)
      .sort()
      .flatMap((key) => (value[key] === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(value[key])}`]));
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}
