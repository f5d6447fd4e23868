import type { Expression, Loop } from "./syntax.ts";
import { ExpressionError } from "./syntax.ts";
import type { Value, Scope } from "./values.ts";
import { isValueObject, isValueList, isScalarValue, finite } from "./values.ts";
import { functions } from "./functions.ts";
import { suggest } from "../nearest-name.ts";
import { typeName } from "../json-values.ts";

/**
 * The value of an expression.
 *
 * @throws {ExpressionError} for an unknown name, a wrong type, an index out of range, a number that isn't finite
 */
export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "name": {
      if (!Object.hasOwn(scope, expression.name)) {
        throw new ExpressionError(
          `nothing here is named \`${expression.name}\``,
          expression.at,
          suggest(expression.name, Object.keys(scope)),
        );
      }
      return scope[expression.name] ?? null;
    }
    case "member":
      return memberOf(evaluate(expression.of, scope), expression.name, expression.at);
    case "index":
      return elementOf(evaluate(expression.of, scope), evaluate(expression.index, scope), expression.at);
    case "call": {
      const definition = Object.hasOwn(functions, expression.name) ? functions[expression.name] : undefined;
      if (definition === undefined) {
        throw new ExpressionError(
          `no function is named \`${expression.name}\``,
          expression.at,
          suggest(expression.name, Object.keys(functions)),
        );
      }
      return definition.run(
        expression.args.map((arg) => evaluate(arg, scope)),
        expression.at,
      );
    }
    case "unary": {
      const value = evaluate(expression.of, scope);
      if (expression.operator === "!") return !asBoolean(value, expression.at);
      return -asNumber(value, expression.at);
    }
    case "binary":
      return evaluateBinary(expression, scope);
    case "choice":
      return asBoolean(evaluate(expression.condition, scope), expression.condition.at)
        ? evaluate(expression.then, scope)
        : evaluate(expression.otherwise, scope);
    case "list":
      return expression.items.map((item) => evaluate(item, scope));
    case "object":
      return Object.fromEntries(
        expression.entries.map((entry) => [
          asKey(evaluate(entry.key, scope), entry.key.at),
          evaluate(entry.value, scope),
        ]),
      );
    case "listFor":
      return loopScopes(expression.loop, scope).map((inner) => evaluate(expression.item, inner));
    case "objectFor": {
      const { key, value } = expression.entry;
      return Object.fromEntries(
        loopScopes(expression.loop, scope).map((inner) => [
          asKey(evaluate(key, inner), key.at),
          evaluate(value, inner),
        ]),
      );
    }
    default:
      return expression satisfies never;
  }
}

/** One scope for each turn of a loop. */
export function loopScopes(loop: Loop, scope: Scope): Scope[] {
  const list = evaluate(loop.list, scope);
  if (!isValueList(list)) throw new ExpressionError(`a loop needs a list, not ${typeName(list)}`, loop.list.at);
  const scopes = list.map((item, index) => ({
    ...scope,
    [loop.item]: item,
    ...(loop.index === undefined ? {} : { [loop.index]: index }),
  }));
  const { condition } = loop;
  return condition === undefined
    ? scopes
    : scopes.filter((inner) => asBoolean(evaluate(condition, inner), condition.at));
}

export function asBoolean(value: Value, at: number): boolean {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`true or false is needed, not ${typeName(value)}`, at, "compare it: `x > 0`, `x != null`");
}

function asNumber(value: Value, at: number): number {
  if (typeof value === "number") return value;
  throw new ExpressionError(`a number is needed, not ${typeName(value)}`, at);
}

function asKey(value: Value, at: number): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw new ExpressionError(`a key must be a text, not ${typeName(value)}`, at);
}

function memberOf(value: Value, name: string, at: number): Value {
  if (!isValueObject(value)) {
    const hint = isValueList(value) ? "a list: take one of its items first, `[0]`" : undefined;
    throw new ExpressionError(`${typeName(value)} has no member \`${name}\``, at, hint);
  }
  if (!Object.hasOwn(value, name)) {
    throw new ExpressionError(`no member \`${name}\``, at, suggest(name, Object.keys(value)));
  }
  return value[name] ?? null;
}

function elementOf(value: Value, index: Value, at: number): Value {
  if (isValueObject(value)) return memberOf(value, asKey(index, at), at);
  if (!isValueList(value)) throw new ExpressionError(`${typeName(value)} has no items`, at);
  const position = asNumber(index, at);
  if (!Number.isInteger(position)) throw new ExpressionError(`an index must be whole, not ${position}`, at);
  const item = value[position];
  if (item === undefined) {
    throw new ExpressionError(`item ${position} of a list of ${value.length}`, at, "items count from 0");
  }
  return item;
}

function evaluateBinary(expression: Extract<Expression, { kind: "binary" }>, scope: Scope): Value {
  const { operator, at } = expression;
  const left = evaluate(expression.left, scope);
  if (operator === "&&") return asBoolean(left, at) && asBoolean(evaluate(expression.right, scope), at);
  if (operator === "||") return asBoolean(left, at) || asBoolean(evaluate(expression.right, scope), at);
  const right = evaluate(expression.right, scope);
  switch (operator) {
    case "==":
      return isSame(left, right);
    case "!=":
      return !isSame(left, right);
    case "in":
      if (isValueList(right)) return right.some((item) => isSame(item, left));
      if (isValueObject(right)) return Object.hasOwn(right, asKey(left, at));
      throw new ExpressionError(`\`in\` needs a list or a mapping, not ${typeName(right)}`, at);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compare(operator, left, right, at);
    case "+":
      return add(left, right, at);
    case "-":
    case "*":
    case "/":
    case "%":
      return arithmetic(operator, asNumber(left, at), asNumber(right, at), at);
    default:
      return operator satisfies never;
  }
}

function isSame(a: Value, b: Value): boolean {
  if (isValueList(a) && isValueList(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index] ?? null));
  }
  if (isValueObject(a) && isValueObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && isSame(a[key] ?? null, b[key] ?? null))
    );
  }
  return a === b;
}

function compare(operator: "<" | "<=" | ">" | ">=", left: Value, right: Value, at: number): boolean {
  const isOrdered =
    (typeof left === "number" && typeof right === "number") || (typeof left === "string" && typeof right === "string");
  if (!isOrdered) throw new ExpressionError(`${typeName(left)} and ${typeName(right)} have no order`, at);
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      return operator satisfies never;
  }
}

function add(left: Value, right: Value, at: number): Value {
  if (typeof left === "number" && typeof right === "number") return finite(left + right, at);
  if (isValueList(left) && isValueList(right)) return [...left, ...right];
  if (typeof left === "string" || typeof right === "string") {
    if (isScalarValue(left) && isScalarValue(right) && left !== null && right !== null) return `${left}${right}`;
  }
  throw new ExpressionError(`${typeName(left)} and ${typeName(right)} can't be added`, at);
}

function arithmetic(operator: "-" | "*" | "/" | "%", left: number, right: number, at: number): number {
  if ((operator === "/" || operator === "%") && right === 0) throw new ExpressionError("division by zero", at);
  switch (operator) {
    case "-":
      return finite(left - right, at);
    case "*":
      return finite(left * right, at);
    case "/":
      return finite(left / right, at);
    case "%":
      return finite(left % right, at);
    default:
      return operator satisfies never;
  }
}
