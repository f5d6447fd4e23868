import { ExpressionError } from "./expression/syntax.ts";
import type { Expression, Loop } from "./expression/syntax.ts";
import { parseExpression, parseLoopHead } from "./expression/parse.ts";
import type { Scope, Value } from "./expression/values.ts";
import { asBoolean, evaluate, loopScopes } from "./expression/evaluate.ts";
import { textOf } from "./expression/functions.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { checkExpression, checkLoop } from "./expression/shape.ts";
import { RepriseError } from "../errors/reprise-error.ts";

/** Where an expression stands in its text: the n-th `${{` from 0, and characters from that `${{` on. */
export interface TemplatePlace {
  readonly index: number;
  readonly offset: number;
}

export interface TemplateMistake extends TemplatePlace {
  readonly message: string;
  readonly hint: string | undefined;
}

/** A mistake that shows only with values: an index out of range, a list where a word is needed. */
export class TemplateError extends RepriseError {
  override readonly name = "TemplateError";
  readonly place: TemplatePlace;
  constructor(message: string, place: TemplatePlace, hint?: string) {
    super(message, { hint });
    this.place = place;
  }
}

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly expression: Expression; readonly place: TemplatePlace }
  | { readonly kind: "for"; readonly loop: Loop; readonly place: TemplatePlace; readonly body: readonly TemplatePart[] }
  | { readonly kind: "if"; readonly branches: readonly Branch[] };

interface Branch {
  /** undefined: else. */
  readonly condition: Expression | undefined;
  readonly place: TemplatePlace;
  readonly body: readonly TemplatePart[];
}

/** A text with `${{ }}` in it, read once and rendered often. */
export interface Template {
  readonly source: string;
  readonly parts: readonly TemplatePart[];
}

const opening = "${{";

export const hasExpressions = (text: string): boolean => text.includes(opening);

interface Frame {
  readonly kind: "top" | "for" | "if";
  readonly place: TemplatePlace;
  parts: TemplatePart[];
  readonly branches: Branch[];
  readonly loop: Loop | undefined;
  condition: Expression | undefined;
  branchPlace: TemplatePlace;
}

/**
 * Reads a text with `${{ expression }}` and, where `blocks` allows, `${{ for x in list }}`, `${{ if condition }}`,
 * `${{ else if condition }}`, `${{ else }}` and `${{ end }}`. A line that holds nothing but a block's head or end
 * leaves no empty line behind.
 */
export function parseTemplate(
  source: string,
  options: { readonly blocks: boolean },
): { readonly template: Template; readonly mistakes: readonly TemplateMistake[] } {
  const mistakes: TemplateMistake[] = [];
  const top = newFrame("top", { index: 0, offset: 0 });
  const stack: Frame[] = [top];
  const current = (): Frame => stack.at(-1) ?? top;
  const addText = (text: string): void => {
    if (text !== "") current().parts.push({ kind: "text", text });
  };

  let at = 0;
  for (let index = 0; ; index++) {
    const start = source.indexOf(opening, at);
    if (start < 0) break;
    const end = findEnd(source, start + opening.length);
    const fail = (message: string, offset: number, hint?: string): void => {
      mistakes.push({ index, offset, message, hint });
    };
    if (end === undefined) {
      addText(source.slice(at, start));
      at = source.length;
      fail("`${{` without `}}`", 0);
      break;
    }
    const inner = source.slice(start + opening.length, end);
    const lead = inner.length - inner.trimStart().length;
    const offset = opening.length + lead;
    const place: TemplatePlace = { index, offset };
    const body = inner.trim();
    const directive = /^(for|if|else\s+if|else|end)(?![\w([.])\s*/.exec(body);
    let textEnd = start;
    let next = end + 2;
    if (directive?.[1] !== undefined && !options.blocks) {
      // The rest of the block goes with its head.
      if (directive[1] === "for" || directive[1] === "if")
        fail(`\`${directive[1]}\` blocks are for files only`, offset, "write the list with join([… for … in …], ' ')");
      addText(source.slice(at, start));
      at = next;
      continue;
    }
    if (directive?.[1] !== undefined) {
      const line = standaloneLine(source, start, next);
      if (line !== undefined) [textEnd, next] = line;
    }
    addText(source.slice(at, textEnd));
    at = next;
    try {
      if (directive?.[1] === undefined) {
        current().parts.push({ kind: "value", expression: parseExpression(body), place });
        continue;
      }
      const word = directive[1].replace(/\s+/, " ");
      const restPlace: TemplatePlace = { index, offset: offset + directive[0].length };
      const rest = body.slice(directive[0].length);
      openOrClose(stack, word, rest, place, restPlace);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      const from = directive?.[1] === undefined ? offset : offset + (directive[0].length || 0);
      fail(error.message, from + error.at, error.hint);
    }
  }
  addText(source.slice(at));
  while (stack.length > 1) {
    const frame = current();
    mistakes.push({ ...frame.place, message: `\`${frame.kind}\` without \`\${{ end }}\``, hint: undefined });
    closeFrame(stack);
  }
  return { template: { source, parts: top.parts }, mistakes };
}

const newFrame = (kind: Frame["kind"], place: TemplatePlace): Frame => ({
  kind,
  place,
  parts: [],
  branches: [],
  loop: undefined,
  condition: undefined,
  branchPlace: place,
});

/** @throws {ExpressionError} for an `else` or `end` that belongs to nothing */
function openOrClose(stack: Frame[], word: string, rest: string, place: TemplatePlace, restPlace: TemplatePlace): void {
  const frame = stack.at(-1);
  if (word === "for") {
    stack.push({ ...newFrame("for", place), loop: parseLoopHead(rest), branchPlace: restPlace });
    return;
  }
  if (word === "if") {
    stack.push({ ...newFrame("if", place), condition: parseExpression(rest), branchPlace: restPlace });
    return;
  }
  if (frame === undefined || frame.kind === "top" || (word !== "end" && frame.kind !== "if")) {
    throw new ExpressionError(`\`${word}\` belongs to no block`, 0);
  }
  if (word === "end") {
    closeFrame(stack);
    return;
  }
  if (frame.branches.length > 0 && frame.condition === undefined) {
    throw new ExpressionError(`\`${word}\` after \`else\``, 0);
  }
  closeBranch(frame);
  frame.condition = word === "else if" ? parseExpression(rest) : undefined;
  frame.branchPlace = restPlace;
}

function closeFrame(stack: Frame[]): void {
  const frame = stack.pop();
  const outer = stack.at(-1);
  if (frame === undefined || outer === undefined) return;
  if (frame.loop !== undefined) {
    outer.parts.push({ kind: "for", loop: frame.loop, place: frame.branchPlace, body: frame.parts });
  } else {
    closeBranch(frame);
    outer.parts.push({ kind: "if", branches: frame.branches });
  }
}

function closeBranch(frame: Frame): void {
  frame.branches.push({ condition: frame.condition, place: frame.branchPlace, body: frame.parts });
  frame.parts = [];
}

/** Where `}}` closes the expression that begins at `from`; texts and braces inside it don't count. */
function findEnd(source: string, from: number): number | undefined {
  let depth = 0;
  let quote = "";
  for (let i = from; i < source.length; i++) {
    const character = source.charAt(i);
    if (quote !== "") {
      if (character === "\\") i++;
      else if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "{") depth++;
    else if (character === "}") {
      if (depth > 0) depth--;
      else if (source.charAt(i + 1) === "}") return i;
    }
  }
  // A quote that never closes may stand outside the expression: the next `}}` is then the better guess.
  const simple = source.indexOf("}}", from);
  return quote === "" || simple < 0 ? undefined : simple;
}

/** The whole line, break included, when nothing but space surrounds what lies from `start` to `end`. */
function standaloneLine(source: string, start: number, end: number): readonly [number, number] | undefined {
  const lineStart = source.lastIndexOf("\n", start - 1) + 1;
  const breakAt = source.indexOf("\n", end);
  const lineEnd = breakAt < 0 ? source.length : breakAt;
  const isAlone = source.slice(lineStart, start).trim() === "" && source.slice(end, lineEnd).trim() === "";
  return isAlone ? [lineStart, breakAt < 0 ? lineEnd : lineEnd + 1] : undefined;
}

/** Checks every name in a template against the shapes of its scope. */
export function checkTemplate(template: Template, scope: ShapeScope): TemplateMistake[] {
  const mistakes: TemplateMistake[] = [];
  const reporter =
    (place: TemplatePlace) =>
    (at: number, message: string, hint: string | undefined): void => {
      mistakes.push({ index: place.index, offset: place.offset + at, message, hint });
    };
  const visit = (parts: readonly TemplatePart[], inner: ShapeScope): void => {
    for (const part of parts) {
      switch (part.kind) {
        case "text":
          break;
        case "value":
          checkExpression(part.expression, inner, reporter(part.place));
          break;
        case "for":
          visit(part.body, checkLoop(part.loop, inner, reporter(part.place)));
          break;
        case "if":
          for (const branch of part.branches) {
            if (branch.condition !== undefined) checkExpression(branch.condition, inner, reporter(branch.place));
            visit(branch.body, inner);
          }
          break;
        default:
          part satisfies never;
      }
    }
  };
  visit(template.parts, scope);
  return mistakes;
}

const located = <T>(place: TemplatePlace, compute: () => T): T => {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new TemplateError(error.message, { index: place.index, offset: place.offset + error.at }, error.hint);
  }
};

/** How a value enters the text around it; `part` counts the template's parts at the top level. */
export type WriteValue = (value: Value, at: number, part: number) => string;

/** @throws {TemplateError} */
export function renderTemplate(template: Template, scope: Scope, write: WriteValue = textOf): string {
  let text = "";
  const visit = (parts: readonly TemplatePart[], inner: Scope): void => {
    parts.forEach((part, index) => {
      switch (part.kind) {
        case "text":
          text += part.text;
          break;
        case "value":
          text += located(part.place, () => write(evaluate(part.expression, inner), part.expression.at, index));
          break;
        case "for":
          for (const turn of located(part.place, () => loopScopes(part.loop, inner))) visit(part.body, turn);
          break;
        case "if": {
          const branch = part.branches.find(
            ({ condition, place }) =>
              condition === undefined || located(place, () => asBoolean(evaluate(condition, inner), condition.at)),
          );
          if (branch !== undefined) visit(branch.body, inner);
          break;
        }
        default:
          part satisfies never;
      }
    });
  };
  visit(template.parts, scope);
  return text;
}

/**
 * A text as data: one that is nothing but an expression keeps its value's type, any other becomes a text.
 *
 * @throws {TemplateError}
 */
export function renderValue(template: Template, scope: Scope): Value {
  const [only] = template.parts;
  if (template.parts.length === 1 && only?.kind === "value") {
    return located(only.place, () => evaluate(only.expression, scope));
  }
  return renderTemplate(template, scope);
}
