import { z } from "zod";
import { share, expressionText, slug, fileName, json, tree } from "./schema-fields.ts";

/** Which points are measured, and which figures and claims they feed. */

const axisValues = z.union([z.array(json).nonempty(), expressionText]);
const overrides = tree.describe("Parameters by dotted path or as a tree.");

export const compareSchema = z.strictObject({
  A: overrides.default({}).describe("What A sets."),
  B: overrides
    .optional()
    .describe("What B sets. Left out: the same as A, which shows how often a difference is found where there is none."),
  mode: z
    .enum(["interleaved", "duet", "independent"])
    .default("interleaved")
    .describe(
      "`interleaved`: one after the other on the same hosts, without letting go; `duet`: at the same time on the same hosts, in one trial; `independent`: as points of their own.",
    ),
  pattern: z
    .enum(["ABBA", "AB", "random"])
    .default("ABBA")
    .describe(
      "Who is first: in an interleaved block, and by a moment in a duet. `ABBA`: the sides take turns; `AB`: always A; `random`: drawn for each pair with the definition's seed.",
    ),
  barrier: z
    .boolean()
    .default(false)
    .describe(
      "In a duet: the sides wait for each other before every iteration, through the pipes `REPRISE_BARRIER_SEND` and `REPRISE_BARRIER_WAIT`. Else they start together and drift freely.",
    ),
  place: z
    .enum(["free", "split", "same"])
    .default("free")
    .describe(
      "The CPUs of a side's processes. `split`: A and B have CPUs of their own, and change them every second trial; `same`: they share theirs; `free`: the kernel decides.",
    ),
  cpus: z
    .int()
    .min(1)
    .max(1_024)
    .optional()
    .describe(
      "How many CPUs a side needs. A machine with fewer than a pair needs is refused. Left out: half of the machine's with `split`, all of them with `same`.",
    ),
});

export const sweepSchema = z.strictObject({
  deployment: slug.optional().describe("Where it runs; needed when there are several."),
  set: overrides.default({}).describe("Parameters that all its points share."),
  variants: z
    .record(slug, overrides)
    .optional()
    .describe(
      "Named settings that are compared, each a set of parameters; an axis like those of `cross`, and the slowest.",
    ),
  cross: z
    .record(z.string(), axisValues)
    .optional()
    .describe("Lists of values, by parameter; every combination is a point, the first parameter the slowest."),
  zip: z
    .union([z.record(z.string(), axisValues), z.array(z.record(z.string(), axisValues)).nonempty()])
    .optional()
    .describe("Lists of the same length that go together, item by item; each such group is one axis."),
  points: z.array(overrides).nonempty().optional().describe("Settings written out, as one axis."),
  include: z.array(overrides).default([]).describe("Points to add to the combinations."),
  exclude: z.array(overrides).default([]).describe("Points to leave out: those that have all these values."),
  compare: compareSchema.optional().describe("An A/B comparison at each point."),
  trials: z.int().min(1).max(10_000).default(3).describe("How often each point is measured."),
  repeat: z
    .enum(["passes", "adjacent", "mixed"])
    .default("passes")
    .describe(
      "`passes`: the whole list, then the whole list again, so that drift spreads over all points; `adjacent`: a point's trials in a row; `mixed`: all trials in one list, for `order: random`.",
    ),
  order: z
    .enum(["inOrder", "random", "interleaved"])
    .default("inOrder")
    .describe(
      "`inOrder`: as written; `random`: shuffled with the definition's seed, each pass for itself; `interleaved`: the slowest axis becomes the fastest, so that what is compared alternates.",
    ),
});

export const wherePoints = z.strictObject({
  sweep: slug.describe("The sweep."),
  where: z.record(z.string(), json).default({}).describe("Only points with these values, or one of a list of values."),
});

export const figureSchema = z.strictObject({
  module: fileName.describe("The TypeScript module that makes it from rows."),
  needs: z
    .array(z.union([slug, wherePoints]))
    .nonempty()
    .describe("The sweeps, or the points of them, that it shows."),
  title: z.string().optional().describe("For the gallery."),
});

export const claimSchema = z.strictObject({
  name: slug.describe("What reports call it."),
  text: z.string().optional().describe("The claim in the paper's words."),
  metric: z
    .string()
    .min(1)
    .describe(
      "A column: a metric of `summary:` or of the experiment's rows; `METRIC.ratio` where the sweep compares: B over A, pair by pair.",
    ),
  of: wherePoints.describe("The points it speaks of."),
  reduce: z
    .enum(["median", "mean", "min", "max"])
    .default("median")
    .describe("How the points of one pass become one number."),
  relativeTo: wherePoints.optional().describe("The claim is the ratio to these points."),
  paper: z.union([z.number(), z.string()]).describe("What the paper says."),
  tolerance: share.optional().describe("How far a reproduction may be off."),
  source: z.string().optional().describe("Where the paper says it: `Figure 7`."),
});
