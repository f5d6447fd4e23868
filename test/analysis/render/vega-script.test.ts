import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeNameOf, loadScript } from "../../../analysis/render/vega-script.ts";

describe("loadScript", () => {
  const folder = mkdtempSync(join(tmpdir(), "reprise-script-"));
  const file = join(folder, "part.cjs");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const writeScript = (answer: number): void =>
    writeFileSync(file, `const { sep } = require("node:path"); exports.answer = () => sep.length * ${answer};`);
  const answerOf = ({ exports }: { exports: object }): unknown => (exports as { answer: () => number }).answer();

  it("runs a script with and without compiled code, and with what isn't any", () => {
    writeScript(41);
    const first = loadScript(file);
    expect([first.hadCode, answerOf(first)]).toEqual([false, 41]);
    writeFileSync(codeNameOf(file), first.compiledCode());
    const second = loadScript(file);
    expect([second.hadCode, answerOf(second)]).toEqual([true, 41]);
    // Another text, since V8 remembers what it has compiled by itself.
    writeScript(43);
    writeFileSync(codeNameOf(file), "not code");
    const third = loadScript(file);
    expect([third.hadCode, answerOf(third)]).toEqual([false, 43]);
  });

  it("doesn't take the code of another text", () => {
    writeScript(41);
    writeFileSync(codeNameOf(file), loadScript(file).compiledCode());
    writeScript(1_041);
    const changed = loadScript(file);
    expect([changed.hadCode, answerOf(changed)]).toEqual([false, 1_041]);
  });

  it("keeps code by V8's version and the processor's kind", () => {
    expect(codeNameOf("vega.cjs")).toBe(`vega.cjs.${process.versions.v8}-${process.arch}`);
  });
});
