import type { Json } from "../../../core/effects/json.ts";
import { evaluatePath, parsePath, parseReferencePath, setAtPath } from "../../../engines/asl/path.ts";

const input: Json = {
  store: {
    book: [
      { title: "A", price: 8, "odd key": 1 },
      { title: "B", price: 12 },
      { title: "C", price: 9, title2: null },
    ],
    bicycle: { price: 20 },
  },
  "with-dash": 1,
  "it's": 2,
};
const at = (text: string): Json =>
  evaluatePath(parsePath(text), { input, context: () => ({ Execution: { Id: "x" } }) });

describe("evaluatePath", () => {
  it.each<[string, Json]>([
    ["$.store.bicycle.price", 20],
    ["$['store']['bicycle'].price", 20],
    ['$["store"].bicycle', { price: 20 }],
    ["$.with-dash", 1],
    ["$['it\\'s']", 2],
    ["$.store.book[0].title", "A"],
    ["$.store.book[-1].title", "C"],
    ["$.store.book[0]['odd key']", 1],
    ["$.store.book[2].title2", null],
    ["$.store.book[*].title", ["A", "B", "C"]],
    ["$.store.book[1:].title", ["B", "C"]],
    ["$.store.book[:-1].title", ["A", "B"]],
    ["$.store.book[5:].title", []],
    ["$.store.book[*].title2", [null]],
    ["$.store..price", [8, 12, 9, 20]],
    ["$..book[1].price", [12]],
    ["$..['odd key']", [1]],
    ["$$.Execution.Id", "x"],
    ["$$", { Execution: { Id: "x" } }],
    // As recorded from the service: a path that may select many selects none without complaint.
    ["$.nowhere[*]", []],
    ["$.nowhere[1:5].itemValue", []],
  ])("finds %s", (path, expected) => expect(at(path)).toEqual(expected));

  it("gives the whole input for $", () => expect(at("$")).toBe(input));

  it.each(["$.nowhere", "$.store.book[3]", "$.store.bicycle[0]", "$.store.book.title", "$.constructor", "$.__proto__"])(
    "fails where %s leads nowhere",
    (path) => expect(() => at(path)).toThrow(/^Invalid path '.*' : No results for path: \$/),
  );

  it("words it as the service does", () =>
    expect(() => at("$.a['b'][0]")).toThrow("Invalid path '$.a['b'][0]' : No results for path: $['a']['b'][0]"));
});

describe("parsePath", () => {
  it.each([
    "",
    "store",
    "$.",
    "$..",
    "$.a b",
    "$[a]",
    "$.a[?(@.price < 10)]",
    "$.a.length()",
    "$$$.a",
    "$.a[0",
    "$.a,b",
  ])("refuses %j", (text) => expect(() => parsePath(text)).toThrow("not a JSONPath of our subset"));
});

describe("parseReferencePath", () => {
  it.each(["$.a[*]", "$..a", "$.a[0:2]"])("refuses %s", (text) =>
    expect(() => parseReferencePath(text)).toThrow("selects one node"),
  );
});

describe("setAtPath", () => {
  const set = (document: Json, path: string, value: Json): Json => setAtPath(document, parseReferencePath(path), value);

  it.each<[Json, string, Json]>([
    [{ a: 1 }, "$.b", { a: 1, b: 9 }],
    [{ a: 1 }, "$.a", { a: 9 }],
    [{ a: { b: 1 } }, "$.a.c", { a: { b: 1, c: 9 } }],
    [{}, "$.x.y.z", { x: { y: { z: 9 } } }],
    [{ a: [1, 2] }, "$.a[1]", { a: [1, 9] }],
    [{ a: 1 }, "$", 9],
  ])("puts 9 into %j at %s", (document, path, expected) => expect(set(document, path, 9)).toEqual(expected));

  it.each<[Json, string]>([
    ["text", "$.a"],
    [[1], "$.a"],
    [{ a: 1 }, "$.a.b"],
    [{ a: [1] }, "$.a[1]"],
    [null, "$.a"],
  ])("fails on %j at %s", (document, path) => {
    expect(() => set(document, path, 9)).toThrow(
      expect.objectContaining({ error: "States.ResultPathMatchFailure" }) as Error,
    );
  });

  it("leaves the document as it is", () => {
    const document = { a: { b: 1 } };
    set(document, "$.a.b", 9);
    expect(document).toEqual({ a: { b: 1 } });
  });

  it("takes __proto__ for a name like any other", () => {
    const result = set({}, "$.__proto__", 9);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.entries(result as object)).toEqual([["__proto__", 9]]);
  });
});
