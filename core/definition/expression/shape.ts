import type { Expression, Loop } from "./syntax.ts";
import { functions } from "./functions.ts";
import { suggest } from "../nearest-name.ts";
import type { Json } from "../../effects/json.ts";
import { isJsonList, isJsonObject } from "../json-values.ts";

/** What is known about a value before there is one: enough to find misspelt names. */
export type Shape =
  | { readonly kind: "any" }
  | { readonly kind: "scalar" }
  | { readonly kind: "list"; readonly of: Shape }
  | { readonly kind: "object"; readonly members: Readonly<Record<string, Shape>> };

export const anyShape: Shape = { kind: "any" };
export const scalarShape: Shape = { kind: "scalar" };
export const listShape = (of: Shape): Shape => ({ kind: "list", of });
export const objectShape = (members: Readonly<Record<string, Shape>>): Shape => ({ kind: "object", members });

/** The shape of a parameter's default: null may become anything. */
export function shapeOfValue(value: Json | undefined): Shape {
  if (value === undefined || value === null) return anyShape;
  if (isJsonList(value)) return listShape(value.length === 0 ? anyShape : shapeOfValue(value[0]));
  if (!isJsonObject(value)) return scalarShape;
  return objectShape(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOfValue(member)])));
}

export type ReportMistake = (at: number, message: string, hint: string | undefined) => void;
export type ShapeScope = Readonly<Record<string, Shape>>;

/** Finds names that nothing has, members that aren't there, and functions called wrongly; goes on after each. */
export function checkExpression(expression: Expression, scope: ShapeScope, report: ReportMistake): Shape {
  const check = (inner: Expression): Shape => checkExpression(inner, scope, report);
  switch (expression.kind) {
    case "literal":
      return expression.value === null ? anyShape : scalarShape;
    case "name": {
      const shape = Object.hasOwn(scope, expression.name) ? scope[expression.name] : undefined;
      if (shape !== undefined) return shape;
      report(
        expression.at,
        `nothing here is named \`${expression.name}\``,
        suggest(expression.name, Object.keys(scope)),
      );
      return anyShape;
    }
    case "member":
      return memberShape(check(expression.of), expression.name, expression.at, report);
    case "index": {
      const of = check(expression.of);
      check(expression.index);
      if (expression.index.kind === "literal" && typeof expression.index.value === "string") {
        return memberShape(of, expression.index.value, expression.index.at, report);
      }
      if (of.kind === "list") return of.of;
      return anyShape;
    }
    case "call":
      return checkCall(expression, check, report);
    case "unary":
      check(expression.of);
      return scalarShape;
    case "binary": {
      const left = check(expression.left);
      check(expression.right);
      return expression.operator === "+" ? left : scalarShape;
    }
    case "choice": {
      check(expression.condition);
      const then = check(expression.then);
      const otherwise = check(expression.otherwise);
      return then.kind === otherwise.kind && then.kind === "scalar" ? scalarShape : anyShape;
    }
    case "list": {
      const shapes = expression.items.map(check);
      return listShape(shapes.every((shape) => shape.kind === "scalar") && shapes.length > 0 ? scalarShape : anyShape);
    }
    case "object":
      for (const entry of expression.entries) {
        check(entry.key);
        check(entry.value);
      }
      return anyShape;
    case "listFor":
      return listShape(checkExpression(expression.item, checkLoop(expression.loop, scope, report), report));
    case "objectFor": {
      const inner = checkLoop(expression.loop, scope, report);
      checkExpression(expression.entry.key, inner, report);
      checkExpression(expression.entry.value, inner, report);
      return anyShape;
    }
    default:
      return expression satisfies never;
  }
}

/** Checks a loop's head; gives the scope of its body. */
export function checkLoop(loop: Loop, scope: ShapeScope, report: ReportMistake): ShapeScope {
  const list = checkExpression(loop.list, scope, report);
  if (list.kind === "scalar" || list.kind === "object") report(loop.list.at, "a loop needs a list", undefined);
  const inner: ShapeScope = {
    ...scope,
    [loop.item]: list.kind === "list" ? list.of : anyShape,
    ...(loop.index === undefined ? {} : { [loop.index]: scalarShape }),
  };
  if (loop.condition !== undefined) checkExpression(loop.condition, inner, report);
  return inner;
}

function memberShape(of: Shape, name: string, at: number, report: ReportMistake): Shape {
  switch (of.kind) {
    case "any":
      return anyShape;
    case "object": {
      const member = Object.hasOwn(of.members, name) ? of.members[name] : undefined;
      if (member !== undefined) return member;
      const hyphenated = Object.keys(of.members).find((known) => known.startsWith(`${name}-`));
      const hint =
        hyphenated === undefined
          ? suggest(name, Object.keys(of.members))
          : `a name with a hyphen is written in brackets: ["${hyphenated}"]`;
      report(at, `no member \`${name}\``, hint);
      return anyShape;
    }
    case "list":
      report(at, `a list has no member \`${name}\``, "take one of its items first: `[0]`");
      return anyShape;
    case "scalar":
      report(at, `a single value has no member \`${name}\``, undefined);
      return anyShape;
    default:
      return of satisfies never;
  }
}

function checkCall(
  expression: Extract<Expression, { kind: "call" }>,
  check: (inner: Expression) => Shape,
  report: ReportMistake,
): Shape {
  const shapes = expression.args.map(check);
  const definition = Object.hasOwn(functions, expression.name) ? functions[expression.name] : undefined;
  if (definition === undefined) {
    report(
      expression.at,
      `no function is named \`${expression.name}\``,
      suggest(expression.name, Object.keys(functions)),
    );
    return anyShape;
  }
  const [least, most] = definition.arity;
  if (shapes.length < least || shapes.length > most) {
    report(expression.at, `wrong number of arguments for \`${expression.name}\``, definition.signature);
  }
  if (expression.name === "range") return listShape(scalarShape);
  if (expression.name === "keys") return listShape(scalarShape);
  return expression.name === "merge" ? anyShape : scalarShape;
}
