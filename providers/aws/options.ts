import { z } from "zod";
import { suggest } from "../../core/definition/nearest-name.ts";
import { FailureError } from "../../core/errors/failure.ts";

/** What `options:` of a machine may say on AWS; each goes to EC2 as it is. */
const optionsSchema = z.strictObject({
  /** Name or ARN of an instance profile: what the experiment itself, or the SSM agent, may do. */
  instanceProfile: z.string().min(1).optional(),
  /** One group for all hosts of the deployment that say so. */
  placementGroup: z.enum(["cluster", "spread", "partition"]).optional(),
  /** AMD SEV-SNP memory encryption; EC2 offers no TDX. */
  confidential: z.literal("sev-snp").optional(),
  coreCount: z.int().min(1).optional(),
  /** 1 turns simultaneous multithreading off. */
  threadsPerCore: z.union([z.literal(1), z.literal(2)]).optional(),
  /** Of one machine; without it the bid is the on-demand price. */
  spotMaxDollarsPerHour: z.number().positive().optional(),
  /** Of boot and data disks. @default gp3 */
  volumeType: z.enum(["gp3", "gp2", "io1", "io2", "st1", "sc1"]).optional(),
  volumeIops: z.int().min(100).optional(),
  /** gp3 alone. */
  volumeThroughputMiBps: z.int().min(125).optional(),
  encryptedVolumes: z.boolean().optional(),
  /** Of t2, t3 and t4g machines. */
  cpuCredits: z.enum(["standard", "unlimited"]).optional(),
});
export type AwsOptions = z.infer<typeof optionsSchema>;

/** @throws {FailureError} class invalid, with every option that isn't one and the nearest that is */
export function readOptions(options: Readonly<Record<string, unknown>>): AwsOptions {
  const parsed = optionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const known = Object.keys(optionsSchema.shape);
  const problems = parsed.error.issues.map((issue) => {
    if (issue.code !== "unrecognized_keys") return `${issue.path.join(".")}: ${issue.message}`;
    return issue.keys
      .map((key) => {
        const hint = suggest(key, known);
        return `no option "${key}"${hint === undefined ? "" : `; ${hint}`}`;
      })
      .join("; ");
  });
  throw new FailureError({
    class: "invalid",
    message: `options of a machine on AWS: ${problems.join("; ")}`,
    hint: `there are ${known.join(", ")}`,
  });
}
