import { evaluate } from "../../../../core/definition/expression/evaluate.ts";
import { isRawText } from "../../../../core/definition/expression/values.ts";
import type { Scope } from "../../../../core/definition/expression/values.ts";
import { parseExpression } from "../../../../core/definition/expression/parse.ts";
import { ExpressionError } from "../../../../core/definition/expression/syntax.ts";

const scope: Scope = {
  params: { clients: 8, name: "a b", node: { batch: 5, list: [1, 2, 3] }, on: true, nothing: null },
  hosts: {
    client: [
      { name: "client-0", address: "10.0.0.1" },
      { name: "client-1", address: "10.0.0.2" },
    ],
    "proxy-leader": [{ name: "p", address: "10.0.0.9" }],
  },
};

const value = (text: string) => evaluate(parseExpression(text), scope);
const mistake = (
  text: string,
): { readonly at: number; readonly message: string; readonly hint: string | undefined } => {
  try {
    value(text);
  } catch (error) {
    if (error instanceof ExpressionError) return { at: error.at, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error(`no mistake in ${text}`);
};

/** Rows of equal length: jest takes a missing argument for a callback. */
const rows = (
  list: readonly (readonly [string, number, RegExp, RegExp?])[],
): [string, number, RegExp, RegExp | undefined][] => list.map(([text, at, message, hint]) => [text, at, message, hint]);

describe("evaluate", () => {
  it.each<readonly [string, unknown]>([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["10 - 4 - 3", 3],
    ["7 % 4 / 2", 1.5],
    ["-params.clients + 1", -7],
    ["--1", 1],
    ["1.5e3", 1500],
    [".5", 0.5],
    ["!params.on", false],
    ["1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", true],
    ["1 == 1.0 && 'a' != 'b'", true],
    ["[1, {a: 2}] == [1, {a: 2}]", true],
    ["null == params.nothing", true],
    ["2 in [1, 2] && 'batch' in params.node && !(9 in [1])", true],
    ["params.on ? 'x' : 'y'", "x"],
    ["'x' if params.clients > 10 else 'y' if params.on else 'z'", "y"],
    ["params.on || undefinedName", true],
    ["params.on ? 1 : undefinedName", 1],
    ["'a' + 1 + true", "a1true"],
    ["[1] + [2, 3]", [1, 2, 3]],
    ["params.node.list[params.node.list[0]]", 2],
    ["hosts['proxy-leader'][0].address", "10.0.0.9"],
    ["[h.address for h in hosts.client]", ["10.0.0.1", "10.0.0.2"]],
    ["[h.name + ':' + i for h, i in hosts.client if i > 0]", ["client-1:1"]],
    ["[x * y for x in [1, 2]][1]", undefined],
    ["[[x, y] for x in [1, 2] if x > 1]", undefined],
    ["{a: 1, 'b c': [2], [params.name]: 3}", { a: 1, "b c": [2], "a b": 3 }],
    ["{[h.name]: h.address for h in hosts.client}", { "client-0": "10.0.0.1", "client-1": "10.0.0.2" }],
    ["min(3, 1, 2) + max([4, 9])", 10],
    ["sum([1, 2, 3.5])", 6.5],
    ["floor(-1.5) + ceil(1.2) + round(2.5)", 3],
    ["log2(1024) + pow(2, 3)", 18],
    ["len(hosts.client) + len('äöü') + len(params.node)", 7],
    ["range(3)", [0, 1, 2]],
    ["range(2, 5) + range(10, 0, -5)", [2, 3, 4, 10, 5]],
    ["join([1, 'a', true], ' ')", "1 a true"],
    ["join(range(3))", "0,1,2"],
    ["json({a: [1, null], b: 'x\"y'})", '{"a":[1,null],"b":"x\\"y"}'],
    ["keys(params.node)", ["batch", "list"]],
    ["merge({a: {x: 1, y: 2}, b: 1}, {a: {y: 3}}, {c: [1]})", { a: { x: 1, y: 3 }, b: 1, c: [1] }],
    ["text(1.50)", "1.5"],
    ["\"\\n\\t\\\"\" + '\\''", "\n\t\"'"],
  ])("%s", (text, expected) => {
    if (expected === undefined) expect(mistake(text).message).toMatch(/named/);
    else expect(value(text)).toEqual(expected);
  });

  it.each(
    rows([
      ["parms.clients", 0, /named `parms`/, /`params`/],
      ["params.client", 7, /no member `client`/, /`clients`/],
      ["hosts.client[2].name", 12, /item 2 of a list of 2/],
      ["hosts.client[0.5]", 12, /must be whole/],
      ["hosts.client.name", 13, /a list has no member/, /\[0\]/],
      ["1 / 0", 2, /division by zero/],
      ["pow(10, 400)", 0, /not a finite number/],
      ["log2(0)", 0, /not a finite number/],
      ["1 + true", 2, /can't be added/],
      ["params.nothing + 'a'", 15, /can't be added/],
      ["'a' < 1", 4, /have no order/],
      ["params.clients && true", 15, /true or false is needed/, /compare it/],
      ["1 if 1 else 2", 5, /true or false is needed/],
      ["[x for x in 5]", 12, /a loop needs a list/],
      ["flor(1)", 0, /no function/, /`floor`/],
      ["range(1e9)", 0, /too long/],
      ["range(1, 2, 0)", 0, /never ends/],
      ["min()", 0, /of no numbers/],
      ["join(params.node)", 0, /a list is needed/],
      ["join([[1]])", 0, /no text of its own/],
    ]),
  )("%s is a mistake", (text, at, message, hint) => {
    const found = mistake(text);
    expect(found.at).toBe(at);
    expect(found.message).toMatch(message);
    if (hint !== undefined) expect(found.hint).toMatch(hint);
  });

  it("marks raw text as such", () => {
    expect(isRawText(value("raw('a | b')"))).toBe(true);
  });

  it("asks for a member only when it is needed", () => {
    const late: Scope = {
      host: Object.defineProperty({}, "address", {
        enumerable: true,
        get: () => {
          throw new ExpressionError("not known yet", 0);
        },
      }),
    };
    expect(evaluate(parseExpression("1 if true else host.address"), late)).toBe(1);
    expect(() => evaluate(parseExpression("host.address"), late)).toThrow("not known yet");
  });

  it("does not find what every object has", () => {
    expect(mistake("params.constructor").message).toMatch(/no member/);
    expect(mistake("constructor").message).toMatch(/named `constructor`/);
    expect(mistake("toString(1)").message).toMatch(/no function/);
  });
});

describe("parseExpression", () => {
  it.each<readonly [string, number, RegExp]>([
    ["", 0, /ends too early/],
    ["1 +", 3, /ends too early/],
    ["(1", 2, /`\)` expected/],
    ["[1, 2", 5, /`,` expected/],
    ["{a 1}", 3, /`:` expected/],
    ["a = 1", 2, /means nothing/],
    ["a ? 1", 5, /`:` expected/],
    ["1 if 2", 6, /`else` expected/],
    ["[x for in y]", 7, /name for the item/],
    ["a.", 2, /a name must follow/],
    ["'abc", 0, /isn't closed/],
    ["'a\\q'", 2, /unknown escape/],
    ["1 2", 2, /unexpected "2"/],
    ["else", 0, /unexpected `else`/],
    ["$x", 0, /means nothing/],
    [`${"(".repeat(200)}1`, 100, /nested too deeply/],
    [`${"-".repeat(200)}1`, 99, /nested too deeply/],
  ])("tells where %j goes wrong", (text, at, message) => {
    try {
      parseExpression(text);
      throw new Error("parsed");
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionError);
      if (!(error instanceof ExpressionError)) return;
      expect(error.message).toMatch(message);
      expect(error.at).toBe(at);
    }
  });
});
