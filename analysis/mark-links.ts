/**
 * Ties what is drawn to what it was measured in: every mark of a figure for screens carries a link, and a list says which
 * trials each link stands for.
 */
import type { AnyFigure } from "./figure.ts";
import type { FigureSpec } from "./render/layout-hints.ts";
import type { Trial } from "./trials.ts";

/** The fields of a row that hold its own link and its line's. */
const linkField = "markLink";
const lineField = "lineLink";

/** What a link stands for: rows of the figure, by their place in `drawnRows`. */
export interface MarkLink {
  /** `row-3`, or `line-3` for a whole line or area; unique in a figure. */
  readonly id: string;
  readonly rows: readonly number[];
}

export interface LinkedSpec {
  readonly spec: FigureSpec;
  readonly links: readonly MarkLink[];
}

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

const markTypeOf = ({ mark }: Node): string | undefined =>
  typeof mark === "string" ? mark : isNode(mark) && typeof mark["type"] === "string" ? mark["type"] : undefined;

/** One link a row; a line or area leads to all of its rows. */
const pathMarks = new Set(["line", "area", "trail"]);
const rowMarks = new Set(["point", "circle", "square", "bar", "rect", "tick", "arc"]);

/** Gives every mark that shows rows an `href` of `#row-N` or `#line-N`; texts, rules and annotations have none. */
export function linkMarks(spec: FigureSpec): LinkedSpec {
  const links = new Map<string, readonly number[]>();
  const linkedRows = new Map<unknown, Node>();
  let rowCount = 0;

  /** Rows get their number; their order is that of `drawnRows`. */
  const numbered = (data: Node): { data: Node; rows: readonly Node[] } => {
    const { values } = data;
    const rows = Array.isArray(values) ? values.filter(isNode) : [];
    const first = rowCount;
    rowCount += rows.length;
    const withLinks = rows.map((row, i) => {
      const linked = { ...row, [linkField]: `#row-${first + i}`, [lineField]: "" };
      linkedRows.set(row, linked);
      return linked;
    });
    return { data: { ...data, values: withLinks }, rows: withLinks };
  };

  const pickedRow = (row: unknown): Node[] => {
    const linked = linkedRows.get(row);
    return linked === undefined ? [] : [linked];
  };

  const link = (node: Node, rows: readonly Node[], inherited: readonly string[]): Node => {
    const fields = [...inherited, ...groupingFields(node)];
    const type = markTypeOf(node);
    if (type === undefined) return linkChildren(node, rows, fields);
    if ("data" in node && !("values" in (isNode(node["data"]) ? node["data"] : {}))) return node;
    if (rowMarks.has(type)) {
      for (const row of rows) {
        const id = String(row[linkField]).slice(1);
        links.set(id, [Number(id.slice("row-".length))]);
      }
      return withHref(node, linkField);
    }
    if (!pathMarks.has(type)) return node;
    for (const group of groupRows(rows, fields)) {
      const numbers = group.map((row) => Number(String(row[linkField]).slice("#row-".length)));
      const id = `line-${numbers[0] ?? 0}`;
      links.set(id, numbers);
      for (const row of group) Object.assign(row, { [lineField]: `#${id}` });
    }
    return withHref(node, lineField);
  };

  const linkChildren = (node: Node, rows: readonly Node[], fields: readonly string[]): Node => {
    const linked: Record<string, unknown> = { ...node };
    for (const key of ["layer", "concat", "hconcat", "vconcat"]) {
      const children = node[key];
      if (Array.isArray(children)) linked[key] = children.map((child: unknown) => linkOwn(child, rows, fields));
    }
    if (isNode(node["spec"])) linked["spec"] = link(node["spec"], rows, [...fields, ...facetFields(node)]);
    return linked;
  };

  const linkOwn = (child: unknown, rows: readonly Node[], fields: readonly string[]): unknown => {
    if (!isNode(child)) return child;
    if (!isNode(child["data"])) return link(child, rows, fields);
    if (rows.length > 0) {
      // Beside rows of the whole, data of its own picks some of them, or makes an annotation.
      const { values } = child["data"];
      const picked = Array.isArray(values) ? values.flatMap((row: unknown): Node[] => pickedRow(row)) : [];
      if (!Array.isArray(values) || picked.length < values.length) return child;
      const data = { ...child["data"], values: picked };
      return { ...link({ ...child, data }, picked, fields), data };
    }
    // Without them panels have their own rows.
    const own = numbered(child["data"]);
    return { ...link({ ...child, data: own.data }, own.rows, fields), data: own.data };
  };

  const top = spec as unknown as Node; // A spec is a plain object; here only its shape matters.
  const own = isNode(top["data"]) ? numbered(top["data"]) : undefined;
  const linked = link(own ? { ...top, data: own.data } : top, own?.rows ?? [], []);
  return {
    spec: linked as unknown as FigureSpec, // Only fields and hrefs were added.
    links: [...links].map(([id, rows]) => ({ id, rows })),
  };
}

const withHref = (node: Node, field: string): Node => ({
  ...node,
  encoding: { ...(isNode(node["encoding"]) ? node["encoding"] : {}), href: { field, type: "nominal" } },
});

/** Fields by which Vega-Lite cuts rows into lines. */
function groupingFields({ encoding }: Node): string[] {
  if (!isNode(encoding)) return [];
  return ["color", "stroke", "fill", "strokeDash", "shape", "detail", "opacity", "row", "column", "facet"].flatMap(
    (channel) => {
      const definition = encoding[channel];
      return (Array.isArray(definition) ? definition : [definition]).flatMap((one: unknown) =>
        isNode(one) && typeof one["field"] === "string" ? [one["field"]] : [],
      );
    },
  );
}

const facetFields = ({ facet }: Node): string[] =>
  isNode(facet)
    ? [facet, facet["row"], facet["column"]].flatMap((one) =>
        isNode(one) && typeof one["field"] === "string" ? [one["field"]] : [],
      )
    : [];

function groupRows(rows: readonly Node[], fields: readonly string[]): Node[][] {
  const groups = new Map<string, Node[]>();
  for (const row of rows) {
    const name = JSON.stringify(fields.map((field) => row[field] ?? null));
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return [...groups.values()];
}

/** A trial that stands behind a mark: enough to name it and to find its page. */
export type TrialName = Pick<Trial, "runId" | "pointKey" | "trialIndex" | "attempt">;

/** `<name>.marks.json`: for each mark's link the row that it shows and the trials behind it. */
export interface FigureMarks {
  readonly trials: readonly TrialName[];
  /** Each a list of indices into `trials`; marks share them. */
  readonly sets: readonly (readonly number[])[];
  /** By link. */
  readonly marks: Readonly<Record<string, FigureMark>>;
}

export interface FigureMark {
  /** An index into `sets`. */
  readonly set: number;
  /** The values to show: a row's own, or what all rows of a line share. */
  readonly row?: Readonly<Record<string, unknown>>;
  /** The points of a line that has no marks of its own for them, without its gaps. */
  readonly line?: { readonly fields: readonly string[]; readonly rows: readonly (readonly unknown[])[] };
}

/** Lines of more points in all, in one figure, don't say the values of each. */
const mostLinePoints = 20_000;

/**
 * Which trials stand behind each mark. A figure's own `isFrom` decides; else a row rests on the trials whose parameters
 * have the row's values, as far as the row names parameters, and on one trial where it has a `trialIndex`.
 */
export function marksOf(figure: AnyFigure, { links, rows, trials }: LinkedRows): FigureMarks {
  const sets = new Map<string, number>();
  const setOf = (indices: readonly number[]): number => {
    const name = indices.join();
    const known = sets.get(name) ?? sets.size;
    sets.set(name, known);
    return known;
  };
  const behind = (row: object): number[] => {
    const isFrom = figure.isFrom ?? hasItsValues;
    return trials.flatMap((trial, index) => (isFrom(row, trial) ? [index] : []));
  };
  const byRow = rows.map(behind);
  const withOwnMark = new Set(links.filter(({ id }) => id.startsWith("row-")).flatMap((one) => one.rows));
  const lines = links.filter((one) => one.rows.length > 1 && !one.rows.some((number) => withOwnMark.has(number)));
  const saysPoints = lines.reduce((count, one) => count + one.rows.length, 0) <= mostLinePoints;
  const marks = Object.fromEntries(
    links.map((link): [string, FigureMark] => {
      const { id, rows: numbers } = link;
      const indices = [...new Set(numbers.flatMap((number) => byRow[number] ?? []))].sort((a, b) => a - b);
      const own = numbers.flatMap((number) => rows[number] ?? []).map(plainValues);
      const values = numbers.length === 1 ? { row: own[0] ?? {} } : undefined;
      return [id, { set: setOf(indices), ...(values ?? (saysPoints && lines.includes(link) ? lineValues(own) : {})) }];
    }),
  );
  return {
    trials: trials.map(({ runId, pointKey, trialIndex, attempt }) => ({ runId, pointKey, trialIndex, attempt })),
    sets: [...sets.keys()].map((name) => (name === "" ? [] : name.split(",").map(Number))),
    marks,
  };
}

interface LinkedRows {
  readonly links: readonly MarkLink[];
  readonly rows: readonly object[];
  readonly trials: readonly Trial[];
}

function hasItsValues(row: object, { pointKey, trialIndex, parameters }: Trial): boolean {
  return Object.entries(row).every(([field, value]: [string, unknown]) => {
    if (field === "trialIndex") return value === trialIndex;
    if (field === "pointKey") return value === pointKey;
    const parameter = parameters[field];
    return parameter === undefined || typeof parameter === "object" || parameter === value;
  });
}

/** What the rows of a line share, and what tells them apart: fields that most have. A row without one of these is a gap. */
function lineValues(rows: readonly Readonly<Record<string, unknown>>[]): Pick<FigureMark, "row" | "line"> {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const common = names.filter((name) => rows.filter((row) => row[name] !== undefined).length > rows.length / 2);
  const [first] = rows;
  const isShared = (name: string): boolean => rows.every((row) => row[name] === first?.[name]);
  const fields = common.filter((name) => !isShared(name));
  const whole = rows.filter((row) => fields.every((name) => row[name] !== undefined));
  return {
    row: Object.fromEntries(common.filter(isShared).map((name) => [name, first?.[name]])),
    line: { fields, rows: whole.map((row) => fields.map((name) => row[name])) },
  };
}

/** What a reader is told of a row: short values, as they are. */
const plainValues = (row: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).filter(
      ([, value]: [string, unknown]) =>
        typeof value === "string" ||
        typeof value === "boolean" ||
        (typeof value === "number" && Number.isFinite(value)),
    ),
  );
