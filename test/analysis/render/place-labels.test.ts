import { overlappingTexts, placeMovableLabels, textBoxesOf, textBoxOf } from "../../../analysis/render/place-labels.ts";
import type { SceneItem, SceneMark } from "../../../analysis/render/vega-runtime.ts";

const text = (more: SceneItem): SceneItem => ({ text: "label", font: "Open Sans", fontSize: 10, ...more });
function scene(...marks: SceneMark[]): SceneMark {
  const frame: SceneItem = { x: 0, y: 0, width: 200, height: 100, items: marks };
  return { marktype: "group", role: "frame", items: [frame] };
}
const labels = (...items: SceneItem[]): SceneMark => ({ marktype: "text", name: "movableLabels_marks", items });

describe("textBoxOf", () => {
  it("follows alignment and rotation", () => {
    const flat = textBoxOf(text({ x: 50, y: 50, align: "center", baseline: "middle" }), { x: 0, y: 0 });
    expect(flat.x1 + flat.x2).toBeCloseTo(100);
    const turned = textBoxOf(text({ x: 50, y: 50, align: "center", baseline: "middle", angle: 270 }), { x: 0, y: 0 });
    expect(turned.y2 - turned.y1).toBeCloseTo(flat.x2 - flat.x1);
  });
});

describe("overlappingTexts", () => {
  it("finds the texts that cover each other, and only those", () => {
    const mark: SceneMark = {
      marktype: "text",
      items: [text({ x: 0, y: 0, text: "a" }), text({ x: 2, y: 1, text: "b" }), text({ x: 80, y: 0, text: "c" })],
    };
    expect(overlappingTexts(textBoxesOf(mark)).map(([a, b]) => a.text + b.text)).toEqual(["ab"]);
  });

  it("tells slanted labels that lie side by side from those that touch", () => {
    const slanted = (...at: number[]): SceneMark => ({
      marktype: "text",
      items: at.map((x) => text({ x, y: 0, text: "several proxy leaders", angle: -40, align: "right" })),
    });
    expect(overlappingTexts(textBoxesOf(slanted(0, 20, 40)))).toEqual([]);
    expect(overlappingTexts(textBoxesOf(slanted(0, 6)))).toHaveLength(1);
  });
});

describe("placeMovableLabels", () => {
  it("keeps labels of close points apart and off their points", () => {
    const points: SceneMark = {
      marktype: "symbol",
      items: [
        { x: 50, y: 50, size: 30 },
        { x: 58, y: 50, size: 30 },
      ],
    };
    const root = scene(points, labels(text({ x: 50, y: 50, text: "one" }), text({ x: 58, y: 50, text: "two" })));
    expect(placeMovableLabels(root, 4)).toEqual([]);
    const boxes = textBoxesOf(root);
    expect(overlappingTexts(boxes)).toEqual([]);
    for (const box of boxes) expect(box.y2 < 47 || box.y1 > 53 || box.x2 < 47 || box.x1 > 61).toBe(true);
  });

  it("leaves a label out, and says so, where all places are taken", () => {
    const crowd = Array.from({ length: 30 }, (_, i) => text({ x: 100 + (i % 3), y: 50 + (i % 2), text: "crowded" }));
    const leftOut = placeMovableLabels(scene(labels(...crowd)), 4);
    expect(leftOut.length).toBeGreaterThan(0);
    expect(leftOut.length).toBeLessThan(30);
  });

  it("slides a rule's label along the rule to where no line crosses it", () => {
    const line: SceneMark = {
      marktype: "line",
      items: [
        { x: 120, y: 60 },
        { x: 200, y: 20 },
      ],
    };
    const label = text({ x: 200, y: 40, text: "objective", align: "right" });
    const root = scene(line, { marktype: "text", name: "ruleLabelsY_marks", items: [label] });
    placeMovableLabels(root, 4);
    expect(textBoxesOf(root)[0]!.x2).toBeLessThan(120);
  });
});
