import type { Json } from "../../core/effects/json.ts";
import { EvaluationError, ExpressionSyntaxError } from "./errors.ts";
import { isArray, isObject } from "./json-data.ts";

/**
 * JSONPath as state machines need it: names, indices, slices, wildcards and descent, from the input (`$`) or the context
 * object (`$$`). Filters and functions are outside our subset: where implementations differ, a handler decides instead.
 */
export interface Path {
  readonly text: string;
  readonly root: "input" | "context";
  readonly steps: readonly Step[];
  /** Selects exactly one node, so that nothing found is an error. Only such a path is a reference path. */
  readonly isDefinite: boolean;
}

export type Step =
  | { readonly kind: "member"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "slice"; readonly start: number | undefined; readonly end: number | undefined }
  | { readonly kind: "wildcard" }
  | { readonly kind: "descend" };

/** What paths, templates and rules are evaluated on. The context object is built only when something asks for it. */
export interface Scope {
  readonly input: Json;
  readonly context: () => Json;
}

const memberName = /[^\s.[\](),'"]+/y;
const bracketed = /\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\d+)|(-?\d*):(-?\d*)|(\*))\]/y;

/** @throws {ExpressionSyntaxError} when `text` isn't one path from end to end */
export function parsePath(text: string): Path {
  const { path, end } = parsePathAt(text, 0);
  if (end !== text.length) throw new ExpressionSyntaxError(`not a JSONPath of our subset: "${text}"`);
  return path;
}

/** Reads the longest path that starts at `start`; what follows it is the caller's. */
export function parsePathAt(text: string, start: number): { readonly path: Path; readonly end: number } {
  let at = start;
  const fail = (): never => {
    throw new ExpressionSyntaxError(`not a JSONPath of our subset: "${text}"`);
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  if (text[at] !== "$") fail();
  at += 1;
  const root = text[at] === "$" ? "context" : "input";
  if (root === "context") at += 1;

  const steps: Step[] = [];
  for (;;) {
    if (text.startsWith("..", at)) {
      steps.push({ kind: "descend" });
      at += 2;
      if (text[at] === "[") continue;
    } else if (text[at] === ".") {
      at += 1;
    } else if (text[at] === "[") {
      const [, single, double, index, from, to, star] = match(bracketed) ?? fail();
      if (single !== undefined || double !== undefined) {
        steps.push({ kind: "member", name: (single ?? double ?? "").replace(/\\(.)/g, "$1") });
      } else if (index !== undefined) {
        steps.push({ kind: "index", index: Number(index) });
      } else if (star !== undefined) {
        steps.push({ kind: "wildcard" });
      } else {
        const bound = (digits: string | undefined): number | undefined => (digits ? Number(digits) : undefined);
        steps.push({ kind: "slice", start: bound(from), end: bound(to) });
      }
      continue;
    } else {
      break;
    }
    const [name] = match(memberName) ?? fail();
    if (name.includes("?") || name.includes("@")) fail();
    steps.push(name === "*" ? { kind: "wildcard" } : { kind: "member", name });
  }
  const isDefinite = steps.every((step) => step.kind === "member" || step.kind === "index");
  return { path: { text: text.slice(start, at), root, steps, isDefinite }, end: at };
}

/** @throws {ExpressionSyntaxError} when the path could select more than one node */
export function parseReferencePath(text: string): Path {
  const path = parsePath(text);
  if (!path.isDefinite) throw new ExpressionSyntaxError(`a reference path selects one node, "${text}" may select more`);
  return path;
}

/** The selected node, or undefined when a definite path leads nowhere; an array, maybe empty, for any other path. */
export function findPath(path: Path, scope: Scope): Json | undefined {
  let nodes: Json[] = [path.root === "input" ? scope.input : scope.context()];
  for (const step of path.steps) nodes = nodes.flatMap((node) => follow(step, node));
  return path.isDefinite ? nodes[0] : nodes;
}

/** @throws {EvaluationError} when a definite path leads nowhere */
export function evaluatePath(path: Path, scope: Scope): Json {
  const found = findPath(path, scope);
  if (found === undefined) {
    const places = path.steps.map((step) =>
      step.kind === "member" ? `['${step.name}']` : step.kind === "index" ? `[${step.index}]` : "[*]",
    );
    throw new EvaluationError(`Invalid path '${path.text}' : No results for path: $${places.join("")}`);
  }
  return found;
}

function follow(step: Step, node: Json): readonly Json[] {
  switch (step.kind) {
    case "member": {
      const value = isObject(node) && Object.hasOwn(node, step.name) ? node[step.name] : undefined;
      return value === undefined ? [] : [value];
    }
    case "index": {
      const value = isArray(node) ? node.at(step.index) : undefined;
      return value === undefined ? [] : [value];
    }
    case "slice":
      return isArray(node) ? node.slice(step.start, step.end) : [];
    case "wildcard":
      return childrenOf(node);
    case "descend":
      return [node, ...childrenOf(node).flatMap((child) => follow(step, child))];
    default:
      return step satisfies never;
  }
}

const childrenOf = (node: Json): readonly Json[] =>
  isArray(node)
    ? node
    : isObject(node)
      ? Object.values(node).filter((child): child is Json => child !== undefined)
      : [];

/**
 * A copy of `document` with `value` at `path`; objects on the way are made when they are missing.
 *
 * @throws {EvaluationError} States.ResultPathMatchFailure when something on the way is neither absent nor a container
 */
export function setAtPath(document: Json, path: Path, value: Json): Json {
  const put = (node: Json | undefined, steps: readonly Step[]): Json => {
    const [step, ...rest] = steps;
    if (step === undefined) return value;
    if (step.kind === "member" && (node === undefined || isObject(node))) {
      return { ...node, [step.name]: put(node?.[step.name], rest) };
    }
    if (step.kind === "index" && isArray(node) && step.index >= 0 && step.index < node.length) {
      return node.with(step.index, put(node[step.index], rest));
    }
    throw new EvaluationError(
      `Unable to apply Reference Path '${path.text}' to input ${clip(JSON.stringify(document))}`,
      "States.ResultPathMatchFailure",
    );
  };
  return put(document, path.steps);
}

/** Keeps a quoted input from filling a cause. */
export const clip = (text: string): string => (text.length <= 2_000 ? text : `${text.slice(0, 2_000)}…`);
