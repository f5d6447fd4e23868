import { z } from "zod";
import {
  duration,
  size,
  template,
  script,
  expressionText,
  slug,
  identifier,
  fileName,
  octalMode,
  oneOrMore,
  exactlyOne,
  oneOf,
  json,
  placementOnSchema,
} from "./schema-fields.ts";
import { limitsSchema } from "./schema-hosts.ts";

/** What runs on hosts: steps of set-up, services, jobs. */

const fileContents = ["text", "template", "json", "yaml", "toml"] as const;
export const fileSchema = z
  .strictObject({
    text: template.optional().describe("The content itself, with `${{ }}` and blocks."),
    template: fileName.optional().describe("A file beside the definition, with `${{ }}` and blocks."),
    json: json.optional().describe("Data, written as JSON; a text that is one `${{ }}` keeps the value's type."),
    yaml: json.optional().describe("Data, written as YAML."),
    toml: json.optional().describe("Data, written as TOML."),
    mode: octalMode.default("644").describe("The file's mode, octal, in quotes."),
  })
  .refine(exactlyOne(fileContents), oneOf(fileContents));

export const envSchema = z
  .record(
    z.string().regex(/^[A-Za-z_]\w*$/, "not a name of an environment variable"),
    z.union([template, z.number(), z.boolean()]),
  )
  .describe("Environment variables.");

export const whenField = z
  .union([z.boolean(), expressionText])
  .optional()
  .describe("Only for points where this is true: `${{ params.system == 'boki' }}`.");

const filesField = z
  .record(fileName, fileSchema)
  .default({})
  .describe("Files that the process finds in its folder, by name.");

/** What services, jobs and steps have in common. */
const processFields = {
  on: placementOnSchema,
  run: script.describe(
    "Text for `sh -e`, or for the interpreter that its `#!` line names. Values of `${{ }}` are quoted as the place asks for.",
  ),
  env: envSchema.default({}),
  files: filesField,
  user: z.string().min(1).optional().describe("Another user than the host's."),
  when: whenField,
};

export const publishSchema = z.strictObject({
  name: template.describe("What others fetch it by."),
  path: template.describe("The file, below the shared folder."),
  secret: z
    .boolean()
    .default(false)
    .describe("Goes from host to host, never through the store, and isn't kept as evidence."),
});

export const fetchSchema = z.strictObject({
  name: template.describe("What an earlier step published."),
  to: template.describe("Where it goes, below the shared folder."),
  mode: octalMode.default("644").describe("The file's mode, octal, in quotes."),
});

const afterField = (what: string) => oneOrMore(slug).optional().describe(`Starts when these ${what} are done.`);

export const stepSchema = z.strictObject({
  name: slug.describe("What `after:` and messages call it."),
  ...processFields,
  run: script.optional().describe("Text for `sh -e` in the shared folder, which later steps and all trials see."),
  after: afterField("steps").describe("Starts when these steps are done on all their hosts; else with the first."),
  each: expressionText
    .optional()
    .describe(
      "Runs once for each item of this list, which `${{ each }}` then is: `${{ planned.system }}`, the values that are planned.",
    ),
  publish: z.array(publishSchema).default([]).describe("Files to hand to other hosts."),
  fetch: z.array(fetchSchema).default([]).describe("Files to take before it runs."),
  deployments: z.array(slug).optional().describe("Only in these deployments."),
  timeout: duration.default("20m").describe("Longest time for one host."),
});

export const setupSchema = z.strictObject({
  timeout: duration.default("1h").describe("Longest time for the whole set-up."),
  steps: z.array(stepSchema).default([]).describe("What is done once on a deployment's hosts, before the first trial."),
});

const readyForms = ["port", "http", "log", "command"] as const;
export const readySchema = z.union([
  z.literal("exit"),
  z
    .strictObject({
      port: z
        .union([slug, z.int().min(1).max(65_535), expressionText])
        .optional()
        .describe("Something listens on this port: a name from `ports:`, or a number."),
      http: template.optional().describe("This URL answers with 200 to 299."),
      log: template.optional().describe("A line of its output matches this POSIX basic regular expression."),
      command: script.optional().describe("This command exits with 0."),
    })
    .refine(exactlyOne(readyForms), oneOf(readyForms)),
]);

export const stopSchema = z.strictObject({
  signal: z.enum(["TERM", "INT", "KILL"]).default("TERM").describe("What it is sent."),
  grace: duration.default("10s").describe("How long it may take before it is killed."),
});

const armField = z
  .enum(["each", "shared"])
  .default("each")
  .describe("In a duet: started once for A and once for B, or one for both.");

export const containerSchema = z.strictObject({
  image: template.describe("The image, as the engine knows it; its digest is kept as evidence."),
  engine: template.default("docker").describe("The command: `docker`, `podman`, or one that takes the same words."),
  copy: z
    .array(template)
    .default([])
    .describe(
      "Files and folders of the container, by absolute path, that are copied into the process's folder when it has ended, also when it failed. What must be there stands in `collect:`, too.",
    ),
  options: z.array(template).default([]).describe("Further words for the engine's `create`: `--ipc=host`."),
  keep: z.boolean().default(false).describe("Leave the container behind, to look at."),
  diskFree: size
    .optional()
    .describe("What images and containers need of the engine's disk: a host with less free is refused."),
});

const containerField = containerSchema
  .optional()
  .describe(
    "`run:` goes on in a fresh container, in the folder of its image. The folders of the trial and the bundle are there under the same paths, and so are the variables.",
  );

const countField = z
  .union([z.int().min(0).max(100_000), expressionText])
  .optional()
  .describe("How many processes, dealt out to the hosts in turn; one for each host if left out.");

const dealField = z
  .enum(["turns", "blocks"])
  .default("turns")
  .describe(
    "How processes are dealt out: one to each host in turn, or a block of neighbours to the first host, the next to the second.",
  );

const portsField = z
  .union([
    z.array(identifier),
    z.record(identifier, z.union([z.literal("auto"), z.int().min(1).max(65_535), expressionText])),
  ])
  .default([])
  .describe("Names of ports it listens on; each process gets free ones (`self.ports.name`), or fixed ones by number.");

export const serviceSchema = z.strictObject({
  ...processFields,
  count: countField,
  deal: dealField,
  offset: z
    .union([z.int().min(0), expressionText])
    .optional()
    .describe("The host at which dealing out begins, from 0."),
  ports: portsField,
  ready: readySchema
    .optional()
    .describe("How to see that it can be used. `exit`: it is a command, and ready when it ended with 0."),
  readyTimeout: duration.default("60s").describe("Longest time until ready."),
  stop: stopSchema.prefault({}).describe("How it is ended."),
  after: afterField("services").describe("Starts when these services are ready; else with the first."),
  limits: limitsSchema.optional().describe("Limits for each process."),
  container: containerField,
  collect: z
    .array(template)
    .default([])
    .describe("Files of its folder to keep, as globs; each must be there. Output is always kept."),
  arm: armField,
});

export const jobSchema = z.strictObject({
  ...processFields,
  count: countField,
  deal: dealField,
  ports: portsField,
  after: afterField("jobs").describe("Starts when these jobs have ended; else all start together."),
  timeout: duration.optional().describe("Longest time; the trial's if left out."),
  limits: limitsSchema.optional().describe("Limits for each process."),
  container: containerField,
  collect: z
    .array(template)
    .default([])
    .describe("Files of its folder to keep, as globs; each must be there. Output is always kept."),
  arm: armField,
});
