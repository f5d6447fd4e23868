import { z } from "zod";
import type { HostRecord, HostSpec, ProcessId } from "./host-files.ts";

/** The schemas of what `host-files.ts` describes; apart from it, so that host processes do without zod. */

export const ProcessIdFile: z.ZodType<ProcessId> = z.object({ pid: z.int(), pidStart: z.string() });

const specFields = {
  name: z.string(),
  host: z.string(),
  deployment: z.string(),
  runId: z.string(),
  owner: z.string(),
  region: z.string(),
  zone: z.string().optional(),
  user: z.string(),
  createdAt: z.int(),
  expiresAt: z.int(),
  notApplied: z.array(z.string()),
};

export const HostSpecFile: z.ZodType<HostSpec> = z.object(specFields);

export const HostRecordFile: z.ZodType<HostRecord> = z.object({
  ...specFields,
  pid: z.int(),
  pidStart: z.string(),
  port: z.int(),
  fingerprint: z.string(),
});

export const LeaseFile = z.object({ expiresAt: z.int() });

export const DestroyingFile = z.object({ since: z.int() });

export const StuckFile = z.object({ message: z.string() });

export const NetworkFile = z.object({
  name: z.string(),
  deployment: z.string(),
  runId: z.string(),
  owner: z.string(),
  region: z.string(),
  zone: z.string().optional(),
  createdAt: z.int(),
  expiresAt: z.int(),
});
export type NetworkFile = z.infer<typeof NetworkFile>;
