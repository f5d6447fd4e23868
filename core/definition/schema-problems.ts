import { z } from "zod";
import type { Json } from "../effects/json.ts";
import { isJsonList, isJsonObject, typeName } from "./json-values.ts";
import { nearestName, suggest } from "./nearest-name.ts";
import type { Path, Problem } from "./problem.ts";
import type { ProblemOptions, YamlSource } from "./yaml-source.ts";

export type Issue = z.core.$ZodIssue;

/** Turns what zod found into problems with places, values and the nearest known names. */
export function schemaProblems(issues: readonly Issue[], schema: z.ZodType, source: YamlSource): Problem[] {
  const problems: Problem[] = [];
  const unknownAt = new Set<string>();
  for (const issue of issues) if (issue.code === "unrecognized_keys") unknownAt.add(JSON.stringify(issue.path));
  for (const issue of issues) {
    if (valueAtPath(source.value, plainPath(issue)) === undefined && isMisspelt(issue, issues)) continue;
    // Which field is missing from a group is no news where a field of the group was misspelt.
    if (issue.code === "custom" && unknownAt.has(JSON.stringify(issue.path))) continue;
    problems.push(...describeIssue(issue, [], schema, source));
  }
  return problems;
}

const plainPath = (issue: Issue): Path => issue.path.filter((step) => typeof step !== "symbol");

/** Whether a field is missing only because its name, which is told as unknown, was written with a slip. */
function isMisspelt(missing: Issue, issues: readonly Issue[]): boolean {
  if (missing.code === "unrecognized_keys") return false;
  const parent = JSON.stringify(missing.path.slice(0, -1));
  const name = String(missing.path.at(-1));
  return issues.some(
    (other) =>
      other.code === "unrecognized_keys" &&
      JSON.stringify(other.path) === parent &&
      other.keys.some((key) => nearestName(key, [name]) === name),
  );
}

function describeIssue(issue: Issue, above: Path, schema: z.ZodType, source: YamlSource): Problem[] {
  const path: Path = [...above, ...plainPath(issue)];
  const value = valueAtPath(source.value, path);
  const problem = (message: string, options: ProblemOptions = {}): Problem[] => [
    source.problem(path, message, { value, ...options }),
  ];
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = knownKeys(schemaAt(schema, path));
      return issue.keys.map((key) =>
        source.problem([...path, key], `unknown field \`${key}\``, { atKey: true, hint: suggest(key, known) }),
      );
    }
    case "invalid_type":
      if (value === undefined) {
        const name = String(path.at(-1) ?? "");
        return [source.problem(path.slice(0, -1), `missing field \`${name}\``, { hint: descriptionOf(schema, path) })];
      }
      return problem(`must be ${expectedWord(issue.expected)}, not ${typeName(value)}`, {
        hint: typeHint(value, issue.expected, schemaAt(schema, path)),
      });
    case "invalid_value": {
      if (value === undefined) {
        const name = String(path.at(-1) ?? "");
        return [source.problem(path.slice(0, -1), `missing field \`${name}\``, { hint: choices(issue.values) })];
      }
      const hint = typeof value === "string" ? suggest(value, issue.values.map(String)) : choices(issue.values);
      return problem("not one of the values that can stand here", { hint });
    }
    case "invalid_union":
      return describeUnion(issue, path, value, schema, source);
    case "invalid_key": {
      const [first] = issue.issues;
      return problem(first === undefined ? "not a name" : first.message, { atKey: true, value: String(path.at(-1)) });
    }
    case "too_small":
      return problem(`must be ${bound(issue.origin, issue.minimum, "at least")}`);
    case "too_big":
      if (issue.origin === "string") return problem(issue.message);
      return problem(`must be ${bound(issue.origin, issue.maximum, "at most")}`);
    case "custom":
    case "invalid_format":
      return problem(issue.message);
    case "not_multiple_of":
    case "invalid_element":
      return problem(issue.message);
    default:
      return issue satisfies never;
  }
}

function describeUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
  value: Json | undefined,
  schema: z.ZodType,
  source: YamlSource,
): Problem[] {
  if (value === undefined) {
    const name = String(path.at(-1) ?? "");
    return [source.problem(path.slice(0, -1), `missing field \`${name}\``, { hint: descriptionOf(schema, path) })];
  }
  const best = fittingBranch(issue);
  if (best !== undefined) return best.flatMap((inner) => describeIssue(inner, path, schema, source));
  const expected = new Set<string>();
  const names: string[] = [];
  for (const errors of issue.errors) {
    for (const error of errors) {
      if (error.path.length > 0) continue;
      if (error.code === "invalid_type") expected.add(expectedWord(error.expected));
      if (error.code === "invalid_value") names.push(...error.values.map(String));
    }
  }
  if (typeof value === "string" && names.length > 0) {
    const hint = suggest(value, names) ?? choices(names);
    return [source.problem(path, "not one of the values that can stand here", { value, hint })];
  }
  const words = [...expected, ...names.map((name) => `\`${name}\``)];
  const hint = typeHint(value, "string", schemaAt(schema, path));
  return [source.problem(path, `must be ${words.join(" or ")}, not ${typeName(value)}`, { value, hint })];
}

/** A branch fits if the value is of its kind: what is wrong further in is then worth telling, all else is noise. */
function fittingBranch(issue: Extract<Issue, { code: "invalid_union" }>): readonly Issue[] | undefined {
  const fitting = issue.errors.filter(
    (errors) => !errors.some((e) => e.path.length === 0 && (e.code === "invalid_type" || e.code === "invalid_value")),
  );
  return [...fitting].sort((a, b) => a.length - b.length)[0];
}

/** What is wrong, each at the place that its message names: unions opened. */
export function innerIssues(issues: readonly Issue[], above: Path = []): { issue: Issue; path: Path }[] {
  return issues.flatMap((issue) => {
    const path: Path = [...above, ...plainPath(issue)];
    const inner = issue.code === "invalid_union" ? fittingBranch(issue) : undefined;
    return inner === undefined ? [{ issue, path }] : innerIssues(inner, path);
  });
}

const choices = (values: readonly unknown[]): string => `one of ${values.map((v) => `\`${String(v)}\``).join(", ")}`;

function bound(origin: string, limit: number | bigint, word: string): string {
  if (origin === "string") return limit === 1 ? "a text that isn't empty" : `${word} ${limit} characters long`;
  if (origin === "array") return `a list of ${word} ${limit}`;
  return `${word} ${limit}`;
}

function expectedWord(expected: string): string {
  switch (expected) {
    case "string":
      return "a text";
    case "number":
      return "a number";
    case "int":
      return "a whole number";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
    case "record":
      return "a mapping";
    default:
      return expected;
  }
}

function typeHint(value: Json, expected: string, schema: z.ZodType | undefined): string | undefined {
  const kind = schema === undefined ? undefined : fieldKindOf(schema);
  if (typeof value === "number") {
    if (kind === "duration") return `with its unit: \`${value}s\``;
    if (kind === "size") return `with its unit: \`${value}GiB\`, \`${value}MiB\``;
    if (expected === "string") return `in quotes it is a text: "${value}"`;
  }
  if (typeof value === "string") {
    if (expected === "boolean" && /^(yes|no|on|off)$/i.test(value)) return "YAML 1.2 knows `true` and `false` only";
    if (expected === "number" && /^\s*-?\d+(\.\d+)?\s*$/.test(value)) return "without the quotes it is a number";
  }
  return undefined;
}

export const valueAtPath = (value: Json | undefined, path: Path): Json | undefined =>
  path.reduce<Json | undefined>((inner, step) => {
    if (isJsonList(inner)) return typeof step === "number" ? inner[step] : undefined;
    return isJsonObject(inner) ? inner[String(step)] : undefined;
  }, value);

/** The schemas behind optional, default, readonly and the like. */
export function unwrapSchema(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = schema._zod;
  if ("innerType" in def && isSchema(def.innerType)) return unwrapSchema(def.innerType);
  if (def.type === "pipe" && "in" in def && isSchema(def.in)) return unwrapSchema(def.in);
  return schema;
}

const isSchema = (value: unknown): value is z.core.$ZodType =>
  typeof value === "object" && value !== null && "_zod" in value;

/** The schema of what stands at a path; of a union the first branch that has it. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.ZodType | undefined {
  const inner = unwrapSchema(schema);
  const [step, ...rest] = path;
  if (step === undefined) return schema as z.ZodType; // every schema of ours is made by the classic API
  if (inner instanceof z.ZodObject) {
    const member: unknown = inner.shape[String(step)];
    return isSchema(member) ? schemaAt(member, rest) : undefined;
  }
  if (inner instanceof z.ZodRecord) return schemaAt(inner.valueType, rest);
  if (inner instanceof z.ZodArray) return schemaAt(inner.element, rest);
  if (inner instanceof z.ZodUnion) {
    for (const option of inner.options) {
      const found = schemaAt(option, path);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

export function knownKeys(schema: z.core.$ZodType | undefined): string[] {
  if (schema === undefined) return [];
  const inner = unwrapSchema(schema);
  if (inner instanceof z.ZodObject) return Object.keys(inner.shape);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap(knownKeys);
  return [];
}

export function fieldKindOf(schema: z.core.$ZodType): string | undefined {
  for (let inner: z.core.$ZodType = schema; ;) {
    const meta = z.globalRegistry.get(inner as z.ZodType); // as in schemaAt
    if (typeof meta?.["fieldKind"] === "string") return meta["fieldKind"];
    const next = inner._zod.def;
    if ("innerType" in next && isSchema(next.innerType)) inner = next.innerType;
    else return undefined;
  }
}

function descriptionOf(schema: z.ZodType, path: Path): string | undefined {
  return schemaAt(schema, path)?.description;
}
