import type { Json } from "../../../core/effects/json.ts";
import { evaluateExpression, parseExpression } from "../../../engines/asl/intrinsics.ts";

const evaluate = (text: string, input: Json = {}): Json =>
  evaluateExpression(parseExpression(text), { input, context: () => ({ Execution: { Name: "run-1" } }) });

describe("evaluateExpression", () => {
  it.each<[string, Json]>([
    ["States.Format('{}.{}', $$.Execution.Name, 2)", "run-1.2"],
    ["States.Format('{} {} {}', true, null, 'x')", "true null x"],
    ["States.Format('\\{\\} is \\'{}\\' \\\\', 1)", "{} is '1' \\"],
    ["States.Format($.template, $.name)", "hi Ada"],
    ["States.Array()", []],
    ["States.Array(1, 'two', $.name, States.Array(null))", [1, "two", "Ada", [null]]],
    ["States.ArrayLength($.list)", 3],
    ["States.ArrayGetItem($.list, 1)", 20],
    ["States.ArrayContains($.list, 30)", true],
    ["States.ArrayContains($.list, 31)", false],
    ["States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]],
    ["States.ArrayRange(3, 1, -1)", [3, 2, 1]],
    ["States.ArrayRange(3, 1, 1)", []],
    ["States.MathAdd(2, -5)", -3],
    ["States.MathAdd(States.ArrayLength($.list), 1)", 4],
    // As recorded from the service.
    ["States.MathAdd(1.5, 1.51)", 4],
    ["States.MathAdd(-1.5, -1.51)", -3],
    ["States.MathAdd(-0.5, 0)", 0],
    ["States.StringToJson(' ')", null],
    ["States.StringSplit(' , ', ',')", [" ", " "]],
    ["States.JsonMerge($.a, $.b, false)", { x: 1, y: { q: 2 } }],
    ["States.StringToJson($.json)", { a: [1] }],
    ["States.JsonToString($.a)", '{"x":1,"y":{"p":1}}'],
    ["States.StringSplit('a,b;;c', ',;')", ["a", "b", "c"]],
    ["States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"],
    ["$.list[*]", [10, 20, 30]],
  ])("gives %s", (text, expected) => {
    const input = {
      template: "hi {}",
      name: "Ada",
      list: [10, 20, 30],
      a: { x: 1, y: { p: 1 } },
      b: { y: { q: 2 } },
      json: '{"a":[1]}',
    };
    expect(evaluate(text, input)).toEqual(expected);
  });

  it.each([
    ["States.Format('{}')", "more {} than arguments"],
    ["States.Format('x', 1)", "more arguments than {}"],
    ["States.Format('{}', $)", "an argument is an array or object"],
    ["States.ArrayLength('x')", 'expected an array, got "x"'],
    ["States.ArrayGetItem(States.Array(1), 1)", "no item at index 1"],
    ["States.ArrayRange(1, 2, 0)", "the step is 0"],
    ["States.ArrayRange(0, 1000, 1)", "1001 items"],
    ["States.MathAdd('1', 1)", "expected a number"],
    ["States.ArrayGetItem(States.Array(1), 0.5)", "expected an integer"],
    ["States.JsonMerge($, $, true)", "only shallow merges"],
    ["States.StringToJson('{')", "not JSON"],
    ["States.Hash('a', 'CRC')", "unknown algorithm"],
    ["States.ArrayLength()", "takes 1 arguments, got 0"],
  ])("fails in %s", (text, reason) => {
    const failing = () => evaluate(text);
    expect(failing).toThrow(reason);
    expect(failing).toThrow(expect.objectContaining({ error: "States.IntrinsicFailure" }) as Error);
  });

  it("fails as States.Runtime when an argument's path leads nowhere", () =>
    expect(() => evaluate("States.Array($.nowhere)")).toThrow(
      expect.objectContaining({ error: "States.Runtime" }) as Error,
    ));
});

describe("parseExpression", () => {
  it.each([
    "States.UUID()",
    "States.MathRandom(1, 2)",
    "States.Format('x'",
    "States.Format('x',)",
    "States.Array(1 2)",
    'States.Array("x")',
    "States.Array('it's')",
    "Format('x')",
    "plain text",
    "States.Array($.a[?(@.b)])",
  ])("refuses %s", (text) => expect(() => parseExpression(text)).toThrow());
});
