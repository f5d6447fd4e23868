/**
 * Reads where a scene's texts lie, and moves those that may move so that nothing is covered. Works on the scene between
 * layout and drawing, so every format shows the same.
 */
import { movableLabels, ruleLabels } from "./layout-hints.ts";
import { measureText } from "./typefaces.ts";
import { visitScene } from "./vega-runtime.ts";
import type { SceneItem, SceneMark } from "./vega-runtime.ts";

interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** A text as drawn, in page units from the plot's origin; rotated ones have the box of their turned outline. */
export interface TextBox extends Box {
  readonly text: string;
  /** The corners of a text that isn't level, in a circle around it; the box itself where there are none. */
  readonly outline?: readonly Point[];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Segment {
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
}

const linesOf = (item: SceneItem): string[] =>
  (Array.isArray(item.text) ? item.text : [item.text ?? ""]).map((line) => String(line).trim());

function textSize(item: SceneItem): { width: number; height: number } {
  const lines = linesOf(item);
  const fontSize = item.fontSize ?? 11;
  return {
    width: Math.max(...lines.map((line) => measureText(item, line))),
    height: fontSize * 0.92 + (lines.length - 1) * (item.lineHeight ?? fontSize + 2),
  };
}

/** Where the top of the box lies above the text's anchor, by baseline, in font sizes. */
const rise: Readonly<Record<string, number>> = { top: 0.02, middle: 0.48, bottom: 0.92, alphabetic: 0.72 };

export function textBoxOf(item: SceneItem, at: { readonly x: number; readonly y: number }): TextBox {
  const { width, height } = textSize(item);
  const fontSize = item.fontSize ?? 11;
  const left = (item.dx ?? 0) - (item.align === "center" ? width / 2 : item.align === "right" ? width : 0);
  const top = (item.dy ?? 0) - (rise[item.baseline ?? "alphabetic"] ?? 0.72) * fontSize;
  const angle = ((item.angle ?? 0) * Math.PI) / 180;
  const corners = [
    [left, top],
    [left + width, top],
    [left + width, top + height],
    [left, top + height],
  ].map(([x = 0, y = 0]) => ({
    x: at.x + (item.x ?? 0) + x * Math.cos(angle) - y * Math.sin(angle),
    y: at.y + (item.y ?? 0) + x * Math.sin(angle) + y * Math.cos(angle),
  }));
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  return {
    text: linesOf(item).join(" "),
    x1: Math.min(...xs),
    y1: Math.min(...ys),
    x2: Math.max(...xs),
    y2: Math.max(...ys),
    ...(angle % (Math.PI / 2) === 0 ? {} : { outline: corners }),
  };
}

const isShown = (item: SceneItem): boolean => (item.opacity ?? 1) > 0 && linesOf(item).join("").length > 0;

/** Every text that is drawn, in drawing order. */
export function textBoxesOf(root: SceneMark): TextBox[] {
  const boxes: TextBox[] = [];
  visitScene(root, (item, mark, at) => {
    if (mark.marktype === "text" && isShown(item)) boxes.push(textBoxOf(item, at));
  });
  return boxes;
}

const overlapArea = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1)) * Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));

/** Pairs of texts that cover each other by more than a hair. */
export function overlappingTexts(boxes: readonly TextBox[]): [TextBox, TextBox][] {
  const sorted = [...boxes].sort((a, b) => a.x1 - b.x1);
  const pairs: [TextBox, TextBox][] = [];
  sorted.forEach((a, i) => {
    for (let j = i + 1; j < sorted.length; j++) {
      const b = sorted[j];
      if (!b || b.x1 >= a.x2) break;
      if (overlapArea(a, b) > 0.6 && outlinesOverlap(a, b)) pairs.push([a, b]);
    }
  });
  return pairs;
}

/** Slanted labels side by side have boxes that overlap, and don't touch: no line along one of their sides parts those that do. */
function outlinesOverlap(a: TextBox, b: TextBox): boolean {
  if (!a.outline && !b.outline) return true;
  const corners = ({ outline, x1, y1, x2, y2 }: TextBox): readonly Point[] =>
    outline ?? [
      { x: x1, y: y1 },
      { x: x2, y: y1 },
      { x: x2, y: y2 },
      { x: x1, y: y2 },
    ];
  const outlines = [corners(a), corners(b)] as const;
  return outlines.every((outline) =>
    outline.every(({ x, y }, i) => {
      const next = outline[(i + 1) % outline.length] ?? { x, y };
      const length = Math.hypot(next.x - x, next.y - y) || 1;
      const normal = { x: (y - next.y) / length, y: (next.x - x) / length };
      const [own, other] = outlines.map((points) => points.map((point) => point.x * normal.x + point.y * normal.y));
      if (!own || !other) return true;
      return Math.min(Math.max(...own), Math.max(...other)) - Math.max(Math.min(...own), Math.min(...other)) > hair;
    }),
  );
}

/** Texts that touch by less are apart to the eye. */
const hair = 0.4;

/** Undoes Vega's rounding of text baselines to whole pixels: half a point is much on a printed page. */
export function alignBaselines(root: SceneMark): void {
  const share: Readonly<Record<string, number>> = { top: 0.79, middle: 0.3, bottom: -0.21 };
  visitScene(root, (item, mark) => {
    const factor = mark.marktype === "text" ? share[item.baseline ?? ""] : undefined;
    if (factor === undefined) return;
    const offset = factor * (item.fontSize ?? 11);
    // Cap height over two is the optical middle of a line; the plain third sits too low.
    const wanted = item.baseline === "middle" ? 0.335 * (item.fontSize ?? 11) : offset;
    item.dy = (item.dy ?? 0) + wanted - Math.round(offset);
  });
}

/** Shortens the ticks that have no label: the minor ones of a log axis. Vega has one length for all. */
export function shortenMinorTicks(root: SceneMark): void {
  visitScene(root, (item, mark) => {
    if (mark.role !== "axis") return;
    const parts = (item.items ?? []).flatMap((part) => (part.marktype === "group" ? part.items : [])).concat(item);
    const find = (role: string): SceneItem[] =>
      parts.flatMap((part) => part.items ?? []).find((part) => part.role === role)?.items ?? [];
    const labels = find("axis-label");
    const ticks = find("axis-tick");
    if (labels.length !== ticks.length || labels.every((label) => linesOf(label).join("") !== "")) return;
    ticks.forEach((tick, index) => {
      const label = labels[index];
      if (!label || linesOf(label).join("") !== "") return;
      if (tick.x2 !== undefined) tick.x2 = (tick.x ?? 0) + (tick.x2 - (tick.x ?? 0)) * 0.55;
      if (tick.y2 !== undefined) tick.y2 = (tick.y ?? 0) + (tick.y2 - (tick.y ?? 0)) * 0.55;
    });
  });
}

/**
 * Puts the titles of panels in one row on one line: Vega places each above its own panel's labels, so that those of
 * panels without labels hang lower.
 */
export function alignPanelTitles(root: SceneMark): void {
  const rows = new Map<number, { item: SceneItem; y: number }[]>();
  visitScene(root, (panel, mark, at) => {
    if (mark.marktype !== "group" || mark.role !== "scope") return;
    const top = at.y + (panel.y ?? 0);
    for (const part of panel.items ?? []) {
      const title = part.role === "title" ? part.items[0] : undefined;
      if (!title) continue;
      const row = rows.get(Math.round(top)) ?? [];
      rows.set(Math.round(top), [...row, { item: title, y: top + (title.y ?? 0) }]);
    }
  });
  for (const row of rows.values()) {
    const highest = Math.min(...row.map(({ y }) => y));
    for (const { item, y } of row) item.y = (item.y ?? 0) + highest - y;
  }
}

/** Where a label may go around its point, best first: right above, above, right, then round. */
const directions = [
  { x: 0, y: -1 },
  { x: 1, y: -0.7 },
  { x: 1, y: 0 },
  { x: -1, y: -0.7 },
  { x: 0, y: 1 },
  { x: 1, y: 0.7 },
  { x: -1, y: 0 },
  { x: -1, y: 0.7 },
] as const;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A text that may move: where its anchor lies on the page, and inside what it must stay. */
interface Movable {
  readonly item: SceneItem;
  readonly anchor: Point;
  readonly panel: Box;
  readonly along: "point" | "x" | "y";
}

interface Obstacles {
  readonly texts: Box[];
  readonly points: Box[];
  readonly segments: Segment[];
}

/** Centres to try, best first. */
function candidatesOf({ item, anchor, panel, along }: Movable, gap: number): Point[] {
  const { width, height } = textSize(item);
  const near = height / 2 + gap * 0.45;
  switch (along) {
    case "point":
      return directions.flatMap((direction) =>
        [1, 1.8].map((reach) => ({
          x: anchor.x + direction.x * (gap * reach + width / 2),
          y: anchor.y + direction.y * (gap * reach + height / 2),
        })),
      );
    case "y": {
      const xs = [panel.x2 - width / 2, panel.x1 + width / 2 + gap, (panel.x1 + panel.x2) / 2];
      return [-near, near].flatMap((dy) => xs.map((x) => ({ x, y: anchor.y + dy })));
    }
    case "x": {
      const ys = [panel.y1 + near, panel.y2 - near, (panel.y1 + panel.y2) / 2];
      return [1, -1].flatMap((side) => ys.map((y) => ({ x: anchor.x + side * (width / 2 + gap * 0.8), y })));
    }
    default:
      return along satisfies never;
  }
}

/**
 * Moves the texts of layers named {@link movableLabels} and {@link ruleLabels} to the freest place by their points and
 * rules, in order; one that would still cover another text or leave its panel is left out.
 *
 * @returns the texts left out
 */
export function placeMovableLabels(root: SceneMark, gap: number): string[] {
  const { movable, obstacles } = surveyScene(root);
  const leftOut: string[] = [];
  for (const label of movable) {
    const { item, panel, anchor } = label;
    const size = textSize(item);
    let best: { cost: number; at: Point; box: Box } | undefined;
    candidatesOf(label, gap).forEach((at, preference) => {
      const box = {
        x1: at.x - size.width / 2,
        y1: at.y - size.height / 2,
        x2: at.x + size.width / 2,
        y2: at.y + size.height / 2,
      };
      const isOutside = box.x1 < panel.x1 || box.x2 > panel.x2 + gap || box.y1 < panel.y1 - gap || box.y2 > panel.y2;
      const cost = preference * 0.5 + (isOutside ? 400 : 0) + coverage(box, obstacles);
      if (!best || cost < best.cost) best = { cost, at, box };
    });
    if (!best || best.cost >= 100) {
      leftOut.push(linesOf(item).join(" "));
      item.opacity = 0;
      continue;
    }
    item.align = "center";
    item.baseline = "middle";
    item.dx = best.at.x - anchor.x;
    // The middle of a line's digits, as alignBaselines has it for the others; Vega's own offset is whole pixels.
    item.dy = best.at.y - anchor.y + 0.335 * (item.fontSize ?? 11) - Math.round(0.3 * (item.fontSize ?? 11));
    obstacles.texts.push(best.box);
  }
  return leftOut;
}

/** How much a box would hide: a text most, a point more than a line. */
const coverage = (box: Box, { texts, points, segments }: Obstacles): number =>
  100 * texts.filter((other) => overlapArea(box, other) > 0).length +
  12 * points.filter((other) => overlapArea(box, other) > 0.5).length +
  9 * segments.filter((segment) => crosses(segment, box)).length;

function surveyScene(root: SceneMark): { movable: Movable[]; obstacles: Obstacles } {
  const movable: Movable[] = [];
  const obstacles: Obstacles = { texts: [], points: [], segments: [] };
  let panel: Box = { x1: -Infinity, y1: -Infinity, x2: Infinity, y2: Infinity };
  visitScene(root, (item, mark, at, index) => {
    const [x, y] = [at.x + (item.x ?? 0), at.y + (item.y ?? 0)];
    const [x2, y2] = [at.x + (item.x2 ?? item.x ?? 0), at.y + (item.y2 ?? item.y ?? 0)];
    const next = mark.items[index + 1];
    const isJoined = next !== undefined && item.defined !== false && next.defined !== false;
    switch (mark.marktype) {
      case "group":
        if ((item.width ?? 0) > 0 && (mark.role === "frame" || mark.role === "scope"))
          panel = { x1: x, y1: y, x2: x + (item.width ?? 0), y2: y + (item.height ?? 0) };
        break;
      case "text":
        if (!isShown(item)) break;
        if (mark.name?.startsWith(movableLabels)) movable.push({ item, anchor: { x, y }, panel, along: "point" });
        else if (mark.name?.startsWith(ruleLabels))
          movable.push({ item, anchor: { x, y }, panel, along: mark.name.startsWith(`${ruleLabels}X`) ? "x" : "y" });
        else obstacles.texts.push(textBoxOf(item, at));
        break;
      case "symbol": {
        const radius = Math.sqrt((item.size ?? 0) / Math.PI) * 1.1;
        obstacles.points.push({ x1: x - radius, y1: y - radius, x2: x + radius, y2: y + radius });
        break;
      }
      case "rect":
        if (mark.role === "mark" && item.width !== undefined)
          obstacles.points.push({ x1: x, y1: y, x2: x + item.width, y2: y + (item.height ?? 0) });
        break;
      case "rule":
        if (mark.role === "mark") obstacles.segments.push({ ax: x, ay: y, bx: x2, by: y2 });
        break;
      case "line":
        if (isJoined) obstacles.segments.push({ ax: x, ay: y, bx: at.x + (next.x ?? 0), by: at.y + (next.y ?? 0) });
        break;
      case "area":
        if (!isJoined) break;
        obstacles.segments.push({ ax: x, ay: y, bx: at.x + (next.x ?? 0), by: at.y + (next.y ?? 0) });
        obstacles.segments.push({ ax: x, ay: y2, bx: at.x + (next.x ?? 0), by: at.y + (next.y2 ?? next.y ?? 0) });
        break;
    }
  });
  return { movable, obstacles };
}

/** Liang and Barsky's clipping: does any part of the segment lie inside the box? */
function crosses({ ax, ay, bx, by }: Segment, box: Box): boolean {
  let [from, to] = [0, 1];
  const [dx, dy] = [bx - ax, by - ay];
  for (const [p, q] of [
    [-dx, ax - box.x1],
    [dx, box.x2 - ax],
    [-dy, ay - box.y1],
    [dy, box.y2 - ay],
  ] as const) {
    if (p === 0) {
      if (q < 0) return false;
    } else if (p < 0) from = Math.max(from, q / p);
    else to = Math.min(to, q / p);
  }
  return from <= to;
}
