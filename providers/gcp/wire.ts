import { z } from "zod";

/**
 * What is read of Google's answers, no more: fields that aren't named here pass by.
 *
 * The types of @google-cloud/compute aren't used for it: they say of every field that it may be null, and of 64-bit
 * numbers that they may be texts, numbers or objects, where the JSON on the wire has plain texts.
 *
 * @see the schemas of the same names in https://www.googleapis.com/discovery/v1/apis/compute/v1/rest
 */
const OperationFailure = z.looseObject({ code: z.string().default("UNKNOWN"), message: z.string().default("") });

export const Operation = z.looseObject({
  name: z.string(),
  operationType: z.string().default(""),
  targetLink: z.string().default(""),
  status: z.enum(["PENDING", "RUNNING", "DONE"]),
  user: z.string().optional(),
  insertTime: z.string().optional(),
  endTime: z.string().optional(),
  httpErrorStatusCode: z.number().optional(),
  error: z.looseObject({ errors: z.array(OperationFailure).default([]) }).optional(),
});
export type Operation = z.infer<typeof Operation>;

const Labels = z.record(z.string(), z.string()).default({});

export const Instance = z.looseObject({
  id: z.string(),
  name: z.string(),
  zone: z.string(),
  status: z.string(),
  machineType: z.string().default(""),
  creationTimestamp: z.string().optional(),
  labels: Labels,
  labelFingerprint: z.string().optional(),
  metadata: z
    .looseObject({
      fingerprint: z.string().optional(),
      items: z.array(z.looseObject({ key: z.string(), value: z.string().default("") })).default([]),
    })
    .default({ items: [] }),
  networkInterfaces: z
    .array(
      z.looseObject({
        network: z.string().optional(),
        networkIP: z.string().optional(),
        accessConfigs: z.array(z.looseObject({ natIP: z.string().optional() })).default([]),
      }),
    )
    .default([]),
  scheduling: z
    .looseObject({ provisioningModel: z.string().optional(), terminationTime: z.string().optional() })
    .default({}),
});
export type Instance = z.infer<typeof Instance>;

export const Disk = z.looseObject({
  id: z.string(),
  name: z.string(),
  zone: z.string(),
  status: z.string().optional(),
  creationTimestamp: z.string().optional(),
  labels: Labels,
  /** The machine that has it. */
  users: z.array(z.string()).default([]),
  sourceImage: z.string().optional(),
});
export type Disk = z.infer<typeof Disk>;

/** Firewalls, networks, subnetworks and placement policies: kinds without labels. */
export const Unlabelled = z.looseObject({
  name: z.string(),
  selfLink: z.string(),
  description: z.string().optional(),
  creationTimestamp: z.string().optional(),
  status: z.string().optional(),
  sourceRanges: z.array(z.string()).optional(),
  network: z.string().optional(),
});
export type Unlabelled = z.infer<typeof Unlabelled>;

export const Region = z.looseObject({
  name: z.string(),
  zones: z.array(z.string()).default([]),
  quotas: z.array(z.looseObject({ metric: z.string(), limit: z.number(), usage: z.number() })).default([]),
});

export const MachineType = z.looseObject({
  name: z.string(),
  guestCpus: z.number(),
  memoryMb: z.number(),
  architecture: z.enum(["ARCHITECTURE_UNSPECIFIED", "ARM64", "X86_64"]).optional(),
});

export const Image = z.looseObject({ name: z.string(), selfLink: z.string(), architecture: z.string().optional() });

/** `{error: {code, message, errors: [{reason}]}}`, the body of a refusal. */
export const Refused = z.looseObject({
  error: z.looseObject({
    message: z.string().default(""),
    errors: z.array(z.looseObject({ reason: z.string().default("") })).default([]),
  }),
});

/** The last part of a URL or path: `us-central1-a` of `…/zones/us-central1-a`. */
export const lastPart = (link: string): string => link.slice(link.lastIndexOf("/") + 1);

/** `zones/z/instances/i` of `https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i`. */
export const pathInProject = (link: string): string => link.replace(/^.*?\/?projects\/[^/]+\//, "");

/** ms since the epoch, undefined for what is no time. */
export function timeOf(text: string | undefined): number | undefined {
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
