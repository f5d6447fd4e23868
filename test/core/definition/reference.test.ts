import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { definitionJsonSchema } from "../../../core/definition/json-schema.ts";
import { fillReference } from "../../../core/definition/reference.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import { loadText, planInputs } from "./load.ts";

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8");
const remedy = "stale: run npx tsx scripts/generate-definition-reference.ts";

describe("what is made from the schema", () => {
  it("schema/reprise.schema.json is up to date", () => {
    expect({ remedy, schema: JSON.parse(read("schema/reprise.schema.json")) as unknown }).toEqual({
      remedy,
      schema: JSON.parse(definitionJsonSchema()) as unknown,
    });
  });

  it("docs/definition.md is up to date", () => {
    const page = read("docs/definition.md");
    expect(fillReference(page) === page ? "up to date" : remedy).toBe("up to date");
  });

  it("describes every field", () => {
    expect(fillReference(read("docs/definition.md"))).not.toMatch(/\| {2}\|/);
  });

  it("begins with an example that plans as it stands", () => {
    const [, example] = /```yaml\n([\s\S]*?)```/.exec(read("docs/definition.md")) ?? [];
    const definition = loadText(example ?? "");
    const plan = planExperiment(definition, planInputs(definition));
    expect(plan.points.map((point) => point.pointKey)).toEqual([
      "load.clients=2",
      "load.clients=4",
      "load.clients=8",
      "load.clients=16",
    ]);
    expect(plan.blocks).toHaveLength(12);
    expect(example?.split("\n").length).toBeLessThan(50);
  });

  it("begins with an example whose programs take what it gives them", () => {
    const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(read("docs/definition.md")) ?? [];
    const given = [...example.matchAll(/ --([a-z-]+) /g)].map(([, flag = ""]) => flag);
    const programs = ["server.mjs", "client.mjs"].map((name) => read(`experiments/quickstart/src/${name}`)).join("");
    expect(given.length).toBeGreaterThan(5);
    expect(given.filter((flag) => !new RegExp(`(?:^|[{ ])"?${flag}"?: \\{ type:`, "m").test(programs))).toEqual([]);
    expect(
      [...example.matchAll(/module: ([\w./-]+)/g)].map(
        ([, file = ""]) => read(`experiments/quickstart/${file}`).length > 0,
      ),
    ).toEqual([true]);
  });

  it("refuses a marker that it has no part for", () => {
    expect(() => fillReference("<!-- made from the schema: nothing -->\n<!-- end -->")).toThrow(/no part nothing/);
  });
});
