import { ExpressionError } from "./syntax.ts";

const rawMark: unique symbol = Symbol("raw text");

/** A text that goes into a shell script as it is. */
export interface RawText {
  readonly [rawMark]: string;
}

export const rawText = (text: string): RawText => ({ [rawMark]: text });
export const isRawText = (value: Value): value is RawText =>
  typeof value === "object" && value !== null && rawMark in value;
export const textOfRaw = (value: RawText): string => value[rawMark];

export type Value = null | boolean | number | string | readonly Value[] | ValueObject | RawText;
/** Members may be getters: what isn't known yet throws an ExpressionError when it is asked for. */
export interface ValueObject {
  readonly [key: string]: Value;
}

/** What names mean. */
export type Scope = Readonly<Record<string, Value>>;

export const isValueObject = (value: Value): value is ValueObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawText(value);

export const isValueList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** What can be written into a text as it is. */
export const isScalarValue = (value: Value): value is null | boolean | number | string =>
  value === null || typeof value !== "object";

export function finite(value: number, at: number): number {
  if (Number.isFinite(value)) return value;
  throw new ExpressionError("the result is not a finite number", at);
}
