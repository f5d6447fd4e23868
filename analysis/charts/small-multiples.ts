import type { FigureSpec } from "../render/layout-hints.ts";
import { orderedValues } from "./series.ts";
import type { LabelField } from "./series.ts";

export interface SmallMultiplesOptions<Row> {
  readonly by: LabelField<Row>;
  readonly order?: readonly (string | number)[];
  /** @default the value itself */
  readonly labels?: Readonly<Record<string, string>>;
  readonly columns: number;
  /** @default "double" */
  readonly width?: "single" | "double" | number;
  /** Height over width of the whole. @default the theme's */
  readonly aspect?: number;
  /** Whether only the outer panels have tick labels. @default true */
  readonly sharedAxes?: boolean;
  /** One panel; give `all` to its `axesFrom`, so that the panels share their axes. */
  readonly chart: (panel: readonly Row[], all: readonly Row[]) => FigureSpec;
}

/** One panel a value, axes titled at the left and at the bottom only, one legend for all. */
export function smallMultiples<Row extends object>(
  rows: readonly Row[],
  options: SmallMultiplesOptions<Row>,
): FigureSpec {
  const values = orderedValues(rows, options.by, options.order);
  const columns = Math.min(options.columns, Math.max(1, values.length));
  const panels = values.map((value, index) => {
    const isLeft = index % columns === 0;
    const isBottom = index + columns >= values.length;
    const {
      usermeta,
      $schema: _,
      params,
      ...spec
    } = options.chart(
      rows.filter((row) => row[options.by] === value),
      rows,
    );
    const isShared = options.sharedAxes ?? true;
    const untitled = withOwnNames(withoutTitles(spec, { x: !isBottom, y: !isLeft }, isShared), index);
    return {
      usermeta,
      params,
      spec: { ...untitled, title: { text: options.labels?.[String(value)] ?? String(value), anchor: "middle" } },
    };
  });
  const hints = panels[0]?.usermeta?.["reprise"];
  const legend = typeof hints === "object" && hints !== null && "legend" in hints ? { legend: hints.legend } : {};
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    concat: panels.map(({ spec }) => spec),
    columns,
    align: "each",
    // A chart's parameters are the same in each panel.
    ...(panels[0]?.params !== undefined && { params: panels[0].params }),
    usermeta: {
      reprise: {
        width: options.width ?? "double",
        ...(options.aspect !== undefined && { aspect: options.aspect }),
        panels: { columns, rows: Math.max(1, Math.ceil(values.length / columns)) },
        ...legend,
      },
    },
  } as unknown as FigureSpec; // Panels are specs without what only the top level may have.
}

/**
 * Gives a panel's named layers names of its own: Vega-Lite takes layers of one name in two panels for one, and would draw
 * the last panel's labels in all.
 */
function withOwnNames(spec: object, panel: number): object {
  if (!("layer" in spec) || !Array.isArray(spec.layer)) return spec;
  const layers = spec.layer as readonly object[]; // Vega-Lite's layers are specs
  return {
    ...spec,
    layer: layers.map((layer) =>
      "name" in layer && typeof layer.name === "string" ? { ...layer, name: `${layer.name}Panel${panel}` } : layer,
    ),
  };
}

/** Takes the titles, and labels that the outer panels show, off an axis wherever its channel is encoded. */
function withoutTitles(value: unknown, axes: { x: boolean; y: boolean }, isShared: boolean): object {
  const strip = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(strip);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, child]: [string, unknown]) => {
        if (key === "values") return [key, child];
        if ((key === "x" && axes.x) || (key === "y" && axes.y)) {
          if (typeof child === "object" && child !== null && "field" in child) {
            const axis = "axis" in child && typeof child.axis === "object" ? child.axis : {};
            return [key, { ...child, title: null, ...(isShared && { axis: { ...axis, labels: false } }) }];
          }
        }
        return [key, strip(child)];
      }),
    );
  };
  return strip(value) as object; // An object goes in, so an object comes out.
}
