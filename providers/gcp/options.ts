import { z } from "zod";
import type { Failure } from "../../core/errors/failure.ts";
import { suggest } from "../../core/definition/nearest-name.ts";
import type { MachineShape } from "../../core/ports/provider.ts";

/** Google's longest time limit of a machine, a day short. @see Scheduling.maxRunDuration: 120 days */
const mostLifetimeHours = 119 * 24;

/** Rare things that only Google has, by their own names where they have one (`options: {gcp: {…}}`). */
const GcpOptions = z.strictObject({
  /** `own` makes a network for the deployment; else the name of one that is there. @default "default" */
  network: z.string().min(1).default("default"),
  /** A subnetwork of the place's region, by name, where the network isn't in automatic mode. */
  subnetwork: z.string().min(1).optional(),
  bootDiskType: z.string().min(1).default("pd-balanced"),
  dataDiskType: z.string().min(1).default("pd-balanced"),
  /** A compact placement policy for all hosts of the deployment that ask for it. */
  compact: z.boolean().default(false),
  confidential: z.enum(["SEV", "SEV_SNP", "TDX"]).optional(),
  secureBoot: z.boolean().optional(),
  nicType: z.enum(["GVNIC", "VIRTIO_NET"]).optional(),
  /** Higher outgoing bandwidth (`totalEgressBandwidthTier`); needs GVNIC. */
  tier1: z.boolean().default(false),
  networkTier: z.enum(["PREMIUM", "STANDARD"]).optional(),
  /** An account's address, or `default`. @default none: hosts can't call Google's APIs */
  serviceAccount: z.union([z.literal("default"), z.email()]).optional(),
  /** Separated by commas. @default cloud-platform, when there is a service account: its roles limit it */
  scopes: z
    .string()
    .regex(/^https:\/\/www\.googleapis\.com\/auth\/[\w./-]+(,https:\/\/www\.googleapis\.com\/auth\/[\w./-]+)*$/)
    .optional(),
  threadsPerCore: z.union([z.literal(1), z.literal(2)]).optional(),
  minCpuPlatform: z.string().min(1).optional(),
  onHostMaintenance: z.enum(["MIGRATE", "TERMINATE"]).optional(),
  /** Google deletes a host so long after it was asked for, whatever its lease. @default 168 */
  maxLifetimeHours: z.number().min(1).max(mostLifetimeHours).default(168),
});
export type GcpOptions = z.output<typeof GcpOptions>;

export const optionNames: readonly string[] = Object.keys(GcpOptions.shape);

/** @returns a failure that names the option and what it takes */
export function readOptions(options: MachineShape["options"]): GcpOptions | Failure {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined)
    return { class: "invalid", message: `Google has no option "${unknown}"`, hint: suggest(unknown, optionNames) };
  const parsed = GcpOptions.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? "options");
    const value = JSON.stringify(options[name]);
    return { class: "invalid", message: `option "${name}" of Google can't be ${value}: ${issue?.message ?? ""}` };
  }
  const { data } = parsed;
  const contradiction =
    data.scopes !== undefined && data.serviceAccount === undefined
      ? "`scopes` are those of a `serviceAccount`, and none is given"
      : data.tier1 && data.nicType === "VIRTIO_NET"
        ? "`tier1` needs the network interface GVNIC"
        : data.confidential !== undefined && data.confidential !== "SEV" && data.onHostMaintenance === "MIGRATE"
          ? `machines with ${data.confidential} can't migrate`
          : data.network === "own" && data.subnetwork !== undefined
            ? "an own network has its own subnetwork"
            : undefined;
  return contradiction === undefined
    ? data
    : { class: "invalid", message: `Google's options contradict each other: ${contradiction}` };
}

export const isFailure = (value: GcpOptions | Failure): value is Failure => "class" in value;
