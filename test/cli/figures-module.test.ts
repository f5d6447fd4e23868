import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadExperimentModule, loadFiguresModule, loadTextModule } from "../../cli/figures-module.ts";

const home = await mkdtemp(join(tmpdir(), "modules-"));
afterAll(() => rm(home, { recursive: true, force: true }));

/** An experiment of two files, wherever it lies. */
async function experimentIn(folder: string, value: number): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "helper.ts"), `export const value: number = ${value};\n`);
  await writeFile(join(folder, "figures.ts"), `export { value } from "./helper.ts";\n`);
  return join(folder, "figures.ts");
}
const load = (file: string) => loadExperimentModule(file, join(home, "cache"));

describe("loadExperimentModule", () => {
  it("gives the same digest wherever the experiment lies", async () => {
    const [a, b] = [await experimentIn(join(home, "a"), 1), await experimentIn(join(home, "b/deeper/still"), 1)];
    expect((await load(a)).exports["value"]).toBe(1);
    expect((await load(b)).sourceSha256).toBe((await load(a)).sourceSha256);
  });

  it("gives another where a file that it imports has changed", async () => {
    const before = await load(await experimentIn(join(home, "c"), 1));
    const after = await load(await experimentIn(join(home, "c"), 2));
    expect(after.exports["value"]).toBe(2);
    expect(after.sourceSha256).not.toBe(before.sourceSha256);
  });

  it("names a module of this package that isn't there", async () => {
    await writeFile(join(home, "wrong.ts"), `export { a } from "reprise/engines";\n`);
    await expect(load(join(home, "wrong.ts"))).rejects.toThrow('this package has no "reprise/engines"');
  });
});

describe("loadFiguresModule", () => {
  it("refuses a module without figures", async () => {
    const file = await experimentIn(join(home, "d"), 1);
    await expect(loadFiguresModule(file, join(home, "cache"))).rejects.toThrow("exports no figure");
  });
});

describe("loadTextModule", () => {
  it("imports as from its folder, and has the same digest from any", async () => {
    const text = `export { value } from "./helper.ts";\n`;
    const options = { name: "cell 1", cacheFolder: join(home, "cache") };
    await experimentIn(join(home, "e"), 3);
    await experimentIn(join(home, "f/below"), 3);
    const made = await loadTextModule(text, { ...options, folder: join(home, "e") });
    expect(made.exports["value"]).toBe(3);
    expect((await loadTextModule(text, { ...options, folder: join(home, "f/below") })).sourceSha256).toBe(
      made.sourceSha256,
    );
  });
});
