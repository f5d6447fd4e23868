import type { WireObject } from "../common/wire.ts";
import { parseFilter } from "./filter.ts";
import type { GcpContext, GcpRoute } from "./route.ts";

const listQuery = ["filter", "maxResults", "pageToken"];

/** A list of one scope, filtered and paged. @param kind such as `instanceList` */
export const listRoute = (
  id: string,
  path: string,
  kind: string,
  all: (context: GcpContext) => readonly WireObject[],
): GcpRoute => ({
  id,
  method: "GET",
  path,
  query: listQuery,
  read: (context) => {
    const { items, nextPageToken } = pageOf(all(context).filter(parseFilter(context.query.get("filter"))), context);
    return {
      kind: `compute#${kind}`,
      id: context.project.fullName(fill(path, context)),
      ...(items.length === 0 ? {} : { items }),
      selfLink: context.project.link(fill(path, context)),
      nextPageToken,
    };
  },
});

/** A list over all scopes: every one of them is named, the empty ones with a warning. */
export const aggregatedRoute = (
  id: string,
  collection: string,
  kind: string,
  options: {
    readonly scopes: () => readonly string[];
    readonly all: (context: GcpContext) => readonly { readonly scope: string; readonly item: WireObject }[];
  },
): GcpRoute => ({
  id,
  method: "GET",
  path: `aggregated/${collection}`,
  query: [...listQuery, "includeAllScopes", "returnPartialSuccess"],
  read: (context) => {
    const test = parseFilter(context.query.get("filter"));
    const { items, nextPageToken } = pageOf(
      options.all(context).filter(({ item }) => test(item)),
      context,
    );
    const scopes = options.scopes().map((scope): [string, WireObject] => {
      const here = items.filter((i) => i.scope === scope).map((i) => i.item);
      return [
        scope,
        here.length > 0
          ? { [collection]: here }
          : {
              warning: {
                code: "NO_RESULTS_ON_PAGE",
                message: `There are no results for scope '${scope}' on this page.`,
                data: [{ key: "scope", value: scope }],
              },
            },
      ];
    });
    return {
      kind: `compute#${kind}`,
      id: context.project.fullName(`aggregated/${collection}`),
      items: Object.fromEntries(scopes),
      selfLink: context.project.link(`aggregated/${collection}`),
      nextPageToken,
    };
  },
});

const fill = (path: string, { path: values }: GcpContext): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");

function pageOf<T>(
  all: readonly T[],
  { query }: GcpContext,
): { items: readonly T[]; nextPageToken: string | undefined } {
  const from = Number(Buffer.from(query.get("pageToken") ?? "", "base64").toString() || "0");
  const to = from + Math.min(Number(query.get("maxResults") ?? "500"), 500);
  return {
    items: all.slice(from, to),
    nextPageToken: to < all.length ? Buffer.from(String(to)).toString("base64") : undefined,
  };
}
