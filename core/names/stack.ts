import { z } from "zod";
import { reachModes } from "./reach.ts";

/**
 * What a deployed control plane tells its users: one small JSON document in a parameter of its own, so that the command
 * line needs the stack's name and nothing else.
 */
export const stackParameterName = (stack: string): string => `/reprise/${stack}/outputs`;

/** Clouds that a deployed control plane may drive; "local" where its functions run as processes of this machine (tests). */
export const deployedProviders = ["aws", "azure", "gcp", "local"] as const;
export type DeployedProvider = (typeof deployedProviders)[number];

export const stackOutputsSchema = z.object({
  schema: z.literal("reprise/stack@1"),
  /** Of the code that was deployed, as in package.json. */
  version: z.string(),
  region: z.string(),
  bucket: z.string(),
  sweepArn: z.string(),
  teardownArn: z.string(),
  /** Where hosts report; the calls stand below it (`/report`). */
  endpointUrl: z.string(),
  reaperFunction: z.string(),
  masterSecret: z.string(),
  /** Secrets that `reprise secrets set` fills, by cloud. */
  cloudSecrets: z.partialRecord(z.enum(["azure", "gcp"]), z.string()),
  /** Of EC2 hosts that Systems Manager reaches, and for those whose experiment needs AWS: `options: {instanceProfile: …}`. */
  hostProfile: z.string(),
  providers: z.array(z.enum(deployedProviders)),
  /** How often the reaper looks, minutes: what a forgotten host may outlive its expiry. */
  reaperMinutes: z.number(),
  /** How EC2 hosts are reached whose definition doesn't say. */
  reach: z.enum(reachModes).optional(),
  /** The largest budget that a run may have. */
  maxRunDollars: z.number().optional(),
  /** What hosts' leases are cut down to. */
  maxLeaseHours: z.number().optional(),
  alarmTopic: z.string(),
});
export type StackOutputs = z.infer<typeof stackOutputsSchema>;

/**
 * An execution's name as Step Functions logs it: dots aren't among the characters it promises to log. Nothing in a run's
 * or a deployment's name has an underscore, so the name can be read back.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
 */
export const toServiceName = (execution: string): string => execution.replaceAll(".", "_");
export const fromServiceName = (name: string): string => name.replaceAll("_", ".");

/** `arn:aws:states:{region}:{account}:execution:{machine}:{name}` */
export const executionArn = (machineArn: string, execution: string): string =>
  `${machineArn.replace(":stateMachine:", ":execution:")}:${toServiceName(execution)}`;

/** The page of one execution in AWS's console. */
export function consoleLink(arn: string): string {
  const region = arn.split(":")[3] ?? "";
  return `https://${region}.console.aws.amazon.com/states/home?region=${region}#/v2/executions/details/${arn}`;
}

/** The master secret as bytes to derive from: its text itself, 64 letters and digits drawn by Secrets Manager. */
export const masterSecretFromText = (text: string): Uint8Array => new TextEncoder().encode(text.trim());
