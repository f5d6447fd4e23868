import type { GalleryColumn, GalleryTrial } from "./gallery-page.ts";

/**
 * Texts of which each is written as what it shares with the one before and the rest: `17 2.html`; null where there is
 * none. Names of trials, in the plan's order, differ in their ends.
 */
export type SharedTexts = readonly (string | null)[];

/** Values as they are, or as places in a list of those that there are. */
export type PackedColumn =
  | { readonly all: readonly (string | number | boolean | null)[] }
  | { readonly of: readonly (string | number | boolean | null)[]; readonly at: readonly number[] };

/** All trials of a page as data for its script: a tenth of what their rows take as markup. */
export interface PackedTrials {
  readonly pageRows: number;
  readonly ids: SharedTexts;
  readonly labels: SharedTexts;
  readonly hrefs: SharedTexts;
  readonly notes: SharedTexts;
  readonly outcomes: PackedColumn;
  /** Of every outcome, the class of its badge. */
  readonly tones: Readonly<Record<string, string>>;
  readonly columns: readonly { readonly isNumber: boolean; readonly values: PackedColumn }[];
}

export function packTrials(
  { columns, rows }: { readonly columns: readonly GalleryColumn[]; readonly rows: readonly GalleryTrial[] },
  { pageRows, tones }: Pick<PackedTrials, "pageRows" | "tones">,
): PackedTrials {
  return {
    pageRows,
    ids: shareTexts(rows.map(({ id }) => id)),
    labels: shareTexts(rows.map(({ id, label = id }) => label)),
    hrefs: shareTexts(rows.map(({ href }) => href)),
    notes: shareTexts(rows.map(({ note }) => note)),
    outcomes: packColumn(rows.map(({ outcome }) => outcome)),
    tones,
    columns: columns.map(({ key, isNumber = false }) => ({
      isNumber,
      values: packColumn(rows.map(({ cells }) => cells[key] ?? null)),
    })),
  };
}

function shareTexts(texts: readonly (string | undefined)[]): SharedTexts {
  let last = "";
  return texts.map((text) => {
    if (text === undefined) return null;
    let shared = 0;
    while (shared < text.length && text[shared] === last[shared]) shared++;
    last = text;
    return `${shared} ${text.slice(shared)}`;
  });
}

function packColumn(values: readonly (string | number | boolean | null)[]): PackedColumn {
  const known = new Map<string | number | boolean | null, number>();
  for (const value of values) if (!known.has(value)) known.set(value, known.size);
  return known.size > values.length / 4
    ? { all: values }
    : { of: [...known.keys()], at: values.map((value) => known.get(value) ?? 0) };
}
