import { renderFigure } from "../../../analysis/render/index.ts";
import { toDark } from "../../../analysis/render/recolor.ts";
import { renderScreens } from "../../../analysis/render/render-screens.ts";
import { examples } from "../charts/examples.ts";

const draw = async (name: string, theme: "screen" | "screen-dark"): Promise<string> =>
  (await renderFigure(examples[name]!, { theme, formats: ["svg"], embedsFonts: false, title: name })).svg ?? "";

describe("toDark", () => {
  it.each(Object.keys(examples))("gives what the dark theme draws, or nothing: %s", async (name) => {
    const recolored = toDark(await draw(name, "screen"));
    if (recolored === undefined) expect(name).toContain("heatmap");
    else expect(recolored).toBe(await draw(name, "screen-dark"));
  });

  it("leaves figures alone with colours that aren't the theme's", () => {
    expect(toDark('<svg><path fill="#2668ab" stroke="none"/></svg>')).toBe(
      '<svg><path fill="#4b8fe0" stroke="none"/></svg>',
    );
    expect(toDark('<svg><path fill="#2668ab" stroke="red"/></svg>')).toBeUndefined();
  });
});

describe("renderScreens", () => {
  it("draws for the dark what can't be recoloured", async () => {
    const [light, dark] = await renderScreens(examples["heatmap"]!, "heatmap");
    expect([light.theme, dark.theme]).toEqual(["screen", "screen-dark"]);
    expect(dark.svg).toBe(await draw("heatmap", "screen-dark"));
  });
});
