import { z } from "zod";
import { failureClasses } from "../errors/failure.ts";
import { duration, script, slug, identifier, oneOf, json, tree, placementOnSchema } from "./schema-fields.ts";
import type { limitsSchema, machineSchema, placeSchema, roleSchema, givenMachineSchema } from "./schema-hosts.ts";
import { deploymentSchema } from "./schema-hosts.ts";
import type { monitorPanelSchema, monitorTargetSchema } from "./schema-monitoring.ts";
import { monitoringSchema } from "./schema-monitoring.ts";
import type { fileSchema, stepSchema, serviceSchema, jobSchema, containerSchema } from "./schema-processes.ts";
import { setupSchema } from "./schema-processes.ts";
import type { wherePoints } from "./schema-sweeps.ts";
import { sweepSchema, figureSchema, claimSchema } from "./schema-sweeps.ts";
import type { eventSchema, checkSchema, metricSchema } from "./schema-trial.ts";
import { trialSchema } from "./schema-trial.ts";

/**
 * The definition file: what may stand in it, what each field means and what it is when left out.
 *
 * The reference in `docs/definition.md` and the JSON Schema for editors are made from it (`schema-*.ts` are its parts), so descriptions are
 * written for someone who has never seen a definition.
 */

export const sourceSchema = z
  .strictObject({
    repository: z
      .string()
      .min(1)
      .refine(
        (url) => !/^https?:\/\/[^/]*@/i.test(url),
        "has a user or a token in it, which every manifest would record; git's credential helper or SSH keeps it out",
      )
      .optional()
      .describe("A git URL, without a user or a token in it."),
    commit: z
      .string()
      .min(1)
      .optional()
      .describe("The commit, tag or branch; it is resolved to a commit when planning."),
    path: z
      .string()
      .min(1)
      .optional()
      .describe("A local folder; its commit and its uncommitted changes are recorded and shipped."),
  })
  .refine((source) => (source.path === undefined) !== (source.repository === undefined), oneOf(["repository", "path"]));

export const retriesSchema = z
  .partialRecord(z.enum(failureClasses), z.int().min(1).max(20))
  .describe("How often a trial is tried in all when it fails for a reason of this class.");

export const definitionSchema = z
  .strictObject({
    $schema: z.string().optional().describe("For editors."),
    reprise: z.literal(1).describe("The version of this format."),
    name: slug.describe("The experiment's name, part of every run's id."),
    title: z.string().min(1).optional().describe("One line for lists and galleries; the name if left out."),
    question: z.string().optional().describe("What the experiment finds out."),
    paper: z
      .strictObject({
        title: z.string().min(1).describe("Its title."),
        url: z.string().optional().describe("Where it can be read."),
        doi: z.string().optional().describe("Its DOI."),
        venue: z.string().optional().describe("Where it appeared: `OSDI 2021`."),
      })
      .optional()
      .describe("The paper whose results it reproduces."),
    parameters: tree
      .default({})
      .describe(
        "What can be varied, with default values; mappings make trees. A mapping with `default` declares one parameter with more to say: `type` (`any`, `number`, `text`, `boolean`, `list`, `tree`), `unit`, `choices`, `description`.",
      ),
    variables: z
      .record(identifier, json)
      .default({})
      .describe(
        "Values derived from parameters, by name: `pages: ${{ floor(params.memoryMiB * 16) - 1536 }}`. Each may use those above it.",
      ),
    seed: z.int().min(0).max(4_294_967_295).default(1).describe("Makes random orders and the trials' own seeds."),
    sources: z
      .record(slug, sourceSchema)
      .default({})
      .describe("The code under test, recorded and part of a trial's identity."),
    bundle: z
      .array(z.string().min(1))
      .default(["scripts/**", "files/**", "src/**"])
      .describe(
        "Which files beside the definition are shipped to hosts, as globs. What isn't shipped can change without a rerun.",
      ),
    facts: z
      .record(identifier, script)
      .default({})
      .describe(
        "Commands whose first line of output is kept as a version of what ran: `{redis: redis-server --version}`.",
      ),
    resources: z
      .record(
        slug,
        z
          .strictObject({
            kind: z.string().min(1).optional().describe("A built-in kind, such as `aws:dynamodb-table`."),
            options: z.record(z.string(), json).default({}).describe("What the kind wants to know."),
            on: placementOnSchema.optional().describe("Where the commands run."),
            create: script.optional().describe("Makes it; may be repeated."),
            ready: script.optional().describe("Exits with 0 when it can be used."),
            delete: script.optional().describe("Removes it; may be repeated."),
            deployments: z.array(slug).optional().describe("Only for these deployments."),
            timeout: duration.default("10m").describe("Longest time for each command."),
          })
          .refine(
            (r) =>
              r.kind === undefined
                ? r.on !== undefined && r.create !== undefined && r.delete !== undefined
                : r.create === undefined,
            "needs either `kind`, or `on`, `create` and `delete`",
          ),
      )
      .default({})
      .describe(
        "Things that live as long as a deployment and aren't hosts: tables, buckets. They get intents and receipt lines.",
      ),
    deployments: z
      .record(slug, deploymentSchema)
      .refine((deployments) => Object.keys(deployments).length > 0, "needs at least one deployment")
      .describe("Hosts and network, by name."),
    setup: setupSchema.prefault({}).describe("What is done once on a deployment's hosts."),
    trial: trialSchema.describe("One measurement."),
    monitoring: monitoringSchema
      .optional()
      .describe("Prometheus beside every trial: its metrics land with the evidence; `reprise monitor` serves them."),
    sweeps: z
      .record(slug, sweepSchema)
      .refine((sweeps) => Object.keys(sweeps).length > 0, "needs at least one sweep")
      .describe("Which points are measured, by name."),
    mixSweeps: z
      .boolean()
      .default(false)
      .describe(
        "Shuffles the blocks of all sweeps together, with the seed (randomised interleaved trials), instead of one sweep after the other.",
      ),
    figures: z.record(slug, figureSchema).default({}).describe("The plots, by name."),
    claims: z.array(claimSchema).default([]).describe("What the paper states, to be compared with what comes out."),
    budget: z
      .strictObject({
        dollars: z.number().positive().optional().describe("No trial starts that could exceed it."),
        dollarsPerHour: z.number().positive().optional().describe("No deployment starts that costs more an hour."),
      })
      .default({})
      .describe("Limits on money."),
    retries: retriesSchema.default({}),
    failures: z
      .array(
        z.strictObject({
          matches: z.string().min(1).describe("A regular expression that the failure's message matches."),
          class: z.enum(failureClasses).describe("The class it is then taken for."),
        }),
      )
      .default([])
      .describe("Failures that mean something else in this system: the first that matches decides."),
    stopAfterFailures: z.int().min(1).optional().describe("Ends the run after so many failed trials."),
  })
  .meta({ title: "reprise experiment definition" });

/** A definition as the core sees it: defaults filled in. */
export type Definition = z.output<typeof definitionSchema>;
export type DeploymentSpec = z.output<typeof deploymentSchema>;
export type RoleSpec = z.output<typeof roleSchema>;
export type MachineSpec = z.output<typeof machineSchema>;
export type LimitsSpec = z.output<typeof limitsSchema>;
export type StepSpec = z.output<typeof stepSchema>;
export type ServiceSpec = z.output<typeof serviceSchema>;
export type JobSpec = z.output<typeof jobSchema>;
export type EventSpec = z.output<typeof eventSchema>;
export type FileSpec = z.output<typeof fileSchema>;
export type CheckSpec = z.output<typeof checkSchema>;
export type ContainerSpec = z.output<typeof containerSchema>;
export type MetricSpec = z.output<typeof metricSchema>;
export type SweepSpec = z.output<typeof sweepSchema>;
export type PlaceSpec = z.output<typeof placeSchema>;
export type GivenMachineSpec = z.output<typeof givenMachineSchema>;
export type MonitoringSpec = z.output<typeof monitoringSchema>;
export type MonitorPanelSpec = z.output<typeof monitorPanelSchema>;
export type MonitorTargetSpec = z.output<typeof monitorTargetSchema>;
export type WherePoints = z.output<typeof wherePoints>;
