import type { Json, JsonObject } from "../effects/json.ts";
import type { Shape } from "./expression/shape.ts";
import { anyShape, listShape, objectShape, shapeOfValue } from "./expression/shape.ts";
import { canonicalJson, isJsonList, isJsonObject, mergeTrees, typeName, withValueAt } from "./json-values.ts";
import { suggest } from "./nearest-name.ts";
import type { Path } from "./problem.ts";
import type { ProblemOptions } from "./yaml-source.ts";

export type ParameterType = "any" | "number" | "text" | "boolean" | "list" | "tree";
const parameterTypes: readonly ParameterType[] = ["any", "number", "text", "boolean", "list", "tree"];

/** One value that sweeps can set. */
export interface Parameter {
  readonly path: readonly string[];
  readonly default: Json;
  readonly type: ParameterType;
  readonly unit: string | undefined;
  readonly choices: readonly Json[] | undefined;
  readonly description: string | undefined;
}

export interface Parameters {
  readonly defaults: JsonObject;
  /** By dotted path, in the definition's order. */
  readonly declared: ReadonlyMap<string, Parameter>;
}

/** One parameter set to one value. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: Json;
}

export type Report = (path: Path, message: string, options?: ProblemOptions) => void;

const declarationFields = ["default", "type", "unit", "choices", "description"] as const;

/** Reads `parameters:`; a mapping that has `default` declares one parameter, any other is a tree of them. */
export function readParameters(tree: JsonObject, report: Report, at: Path = ["parameters"]): Parameters {
  const declared = new Map<string, Parameter>();
  const readTree = (node: JsonObject, prefix: readonly string[], path: Path): JsonObject => {
    const defaults: Record<string, Json> = {};
    for (const [name, value] of Object.entries(node)) {
      if (value === undefined) continue;
      const inner = [...prefix, name];
      const innerPath = [...path, name];
      if (!/^[A-Za-z_][\w-]*$/.test(name)) {
        report(innerPath, "not a parameter's name: letters, digits, `_` and `-`, beginning with a letter", {
          atKey: true,
        });
        continue;
      }
      if (isJsonObject(value) && !Object.hasOwn(value, "default") && Object.keys(value).length > 0) {
        defaults[name] = readTree(value, inner, innerPath);
        continue;
      }
      const parameter = readParameter(value, inner, innerPath, report);
      declared.set(inner.join("."), parameter);
      defaults[name] = parameter.default;
    }
    return defaults;
  };
  return { defaults: readTree(tree, [], at), declared };
}

function readParameter(value: Json, path: readonly string[], at: Path, report: Report): Parameter {
  const plain = { path, unit: undefined, choices: undefined, description: undefined };
  if (!isJsonObject(value) || !Object.hasOwn(value, "default"))
    return { ...plain, default: value, type: typeOf(value) };
  for (const field of Object.keys(value)) {
    if (!declarationFields.some((known) => known === field)) {
      report([...at, field], "unknown field of a parameter", { atKey: true, hint: suggest(field, declarationFields) });
    }
  }
  const text = (field: "unit" | "description"): string | undefined => {
    const found = value[field];
    if (found === undefined || typeof found === "string") return found;
    report([...at, field], `must be a text, not ${typeName(found)}`, { value: found });
    return undefined;
  };
  const fallback = value["default"] ?? null;
  let type = typeOf(fallback);
  const named = value["type"];
  if (named !== undefined) {
    const known = parameterTypes.find((candidate) => candidate === named);
    if (known === undefined) {
      report([...at, "type"], "not a type of parameters", {
        value: named,
        hint: typeof named === "string" ? suggest(named, parameterTypes) : undefined,
      });
    } else type = known;
  }
  const choices = value["choices"];
  if (choices !== undefined && !isJsonList(choices)) report([...at, "choices"], "must be a list", { value: choices });
  const parameter: Parameter = {
    path,
    default: fallback,
    type,
    unit: text("unit"),
    choices: isJsonList(choices) ? choices : undefined,
    description: text("description"),
  };
  checkValue(parameter, fallback, [...at, "default"], report);
  return parameter;
}

function typeOf(value: Json): ParameterType {
  if (value === null) return "any";
  if (isJsonList(value)) return "list";
  if (isJsonObject(value)) return "tree";
  return typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "text";
}

const typeWords: Readonly<Record<ParameterType, string>> = {
  any: "anything",
  number: "a number",
  text: "a text",
  boolean: "true or false",
  list: "a list",
  tree: "a mapping",
};

function checkValue(parameter: Parameter, value: Json, at: Path, report: Report): void {
  const { type, choices } = parameter;
  const isNullDefault = value === null && parameter.default === null;
  if (type !== "any" && !isNullDefault && typeOf(value) !== type) {
    const hint =
      type === "number" && typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))
        ? "without the quotes it is a number"
        : "declare it with `type: any` if it may be both";
    report(at, `\`${parameter.path.join(".")}\` is ${typeWords[type]}, not ${typeName(value)}`, { value, hint });
    return;
  }
  if (choices !== undefined && !choices.some((choice) => canonicalJson(choice) === canonicalJson(value))) {
    const hint = typeof value === "string" ? suggest(value, choices.map(String)) : `one of ${JSON.stringify(choices)}`;
    report(at, `not one of the choices of \`${parameter.path.join(".")}\``, { value, hint });
  }
}

/**
 * Reads settings by dotted path, as a tree, or both mixed, and checks each against its declaration.
 *
 * @param at where the settings stand in the definition
 */
export function readAssignments(settings: JsonObject, parameters: Parameters, report: Report, at: Path): Assignment[] {
  const assignments: Assignment[] = [];
  const readTree = (node: JsonObject, prefix: readonly string[], path: Path): void => {
    for (const [key, value] of Object.entries(node)) {
      if (value === undefined) continue;
      const full = [...prefix, ...key.split(".")];
      const innerPath = [...path, key];
      const target = findTarget(full, parameters);
      switch (target.kind) {
        case "parameter":
          checkValue(target.parameter, value, innerPath, report);
          assignments.push({ path: full, value });
          break;
        case "inside":
          assignments.push({ path: full, value });
          break;
        case "tree":
          if (isJsonObject(value)) readTree(value, full, innerPath);
          else {
            report(innerPath, `\`${full.join(".")}\` is a tree of parameters, not one value`, {
              value,
              hint: suggest(full.join("."), [...parameters.declared.keys()]),
            });
          }
          break;
        case "unknown":
          report(innerPath, `no parameter is named \`${full.join(".")}\``, {
            atKey: true,
            hint: suggest(full.join("."), [...parameters.declared.keys()]),
          });
          break;
        default:
          target satisfies never;
      }
    }
  };
  readTree(settings, [], at);
  return assignments;
}

type Target =
  | { readonly kind: "parameter"; readonly parameter: Parameter }
  /** Below a parameter that may hold anything. */
  | { readonly kind: "inside" }
  | { readonly kind: "tree" }
  | { readonly kind: "unknown" };

/** What a dotted path names. */
export function findTarget(path: readonly string[], parameters: Parameters): Target {
  for (let length = 1; length <= path.length; length++) {
    const parameter = parameters.declared.get(path.slice(0, length).join("."));
    if (parameter === undefined) continue;
    if (length === path.length) return { kind: "parameter", parameter };
    return parameter.type === "any" || parameter.type === "tree" ? { kind: "inside" } : { kind: "unknown" };
  }
  const prefix = `${path.join(".")}.`;
  for (const name of parameters.declared.keys()) if (name.startsWith(prefix)) return { kind: "tree" };
  return { kind: "unknown" };
}

/** Applies settings in order, the later winning; mappings merge, anything else is replaced. */
export function applyAssignments(base: JsonObject, assignments: readonly Assignment[]): JsonObject {
  let result = base;
  for (const { path, value } of assignments) {
    if (isJsonObject(value)) {
      const over = path.reduceRight<Json>((inner, step) => ({ [step]: inner }), value);
      if (isJsonObject(over)) result = mergeTrees(result, over);
    } else result = withValueAt(result, path, value);
  }
  return result;
}

/** What expressions may find below `params`. */
export function shapeOfParameters(parameters: Parameters): Shape {
  return shapeTree(parameters, (parameter) =>
    parameter.type === "any" || parameter.type === "tree" ? anyShape : shapeOfValue(parameter.default),
  );
}

/** What set-up may find below `planned`: for each parameter the list of its planned values. */
export const shapeOfPlanned = (parameters: Parameters): Shape =>
  shapeTree(parameters, (parameter) =>
    listShape(parameter.type === "any" || parameter.type === "tree" ? anyShape : shapeOfValue(parameter.default)),
  );

function shapeTree(parameters: Parameters, leaf: (parameter: Parameter) => Shape): Shape {
  const build = (tree: JsonObject, prefix: readonly string[]): Shape =>
    objectShape(
      Object.fromEntries(
        Object.entries(tree).map(([name, value]) => {
          const path = [...prefix, name];
          const parameter = parameters.declared.get(path.join("."));
          if (parameter !== undefined) return [name, leaf(parameter)];
          return [name, isJsonObject(value) ? build(value, path) : anyShape];
        }),
      ),
    );
  return build(parameters.defaults, []);
}
