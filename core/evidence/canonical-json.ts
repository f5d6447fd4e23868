import { FailureError } from "../errors/failure.ts";

/**
 * JSON with one spelling: no white space, members sorted by UTF-16 code units, ECMAScript's numbers and strings. The
 * same content gives the same bytes, on every machine and whatever order it was built in.
 *
 * Members that are undefined are left out, as JSON.stringify does.
 *
 * @throws {FailureError} class defect, for what JSON can't say: NaN, infinities, functions, lone surrogates
 * @see RFC 8785, JSON Canonicalization Scheme
 */
export function canonicalJson(value: unknown): string {
  return write(value, "$");
}

const encoder = new TextEncoder();
export const canonicalBytes = (value: unknown): Uint8Array => encoder.encode(canonicalJson(value));

function write(value: unknown, path: string): string {
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw notJson(path, String(value));
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value)) throw notJson(path, "a string with half a surrogate pair");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return `[${items.map((item, i) => write(item ?? null, `${path}[${i}]`)).join(",")}]`;
  }
  if (typeof value === "object" && isPlain(value)) {
    const members: string[] = [];
    // Code-unit order is what sort() without arguments does.
    for (const [name, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (member !== undefined) members.push(`${write(name, path)}:${write(member, `${path}.${name}`)}`);
    }
    return `{${members.join(",")}}`;
  }
  throw notJson(path, Object.prototype.toString.call(value));
}

/** Dates, maps and class instances would lose something on the way: the caller must say what they mean. */
const isPlain = (value: object): boolean =>
  Object.prototype.toString.call(value) === "[object Object]" && !("toJSON" in value);

const notJson = (path: string, what: string): FailureError =>
  new FailureError({ class: "defect", message: `canonical JSON can't hold ${what} at ${path}` });
