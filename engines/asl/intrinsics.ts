import { createHash } from "node:crypto";
import type { Json } from "../../core/effects/json.ts";
import { EvaluationError, ExpressionSyntaxError } from "./errors.ts";
import { isArray, isObject, jsonEquals } from "./json-data.ts";
import { clip, evaluatePath, parsePathAt } from "./path.ts";
import type { Path, Scope } from "./path.ts";

/** What stands to the right of a `.$` key: a path, or a call whose arguments are paths, literals or calls. */
export type Expression =
  | { readonly kind: "path"; readonly path: Path }
  /** `escaped` keeps the backslashes of a string: States.Format must tell `\{` from `{`. */
  | { readonly kind: "literal"; readonly value: Json; readonly escaped: string | undefined }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] };

/** @throws {ExpressionSyntaxError} when `text` is neither a path nor a call of a known intrinsic */
export function parseExpression(text: string): Expression {
  if (!text.startsWith("$") && !text.startsWith("States.")) {
    throw new ExpressionSyntaxError(`expected a path or an intrinsic function, got "${text}"`);
  }
  const parser = new Parser(text);
  const expression = parser.argument();
  parser.expectEnd();
  return expression;
}

/** @throws {EvaluationError} States.Runtime for a path that leads nowhere, States.IntrinsicFailure for a bad argument */
export function evaluateExpression(expression: Expression, scope: Scope): Json {
  switch (expression.kind) {
    case "path":
      return evaluatePath(expression.path, scope);
    case "literal":
      return expression.value;
    case "call": {
      const [first] = expression.args;
      const args = expression.args.map((argument) => evaluateExpression(argument, scope));
      if (expression.name === "States.Format") {
        const template = first?.kind === "literal" ? first.escaped : undefined;
        return format(template ?? escape(text(args[0], "States.Format")), args.slice(1));
      }
      const intrinsic = intrinsics.get(expression.name);
      if (intrinsic === undefined) throw failure(expression.name, "unknown function"); // the parser lets none through
      return intrinsic(args);
    }
    default:
      return expression satisfies never;
  }
}

/** Every path of an expression: lint looks through them. */
export function pathsOf(expression: Expression): readonly Path[] {
  switch (expression.kind) {
    case "path":
      return [expression.path];
    case "literal":
      return [];
    case "call":
      return expression.args.flatMap(pathsOf);
    default:
      return expression satisfies never;
  }
}

class Parser {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  argument(): Expression {
    this.skipSpace();
    const next = this.text[this.at];
    if (next === "$") {
      const { path, end } = parsePathAt(this.text, this.at);
      this.at = end;
      return { kind: "path", path };
    }
    if (next === "'") return this.string();
    const call = this.match(/(States\.[A-Za-z0-9]+)\s*\(/y);
    if (call) return this.call(call[1] ?? "");
    const word = this.match(/true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (word) return { kind: "literal", value: JSON.parse(word[0]) as Json, escaped: undefined }; // the pattern is JSON
    return this.fail();
  }

  expectEnd(): void {
    this.skipSpace();
    if (this.at !== this.text.length) this.fail();
  }

  private call(name: string): Expression {
    if (name !== "States.Format" && !intrinsics.has(name)) {
      throw new ExpressionSyntaxError(`"${name}" is no intrinsic function of our subset (${known()})`);
    }
    const args: Expression[] = [];
    this.skipSpace();
    if (this.match(/\)/y)) return { kind: "call", name, args };
    for (;;) {
      args.push(this.argument());
      this.skipSpace();
      if (this.match(/\)/y)) return { kind: "call", name, args };
      if (!this.match(/,/y)) this.fail();
    }
  }

  private string(): Expression {
    const [, escaped] = this.match(/'((?:[^'\\]|\\['\\{}nrt])*)'/y) ?? this.fail();
    return { kind: "literal", value: unescape(escaped ?? ""), escaped: escaped ?? "" };
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  private skipSpace(): void {
    this.match(/\s*/y);
  }

  private fail(): never {
    throw new ExpressionSyntaxError(`not an intrinsic expression at character ${this.at + 1}: "${this.text}"`);
  }
}

const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
const unescape = (escaped: string): string => escaped.replace(/\\(.)/g, (_, char: string) => controls[char] ?? char);
const escape = (plain: string): string => plain.replace(/\\/g, "\\\\");

function format(template: string, args: readonly Json[]): string {
  let used = 0;
  const result = template.replace(/\\(.)|\{\}/g, (_, escaped: string | undefined) => {
    if (escaped !== undefined) return controls[escaped] ?? escaped;
    const value = args[used++];
    if (typeof value === "string") return value;
    if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
    throw failure(
      "States.Format",
      value === undefined ? "more {} than arguments" : "an argument is an array or object",
    );
  });
  if (used !== args.length) throw failure("States.Format", "more arguments than {}");
  return result;
}

const failure = (name: string, reason: string): EvaluationError =>
  new EvaluationError(`${name} failed: ${reason}.`, "States.IntrinsicFailure");

function text(value: Json | undefined, name: string): string {
  if (typeof value !== "string") throw failure(name, `expected a string, got ${show(value)}`);
  return value;
}
function integer(value: Json | undefined, name: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw failure(name, `expected an integer, got ${show(value)}`);
  }
  return value;
}
function rounded(value: Json | undefined, name: string): number {
  if (typeof value !== "number") throw failure(name, `expected a number, got ${show(value)}`);
  return Math.round(value) + 0; // no -0
}
function array(value: Json | undefined, name: string): readonly Json[] {
  if (!isArray(value)) throw failure(name, `expected an array, got ${show(value)}`);
  return value;
}
const show = (value: Json | undefined): string => (value === undefined ? "nothing" : clip(JSON.stringify(value)));

const withArity = (name: string, arity: number, compute: (args: readonly Json[]) => Json) =>
  [
    name,
    (args: readonly Json[]): Json => {
      if (args.length !== arity) throw failure(name, `takes ${arity} arguments, got ${args.length}`);
      return compute(args);
    },
  ] as const;

const hashAlgorithms = new Map([
  ["MD5", "md5"],
  ["SHA-1", "sha1"],
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);

/** Pure functions only: States.UUID and States.MathRandom would make two runs of one history differ. */
const intrinsics: ReadonlyMap<string, (args: readonly Json[]) => Json> = new Map([
  ["States.Array", (args) => args],
  withArity("States.ArrayLength", 1, ([items]) => array(items, "States.ArrayLength").length),
  withArity("States.ArrayGetItem", 2, ([items, at]) => {
    const item = array(items, "States.ArrayGetItem")[integer(at, "States.ArrayGetItem")];
    if (item === undefined) throw failure("States.ArrayGetItem", `no item at index ${show(at)}`);
    return item;
  }),
  withArity("States.ArrayContains", 2, ([items, wanted]) =>
    array(items, "States.ArrayContains").some((item) => jsonEquals(item, wanted)),
  ),
  withArity("States.ArrayRange", 3, (args) => {
    const [first = 0, last = 0, step = 0] = args.map((arg) => integer(arg, "States.ArrayRange"));
    if (step === 0) throw failure("States.ArrayRange", "the step is 0");
    const length = Math.max(0, Math.floor((last - first) / step) + 1);
    if (length > 1_000) throw failure("States.ArrayRange", `${length} items, at most 1000 are allowed`);
    return Array.from({ length }, (_, i) => first + i * step);
  }),
  // Each is rounded first, halves up, as the service does.
  withArity("States.MathAdd", 2, ([a, b]) => rounded(a, "States.MathAdd") + rounded(b, "States.MathAdd")),
  withArity("States.JsonMerge", 3, ([a, b, isDeep]) => {
    if (isDeep !== false) throw failure("States.JsonMerge", "only shallow merges exist: the third argument is false");
    if (!isObject(a) || !isObject(b)) throw failure("States.JsonMerge", "expected two objects");
    return { ...a, ...b };
  }),
  withArity("States.StringToJson", 1, ([value]) => {
    const json = text(value, "States.StringToJson");
    if (json.trim() === "") return null; // as the service does
    try {
      return JSON.parse(json) as Json; // JSON.parse gives nothing else
    } catch {
      throw failure("States.StringToJson", `not JSON: ${show(value)}`);
    }
  }),
  withArity("States.JsonToString", 1, ([value = null]) => JSON.stringify(value)),
  withArity("States.StringSplit", 2, ([value, separators]) => {
    // Each character separates, and runs of them leave no empty parts, as in the service.
    const cuts = new Set(text(separators, "States.StringSplit"));
    const parts: string[] = [];
    let part = "";
    for (const char of text(value, "States.StringSplit")) {
      if (cuts.has(char)) {
        parts.push(part);
        part = "";
      } else part += char;
    }
    return [...parts, part].filter((each) => each !== "");
  }),
  withArity("States.Hash", 2, ([value, algorithm]) => {
    const name = hashAlgorithms.get(text(algorithm, "States.Hash"));
    if (name === undefined) throw failure("States.Hash", `unknown algorithm ${show(algorithm)}`);
    const hashed = typeof value === "string" ? value : JSON.stringify(value);
    return createHash(name).update(hashed).digest("hex");
  }),
]);

const known = (): string => ["States.Format", ...intrinsics.keys()].join(", ");
