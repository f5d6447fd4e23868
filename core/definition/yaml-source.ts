import type { Document, Node, Pair, Range } from "yaml";
import { isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Json } from "../effects/json.ts";
import type { Path, Problem } from "./problem.ts";
import { formatPath, formatValue } from "./problem.ts";
import { typeName } from "./json-values.ts";

/** Line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML text as data that still knows where each value stands. */
export interface YamlSource {
  readonly file: string;
  readonly value: Json;
  /** Where a value begins; where the nearest enclosing one does when there is none at `path`. */
  locate(path: Path): Position;
  /** Where the key of the last step stands. */
  locateKey(path: Path): Position;
  /** Where the `index`-th `${{` of a text begins, plus `offset` characters into it. */
  locateExpression(path: Path, index: number, offset: number): Position;
  problem(path: Path, message: string, options?: ProblemOptions): Problem;
}

export interface ProblemOptions {
  readonly hint?: string | undefined;
  /** Points at the key rather than the value. */
  readonly atKey?: boolean | undefined;
  /** Overrides the position by an expression's. */
  readonly expression?: { readonly index: number; readonly offset: number } | undefined;
  readonly value?: unknown;
}

const quoteHint =
  "a `${{ … }}` that holds `: ` or stands inside [ ] or { } needs quotes around the whole text, or a `|` block; `a if c else b` needs none";

/**
 * Reads YAML 1.2 (so JSON too): no dates, no `yes` for true, no values that JSON can't hold.
 *
 * @param doubled where names go that a mapping has twice: all else can still be read, with the last of each. They are
 * among the problems that end the reading where nothing is given.
 * @returns the source, or every problem of its syntax
 */
export function readYaml(text: string, file: string, doubled?: Problem[]): YamlSource | readonly Problem[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // After the first error of syntax the reader has lost its place: what it says next is noise.
  const broken = document.errors.slice(0, 1).map((error): Problem => {
    const position = at(error.pos[0]);
    const line = text.split("\n")[position.line - 1] ?? "";
    const hasExpression = line.includes("${{") || (text.split("\n")[position.line - 2] ?? "").includes("${{");
    return {
      file,
      ...position,
      path: "",
      value: undefined,
      message: `not YAML: ${error.message.replace(/\s+/g, " ")}`,
      hint: hasExpression ? quoteHint : undefined,
    };
  });
  if (broken.length > 0) return broken;
  if (document.contents === null) {
    return [{ file, line: 1, column: 1, path: "", value: undefined, message: "the file is empty", hint: undefined }];
  }

  const find = (path: Path): Node | undefined => findNode(document, path);
  const startOf = (path: Path): Position => {
    for (let length = path.length; length > 0; length--) {
      const range = rangeOf(find(path.slice(0, length)));
      if (range !== undefined) return at(range[0]);
      // `key:` with nothing behind it has a node without extent: its key tells more than its parent.
      const key = rangeOf(findKey(document, path.slice(0, length)));
      if (key !== undefined) return at(key[0]);
    }
    const whole = rangeOf(document.contents ?? undefined);
    return at(whole?.[0] ?? 0);
  };
  const source: Omit<YamlSource, "value"> = {
    file,
    locate: startOf,
    locateKey(path) {
      const range = rangeOf(findKey(document, path));
      return range === undefined ? startOf(path) : at(range[0]);
    },
    locateExpression(path, index, offset) {
      const range = rangeOf(find(path));
      if (range === undefined) return startOf(path);
      let from = range[0] - 3;
      for (let seen = 0; seen <= index; seen++) {
        from = text.indexOf("${{", from + 3);
        if (from < 0 || from >= range[1]) return startOf(path);
      }
      return at(from + offset);
    },
    problem(path, message, options = {}) {
      const position =
        options.expression !== undefined
          ? source.locateExpression(path, options.expression.index, options.expression.offset)
          : options.atKey === true
            ? source.locateKey(path)
            : source.locate(path);
      return {
        file,
        ...position,
        path: formatPath(path),
        value: formatValue(options.value),
        message,
        hint: options.hint,
      };
    },
  };

  const twice = doubledNames(document).map(({ path, key, first }): Problem => {
    const { line } = at(first);
    const name = `\`${String(path.at(-1))}\` stands there already, in line ${line}`;
    return { file, ...at(key), path: formatPath(path), value: undefined, message: name, hint: undefined };
  });
  if (doubled !== undefined) doubled.push(...twice);
  else if (twice.length > 0) return twice;

  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 1_000 });
  } catch (error) {
    return [source.problem([], `not YAML: ${error instanceof Error ? error.message : String(error)}`)];
  }
  const foreign: Problem[] = [];
  findForeign(value, [], (path, found, message, hint) =>
    foreign.push(source.problem(path, message, { hint, value: found })),
  );
  if (foreign.length > 0) return foreign;
  return { ...source, value: value as Json }; // findForeign has seen every value in it
}

/** Names that a mapping has more than once, but for merge keys: where they stand, and where the first of each does. */
function doubledNames(document: Document): { readonly path: Path; readonly key: number; readonly first: number }[] {
  const found: { readonly path: Path; readonly key: number; readonly first: number }[] = [];
  visit(document, {
    Map(_key, map, ancestors) {
      const seen = new Map<string, number>();
      for (const { key } of map.items) {
        const name = keyText(key);
        const at = isNode(key) ? rangeOf(key)?.[0] : undefined;
        if (name === undefined || at === undefined || name === "<<") continue;
        const first = seen.get(name);
        if (first === undefined) seen.set(name, at);
        else found.push({ path: [...pathOf([...ancestors, map]), name], key: at, first });
      }
    },
  });
  return found;
}

/** The path of the last of these, each of which holds the next. */
const pathOf = (nodes: readonly (Document | Node | Pair)[]): Path =>
  nodes.flatMap((node, index): (string | number)[] => {
    if (isPair(node)) return [keyText(node.key) ?? ""];
    const next = nodes[index + 1];
    return isSeq(node) ? [node.items.indexOf(next)] : [];
  });

/** Reports what YAML can say and JSON can't. */
function findForeign(
  value: unknown,
  path: Path,
  report: (path: Path, value: unknown, message: string, hint?: string) => void,
): void {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) report(path, String(value), "not a finite number");
    else if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      report(path, value, "an integer too large to be kept exactly", "write it as a text, in quotes");
    }
    return;
  }
  if (value === null || typeof value === "boolean" || typeof value === "string") return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => findForeign(item, [...path, index], report));
    return;
  }
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    for (const [key, item] of Object.entries(value)) findForeign(item, [...path, key], report);
    return;
  }
  report(path, undefined, `${typeName(value)} of a kind that JSON can't hold`);
}

const rangeOf = (node: Node | undefined): Range | undefined =>
  node?.range === null || node?.range === undefined ? undefined : node.range;

const resolve = (document: Document, node: unknown): Node | undefined => {
  const target = isAlias(node) ? node.resolve(document) : node;
  return isNode(target) ? target : undefined;
};

const keyText = (key: unknown): string | undefined => {
  const value: unknown = isScalar(key) ? key.value : key;
  return value === null || ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
};

function findPair(document: Document, path: Path): { readonly key: unknown; readonly value: unknown } | undefined {
  const last = path.at(-1);
  const parent = resolve(document, findNode(document, path.slice(0, -1)));
  if (!isMap(parent) || last === undefined) return undefined;
  const pair = parent.items.findLast((item) => keyText(item.key) === String(last));
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

function findNode(document: Document, path: Path): Node | undefined {
  let node: Node | undefined = isNode(document.contents) ? document.contents : undefined;
  for (const step of path) {
    const target = resolve(document, node);
    if (!isCollection(target)) return undefined;
    const next: unknown = isSeq(target)
      ? target.items[Number(step)]
      : isMap(target)
        ? target.items.findLast((item) => keyText(item.key) === String(step))?.value
        : undefined;
    if (!isNode(next)) return undefined;
    node = next;
  }
  return node;
}

function findKey(document: Document, path: Path): Node | undefined {
  const key = findPair(document, path)?.key;
  return isNode(key) ? key : undefined;
}
