import { z } from "zod";
import { FailureError } from "../../core/errors/failure.ts";
import type { MachineShape } from "../../core/ports/provider.ts";

/** What `options:` of a machine on Azure may say: passed through once it is known to make sense. */
const Options = z.strictObject({
  /** SR-IOV; most sizes from v3 on have it. @default false, as in ARM */
  acceleratedNetworking: z.boolean().optional(),
  /** Hosts with the same name stand near each other; true: all of the deployment. */
  proximityGroup: z.union([z.boolean(), z.string().regex(/^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/)]).optional(),
  /** A confidential machine: DCas and ECas sizes are SEV-SNP, DCes and ECes TDX. @default what the size is: it can't be less */
  confidential: z.enum(["sev-snp", "tdx"]).optional(),
  /** Secure boot and vTPM; confidential machines have both. */
  trustedLaunch: z.boolean().optional(),
  encryptionAtHost: z.boolean().optional(),
  /** Of data disks, and of the boot disk where it can be. @default Premium_LRS where the size takes it, else StandardSSD_LRS */
  storage: z.enum(["Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "PremiumV2_LRS", "UltraSSD_LRS"]).optional(),
  diskController: z.enum(["SCSI", "NVMe"]).optional(),
  /** Dollars an hour for a spot machine; -1: up to the on-demand price. @default -1 */
  maxPrice: z.union([z.literal(-1), z.number().positive()]).optional(),
  /** Resource id of a user-assigned managed identity for the machine. */
  identity: z
    .string()
    .regex(
      /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.ManagedIdentity\/userAssignedIdentities\/[^/]+$/i,
    )
    .optional(),
});
export type AzureShapeOptions = z.infer<typeof Options>;

/** @throws {FailureError} class invalid: an unknown option, a wrong type, or options that contradict the machine */
export function readShapeOptions(shape: MachineShape, host: string): AzureShapeOptions {
  const invalid = (message: string, hint?: string): FailureError =>
    new FailureError({ class: "invalid", message: `${host}: ${message}`, hint, host });
  const parsed = Options.safeParse(shape.options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join(".") ?? "";
    throw invalid(
      `options${path === "" ? "" : `.${path}`} of ${shape.type}: ${issue?.message ?? "not understood"}`,
      `Azure machines know ${Object.keys(Options.shape).join(", ")}`,
    );
  }
  const options = parsed.data;
  if (options.maxPrice !== undefined && !shape.spot)
    throw invalid("maxPrice without spot", "say `spot: true`, or leave maxPrice out");
  const kind = confidentialKind(shape.type);
  if (options.confidential !== undefined && options.confidential !== kind)
    throw invalid(
      `${shape.type} is ${kind === undefined ? "no confidential size" : `a ${kind} size`}, not a ${options.confidential} one`,
      "DCas_v5 and ECas_v5 are SEV-SNP, DCes_v5 and ECes_v5 are TDX",
    );
  if (kind !== undefined && options.trustedLaunch === false)
    throw invalid("a confidential machine always has trusted launch");
  return kind === undefined ? options : { ...options, confidential: kind };
}

/**
 * How a size is confidential: `DC4as_v5` by SEV-SNP, `EC8eds_v5` by TDX; `DC4s_v3` has SGX, which is neither.
 *
 * @see https://learn.microsoft.com/azure/confidential-computing/virtual-machine-options
 */
export function confidentialKind(type: string): "sev-snp" | "tdx" | undefined {
  const features = /^Standard_(?:[DE]C|NCC)\d+(?:-\d+)?([a-z]+)(?:_.*)?$/.exec(type)?.[1];
  if (features === undefined) return undefined;
  return features.includes("a") ? "sev-snp" : features.includes("e") ? "tdx" : undefined;
}

/**
 * Premium disks go with sizes whose features have an `s`.
 *
 * @see https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions
 */
export const takesPremium = (type: string): boolean =>
  /^(?:Standard|Basic)_[A-Z]+\d+(?:-\d+)?[a-z]*s[a-z]*(?:_|$)/.test(type) || /^Standard_[A-Z]*S\d/.test(type);
