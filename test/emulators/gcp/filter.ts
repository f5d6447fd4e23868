import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { isWireObject } from "../common/wire.ts";

type Test = (item: WireObject) => boolean;

/**
 * The part of Google's filter language that is emulated: comparisons joined by AND or blanks, parentheses around each;
 * `=`, `!=`, `eq`, `ne` (regular expressions) and `:` (has; `:*` is present).
 */
export function parseFilter(filter: string | null): Test {
  if (filter === null || filter === "") return () => true;
  const tests: Test[] = [];
  const term = /\s*(?:AND\s+)?\(?\s*([\w.-]+)\s*(=|!=|:|\s(?:eq|ne)\s)\s*(?:"([^"]*)"|([^\s()]+))\s*\)?/gy;
  let at = 0;
  while (at < filter.trimEnd().length) {
    term.lastIndex = at;
    const match = term.exec(filter);
    if (match?.[1] === undefined || match[2] === undefined) throw new NotImplemented(`filter ${filter}`);
    tests.push(comparison(match[1], match[2].trim(), match[3] ?? match[4] ?? ""));
    at = term.lastIndex;
  }
  return (item) => tests.every((test) => test(item));
}

function comparison(field: string, operator: string, wanted: string): Test {
  const read = (item: WireObject): string | undefined => {
    let value: unknown = item;
    for (const key of field.split(".")) value = isWireObject(value) ? value[key] : undefined;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;
  };
  switch (operator) {
    case "=":
      return (item) => read(item) === wanted;
    case "!=":
      return (item) => read(item) !== wanted;
    case ":":
      return (item) => {
        const value = read(item);
        return wanted === "*" ? value !== undefined : (value?.includes(wanted.replace(/\*$/, "")) ?? false);
      };
    case "eq":
    case "ne": {
      const expression = regularExpression(wanted);
      return (item) => expression.test(read(item) ?? "") === (operator === "eq");
    }
    default:
      throw new NotImplemented(`filter operator ${operator}`);
  }
}

function regularExpression(source: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`);
  } catch {
    throw new CloudError(
      400,
      "invalid",
      `Invalid value for field 'filter': '${source}'. Invalid list filter expression.`,
    );
  }
}
