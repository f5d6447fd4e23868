import type { Json } from "../../core/effects/json.ts";
import { EvaluationError, ExpressionSyntaxError } from "./errors.ts";
import { evaluateExpression, parseExpression, pathsOf } from "./intrinsics.ts";
import type { Expression } from "./intrinsics.ts";
import { isArray, isObject } from "./json-data.ts";
import { clip, findPath } from "./path.ts";
import type { Path, Scope } from "./path.ts";

/** A payload template, compiled: constants are whole subtrees, so that only what depends on the input is built anew. */
export type Template =
  | { readonly kind: "constant"; readonly value: Json }
  | { readonly kind: "expression"; readonly field: string; readonly expression: Expression }
  | { readonly kind: "object"; readonly fields: readonly (readonly [name: string, value: Template])[] }
  | { readonly kind: "array"; readonly items: readonly Template[] };

/** Reports a problem at `path` below the template and goes on, so that one pass finds all. */
export type Report = (path: readonly (string | number)[], message: string) => void;

export function compileTemplate(value: Json, report: Report, path: readonly (string | number)[] = []): Template {
  if (isArray(value)) {
    const items = value.map((item, i) => compileTemplate(item, report, [...path, i]));
    return items.every(isConstant) ? { kind: "constant", value } : { kind: "array", items };
  }
  if (!isObject(value)) return { kind: "constant", value };
  const fields = new Map<string, Template>();
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined) continue;
    const name = key.endsWith(".$") ? key.slice(0, -2) : key;
    if (fields.has(name)) report([...path, key], `"${name}" is given twice`);
    fields.set(
      name,
      key === name ? compileTemplate(child, report, [...path, key]) : compileField(key, child, report, path),
    );
  }
  if ([...fields.values()].every(isConstant)) return { kind: "constant", value };
  return { kind: "object", fields: [...fields] };
}

function compileField(field: string, value: Json, report: Report, path: readonly (string | number)[]): Template {
  try {
    if (typeof value !== "string") throw new ExpressionSyntaxError("expected a path or an intrinsic function");
    return { kind: "expression", field, expression: parseExpression(value) };
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error;
    report([...path, field], error.message);
    return { kind: "constant", value: null };
  }
}

const isConstant = (template: Template): boolean => template.kind === "constant";

/** @throws {EvaluationError} naming the field whose path or function failed */
export function evaluateTemplate(template: Template, scope: Scope): Json {
  switch (template.kind) {
    case "constant":
      return template.value;
    case "expression":
      return evaluateField(template.field, template.expression, scope);
    case "object":
      return Object.fromEntries(template.fields.map(([name, value]) => [name, evaluateTemplate(value, scope)]));
    case "array":
      return template.items.map((item) => evaluateTemplate(item, scope));
    default:
      return template satisfies never;
  }
}

/** An expression under the name of the field that holds it, for the message Step Functions gives. */
export function evaluateField(field: string, expression: Expression, scope: Scope): Json {
  if (expression.kind !== "path") return evaluateExpression(expression, scope);
  const found = findPath(expression.path, scope);
  if (found === undefined) {
    const searched = expression.path.root === "input" ? scope.input : scope.context();
    throw new EvaluationError(
      `The JSONPath '${expression.path.text}' specified for the field '${field}' could not be found in the input ` +
        `'${clip(JSON.stringify(searched))}'`,
    );
  }
  return found;
}

/** Every path that a template follows. */
export function templatePaths(template: Template): readonly Path[] {
  switch (template.kind) {
    case "constant":
      return [];
    case "expression":
      return pathsOf(template.expression);
    case "object":
      return template.fields.flatMap(([, value]) => templatePaths(value));
    case "array":
      return template.items.flatMap(templatePaths);
    default:
      return template satisfies never;
  }
}
