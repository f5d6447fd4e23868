import type { Scope, Value } from "./expression/values.ts";
import { isRawText, isValueList, textOfRaw } from "./expression/values.ts";
import { textOf } from "./expression/functions.ts";
import { ExpressionError } from "./expression/syntax.ts";
import type { Template, TemplateMistake } from "./template.ts";
import { parseTemplate, renderTemplate } from "./template.ts";

/** What surrounds a value in a shell script, and so decides how it is quoted. */
export type ShellContext = "word" | "single" | "double" | "hereDoc" | "literalHereDoc" | "comment" | "backquote";

/** A script with `${{ }}` in it; a value can't end a quotation, add a word or start a command, whatever it holds. */
export interface ShellTemplate {
  readonly template: Template;
  readonly contexts: ReadonlyMap<number, ShellContext>; // by part
}

/** Reads a script for `sh`, or for the interpreter that its first line names. */
export function parseShellTemplate(source: string): {
  readonly script: ShellTemplate;
  readonly mistakes: readonly TemplateMistake[];
} {
  const { template, mistakes } = parseTemplate(source, { blocks: false });
  const contexts = new Map<number, ShellContext>();
  const found: TemplateMistake[] = [...mistakes];
  const interpreter = interpreterOf(source);
  const scanner = new ShellScanner();
  template.parts.forEach((part, index) => {
    if (part.kind === "text") scanner.feed(part.text);
    if (part.kind !== "value") return;
    const context = scanner.hole();
    contexts.set(index, context);
    if (interpreter !== undefined) {
      found.push({
        ...part.place,
        message: `values can't be quoted for ${interpreter}`,
        hint: "read them from the JSON file that REPRISE_CONTEXT names, or pass them as arguments from a shell script",
      });
    } else if (context === "backquote") {
      found.push({ ...part.place, message: "values can't be quoted inside backquotes", hint: "use $( … ) instead" });
    }
  });
  return { script: { template, contexts }, mistakes: found };
}

/** The interpreter of a `#!` line, unless it is a shell. */
export function interpreterOf(source: string): string | undefined {
  const line = /^#!\s*(\S+)(?:\s+(.*))?/.exec(source);
  if (line === null) return undefined;
  const words = [line[1] ?? "", ...(line[2] ?? "").split(/\s+/)].filter((word) => word !== "");
  const program =
    (words[0] ?? "").split("/").at(-1) === "env" ? words.find((w, i) => i > 0 && !w.startsWith("-")) : words[0];
  const name = (program ?? "").split("/").at(-1) ?? "";
  return /^(?:ba|da|a|k|z|mk)?sh$/.test(name) ? undefined : name;
}

/** @throws {TemplateError} */
export const renderShell = (script: ShellTemplate, scope: Scope): string =>
  renderTemplate(script.template, scope, (value, at, part) => quoteFor(script.contexts.get(part) ?? "word", value, at));

function quoteFor(context: ShellContext, value: Value, at: number): string {
  if (isRawText(value)) return textOfRaw(value);
  if (isValueList(value) && context === "word") return value.map((item) => quoteFor("word", item, at)).join(" ");
  const text = textOf(value, at);
  if (text.includes("\0")) throw new ExpressionError("a script can't hold a NUL character", at);
  switch (context) {
    case "word":
      return quoteWord(text);
    case "single":
      return text.replaceAll("'", `'\\''`);
    case "double":
    case "hereDoc":
      return text.replaceAll(/[\\$`"]/g, (c) => (c === '"' && context === "hereDoc" ? c : `\\${c}`));
    case "literalHereDoc":
      return text;
    case "comment":
      return text.replaceAll(/\s+/g, " ");
    case "backquote":
      throw new ExpressionError("values can't be quoted inside backquotes", at);
    default:
      return context satisfies never;
  }
}

const reserved = new Set(
  "case coproc do done elif else end esac fi for foreach function if in select then time until while".split(" "),
);

/**
 * One word that a POSIX shell reads back as exactly `text`.
 *
 * @see POSIX.1-2017, Shell Command Language, 2.2.2: inside single quotes every character stands for itself.
 */
export const quoteWord = (text: string): string =>
  /^[A-Za-z0-9_/:.,@+-]+$/.test(text) && !reserved.has(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

type ShellState =
  | { readonly kind: "plain" }
  | { readonly kind: "single" }
  | { readonly kind: "double" }
  | { readonly kind: "backquote" }
  | { readonly kind: "brace" }
  | { readonly kind: "comment" }
  | { readonly kind: "paren"; readonly isArithmetic: boolean; depth: number };

interface HereDoc {
  readonly delimiter: string;
  readonly isLiteral: boolean;
  readonly stripsTabs: boolean;
}

/** Follows a script's quoting from left to right: quotes, `$( )`, `${ }`, backquotes, comments and here-documents. */
class ShellScanner {
  readonly #stack: ShellState[] = [{ kind: "plain" }];
  readonly #pendingDocs: HereDoc[] = [];
  #doc: HereDoc | undefined;
  #docLine = "";
  #escaped = false;
  #previous = "\n";

  /** A value stands here: what is it in? */
  hole(): ShellContext {
    this.#escaped = false;
    this.#previous = "x";
    if (this.#doc !== undefined) {
      this.#docLine += "\0"; // no delimiter holds it: this line can't end the document
      return this.#doc.isLiteral ? "literalHereDoc" : "hereDoc";
    }
    if (this.#stack.some((state) => state.kind === "backquote")) return "backquote";
    const state = this.#top();
    switch (state.kind) {
      case "plain":
      case "paren":
        return "word";
      case "brace":
        return this.#stack.some((outer) => outer.kind === "double") ? "double" : "word";
      case "single":
      case "double":
      case "comment":
      case "backquote":
        return state.kind;
      default:
        return state satisfies never;
    }
  }

  feed(text: string): void {
    for (let i = 0; i < text.length; i++) i += this.#step(text, i);
  }

  #top(): ShellState {
    return this.#stack.at(-1) ?? { kind: "plain" };
  }

  /** Takes one character; answers how many more of the following it used up. */
  #step(text: string, i: number): number {
    const character = text.charAt(i);
    if (this.#doc !== undefined) {
      this.#feedDoc(this.#doc, character);
      return 0;
    }
    const before = this.#previous;
    this.#previous = character;
    if (this.#escaped) {
      this.#escaped = false;
      return 0;
    }
    const state = this.#top();
    if (state.kind === "single") {
      if (character === "'") this.#stack.pop();
      return 0;
    }
    if (state.kind === "comment") {
      if (character === "\n") {
        this.#stack.pop();
        this.#beginDoc();
      }
      return 0;
    }
    if (character === "\\") {
      this.#escaped = true;
      return 0;
    }
    if (character === "`") {
      if (this.#stack.some((outer) => outer.kind === "backquote")) {
        while (this.#stack.pop()?.kind !== "backquote");
      } else this.#stack.push({ kind: "backquote" });
      return 0;
    }
    if (character === "$" && text.charAt(i + 1) === "(") {
      const isArithmetic = text.charAt(i + 2) === "(";
      this.#stack.push({ kind: "paren", isArithmetic, depth: isArithmetic ? 2 : 1 });
      return isArithmetic ? 2 : 1;
    }
    if (character === "$" && text.charAt(i + 1) === "{") {
      this.#stack.push({ kind: "brace" });
      return 1;
    }
    if (character === '"') {
      if (state.kind === "double") this.#stack.pop();
      else this.#stack.push({ kind: "double" });
      return 0;
    }
    if (state.kind === "double") return 0;
    if (state.kind === "brace") {
      if (character === "}") this.#stack.pop();
      else if (character === "'" && !this.#stack.some((outer) => outer.kind === "double")) {
        this.#stack.push({ kind: "single" });
      }
      return 0;
    }
    return this.#stepPlain(text, i, before, state);
  }

  #stepPlain(text: string, i: number, before: string, state: ShellState): number {
    const character = text.charAt(i);
    if (character === "'") this.#stack.push({ kind: "single" });
    else if (character === "#" && /[\s;&|()]/.test(before)) this.#stack.push({ kind: "comment" });
    else if (character === "\n") this.#beginDoc();
    else if (state.kind === "paren" && character === "(") state.depth++;
    else if (state.kind === "paren" && character === ")") {
      if (--state.depth === 0) this.#stack.pop();
    } else if (character === "<" && !(state.kind === "paren" && state.isArithmetic)) {
      const head = /^<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([^\s'"<>;&|()]+))/.exec(text.slice(i));
      if (head !== null && before !== "<") {
        this.#pendingDocs.push({
          delimiter: head[2] ?? head[3] ?? head[4] ?? "",
          isLiteral: head[4] === undefined || head[0].includes("\\"),
          stripsTabs: head[1] === "-",
        });
        return head[0].length - 1;
      }
    }
    return 0;
  }

  #beginDoc(): void {
    this.#doc = this.#pendingDocs.shift();
    this.#docLine = "";
  }

  #feedDoc(doc: HereDoc, character: string): void {
    if (character !== "\n") {
      this.#docLine += character;
      return;
    }
    const line = doc.stripsTabs ? this.#docLine.replace(/^\t+/, "") : this.#docLine;
    this.#docLine = "";
    if (line !== doc.delimiter) return;
    this.#previous = "\n";
    this.#doc = this.#pendingDocs.shift();
  }
}
