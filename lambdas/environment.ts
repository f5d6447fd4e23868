import { z } from "zod";
import { reachModes } from "../core/names/reach.ts";
import { deployedProviders } from "../core/names/stack.ts";

/** What the template tells every function, parsed once a start. */
export const environmentSchema = z
  .object({
    AWS_REGION: z.string(),
    REPRISE_BUCKET: z.string(),
    REPRISE_SWEEP_ARN: z.string(),
    REPRISE_TEARDOWN_ARN: z.string(),
    REPRISE_VERSION: z.string(),
    /** Where hosts report; a function's URL ends with a slash, ours don't. */
    REPRISE_ENDPOINT_URL: z
      .string()
      .transform((url) => url.replace(/\/$/, ""))
      .optional(),
    REPRISE_MASTER_SECRET: z.string().optional(),
    REPRISE_PROVIDERS: z
      .string()
      .default("")
      .transform((text) => text.split(",").filter((name) => name !== ""))
      .pipe(z.array(z.enum(deployedProviders))),
    /** The clouds' functions, by ARN. */
    REPRISE_CLOUD_AWS: z.string().optional(),
    REPRISE_CLOUD_AZURE: z.string().optional(),
    REPRISE_CLOUD_GCP: z.string().optional(),
    /** Credentials of the cloud that a cloud's function speaks to: a secret's name. */
    REPRISE_CLOUD_SECRET: z.string().optional(),
    /** How EC2 hosts are reached. */
    REPRISE_REACH: z.enum(reachModes).default("open"),
    /** Who may open SSH, as CIDR blocks: the functions' own fixed address where they have one. */
    REPRISE_SSH_FROM: z
      .string()
      .transform((text) => text.split(","))
      .optional(),
    /** The stack's instance profile, for EC2 hosts that name none and are reached by Systems Manager. */
    REPRISE_HOST_PROFILE: z.string().optional(),
    /** The VPC of EC2 hosts in the stack's own region. */
    REPRISE_HOST_VPC: z.string().optional(),
    /** The largest budget that a run may have. */
    REPRISE_MAX_RUN_DOLLARS: z.coerce.number().positive().optional(),
    /** What hosts' leases are cut down to. */
    REPRISE_MAX_LEASE_HOURS: z.coerce.number().positive().optional(),
    /** Folder and program of hosts beside the functions, for the provider "local": the functions run on this machine. */
    REPRISE_LOCAL_HOSTS: z.string().optional(),
    REPRISE_LOCAL_HOST_PROGRAM: z.string().optional(),
    REPRISE_UPLOAD_TTL_MS: z.coerce.number().int().positive().optional(),
  })
  .transform((env) => ({
    region: env.AWS_REGION,
    bucket: env.REPRISE_BUCKET,
    machines: { sweep: env.REPRISE_SWEEP_ARN, teardown: env.REPRISE_TEARDOWN_ARN },
    version: env.REPRISE_VERSION,
    endpointUrl: env.REPRISE_ENDPOINT_URL,
    masterSecret: env.REPRISE_MASTER_SECRET,
    providers: env.REPRISE_PROVIDERS,
    clouds: { aws: env.REPRISE_CLOUD_AWS, azure: env.REPRISE_CLOUD_AZURE, gcp: env.REPRISE_CLOUD_GCP },
    cloudSecret: env.REPRISE_CLOUD_SECRET,
    reach: env.REPRISE_REACH,
    sshFrom: env.REPRISE_SSH_FROM,
    hostProfile: env.REPRISE_HOST_PROFILE,
    hostVpc: env.REPRISE_HOST_VPC,
    limits: { maxRunDollars: env.REPRISE_MAX_RUN_DOLLARS, maxLeaseHours: env.REPRISE_MAX_LEASE_HOURS },
    localHosts:
      env.REPRISE_LOCAL_HOSTS === undefined || env.REPRISE_LOCAL_HOST_PROGRAM === undefined
        ? undefined
        : { root: env.REPRISE_LOCAL_HOSTS, program: env.REPRISE_LOCAL_HOST_PROGRAM },
    uploadTtlMs: env.REPRISE_UPLOAD_TTL_MS,
  }));

export type Environment = z.output<typeof environmentSchema>;
