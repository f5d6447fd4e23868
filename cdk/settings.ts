import { z } from "zod";
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
    .regex(/^[a-zA-Z][a-zA-Z0-9-]{0,40}$/)
    .default("reprise"),
  providers: list(z.enum(deployedProviders)).default(["aws"]),
  allowedRegions: list(z.string()).optional(),
  onDestroy: z.enum(["keep", "delete"]).default("keep"),
  rawLogsColdAfterDays: z.coerce.number().int().min(30).default(90),
  reaperMinutes: z.coerce.number().int().min(5).max(60).default(15),
  alarmEmail: z.email().optional(),
  maxMonthlyDollars: z.coerce.number().positive().optional(),
  hostVpcId: z.string().optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

/** Reads every setting by its name. @param read gives a context value, undefined where there is none */
export const readSettings = (read: (name: string) => unknown): Settings =>
  settingsSchema.parse(
    Object.fromEntries(
      Object.keys(settingsSchema.shape).flatMap((name) => {
        const value = read(name);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  );
