import type { Json } from "../../core/effects/json.ts";
import { EvaluationError, ExpressionSyntaxError } from "./errors.ts";
import { isArray, isObject } from "./json-data.ts";
import { evaluatePath, findPath, parsePath } from "./path.ts";
import type { Path, Scope } from "./path.ts";
import type { Report } from "./template.ts";
import { parseTimestamp } from "./timestamp.ts";

export type Rule =
  | { readonly kind: "and" | "or"; readonly rules: readonly Rule[] }
  | { readonly kind: "not"; readonly rule: Rule }
  /** `test` is one of the Is… operators. */
  | { readonly kind: "is"; readonly variable: Path; readonly test: IsOperator; readonly expected: boolean }
  | {
      readonly kind: "compare";
      readonly variable: Path;
      readonly type: ComparedType;
      readonly relation: Relation;
      readonly against: { readonly constant: Json } | { readonly path: Path };
    };

type IsOperator = "IsPresent" | "IsNull" | "IsString" | "IsNumeric" | "IsBoolean" | "IsTimestamp";
type ComparedType = "String" | "Numeric" | "Boolean" | "Timestamp";
type Relation = "Equals" | "LessThan" | "LessThanEquals" | "GreaterThan" | "GreaterThanEquals" | "Matches";

const isOperators: readonly string[] = [
  "IsPresent",
  "IsNull",
  "IsString",
  "IsNumeric",
  "IsBoolean",
  "IsTimestamp",
] satisfies IsOperator[];
const comparison =
  /^(?:(String|Numeric|Timestamp)(Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|(Boolean)(Equals))(Path)?$|^(String)(Matches)$/;

/**
 * Compiles one data-test expression; `Next` and `Comment` are the caller's.
 *
 * @returns undefined after a report
 */
export function compileRule(rule: Json | undefined, report: Report): Rule | undefined {
  try {
    return parseRule(rule, report);
  } catch (error) {
    if (!(error instanceof RuleProblem)) throw error;
    report(error.path, error.message);
    return undefined;
  }
}

class RuleProblem extends Error {
  override readonly name = "RuleProblem";
  readonly path: readonly (string | number)[];
  constructor(message: string, ...path: readonly (string | number)[]) {
    super(message);
    this.path = path;
  }
}

function parseRule(rule: Json | undefined, report: Report): Rule | undefined {
  if (!isObject(rule)) throw new RuleProblem("a rule is an object");
  const keys = Object.keys(rule).filter((key) => key !== "Next" && key !== "Comment");
  const combiner = keys.find((key) => key === "And" || key === "Or" || key === "Not");
  if (combiner !== undefined) {
    if (keys.length > 1) throw new RuleProblem(`${combiner} stands alone in its rule`);
    const compileNested = (value: Json | undefined, ...at: (string | number)[]): Rule | undefined => {
      const reportNested: Report = (below, message) => report([combiner, ...at, ...below], message);
      if (isObject(value) && "Next" in value) reportNested(["Next"], "only a top-level rule has Next");
      return compileRule(value, reportNested);
    };
    const nested = rule[combiner];
    if (combiner === "Not") {
      const inner = compileNested(nested);
      return inner && { kind: "not", rule: inner };
    }
    if (!isArray(nested) || nested.length === 0) {
      throw new RuleProblem("expected a non-empty array of rules", combiner);
    }
    const rules = nested.map((value, i) => compileNested(value, i)).filter((inner) => inner !== undefined);
    return { kind: combiner === "And" ? "and" : "or", rules };
  }

  const variable = parseVariable(rule["Variable"], "Variable");
  const [operator, ...others] = keys.filter((key) => key !== "Variable");
  if (operator === undefined || others.length > 0) {
    throw new RuleProblem(`a rule has one operator, got ${[operator, ...others].join(", ") || "none"}`);
  }
  const value = rule[operator];
  if (isOperators.includes(operator)) {
    if (typeof value !== "boolean") throw new RuleProblem("expected true or false", operator);
    return { kind: "is", variable, test: operator as IsOperator, expected: value }; // it is in the list
  }
  const match = comparison.exec(operator);
  if (match === null) throw new RuleProblem(`unknown operator "${operator}"`, operator);
  // The pattern captures nothing but members of the two unions.
  const type = (match[1] ?? match[3] ?? match[6]) as ComparedType;
  const relation = (match[2] ?? match[4] ?? match[7]) as Relation;
  if (match[5] !== undefined) {
    return { kind: "compare", variable, type, relation, against: { path: parseVariable(value, operator) } };
  }
  if (value === undefined || !isOfType(value, type)) {
    throw new RuleProblem(`expected a ${type.toLowerCase()}`, operator);
  }
  return { kind: "compare", variable, type, relation, against: { constant: value } };
}

function parseVariable(value: Json | undefined, field: string): Path {
  if (typeof value !== "string") throw new RuleProblem("expected a path", field);
  try {
    return parsePath(value);
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) throw new RuleProblem(error.message, field);
    throw error;
  }
}

/** @throws {EvaluationError} when a variable that the rule compares isn't there: only IsPresent may ask that */
export function matchesRule(rule: Rule, scope: Scope): boolean {
  switch (rule.kind) {
    case "and":
      return rule.rules.every((inner) => matchesRule(inner, scope));
    case "or":
      return rule.rules.some((inner) => matchesRule(inner, scope));
    case "not":
      return !matchesRule(rule.rule, scope);
    case "is":
      return isOf(rule.test, rule.variable, scope) === rule.expected;
    case "compare": {
      const actual = variableOf(rule.variable, scope);
      const against = "path" in rule.against ? variableOf(rule.against.path, scope) : rule.against.constant;
      return isOfType(actual, rule.type) && isOfType(against, rule.type) && compares(rule, actual, against);
    }
    default:
      return rule satisfies never;
  }
}

/** Every path that a rule follows. */
export function rulePaths(rule: Rule): readonly Path[] {
  switch (rule.kind) {
    case "and":
    case "or":
      return rule.rules.flatMap(rulePaths);
    case "not":
      return rulePaths(rule.rule);
    case "is":
      return [rule.variable];
    case "compare":
      return "path" in rule.against ? [rule.variable, rule.against.path] : [rule.variable];
    default:
      return rule satisfies never;
  }
}

function variableOf(path: Path, scope: Scope): Json {
  try {
    return evaluatePath(path, scope);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    throw new EvaluationError(
      `Invalid path '${path.text}': The choice state's condition path references an invalid value.`,
    );
  }
}

function isOf(test: IsOperator, path: Path, scope: Scope): boolean {
  if (test === "IsPresent") {
    const found = findPath(path, scope);
    return path.isDefinite ? found !== undefined : isArray(found) && found.length > 0;
  }
  const value = variableOf(path, scope);
  switch (test) {
    case "IsNull":
      return value === null;
    case "IsString":
      return isOfType(value, "String");
    case "IsNumeric":
      return isOfType(value, "Numeric");
    case "IsBoolean":
      return isOfType(value, "Boolean");
    case "IsTimestamp":
      return isOfType(value, "Timestamp");
    default:
      return test satisfies never;
  }
}

function isOfType(value: Json, type: ComparedType): boolean {
  switch (type) {
    case "String":
      return typeof value === "string";
    case "Numeric":
      return typeof value === "number";
    case "Boolean":
      return typeof value === "boolean";
    case "Timestamp":
      return typeof value === "string" && parseTimestamp(value) !== undefined;
    default:
      return type satisfies never;
  }
}

/** Both values are of the rule's type. */
function compares(rule: { type: ComparedType; relation: Relation }, actual: Json, against: Json): boolean {
  const sign = rule.type === "Timestamp" ? order(epochMsOf(actual), epochMsOf(against)) : order(actual, against);
  switch (rule.relation) {
    case "Matches":
      return typeof actual === "string" && typeof against === "string" && matchesWildcards(actual, against);
    case "Equals":
      return sign === 0;
    case "LessThan":
      return sign < 0;
    case "LessThanEquals":
      return sign <= 0;
    case "GreaterThan":
      return sign > 0;
    case "GreaterThanEquals":
      return sign >= 0;
    default:
      return rule.relation satisfies never;
  }
}

const epochMsOf = (value: Json): number => (typeof value === "string" ? (parseTimestamp(value) ?? 0) : 0);

/** Both are strings, numbers or booleans, and of one type. Strings compare by UTF-16 unit, as Java's do. */
const order = (a: Json, b: Json): number => (a === b ? 0 : (a ?? 0) < (b ?? 0) ? -1 : 1);

/** `*` stands for any characters, `\*` for a star, `\\` for a backslash. */
function matchesWildcards(value: string, pattern: string): boolean {
  // Greedy with one point of return: linear in practice, where a regular expression of many stars explodes.
  const tokens = [...pattern.matchAll(/\\([*\\])|([\s\S])/g)].map(([, escaped, plain]) => ({
    star: plain === "*",
    char: escaped ?? plain,
  }));
  let v = 0;
  let t = 0;
  let starAt = -1;
  let starValue = 0;
  while (v < value.length) {
    const token = tokens[t];
    if (token?.star) {
      starAt = t++;
      starValue = v;
    } else if (token !== undefined && token.char === value[v]) {
      t += 1;
      v += 1;
    } else if (starAt >= 0) {
      t = starAt + 1;
      v = ++starValue;
    } else {
      return false;
    }
  }
  return tokens.slice(t).every((token) => token.star);
}
