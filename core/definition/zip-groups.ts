import type { Json } from "../effects/json.ts";
import type { Path } from "./problem.ts";
import type { SweepSpec } from "./schema.ts";

type AxisLists = Readonly<Record<string, string | readonly Json[]>>;

/** The groups of `zip:` with their places: one mapping, or a list of them. */
export function zipGroups(
  zip: SweepSpec["zip"],
  at: Path,
): readonly { readonly path: Path; readonly lists: AxisLists }[] {
  if (zip === undefined) return [];
  if (!Array.isArray(zip)) return [{ path: at, lists: zip }];
  return zip.map((lists, index) => ({ path: [...at, index], lists }));
}
