import { transform } from "esbuild";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { NotebookDataError, parseNotebook, renderNotebook, runNotebook } from "../../../analysis/notebook/index.ts";
import type { CellTools, NotebookEffects, Scope } from "../../../analysis/notebook/index.ts";

/** Cells as a notebook, with what they say of themselves when they run. */
const notebook = (...cells: readonly string[]) =>
  parseNotebook(cells.map((cell, i) => `Prose ${i}.\n\n\`\`\`ts\n${cell}\n\`\`\`\n`).join("\n"));

/** Runs cells in this process; files and the cache are maps. */
function harness(files: Record<string, string> = {}) {
  const ran: number[] = [];
  const kept = new Map<string, Uint8Array>();
  const effects: NotebookEffects = {
    transform: async (source) => (await transform(source, { loader: "ts", format: "esm" })).code,
    load: async (source) => {
      const text = source.replace("export default", "return");
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what a module would be, without a file for it
      const make = new Function(text) as () => (scope: Scope, tools: CellTools) => Promise<Scope>;
      const cell = Number(/"cell (\d+)"/.exec(source)?.[1] ?? -1);
      return {
        sha256: sha256Hex(source),
        run: async (scope, tools) => {
          ran.push(cell);
          return make()(scope, tools);
        },
      };
    },
    read: async (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
    cache: { get: async (key) => kept.get(key), put: async (key, body) => void kept.set(key, body) },
  };
  return {
    files,
    run: async (...cells: readonly string[]) => {
      ran.length = 0;
      const all = await runNotebook(notebook(...cells), effects);
      return { ran: [...ran], shown: all.map(({ outputs }) => outputs), all };
    },
  };
}

const read = `"cell 0"; const text = new TextDecoder().decode(await read("data.csv"));`;
const count = `"cell 1"; const lines: string[] = text.split(","); show(lines.length);`;
const other = `"cell 2"; const unrelated = 7; show(unrelated);`;
const sum = `"cell 3"; show(lines.map(Number).reduce((a: number, b: number) => a + b, unrelated));`;

describe("runNotebook", () => {
  it("runs cells in order, each with the names of those above", async () => {
    const { shown, ran } = await harness({ "data.csv": "1,2,3" }).run(read, count, other, sum);
    expect(ran).toEqual([0, 1, 2, 3]);
    expect(shown).toEqual([
      [],
      [{ kind: "text", text: "3" }],
      [{ kind: "text", text: "7" }],
      [{ kind: "text", text: "13" }],
    ]);
  });

  it("runs nothing when nothing changed, and shows the same", async () => {
    const own = harness({ "data.csv": "1,2,3" });
    const first = await own.run(read, count, other, sum);
    const second = await own.run(read, count, other, sum);
    expect(second.ran).toEqual([]);
    expect(second.shown).toEqual(first.shown);
    const page = (run: typeof first) => renderNotebook(notebook(read, count, other, sum), run.all, "x.md");
    expect(page(second)).toBe(page(first));
  });

  it("runs a changed cell and what rests on it, and nothing else", async () => {
    const own = harness({ "data.csv": "1,2,3" });
    await own.run(read, count, other, sum);
    const { ran, shown } = await own.run(read, count, other.replace("= 7", "= 100"), sum);
    expect(ran).toEqual([2, 3]);
    expect(shown.at(-1)).toEqual([{ kind: "text", text: "106" }]);
  });

  it("runs again what read a file that changed", async () => {
    const own = harness({ "data.csv": "1,2,3" });
    await own.run(read, count, other, sum);
    own.files["data.csv"] = "5,5";
    const { ran, shown } = await own.run(read, count, other, sum);
    expect(ran).toEqual([0, 1, 3]);
    expect(shown.at(-1)).toEqual([{ kind: "text", text: "17" }]);
  });

  it("does without a file that a cell only asks for, and runs again once it is there", async () => {
    const own = harness();
    const ask = `"cell 0"; const found = await readIfThere("more.csv"); show(found === undefined ? "none" : found.length);`;
    expect((await own.run(ask)).shown).toEqual([[{ kind: "text", text: "none" }]]);
    expect((await own.run(ask)).ran).toEqual([]);
    own.files["more.csv"] = "1,2";
    expect((await own.run(ask)).shown).toEqual([[{ kind: "text", text: "3" }]]);
    delete own.files["more.csv"];
    expect((await own.run(ask)).shown).toEqual([[{ kind: "text", text: "none" }]]);
  });

  it("tells data that isn't there from a cell that is wrong", async () => {
    await expect(harness().run(read)).rejects.toBeInstanceOf(NotebookDataError);
    await expect(harness().run(`throw new Error("no rows");`)).rejects.not.toBeInstanceOf(NotebookDataError);
  });

  it("makes functions and instances again when a changed cell needs them", async () => {
    const define = `"cell 0"; class Box { constructor(readonly n: number) {} twice() { return 2 * this.n; } }\nconst box = new Box(21);`;
    const own = harness();
    await own.run(define, `"cell 1"; show(box.twice());`);
    const { ran, shown } = await own.run(define, `"cell 1"; show(box.twice() + 1);`);
    expect(ran).toEqual([0, 1]);
    expect(shown[1]).toEqual([{ kind: "text", text: "43" }]);
  });

  it("names the cell and its line when it throws or can't be read", async () => {
    await expect(harness().run(`const fine = 1;`, `throw new Error("no rows");`)).rejects.toThrow(
      "cell 2 (line 10): no rows",
    );
    await expect(harness().run(`const a = ;`)).rejects.toThrow(/^cell 1 \(line 4\): .*Unexpected ";"/s);
    await expect(harness().run(read)).rejects.toThrow("cell 1 (line 4): there is no file data.csv");
  });
});
