import { stagesOf } from "../../../core/definition/stages.ts";

const item = (name: string, ...after: string[]) => ({ name, after });

describe("stagesOf", () => {
  it("gives each item the stage behind the latest it waits for", () => {
    const result = stagesOf([item("d", "b", "c"), item("a"), item("b", "a"), item("c")]);
    expect(result.kind === "stages" && Object.fromEntries(result.stages)).toEqual({ a: 0, b: 1, c: 0, d: 2 });
  });

  it("names the members of a circle", () => {
    expect(stagesOf([item("x"), item("a", "b"), item("b", "c"), item("c", "a")])).toEqual({
      kind: "circle",
      names: ["a", "b", "c"],
    });
    expect(stagesOf([item("a", "a")])).toEqual({ kind: "circle", names: ["a"] });
  });
});
