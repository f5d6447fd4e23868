import type { Json } from "../effects/json.ts";
import type { Scope, Value } from "./expression/values.ts";
import { plainValue } from "./expression/functions.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { isJsonList, isJsonObject } from "./json-values.ts";
import type { Path, Problem } from "./problem.ts";
import { DefinitionError } from "./problem.ts";
import { parseDurationMs, parseRateBitsPerSec, parseShare, parseSizeBytes, QuantityError } from "./quantities.ts";
import { parseShellTemplate, renderShell } from "./shell-template.ts";
import type { TemplateMistake } from "./template.ts";
import {
  checkTemplate,
  hasExpressions,
  parseTemplate,
  renderTemplate,
  renderValue,
  TemplateError,
} from "./template.ts";
import type { YamlSource } from "./yaml-source.ts";

/** A field of the definition that is filled in with values later; throws DefinitionError where it can't be. */
export type Slot<T> = (scope: Scope) => T;

/** Hears of what can't be filled in. */
export type Tell = (problems: readonly Problem[]) => void;

/** Makes slots of a definition's fields; every mistake that shows without values is collected on the way. */
export class SlotMaker {
  readonly #source: YamlSource;
  readonly #problems: Problem[];
  #tell: Tell | undefined;

  constructor(source: YamlSource, problems: Problem[]) {
    this.#source = source;
    this.#problems = problems;
  }

  /**
   * Fields that can't be filled in are told meanwhile, and something of their kind stands for them: so that all of a
   * rendering's mistakes are found, not the first alone. Nothing that comes of it is ever run.
   */
  tolerating<T>(tell: Tell, run: () => T): T {
    this.#tell = tell;
    try {
      return run();
    } finally {
      this.#tell = undefined;
    }
  }

  text(path: Path, text: string, shapes: ShapeScope): Slot<string> {
    return this.#soft(this.#text(path, text, shapes), "x");
  }

  #text(path: Path, text: string, shapes: ShapeScope): Slot<string> {
    if (!hasExpressions(text)) return () => text;
    const { template, mistakes } = parseTemplate(text, { blocks: false });
    this.#note(path, text, [...mistakes, ...checkTemplate(template, shapes)]);
    return (scope) => this.#run(path, text, () => renderTemplate(template, scope));
  }

  script(path: Path, text: string, shapes: ShapeScope): Slot<string> {
    if (!hasExpressions(text)) return () => text;
    const { script, mistakes } = parseShellTemplate(text);
    this.#note(path, text, [...mistakes, ...checkTemplate(script.template, shapes)]);
    return this.#soft((scope) => this.#run(path, text, () => renderShell(script, scope)), ":");
  }

  /** The content of a file: `file` is where it stands if not in the definition itself. */
  content(path: Path, text: string, shapes: ShapeScope, file?: string): Slot<string> {
    const { template, mistakes } = parseTemplate(text, { blocks: true });
    this.#note(path, text, [...mistakes, ...checkTemplate(template, shapes)], file);
    return this.#soft((scope) => this.#run(path, text, () => renderTemplate(template, scope), file), "");
  }

  /** Data whose texts may be expressions. */
  data(path: Path, data: Json, shapes: ShapeScope): Slot<Json> {
    if (typeof data === "string") return this.#soft(this.#value(path, data, shapes), null);
    if (isJsonList(data)) {
      const items = data.map((item, index) => this.data([...path, index], item, shapes));
      return (scope) => items.map((item) => item(scope));
    }
    if (isJsonObject(data)) {
      const members = Object.entries(data).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, this.data([...path, key], value, shapes)] as const],
      );
      return (scope) => Object.fromEntries(members.map(([key, member]) => [key, member(scope)]));
    }
    return () => data;
  }

  #value(path: Path, text: string, shapes: ShapeScope): Slot<Json> {
    if (!hasExpressions(text)) return () => text;
    const { template, mistakes } = parseTemplate(text, { blocks: false });
    this.#note(path, text, [...mistakes, ...checkTemplate(template, shapes)]);
    return (scope) => this.#run(path, text, () => toJson(renderValue(template, scope)));
  }

  number(path: Path, value: number | string, shapes: ShapeScope): Slot<number> {
    const read = (result: Json): number | undefined => (typeof result === "number" ? result : undefined);
    return this.#typed(path, value, shapes, { what: "a number", read, instead: 1 });
  }

  /** A whole number of at least 0. */
  count(path: Path, value: number | string, shapes: ShapeScope): Slot<number> {
    return this.#typed(path, value, shapes, {
      what: "a whole number of at least 0",
      read: (result) => (typeof result === "number" && Number.isInteger(result) && result >= 0 ? result : undefined),
      instead: 1,
    });
  }

  port(path: Path, value: number | string, shapes: ShapeScope): Slot<number> {
    const isPort = (result: number): boolean => Number.isInteger(result) && result >= 1 && result <= 65_535;
    return this.#typed(path, value, shapes, {
      what: "a port from 1 to 65535",
      read: (result) => (typeof result === "number" && isPort(result) ? result : undefined),
      instead: 1,
    });
  }

  boolean(path: Path, value: boolean | string, shapes: ShapeScope): Slot<boolean> {
    const read = (result: Json): boolean | undefined => (typeof result === "boolean" ? result : undefined);
    return this.#typed(path, value, shapes, { what: "true or false", read, instead: false });
  }

  list(path: Path, value: string, shapes: ShapeScope): Slot<readonly Json[]> {
    const read = (result: Json): readonly Json[] | undefined => (isJsonList(result) ? result : undefined);
    return this.#typed(path, value, shapes, { what: "a list", read, instead: [] });
  }

  durationMs(path: Path, text: string, shapes: ShapeScope): Slot<number> {
    return this.#amount(path, text, shapes, parseDurationMs);
  }

  sizeBytes(path: Path, text: string, shapes: ShapeScope): Slot<number> {
    return this.#amount(path, text, shapes, parseSizeBytes);
  }

  bitsPerSec(path: Path, text: string, shapes: ShapeScope): Slot<number> {
    return this.#amount(path, text, shapes, parseRateBitsPerSec);
  }

  share(path: Path, text: string, shapes: ShapeScope): Slot<number> {
    return this.#amount(path, text, shapes, parseShare);
  }

  /** Stops rendering with a problem at a field. */
  fail(path: Path, message: string, hint?: string): never {
    throw new DefinitionError([this.#source.problem(path, message, { hint })]);
  }

  #amount(path: Path, text: string, shapes: ShapeScope, parse: (text: string) => number): Slot<number> {
    if (!hasExpressions(text)) {
      const amount = parse(text); // the schema has seen that it can be read
      return () => amount;
    }
    const slot = this.#text(path, text, shapes);
    return this.#soft((scope) => {
      const rendered = slot(scope);
      try {
        return parse(rendered);
      } catch (error) {
        if (!(error instanceof QuantityError)) throw error;
        throw new DefinitionError([this.#source.problem(path, error.message, { hint: error.hint, value: text })]);
      }
    }, 1);
  }

  #typed<T>(
    path: Path,
    value: Json,
    shapes: ShapeScope,
    kind: { readonly what: string; readonly read: (result: Json) => T | undefined; readonly instead: T },
  ): Slot<T> {
    const data = typeof value === "string" ? this.#value(path, value, shapes) : () => value;
    return this.#soft((scope) => {
      const result = data(scope);
      const typed = kind.read(result);
      if (typed !== undefined) return typed;
      const message = `must be ${kind.what}, and is ${JSON.stringify(result)}`;
      throw new DefinitionError([this.#source.problem(path, message, { value })]);
    }, kind.instead);
  }

  #note(path: Path, text: string, mistakes: readonly TemplateMistake[], file?: string): void {
    for (const mistake of mistakes) this.#problems.push(this.#problem(path, text, mistake, file));
  }

  #soft<T>(slot: Slot<T>, instead: T): Slot<T> {
    return (scope) => {
      try {
        return slot(scope);
      } catch (error) {
        if (this.#tell === undefined || !(error instanceof DefinitionError)) throw error;
        this.#tell(error.problems);
        return instead;
      }
    };
  }

  #run<T>(path: Path, text: string, compute: () => T, file?: string): T {
    try {
      return compute();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const mistake = { ...error.place, message: error.message, hint: error.hint };
      throw new DefinitionError([this.#problem(path, text, mistake, file)]);
    }
  }

  #problem(path: Path, text: string, mistake: TemplateMistake, file: string | undefined): Problem {
    const start = expressionStart(text, mistake.index);
    const { message, hint } = mistake;
    const value = expressionText(text, start);
    if (file === undefined) return this.#source.problem(path, message, { hint, expression: mistake, value });
    const before = text.slice(0, start + mistake.offset).split("\n");
    const position = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    return { ...this.#source.problem(path, message, { hint, value }), ...position, file };
  }
}

function expressionStart(text: string, index: number): number {
  let at = text.indexOf("${{");
  for (let seen = 0; seen < index && at >= 0; seen++) at = text.indexOf("${{", at + 3);
  return Math.max(0, at);
}

const expressionText = (text: string, start: number): string => {
  const end = text.indexOf("}}", start);
  return text.slice(start, end < 0 ? undefined : end + 2);
};

/** Values are JSON but for raw texts and members not known yet, which throw when touched. */
const toJson = (value: Value): Json => plainValue(value) as Json;
