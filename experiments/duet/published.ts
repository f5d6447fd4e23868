/**
 * The research questions' figures again, from the published tables of the duet thesis: the folder goes in, checked rows with
 * their origin come out, ready for `writeFigure`. `reprise figures duet --from FOLDER` draws them.
 */
import type { AnyFigure } from "reprise/analysis";
import { precisionFigures } from "./precision-figures.ts";
import { watchedTables } from "./published-data.ts";
import type { FolderReader, PublishedFigure, ReadFile } from "./published-data.ts";
import { researchFigures } from "./research-figures.ts";

export const publishedFigures: readonly PublishedFigure[] = [...researchFigures, ...precisionFigures];

/** One figure's rows and where they came from. */
export interface CollectedFigure {
  readonly figure: AnyFigure;
  /** Empty when its table isn't in the folder: nothing to draw, and `missing` says so. */
  readonly rows: readonly object[];
  readonly artifacts: readonly ReadFile[];
  readonly missing: readonly string[];
}

/** The rows of all figures, or of those whose names are given. */
export async function* collectPublished(
  read: FolderReader,
  { names }: { readonly names?: readonly string[] } = {},
): AsyncGenerator<CollectedFigure> {
  for (const { figure, inputs, collect } of publishedFigures) {
    if (names?.includes(figure.name) === false) continue;
    const tables = watchedTables(read);
    const [first = [], second] = await Promise.all(inputs.map((input) => tables.table(input)));
    yield { figure, rows: collect(first, second), artifacts: tables.files(), missing: tables.missing() };
  }
}
