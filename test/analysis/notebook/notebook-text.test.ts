import { namesOf, parseNotebook, renderMarkdown, renderNotebook, toOutput } from "../../../analysis/notebook/index.ts";
import type { CellOutput } from "../../../analysis/notebook/index.ts";

describe("parseNotebook", () => {
  it("takes blocks of ts for cells, and leaves all else to the reader", () => {
    const text = "# Title\n\n```ts\nconst a = 1;\n```\n\nText\n\n```sh\n```ts\n```\n\n````ts\n```\n````\n";
    const { title, parts } = parseNotebook(text);
    expect(title).toBe("Title");
    expect(
      parts.map((part) => (part.kind === "cell" ? [part.index, part.line, part.source] : part.text.trim())),
    ).toEqual(["# Title", [0, 4, "const a = 1;"], "Text\n\n```sh\n```ts\n```", [1, 14, "```"]]);
  });
});

describe("namesOf", () => {
  it.each([
    ["const a = 1, b = [2, c], d = { e, f };", ["a", "b", "d"]],
    ["const { a, b: { c }, d = e(1, 2), ...f } = g;", ["a", "c", "d", "f"]],
    ["let [a, , [b]] = c;", ["a", "b"]],
    ["async function run() {\n  const inner = 1;\n}\nclass Box {\n}", ["run", "Box"]],
    ["for (const x of y) {\n}\nshow(z);", []],
    ['const a = `x, b = ${1}`, c = "d, e = 1";', ["a", "c"]],
  ])("finds what %j defines", (source, expected) => {
    expect(namesOf(source).defines).toEqual(expected);
  });

  it("keeps imports apart, with the names they give", () => {
    const { imports, body, defines } = namesOf(
      'import a, { b as c, d } from "x";\nimport * as e from "y";\nimport "z";\nshow(a);',
    );
    expect(imports).toHaveLength(3);
    expect([...defines].sort()).toEqual(["a", "c", "d", "e"]);
    expect(body).toBe("show(a);");
  });

  it("says which names occur, whole ones only", () => {
    expect(namesOf("show(rows.length + rowsOf(x));").uses(["rows", "row", "x", "y"])).toEqual(["rows", "x"]);
  });
});

describe("toOutput", () => {
  it("shows rows as a table, shortened, with columns of all rows", () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ i, ...(i === 1 && { extra: 1 / 3 }) }));
    expect(toOutput(rows)).toMatchObject({ kind: "table", columns: ["i", "extra"], moreRows: 8 });
    expect(toOutput(rows)).toHaveProperty("rows.1", ["1", "0.33333333"]);
  });

  it.each([
    ["text", "text"],
    [NaN, "NaN"],
    [{ a: Infinity }, '{"a":"Infinity"}'],
    [new Float64Array(3), "Float64Array(3)"],
    [[], "[]"],
  ])("shows %j as text", (value, text) => {
    expect(toOutput(value)).toEqual({ kind: "text", text });
  });
});

describe("renderMarkdown", () => {
  it("knows what notebooks use", () => {
    const html = renderMarkdown(
      "## A *b*\n\ntext `x<y>` and **[link](https://example.org)**\n\n- one\n  more\n- two\n\n1. first\n\n> quote\n\n| a | b |\n| - | - |\n| 1 | `2` |\n\n```sh\nls <x>\n```\n",
    ).text;
    expect(html).toContain("<h2>A <em>b</em></h2>");
    expect(html).toContain('<code>x&#60;y&#62;</code> and <strong><a href="https://example.org">link</a></strong>');
    expect(html).toContain(
      "<ul><li>one more</li><li>two</li></ul><ol><li>first</li></ol><blockquote><p>quote</p></blockquote>",
    );
    expect(html).toContain("<td>1</td><td><code>2</code></td>");
    expect(html).toContain("ls &#60;x&#62;");
  });

  it("shows HTML as text, and refuses links that run code", () => {
    expect(renderMarkdown("<img src=x onerror=alert(1)>").text).not.toContain("<img");
    expect(() => renderMarkdown("[x](javascript:alert)")).toThrow("a link can't lead to");
  });
});

describe("renderNotebook", () => {
  it("escapes whatever a cell shows", () => {
    const notebook = parseNotebook("# T\n\n```ts\nshow(1);\n```\n");
    const [, cell] = notebook.parts;
    const evil = "</pre><script>alert(1)</script>";
    const outputs: CellOutput[] = [
      { kind: "text", text: evil },
      { kind: "table", columns: [evil], rows: [[evil]], moreRows: 0 },
    ];
    if (cell?.kind !== "cell") throw new Error("the notebook has a cell");
    const html = renderNotebook(notebook, [{ cell, outputs, isFromCache: false }], "x.md");
    expect(html).not.toContain(evil);
  });
});
