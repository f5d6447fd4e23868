import { composeDefinition, composeStateMachine } from "../../../engines/asl/compose.ts";
import type { DefinitionFiles } from "../../../engines/asl/compose.ts";

const file = (value: unknown): string => JSON.stringify(value);
const child = {
  Comment: "one trial",
  StartAt: "T",
  States: { T: { Type: "Pass", Comment: "${who} in ${where}", End: true } },
};
const parent = (processor: unknown) => ({
  StartAt: "M",
  States: { M: { Type: "Map", MaxConcurrency: 1, ItemProcessor: processor, End: true } },
});
const included = { $include: "child.asl.json", ProcessorConfig: { Mode: "INLINE" } };

describe("composeDefinition", () => {
  const compose = (files: DefinitionFiles) => composeDefinition(files, "main.asl.json", { who: "Ada", where: "Lab" });

  it("substitutes everywhere, and puts an included file's states under this ProcessorConfig", () => {
    const files = { "main.asl.json": file(parent(included)), "child.asl.json": file(child) };
    expect(compose(files)).toEqual(
      parent({
        Comment: "one trial",
        ProcessorConfig: { Mode: "INLINE" },
        StartAt: "T",
        States: { T: { Type: "Pass", Comment: "Ada in Lab", End: true } },
      }),
    );
  });

  it("includes within included files", () => {
    const middle = { ...parent(included), StartAt: "M" };
    const renamed = { StartAt: "N", States: { N: { ...middle.States.M } } };
    const files = {
      "main.asl.json": file(parent({ ...included, $include: "middle.asl.json" })),
      "middle.asl.json": file(renamed),
      "child.asl.json": file(child),
    };
    const { States } = composeStateMachine(files, "main.asl.json", { who: "", where: "" });
    expect(States["M"]).toMatchObject({
      ItemProcessor: { States: { N: { ItemProcessor: { States: { T: { Type: "Pass" } } } } } },
    });
  });

  it.each<[string, DefinitionFiles, string]>([
    ["a file that isn't there", {}, "main.asl.json $: there is no such file"],
    ["what is no JSON", { "main.asl.json": "{" }, "main.asl.json $: not JSON: "],
    [
      "names that nothing is known for",
      { "main.asl.json": file({ ...child, Comment: "${nobody}" }) },
      "main.asl.json $.Comment: nothing is known to stand for ${nobody}",
    ],
    [
      "an include of a missing file",
      { "main.asl.json": file(parent(included)) },
      "child.asl.json $: there is no such file",
    ],
    [
      "an include outside an ItemProcessor",
      { "main.asl.json": file({ States: included }), "child.asl.json": file(child) },
      "main.asl.json $.States: $include stands in an ItemProcessor",
    ],
    [
      "company of an include",
      { "main.asl.json": file(parent({ ...included, StartAt: "T" })), "child.asl.json": file(child) },
      "main.asl.json $.States.M.ItemProcessor: beside $include only ProcessorConfig may stand, not StartAt",
    ],
    [
      "what an item processor can't have",
      { "main.asl.json": file(parent(included)), "child.asl.json": file({ ...child, TimeoutSeconds: 5 }) },
      "child.asl.json $: an item processor has no TimeoutSeconds",
    ],
    [
      "a circle",
      { "main.asl.json": file(parent({ ...included, $include: "main.asl.json" })) },
      "main.asl.json $.States.M.ItemProcessor: main.asl.json includes main.asl.json",
    ],
  ])("refuses %s", (_, files, problem) => expect(() => compose(files)).toThrow(problem));
});
