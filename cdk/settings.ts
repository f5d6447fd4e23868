import { z } from "zod";
import { nearestName } from "../core/definition/nearest-name.ts";
import { reachModes } from "../core/names/reach.ts";
import { deployedProviders } from "../core/names/stack.ts";

const list = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (typeof value === "string" ? value.split(",").map((part) => part.trim()) : value),
    z.array(item),
  );

/** What a deployer may choose, as context values of the CDK's command line (`-c name=value`) or of cdk.json. */
export const settingsSchema = z.strictObject({
  stackName: z
    .string()
    .regex(/^[a-zA-Z][a-zA-Z0-9-]{0,40}$/, "letters, digits and hyphens, beginning with a letter, at most 41")
    .default("reprise"),
  providers: list(z.enum(deployedProviders)).default(["aws"]),
  /** How EC2 hosts are reached whose definition doesn't say. */
  reach: z.enum(reachModes).default("ssm"),
  allowedRegions: list(
    z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "not a region's name, such as eu-central-1"),
  ).optional(),
  hostVpcId: z
    .string()
    .regex(/^vpc-[0-9a-f]{8,17}$/, "not a VPC's id, such as vpc-0a1b2c3d4e5f60718")
    .optional(),
  onDestroy: z.enum(["keep", "delete"]).default("keep"),
  rawLogsColdAfterDays: z.coerce.number().int().min(30).default(90),
  /** Left out: evidence is kept for ever. */
  evidenceDays: z.coerce.number().int().min(1).optional(),
  reaperMinutes: z.coerce.number().int().min(5).max(60).default(15),
  alarmEmail: z.email().optional(),
  maxMonthlyDollars: z.coerce.number().positive().optional(),
  maxRunDollars: z.coerce.number().positive().optional(),
  maxLeaseHours: z.coerce.number().positive().optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

/** Read by the app itself. */
const flags: readonly string[] = ["nag"];

/**
 * Reads the settings among the context values.
 *
 * @throws Error with everything that is wrong, names that are none and what was meant by them among it
 */
export function readSettings(context: Readonly<Record<string, unknown>>): Settings {
  // The CDK's own values have a colon or a slash in their names: feature flags, look-ups.
  const ours = Object.entries(context).filter(([name]) => !/[:/]/.test(name) && !flags.includes(name));
  const parsed = settingsSchema.safeParse(Object.fromEntries(ours));
  if (parsed.success) return parsed.data;
  const known = Object.keys(settingsSchema.shape);
  const problems = parsed.error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [`${issue.path.join(".")}: ${issue.message}`];
    return issue.keys.map((key) => {
      const near = nearestName(key, known);
      return `there is no setting "${key}"${near === undefined ? "" : `: did you mean ${near}?`}`;
    });
  });
  throw new Error(`${problems.join("\n")}\nsettings: ${known.join(", ")}`);
}
