import {
  checkTemplate,
  parseTemplate,
  renderTemplate,
  renderValue,
  TemplateError,
} from "../../../core/definition/template.ts";
import { listShape, objectShape, scalarShape } from "../../../core/definition/expression/shape.ts";
import type { Scope } from "../../../core/definition/expression/values.ts";

const scope: Scope = { n: 3, list: [1, 2], on: true, hosts: [{ name: "a" }, { name: "b" }], text: "x" };
const render = (text: string): string => {
  const { template, mistakes } = parseTemplate(text, { blocks: true });
  expect(mistakes).toEqual([]);
  return renderTemplate(template, scope);
};

describe("renderTemplate", () => {
  it.each<readonly [string, string, string]>([
    ["plain text", "a $x ${y} {{ z }}", "a $x ${y} {{ z }}"],
    ["a value", "n=${{ n }};", "n=3;"],
    ["braces inside", "${{ json({a: {b: n}}) }}", '{"a":{"b":3}}'],
    ["a closing brace in a text", "${{ '}}' + n }}", "}}3"],
    ["an opening as text", "${{ '${{' }} x", "${{ x"],
    ["a loop", "${{ for x in list }}<${{ x }}>${{ end }}", "<1><2>"],
    [
      "a loop with an index and a condition",
      "${{ for h, i in hosts if i > 0 }}${{ i }}=${{ h.name }}${{ end }}",
      "1=b",
    ],
    ["a choice", "${{ if n > 5 }}big${{ else if n > 2 }}middle${{ else }}small${{ end }}", "middle"],
    ["nothing chosen", "a${{ if n > 5 }}big${{ end }}b", "ab"],
    ["lines of their own", "a\n  ${{ for x in list }}\n  - ${{ x }}\n  ${{ end }}\nb\n", "a\n  - 1\n  - 2\nb\n"],
    ["a block at the very end", "${{ if on }}\nyes\n${{ end }}", "yes\n"],
    [
      "a loop in a choice in a loop",
      "${{ for x in list }}${{ if x == 2 }}${{ for h in hosts }}${{ h.name }}${{ x }} ${{ end }}${{ end }}${{ end }}",
      "a2 b2 ",
    ],
    ["a name that begins like a block", "${{ text }}${{ [format for format in list][0] }}", "x1"],
  ])("writes %s", (_, text, expected) => {
    expect(render(text)).toBe(expected);
  });

  it("tells which expression failed, and where in it", () => {
    const { template } = parseTemplate("a ${{ n }} b ${{ n + list[7] }}", { blocks: true });
    try {
      renderTemplate(template, scope);
      throw new Error("rendered");
    } catch (error) {
      expect(error).toBeInstanceOf(TemplateError);
      if (error instanceof TemplateError) expect(error.place).toEqual({ index: 1, offset: 12 });
    }
  });
});

describe("parseTemplate", () => {
  it.each<readonly [string, string, number, number, RegExp]>([
    ["an opening that isn't closed", "a ${{ n", 0, 0, /without `}}`/],
    ["an end of nothing", "${{ n }}${{ end }}", 1, 7, /belongs to no block/],
    ["an else in a loop", "${{ for x in list }}${{ else }}${{ end }}", 1, 8, /belongs to no block/],
    ["an else after an else", "${{ if on }}${{ else }}${{ else }}${{ end }}", 2, 8, /after `else`/],
    ["a loop without end", "${{ n }}${{ for x in list }}", 1, 4, /without `\$\{\{ end }}`/],
    ["a mistake in a condition", "${{ if n > }}${{ end }}", 0, 10, /ends too early/],
  ])("tells %s", (_, text, index, offset, message) => {
    const { mistakes } = parseTemplate(text, { blocks: true });
    expect(mistakes[0]).toMatchObject({ index, offset });
    expect(mistakes[0]?.message).toMatch(message);
  });
});

describe("renderValue", () => {
  it("keeps the type of a lone expression, and makes text of anything else", () => {
    const parsed = (text: string) => parseTemplate(text, { blocks: false }).template;
    expect(renderValue(parsed("${{ list }}"), scope)).toEqual([1, 2]);
    expect(renderValue(parsed("${{ n }}"), scope)).toBe(3);
    expect(renderValue(parsed("${{ n }} "), scope)).toBe("3 ");
  });
});

describe("checkTemplate", () => {
  it("finds misspelt names behind loops and choices without any values", () => {
    const shapes = { hosts: listShape(objectShape({ name: scalarShape })), n: scalarShape };
    const { template } = parseTemplate(
      "${{ for h in hosts }}${{ h.nme }}${{ end }}${{ if m > 1 }}${{ end }}${{ [x.name for x in hosts if x.nam == n] }}",
      { blocks: true },
    );
    expect(checkTemplate(template, shapes).map(({ index, message }) => [index, message])).toEqual([
      [1, "no member `nme`"],
      [3, "nothing here is named `m`"],
      [5, "no member `nam`"],
    ]);
  });
});
