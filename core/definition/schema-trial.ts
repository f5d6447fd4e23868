import { z } from "zod";
import {
  kind,
  duration,
  rate,
  share,
  template,
  script,
  expressionText,
  slug,
  identifier,
  exactlyOne,
  oneOf,
  placementOnSchema,
} from "./schema-fields.ts";
import { envSchema, whenField, serviceSchema, jobSchema } from "./schema-processes.ts";

/** One measurement: what happens to it, what is kept, checked and summed up. */

export const shapeSchema = z
  .strictObject({
    from: placementOnSchema.describe("Hosts whose sending is shaped."),
    to: placementOnSchema.describe("Hosts they send to."),
    rate: rate.optional().describe("At most so many bits a second."),
    delay: duration.optional().describe("Added to each packet, where the kernel can."),
    loss: share.optional().describe("Share of packets lost, where the kernel can."),
  })
  .refine((shape) => "rate" in shape || "delay" in shape || "loss" in shape, "needs `rate`, `delay` or `loss`");

const targetPattern = /^([a-z0-9-]+)(?:\[(\d+|\$\{\{.*\}\})\])?$/s;
const target = z
  .string()
  .regex(targetPattern, "not a service: write `server` for all its processes or `server[0]` for one")
  .meta(kind("template"));

const eventActions = ["kill", "pause", "resume", "restart", "shape", "run"] as const;
const eventTimes = ["at", "onLog"] as const;
export const eventSchema = z
  .strictObject({
    name: slug.describe("What marks in figures call it."),
    at: duration.optional().describe("So long after the jobs' start."),
    onLog: z
      .strictObject({
        of: target.describe("The service or job whose output is watched, on the same host."),
        pattern: template.describe("A POSIX basic regular expression that a line matches."),
      })
      .optional()
      .describe("As soon as a line of output matches."),
    during: slug.optional().describe("The job whose start counts; the last stage of jobs if left out."),
    kill: target.optional().describe("Kills this service, without warning."),
    pause: target.optional().describe("Stops it from running (SIGSTOP); undone at the end."),
    resume: target.optional().describe("Lets it run again (SIGCONT)."),
    restart: target.optional().describe("Kills it and starts it again."),
    shape: shapeSchema.optional().describe("Slows or loses packets between hosts; undone at the end."),
    run: z
      .strictObject({
        on: placementOnSchema,
        script: script.describe("What happens."),
        undo: script.optional().describe("What undoes it, when the jobs end."),
      })
      .optional()
      .describe("Anything else; `undo` runs when the jobs end."),
    when: whenField,
  })
  .refine(exactlyOne(eventActions), oneOf(eventActions))
  .refine(exactlyOne(eventTimes), oneOf(eventTimes));

const landed = {
  from: slug.describe("The service or job whose folder holds the file; those of all its processes count."),
  file: z.string().min(1).describe("The file's name, with `*`; `stdout` and `stderr` are the output."),
};

const range = z.strictObject({
  min: z.union([z.number(), expressionText]).optional().describe("At least so much."),
  max: z.union([z.number(), expressionText]).optional().describe("At most so much."),
});

const checkForms = ["exists", "rows", "bytes", "mustMatch", "mustNotMatch"] as const;
export const checkSchema = z
  .strictObject({
    name: slug.describe("What reports call it."),
    from: landed.from.optional(),
    file: landed.file.optional(),
    exists: z.literal(true).optional().describe("The file is there, from each process."),
    rows: range.optional().describe("How many lines it has, without a CSV's header, in each file."),
    bytes: range.optional().describe("How large each file is."),
    mustMatch: z.string().min(1).optional().describe("A regular expression that a line of each file matches."),
    mustNotMatch: z.string().min(1).optional().describe("A regular expression that no line of any file matches."),
    on: placementOnSchema.optional(),
    command: script
      .optional()
      .describe("Exits with 0 on each host, after the jobs ended and the services stopped, in the trial's folder."),
    when: whenField,
  })
  .refine(
    (check) =>
      check.command === undefined
        ? check.from !== undefined && check.file !== undefined && exactlyOne(checkForms)(check)
        : check.on !== undefined && check.file === undefined && check.from === undefined,
    `needs either \`from\`, \`file\` and exactly one of ${checkForms.map((n) => `\`${n}\``).join(", ")}, or \`on\` and \`command\``,
  );

/** Percentiles are nearest-rank. */
export const statistics = ["mean", "sum", "count", "min", "max", "median", "first", "last", "rate"] as const;
const statistic = z
  .union([z.enum(statistics), z.string().regex(/^p(?:\d{1,2}(?:\.\d+)?|100)$/, "not a statistic")])
  .describe(
    "`mean`, `sum`, `count`, `min`, `max`, `median`, `first`, `last`, a nearest-rank percentile such as `p99` or `p99.9`, or `rate`: the number of values after the first, divided by last minus first of them.",
  );

const metricForms = ["csv", "regex", "json"] as const;
export const metricSchema = z
  .strictObject({
    ...landed,
    csv: z
      .strictObject({
        column: z.string().min(1).describe("The column's name in the header."),
        where: z
          .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
          .default({})
          .describe("Only rows with these values."),
      })
      .optional()
      .describe("Numbers from a CSV file with a header."),
    regex: z
      .string()
      .min(1)
      .optional()
      .describe("A regular expression whose first group is a number, tried on each line."),
    json: z.string().min(1).optional().describe("A path such as `results.0.mean`; `*` stands for all items."),
    stat: statistic,
    scale: z
      .union([z.number(), expressionText])
      .default(1)
      .describe("The result is multiplied by this: to change units."),
  })
  .refine(exactlyOne(metricForms), oneOf(metricForms));

export const collectSchema = z.strictObject({
  on: placementOnSchema,
  files: z.array(template).nonempty().describe("Globs below the trial's folder on the host: `server-0/data/*.log`."),
  required: z.boolean().default(true).describe("A missing file makes the trial fail."),
});

export const trialSchema = z.strictObject({
  timeout: duration
    .default("30m")
    .describe(
      "Longest time for one trial, from services to evidence. May depend on parameters: `${{ params.seconds + 60 }}s`.",
    ),
  expected: duration.optional().describe("How long a trial usually takes, for quotes; the timeout if left out."),
  env: envSchema.default({}).describe("Environment variables for every process."),
  reset: z
    .array(
      z.strictObject({
        on: placementOnSchema,
        run: script.describe("Text for `sh -e`, in a folder of its own."),
        when: whenField,
      }),
    )
    .default([])
    .describe("Commands before each trial, after leftovers were killed and folders emptied."),
  services: z.record(slug, serviceSchema).default({}).describe("What must be up while jobs run, by name."),
  jobs: z
    .record(slug, jobSchema)
    .default({})
    .describe("What is measured, by name: started together on all hosts, run to their end."),
  events: z.array(eventSchema).default([]).describe("What happens to the system while jobs run."),
  collect: z.array(collectSchema).default([]).describe("Further files to keep."),
  checks: z.array(checkSchema).default([]).describe("What must hold for a result to be valid."),
  summary: z
    .record(identifier, metricSchema)
    .default({})
    .describe("Metrics that are printed as each trial ends, by name; the unit is the name's last word: `p99Ms`."),
});
