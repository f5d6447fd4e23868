import { z } from "zod";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import type { Tags } from "./tags.ts";

export const FilterInput = z
  .array(z.strictObject({ Name: z.string(), Value: z.array(z.string()).default([]) }))
  .default([]);
export type FilterInput = z.infer<typeof FilterInput>;

/** What a resource answers to each filter name, beside its tags. */
export interface Filterable {
  readonly tags?: Tags;
  readonly values: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** All filters must match, any of a filter's values suffices; `*` and `?` are wildcards, case counts. */
export const matchesFilters = (filters: FilterInput, item: Filterable): boolean =>
  filters.every(({ Name: name, Value: wanted }) => {
    const actual = valuesOf(name, item);
    return actual.some((value) => wanted.some((pattern) => wildcard(pattern).test(value)));
  });

function valuesOf(name: string, item: Filterable): readonly string[] {
  if (item.tags !== undefined) {
    if (name.startsWith("tag:")) {
      const value = item.tags.get(name.slice(4));
      return value === undefined ? [] : [value];
    }
    if (name === "tag-key") return [...item.tags.keys()];
  }
  if (!(name in item.values)) throw new NotImplemented(`filter ${name}`);
  const value = item.values[name];
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

const wildcard = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    "s",
  );

export const pageInput = {
  MaxResults: z.coerce.number().int().optional(),
  NextToken: z.string().optional(),
};

/** One page; the token is the position to go on from. */
export function pageOf<T>(
  items: readonly T[],
  input: { readonly MaxResults?: number | undefined; readonly NextToken?: string | undefined },
  pageLimit = 1000,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const from = input.NextToken === undefined ? 0 : Number(Buffer.from(input.NextToken, "base64").toString());
  if (!Number.isInteger(from)) throw new CloudError(400, "InvalidNextToken", "The token is not valid");
  const to = from + Math.min(input.MaxResults ?? pageLimit, pageLimit);
  return {
    items: items.slice(from, to),
    nextToken: to < items.length ? Buffer.from(String(to)).toString("base64") : undefined,
  };
}
