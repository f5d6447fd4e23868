import type { Value, ValueObject } from "./values.ts";
import { finite, isRawText, isScalarValue, isValueList, isValueObject, rawText, textOfRaw } from "./values.ts";
import { ExpressionError } from "./syntax.ts";
import { typeName } from "../json-values.ts";

export interface FunctionDefinition {
  readonly signature: string;
  readonly description: string;
  readonly arity: readonly [least: number, most: number];
  /** @throws {ExpressionError} at `at` */
  readonly run: (args: readonly Value[], at: number) => Value;
}

const maxRange = 1_000_000;

const numbersOf = (args: readonly Value[], at: number): number[] => {
  const values = args.length === 1 && args[0] !== undefined && isValueList(args[0]) ? args[0] : args;
  return values.map((value) => {
    if (typeof value === "number") return value;
    throw new ExpressionError(`a number is needed, not ${typeName(value)}`, at);
  });
};

const onNumber =
  (compute: (value: number) => number) =>
  (args: readonly Value[], at: number): Value => {
    const [value] = numbersOf(args, at);
    return finite(compute(value ?? NaN), at);
  };

const extreme =
  (pick: (...values: number[]) => number) =>
  (args: readonly Value[], at: number): Value => {
    const values = numbersOf(args, at);
    if (values.length === 0) throw new ExpressionError("of no numbers", at);
    return values.reduce((a, b) => pick(a, b));
  };

function objectOf(value: Value | undefined, at: number): ValueObject {
  if (value !== undefined && isValueObject(value)) return value;
  throw new ExpressionError(`a mapping is needed, not ${typeName(value)}`, at);
}

function listOf(value: Value | undefined, at: number): readonly Value[] {
  if (value !== undefined && isValueList(value)) return value;
  throw new ExpressionError(`a list is needed, not ${typeName(value)}`, at);
}

/** A value as the text that templates write; lists and mappings have none. */
export function textOf(value: Value, at: number): string {
  if (isRawText(value)) return textOfRaw(value);
  if (isScalarValue(value) && value !== null) return String(value);
  throw new ExpressionError(
    `${typeName(value)} has no text of its own`,
    at,
    value === null ? "compare it with null first" : "write it with json(…) or join(…, ', ')",
  );
}

/** A value without raw texts, as JSON holds it. */
export function plainValue(value: Value): Value {
  if (isRawText(value)) return textOfRaw(value);
  if (isValueList(value)) return value.map(plainValue);
  if (isValueObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plainValue(v)]));
  return value;
}

const deepMerge = (base: ValueObject, over: ValueObject): ValueObject => {
  const merged: Record<string, Value> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = below !== undefined && isValueObject(below) && isValueObject(value) ? deepMerge(below, value) : value;
  }
  return merged;
};

/** Everything an expression can call. Few on purpose: what needs more belongs in a script. */
export const functions: Readonly<Record<string, FunctionDefinition>> = {
  min: { signature: "min(a, b, …) or min(list)", description: "the smallest", arity: [1, 64], run: extreme(Math.min) },
  max: { signature: "max(a, b, …) or max(list)", description: "the largest", arity: [1, 64], run: extreme(Math.max) },
  sum: {
    signature: "sum(list)",
    description: "the sum of a list of numbers",
    arity: [1, 64],
    run: (args, at) =>
      finite(
        numbersOf(args, at).reduce((a, b) => a + b, 0),
        at,
      ),
  },
  floor: { signature: "floor(x)", description: "rounded down", arity: [1, 1], run: onNumber(Math.floor) },
  ceil: { signature: "ceil(x)", description: "rounded up", arity: [1, 1], run: onNumber(Math.ceil) },
  round: {
    signature: "round(x)",
    description: "rounded to the nearest whole",
    arity: [1, 1],
    run: onNumber(Math.round),
  },
  log2: { signature: "log2(x)", description: "the logarithm to base 2", arity: [1, 1], run: onNumber(Math.log2) },
  pow: {
    signature: "pow(x, y)",
    description: "x to the power of y",
    arity: [2, 2],
    run: (args, at) => {
      const [base, exponent] = numbersOf(args, at);
      return finite((base ?? NaN) ** (exponent ?? NaN), at);
    },
  },
  len: {
    signature: "len(x)",
    description: "how many items a list, members a mapping or characters a text has",
    arity: [1, 1],
    run: ([value], at) => {
      if (value !== undefined && isValueList(value)) return value.length;
      if (typeof value === "string") return Array.from(value).length;
      return Object.keys(objectOf(value, at)).length;
    },
  },
  range: {
    signature: "range(n), range(from, to) or range(from, to, step)",
    description: "whole numbers from 0 (or `from`) up to, not including, the end",
    arity: [1, 3],
    run: (args, at) => {
      const numbers = numbersOf(args, at);
      const [from, to] = numbers.length === 1 ? [0, numbers[0] ?? 0] : [numbers[0] ?? 0, numbers[1] ?? 0];
      const step = numbers[2] ?? 1;
      if (step === 0) throw new ExpressionError("a step of 0 never ends", at);
      const length = Math.max(0, Math.ceil((to - from) / step));
      if (length > maxRange) throw new ExpressionError(`a list of ${length} numbers is too long`, at);
      return Array.from({ length }, (_, index) => from + index * step);
    },
  },
  join: {
    signature: "join(list, separator)",
    description: "the items as one text, the separator (a comma if none is given) between them",
    arity: [1, 2],
    run: ([list, separator], at) =>
      listOf(list, at)
        .map((item) => textOf(item, at))
        .join(separator === undefined ? "," : textOf(separator, at)),
  },
  json: {
    signature: "json(x)",
    description: "x as JSON text",
    arity: [1, 1],
    run: ([value]) => JSON.stringify(plainValue(value ?? null)),
  },
  keys: {
    signature: "keys(mapping)",
    description: "the names of its members, in order",
    arity: [1, 1],
    run: ([value], at) => Object.keys(objectOf(value, at)),
  },
  merge: {
    signature: "merge(a, b, …)",
    description: "mappings laid over each other: the later wins, inner mappings merge",
    arity: [1, 16],
    run: (args, at) => args.map((arg) => objectOf(arg, at)).reduce(deepMerge),
  },
  text: {
    signature: "text(x)",
    description: "a number or truth value as text",
    arity: [1, 1],
    run: ([value], at) => textOf(value ?? null, at),
  },
  raw: {
    signature: "raw(x)",
    description:
      "in `run:` only: the text goes into the script unquoted, so that it can hold several words or operators",
    arity: [1, 1],
    run: ([value], at) => rawText(textOf(value ?? null, at)),
  },
};
