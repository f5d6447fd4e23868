import { z } from "zod";
import {
  duration,
  size,
  template,
  slug,
  identifier,
  fileName,
  oneOrMore,
  exactlyOne,
  oneOf,
  placementOnSchema,
} from "./schema-fields.ts";
import { machineSchema } from "./schema-hosts.ts";

/** Prometheus beside the trials. */

const binarySchema = z
  .strictObject({
    path: z.string().startsWith("/", "not an absolute path").optional().describe("The program on the hosts."),
    url: z.string().min(1).optional().describe("A release's `.tar.gz`, which hosts download."),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hex")
      .optional()
      .describe("The digest that the download must have; needed with `url`."),
  })
  .refine(exactlyOne(["path", "url"]), oneOf(["path", "url"]))
  .refine((binary) => "url" in binary === "sha256" in binary, "`url` and `sha256` go together");

const binaryField = (what: string) =>
  binarySchema.optional().describe(`Where ${what} comes from; the distribution's package if left out.`);

export const monitorTargetSchema = z
  .strictObject({
    of: oneOrMore(slug).optional().describe("Services or jobs, each of whose processes is scraped."),
    on: placementOnSchema.optional().describe("Hosts instead: what listens on a port there anyway."),
    port: z
      .union([identifier, z.int().min(1).max(65_535)])
      .default("metrics")
      .describe("The port: of a process by its name in `ports:`, of a host by number."),
    path: template.default("/metrics").describe("The path of the metrics."),
    job: template.optional().describe("The label `job`; the service's name, with `_` for `-`, if left out."),
    interval: duration.optional().describe("As `interval` of all targets."),
    labels: z
      .record(identifier, template)
      .default({})
      .describe("More labels, beside `run`, `point`, `trial`, `attempt`, `host`, `role` and `unit`."),
  })
  .refine(exactlyOne(["of", "on"]), oneOf(["of", "on"]));

export const monitorPanelSchema = z.strictObject({
  title: z.string().min(1).describe("Its heading."),
  queries: z
    .record(z.string().min(1), z.string().min(1))
    .refine((queries) => Object.keys(queries).length > 0, "needs at least one query")
    .describe(
      'PromQL by legend: `{"{{unit}}": "rate(requests_total[1s])"}`. `$point`, `$trial` and `$host` are what the reader chose.',
    ),
  unit: z.string().min(1).default("short").describe("Grafana's name of the unit: `s`, `ms`, `ops`, `bytes`."),
});

export const monitorPanelsSchema = z.array(monitorPanelSchema).nonempty();

export const monitoringSchema = z.strictObject({
  on: slug
    .optional()
    .describe(
      "The role or label on whose first host Prometheus runs; a host of its own, role `monitoring`, if left out.",
    ),
  machine: machineSchema.optional().describe("The machine of that host of its own."),
  switch: z
    .string()
    .min(1)
    .optional()
    .describe("A parameter: only points where it is true are monitored. All of them if left out."),
  interval: duration.default("1s").describe("How often targets are scraped."),
  targets: z
    .array(monitorTargetSchema)
    .nonempty()
    .optional()
    .describe("What is scraped; every service and job with a port named `metrics` if left out."),
  nodes: z
    .boolean()
    .default(true)
    .describe("Whether a node exporter runs on every host, for its CPU, memory, disk and network."),
  jobPrefix: template.optional().describe("Stands before every target's `job`: `${{ params.protocol }}_`."),
  maxSize: size
    .default("256MiB")
    .describe("A trial's metrics are kept up to this size, compressed; a larger set is left out, and a file says so."),
  prometheus: binaryField("Prometheus"),
  nodeExporter: binaryField("the node exporter"),
  dashboards: z
    .record(slug, z.union([monitorPanelsSchema, fileName]))
    .default({})
    .describe(
      "Dashboards of your own for `reprise monitor`, by name: their panels, two in a row, or a YAML file beside the definition with such a list.",
    ),
});
