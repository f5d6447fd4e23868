import { z } from "zod";

/**
 * What Grafana says of its files, as far as ours use it: unknown fields are mistakes.
 *
 * @see grafana/grafana, kinds/dashboard/dashboard_kind.cue (ranges, choices) and conf/provisioning (files)
 */
const dataSourceRef = z.strictObject({ type: z.literal("prometheus"), uid: z.string().min(1).max(40) });

const gridPos = z
  .strictObject({
    x: z.int().min(0).max(23),
    y: z.int().min(0),
    w: z.int().min(1).max(24),
    h: z.int().min(1),
  })
  .refine(({ x, w }) => x + w <= 24, "wider than the page");

const target = z.strictObject({
  refId: z.string().regex(/^[A-Z]+$/),
  datasource: dataSourceRef,
  expr: z.string().min(1),
  legendFormat: z.string(),
  range: z.boolean(),
  instant: z.boolean(),
});

const timeSeries = z.strictObject({
  id: z.int().min(1),
  type: z.literal("timeseries"),
  title: z.string().min(1),
  datasource: dataSourceRef,
  gridPos,
  fieldConfig: z.strictObject({
    defaults: z.strictObject({
      unit: z.string().min(1),
      custom: z.strictObject({
        drawStyle: z.enum(["line", "bars", "points"]),
        lineWidth: z.number().min(0).max(10),
        fillOpacity: z.number().min(0).max(100),
        showPoints: z.enum(["auto", "never", "always"]),
        spanNulls: z.union([z.boolean(), z.number()]),
      }),
    }),
    overrides: z.array(z.never()),
  }),
  options: z.strictObject({
    legend: z.strictObject({
      displayMode: z.enum(["list", "table", "hidden"]),
      placement: z.enum(["bottom", "right"]),
      showLegend: z.boolean(),
      calcs: z.array(z.string()),
    }),
    tooltip: z.strictObject({ mode: z.enum(["single", "multi", "none"]), sort: z.enum(["none", "asc", "desc"]) }),
  }),
  targets: z.array(target).min(1),
});

const text = z.strictObject({
  id: z.int().min(1),
  type: z.literal("text"),
  title: z.string(),
  gridPos,
  options: z.strictObject({ mode: z.enum(["markdown", "html", "code"]), content: z.string() }),
});

const variableFields = {
  name: z.string().regex(/^\w+$/),
  label: z.string(),
  hide: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  skipUrlSync: z.boolean(),
  multi: z.boolean(),
  includeAll: z.boolean(),
};
const selection = z.union([z.string(), z.array(z.string())]);
const current = z.strictObject({ selected: z.boolean(), text: selection, value: selection });
const variable = z.discriminatedUnion("type", [
  z.strictObject({
    ...variableFields,
    type: z.literal("query"),
    datasource: dataSourceRef,
    query: z.strictObject({ query: z.string().regex(/^label_values\(.+\)$/), refId: z.string() }),
    refresh: z.union([z.literal(0), z.literal(1), z.literal(2)]),
    sort: z.int().min(0).max(8),
    allValue: z.string().optional(),
    current: current.optional(),
    options: z.array(z.never()),
    regex: z.string(),
  }),
  z.strictObject({
    ...variableFields,
    type: z.literal("custom"),
    query: z.string(),
    current,
    options: z.array(z.strictObject({ text: z.string(), value: z.string(), selected: z.boolean() })).min(1),
  }),
]);

const link = z.strictObject({
  title: z.string(),
  type: z.enum(["link", "dashboards"]),
  icon: z.string(),
  tooltip: z.string(),
  url: z.string(),
  tags: z.array(z.string()),
  asDropdown: z.boolean(),
  targetBlank: z.boolean(),
  includeVars: z.boolean(),
  keepTime: z.boolean(),
});

export const dashboardSchema = z.strictObject({
  uid: z.string().min(8).max(40),
  title: z.string().min(1),
  tags: z.array(z.string()),
  timezone: z.enum(["browser", "utc"]),
  editable: z.boolean(),
  graphTooltip: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  schemaVersion: z.int().min(36).max(65_535),
  version: z.int().min(0),
  refresh: z.string(),
  time: z.strictObject({ from: z.iso.datetime(), to: z.iso.datetime() }),
  templating: z.strictObject({ list: z.array(variable) }),
  annotations: z.strictObject({ list: z.array(z.never()) }),
  links: z.array(link),
  panels: z
    .array(z.discriminatedUnion("type", [timeSeries, text]))
    .min(1)
    .refine((panels) => new Set(panels.map(({ id }) => id)).size === panels.length, "two panels have one id"),
});

export type Dashboard = z.infer<typeof dashboardSchema>;

export const dataSourcesSchema = z.strictObject({
  apiVersion: z.literal(1),
  datasources: z
    .array(
      z.strictObject({
        name: z.string(),
        uid: z.string().max(40),
        type: z.literal("prometheus"),
        access: z.enum(["proxy", "direct"]),
        orgId: z.int().min(1),
        url: z.url(),
        isDefault: z.boolean(),
        editable: z.boolean(),
        jsonData: z.strictObject({
          httpMethod: z.enum(["GET", "POST"]),
          timeInterval: z
            .string()
            .regex(/^\d+(?:ms|s|m|h|d)$/)
            .optional(),
        }),
      }),
    )
    .length(1),
});

export const dashboardProvidersSchema = z.strictObject({
  apiVersion: z.literal(1),
  providers: z
    .array(
      z.strictObject({
        name: z.string(),
        orgId: z.int().min(1),
        folder: z.string(),
        type: z.literal("file"),
        disableDeletion: z.boolean(),
        allowUiUpdates: z.boolean(),
        options: z.strictObject({ path: z.string() }),
      }),
    )
    .length(1),
});
