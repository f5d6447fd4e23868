/**
 * The data in a spec: rows, which marks stand for, and annotations, which are drawn beside them: rules, events, limits,
 * with their labels.
 */
import type { FigureSpec } from "./render/layout-hints.ts";

/** A value that an annotation stands for. */
export interface Annotation {
  /** Title of the panel it is in, or without one its number from 1; undefined where there is one plot. */
  readonly panel: string | number | undefined;
  /** What it is drawn as: `rule`, or `rule+text` for a line with its label. */
  readonly mark: string;
  readonly values: object;
}

export interface DrawnData {
  readonly rows: readonly object[];
  readonly annotations: readonly Annotation[];
}

const panelKeys = ["concat", "hconcat", "vconcat"] as const;

/** What a spec draws, in its order. Data of a layer that picks some of the rows around it is those rows, told once. */
export function drawnData(spec: FigureSpec): DrawnData {
  const rows: object[] = [];
  const annotations: Annotation[] = [];
  let panelCount = 0;

  const collect = (node: object, around: ReadonlySet<object>, panel: Annotation["panel"]): void => {
    const own = ownValues(node);
    let inside = around;
    if (own !== undefined && around.size === 0) {
      for (const row of own) rows.push(row);
      inside = new Set(own);
    } else if (own !== undefined) {
      const mark = markTypeOf(node) ?? "";
      for (const values of own) if (!around.has(values)) annotations.push({ panel, mark, values });
    }
    for (const layer of partsOf(node, "layer")) collect(layer, inside, panel);
    for (const part of panelKeys.flatMap((key) => partsOf(node, key))) {
      panelCount++;
      collect(part, inside, titleOf(part) ?? panelCount);
    }
    const facet: unknown = Reflect.get(node, "spec");
    if (typeof facet === "object" && facet !== null) collect(facet, inside, panel);
  };

  collect(spec, new Set(), undefined);
  return { rows, annotations: merged(annotations) };
}

/** The rows that a spec's marks stand for: its own data, or that of its panels; annotations aside. */
export const drawnRows = (spec: FigureSpec): readonly object[] => drawnData(spec).rows;

/** A line and its label are one annotation, drawn twice. */
function merged(annotations: readonly Annotation[]): Annotation[] {
  const known = new Map<string, Annotation>();
  for (const one of annotations) {
    const key = JSON.stringify([one.panel, one.values]);
    const before = known.get(key);
    const marks = new Set([...(before?.mark.split("+") ?? []), one.mark]);
    known.set(key, { ...one, mark: [...marks].join("+") });
  }
  return [...known.values()];
}

const partsOf = (node: object, key: string): object[] => {
  const parts: unknown = Reflect.get(node, key);
  return Array.isArray(parts)
    ? parts.filter((part: unknown): part is object => typeof part === "object" && part !== null)
    : [];
};

function titleOf(part: object): string | undefined {
  const title: unknown = Reflect.get(part, "title");
  const text: unknown = typeof title === "object" && title !== null ? Reflect.get(title, "text") : title;
  return typeof text === "string" && text !== "" ? text : undefined;
}

/** Values that stand in a part of a spec. */
function ownValues(node: object): object[] | undefined {
  const data: unknown = Reflect.get(node, "data");
  if (typeof data !== "object" || data === null || !("values" in data) || !Array.isArray(data.values)) return undefined;
  return data.values.filter((row: unknown): row is object => typeof row === "object" && row !== null);
}

function markTypeOf(node: object): string | undefined {
  const mark: unknown = Reflect.get(node, "mark");
  if (typeof mark === "string") return mark;
  return typeof mark === "object" && mark !== null && "type" in mark && typeof mark.type === "string"
    ? mark.type
    : undefined;
}
