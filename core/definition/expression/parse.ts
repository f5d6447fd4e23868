import type { BinaryOperator, Entry, Expression, Loop } from "./syntax.ts";
import { ExpressionError } from "./syntax.ts";

interface Token {
  readonly kind: "number" | "text" | "name" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

const signs = /^(?:==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()[\]{}])/;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at);
    const space = /^\s+/.exec(rest);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const number = /^(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?/.exec(rest);
    const name = /^[A-Za-z_]\w*/.exec(rest);
    const sign = signs.exec(rest);
    const first = rest.charAt(0);
    if (first === '"' || first === "'") {
      const { text, length } = readText(rest, first, at);
      tokens.push({ kind: "text", text, at });
      at += length;
    } else if (number !== null) {
      tokens.push({ kind: "number", text: number[0], at });
      at += number[0].length;
    } else if (name !== null) {
      tokens.push({ kind: "name", text: name[0], at });
      at += name[0].length;
    } else if (sign !== null) {
      tokens.push({ kind: "sign", text: sign[0], at });
      at += sign[0].length;
    } else {
      throw new ExpressionError(`the character ${JSON.stringify(first)} means nothing here`, at, signHint(first));
    }
  }
  tokens.push({ kind: "end", text: "", at: source.length });
  return tokens;
}

const signHint = (character: string): string | undefined => {
  if (character === "=") return "equality is `==`";
  if (character === "&") return "both is `&&`";
  if (character === "|") return "either is `||`";
  if (character === "$") return "an expression needs no `$` inside `${{ }}`";
  return undefined;
};

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"' };

function readText(source: string, quote: string, at: number): { readonly text: string; readonly length: number } {
  let text = "";
  for (let i = 1; i < source.length; i++) {
    const character = source.charAt(i);
    if (character === quote) return { text, length: i + 1 };
    if (character !== "\\") {
      text += character;
      continue;
    }
    i++;
    const escaped = escapes[source.charAt(i)];
    if (escaped === undefined) {
      throw new ExpressionError(`unknown escape \\${source.charAt(i)}`, at + i - 1, "known: \\n \\t \\r \\\\ \\' \\\"");
    }
    text += escaped;
  }
  throw new ExpressionError("a text that isn't closed", at);
}

const levels: readonly (readonly BinaryOperator[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", "<=", ">", ">=", "in"],
  ["+", "-"],
  ["*", "/", "%"],
];

const words = new Set(["for", "in", "if", "else", "end"]);
const maxDepth = 100;

/**
 * Reads one expression.
 *
 * @throws {ExpressionError} with the place of the first mistake
 */
export function parseExpression(source: string): Expression {
  const parser = new Parser(tokenize(source));
  const expression = parser.parseChoice();
  parser.expectEnd();
  return expression;
}

/** Reads `item in list` or `item, index in list`, the head of a `${{ for … }}` block. */
export function parseLoopHead(source: string): Loop {
  const parser = new Parser(tokenize(source));
  const loop = parser.parseLoop();
  parser.expectEnd();
  return loop;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parseChoice(): Expression {
    if (++this.#depth > maxDepth) throw new ExpressionError("nested too deeply", this.#peek().at);
    const first = this.#parseLevel(0);
    let expression = first;
    if (this.#take("?")) {
      const then = this.parseChoice();
      this.#expect(":");
      expression = { kind: "choice", condition: first, then, otherwise: this.parseChoice(), at: first.at };
    } else if (this.#takeWord("if")) {
      const condition = this.#parseLevel(0);
      this.#expectWord("else");
      expression = { kind: "choice", condition, then: first, otherwise: this.parseChoice(), at: first.at };
    }
    this.#depth--;
    return expression;
  }

  parseLoop(): Loop {
    const item = this.#takeName("a name for the item");
    const index = this.#take(",") ? this.#takeName("a name for the index") : undefined;
    this.#expectWord("in");
    const list = this.#parseLevel(0);
    const condition = this.#takeWord("if") ? this.#parseLevel(0) : undefined;
    return { item, index, list, condition };
  }

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== "end") throw new ExpressionError(`unexpected ${JSON.stringify(token.text)}`, token.at);
  }

  #parseLevel(level: number): Expression {
    const operators = levels[level];
    if (operators === undefined) return this.#parseUnary();
    let left = this.#parseLevel(level + 1);
    for (;;) {
      const token = this.#peek();
      const operator = operators.find((candidate) => candidate === token.text);
      if (operator === undefined || token.kind === "text") return left;
      this.#next++;
      left = { kind: "binary", operator, left, right: this.#parseLevel(level + 1), at: token.at };
    }
  }

  #parseUnary(): Expression {
    const token = this.#peek();
    for (const operator of ["-", "!"] as const) {
      if (this.#take(operator)) {
        if (++this.#depth > maxDepth) throw new ExpressionError("nested too deeply", token.at);
        const of = this.#parseUnary();
        this.#depth--;
        return { kind: "unary", operator, of, at: token.at };
      }
    }
    return this.#parsePostfix();
  }

  #parsePostfix(): Expression {
    let expression = this.#parsePrimary();
    for (;;) {
      const { at } = this.#peek();
      if (this.#take(".")) {
        const name = this.#peek();
        if (name.kind !== "name") throw new ExpressionError("a name must follow the dot", name.at);
        this.#next++;
        expression = { kind: "member", of: expression, name: name.text, at: name.at };
      } else if (this.#take("[")) {
        const index = this.parseChoice();
        this.#expect("]");
        expression = { kind: "index", of: expression, index, at };
      } else return expression;
    }
  }

  #parsePrimary(): Expression {
    const token = this.#peek();
    this.#next++;
    if (token.kind === "number") return { kind: "literal", value: Number(token.text), at: token.at };
    if (token.kind === "text") return { kind: "literal", value: token.text, at: token.at };
    if (token.kind === "name") return this.#parseName(token);
    if (token.text === "(") {
      const inner = this.parseChoice();
      this.#expect(")");
      return inner;
    }
    if (token.text === "[") return this.#parseList(token.at);
    if (token.text === "{") return this.#parseObject(token.at);
    throw new ExpressionError(
      token.kind === "end" ? "the expression ends too early" : `unexpected ${JSON.stringify(token.text)}`,
      token.at,
    );
  }

  #parseName(token: Token): Expression {
    const constants: Readonly<Record<string, null | boolean>> = { true: true, false: false, null: null };
    if (Object.hasOwn(constants, token.text))
      return { kind: "literal", value: constants[token.text] ?? null, at: token.at };
    if (words.has(token.text)) throw new ExpressionError(`unexpected \`${token.text}\``, token.at);
    if (!this.#take("(")) return { kind: "name", name: token.text, at: token.at };
    const args: Expression[] = [];
    while (!this.#take(")")) {
      if (args.length > 0) this.#expect(",");
      args.push(this.parseChoice());
    }
    return { kind: "call", name: token.text, args, at: token.at };
  }

  #parseList(at: number): Expression {
    if (this.#take("]")) return { kind: "list", items: [], at };
    const items = [this.parseChoice()];
    const [first] = items;
    if (this.#takeWord("for") && first !== undefined) {
      const loop = this.parseLoop();
      this.#expect("]");
      return { kind: "listFor", item: first, loop, at };
    }
    while (!this.#take("]")) {
      this.#expect(",");
      items.push(this.parseChoice());
    }
    return { kind: "list", items, at };
  }

  #parseObject(at: number): Expression {
    if (this.#take("}")) return { kind: "object", entries: [], at };
    const entries = [this.#parseEntry()];
    const [first] = entries;
    if (this.#takeWord("for") && first !== undefined) {
      const loop = this.parseLoop();
      this.#expect("}");
      return { kind: "objectFor", entry: first, loop, at };
    }
    while (!this.#take("}")) {
      this.#expect(",");
      entries.push(this.#parseEntry());
    }
    return { kind: "object", entries, at };
  }

  #parseEntry(): Entry {
    const token = this.#peek();
    this.#next++;
    let key: Expression;
    if (token.text === "[" && token.kind === "sign") {
      key = this.parseChoice();
      this.#expect("]");
    } else if (token.kind === "name" || token.kind === "text")
      key = { kind: "literal", value: token.text, at: token.at };
    else throw new ExpressionError("a key must be a name, a text, or an expression in [ ]", token.at);
    this.#expect(":");
    return { key, value: this.parseChoice() };
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "", at: 0 };
  }

  #take(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== "sign" || token.text !== sign) return false;
    this.#next++;
    return true;
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    if (token.kind !== "name" || token.text !== word) return false;
    this.#next++;
    return true;
  }

  #takeName(what: string): string {
    const token = this.#peek();
    if (token.kind !== "name" || words.has(token.text)) throw new ExpressionError(`${what} is missing`, token.at);
    this.#next++;
    return token.text;
  }

  #expect(sign: string): void {
    const token = this.#peek();
    if (this.#take(sign)) return;
    const found = token.kind === "end" ? "the end" : JSON.stringify(token.text);
    throw new ExpressionError(`\`${sign}\` expected, found ${found}`, token.at);
  }

  #expectWord(word: string): void {
    const token = this.#peek();
    if (this.#takeWord(word)) return;
    throw new ExpressionError(`\`${word}\` expected`, token.at);
  }
}
