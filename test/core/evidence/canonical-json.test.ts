import fc from "fast-check";
import { canonicalJson } from "../../../core/evidence/canonical-json.ts";

describe("canonicalJson", () => {
  it("writes RFC 8785's own example as it does", () => {
    // Section 3.2.2: input with escapes and unusual numbers; section 3.2.3: its canonical form.
    const input = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    ) as unknown;
    expect(canonicalJson(input)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it("sorts members by UTF-16 code units, as the RFC's sorting example asks", () => {
    const names = ["\u20ac", "\r", "\ufb33", "1", "\u{1f600}", "\u0080", "\u00f6"];
    const sorted = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\u{1f600}", "\ufb33"];
    const written = canonicalJson(Object.fromEntries(names.map((name) => [name, 0])));
    expect(Object.keys(JSON.parse(written) as object).filter((name) => name !== "1")).toEqual(
      sorted.filter((name) => name !== "1"), // integer-like names come first in every object
    );
    expect(written.startsWith('{"\\r":0,"1":0,"\u0080":0')).toBe(true);
  });

  it("gives the same text whatever the order, and loses nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = canonicalJson(value);
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(JSON.parse(written)))).toBe(written);
      }),
      { seed: 3 },
    );
  });

  it("leaves undefined members out", () => {
    expect(canonicalJson({ b: undefined, a: [1, undefined] })).toBe('{"a":[1,null]}');
  });

  it.each([
    ["NaN", { a: [NaN] }, "$.a[0]"],
    ["infinity", { a: Infinity }, "$.a"],
    ["a date", { at: new Date(0) }, "$.at"],
    ["a map", new Map(), "$"],
    ["a function", { f: () => 1 }, "$.f"],
    ["half a surrogate pair", { s: "\ud800" }, "$.s"],
    ["a bigint", { n: 1n }, "$.n"],
  ])("refuses %s and says where", (_, value, path) => {
    expect(() => canonicalJson(value)).toThrow(path);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
