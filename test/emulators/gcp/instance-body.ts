import { z } from "zod";

/** The SDK sends the empty maps of what it doesn't set. */
const Nothing = z.strictObject({}).optional();
/** 64-bit numbers are texts in Google's JSON. */
const Long = z.string().regex(/^\d+$/, "not a whole number");
const Duration = z.strictObject({ seconds: Long, nanos: z.int().optional() });

const DiskBody = z.strictObject({
  type: z.enum(["PERSISTENT", "SCRATCH"]).default("PERSISTENT"),
  boot: z.boolean().default(false),
  autoDelete: z.boolean().default(false),
  deviceName: z.string().optional(),
  interface: z.enum(["NVME", "SCSI"]).optional(),
  mode: z.literal("READ_WRITE").default("READ_WRITE"),
  diskSizeGb: Long.optional(),
  initializeParams: z.strictObject({
    diskName: z.string().optional(),
    diskSizeGb: Long.optional(),
    diskType: z.string().optional(),
    sourceImage: z.string().optional(),
    description: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    resourceManagerTags: Nothing,
  }),
});

/** What insert and bulkInsert have in common. Confidential and network options pass through, checked. */
export const machineFields = {
  description: z.string().optional(),
  machineType: z.string(),
  disks: z.array(DiskBody).min(1),
  networkInterfaces: z
    .array(
      z.strictObject({
        network: z.string().optional(),
        subnetwork: z.string().optional(),
        nicType: z.enum(["GVNIC", "VIRTIO_NET"]).optional(),
        stackType: z.literal("IPV4_ONLY").optional(),
        accessConfigs: z
          .array(
            z.strictObject({
              type: z.literal("ONE_TO_ONE_NAT").default("ONE_TO_ONE_NAT"),
              name: z.string().default("External NAT"),
              networkTier: z.enum(["PREMIUM", "STANDARD"]).default("PREMIUM"),
            }),
          )
          .max(1)
          .optional(),
      }),
    )
    .length(1),
  labels: z.record(z.string(), z.string()).default({}),
  tags: z.strictObject({ items: z.array(z.string()).default([]) }).optional(),
  metadata: z
    .strictObject({ items: z.array(z.strictObject({ key: z.string(), value: z.string().max(262_144) })).default([]) })
    .optional(),
  scheduling: z
    .strictObject({
      provisioningModel: z.enum(["STANDARD", "SPOT"]).default("STANDARD"),
      preemptible: z.boolean().optional(),
      instanceTerminationAction: z.enum(["DELETE", "STOP"]).optional(),
      onHostMaintenance: z.enum(["MIGRATE", "TERMINATE"]).optional(),
      automaticRestart: z.boolean().optional(),
      maxRunDuration: Duration.optional(),
      terminationTime: z.iso.datetime({ offset: true }).optional(),
    })
    .default({ provisioningModel: "STANDARD" }),
  serviceAccounts: z.array(z.strictObject({ email: z.string(), scopes: z.array(z.string()) })).optional(),
  resourcePolicies: z.array(z.string()).optional(),
  confidentialInstanceConfig: z
    .strictObject({
      enableConfidentialCompute: z.boolean().optional(),
      confidentialInstanceType: z.enum(["SEV", "SEV_SNP", "TDX"]).optional(),
    })
    .optional(),
  shieldedInstanceConfig: z
    .strictObject({
      enableSecureBoot: z.boolean().optional(),
      enableVtpm: z.boolean().optional(),
      enableIntegrityMonitoring: z.boolean().optional(),
    })
    .optional(),
  networkPerformanceConfig: z.strictObject({ totalEgressBandwidthTier: z.enum(["DEFAULT", "TIER_1"]) }).optional(),
  advancedMachineFeatures: z.strictObject({ threadsPerCore: z.int().min(1).max(2).optional() }).optional(),
  minCpuPlatform: z.string().optional(),
};

export const InstanceBody = z.strictObject({
  ...machineFields,
  name: z.string(),
  hostname: z.string().optional(),
  deletionProtection: z.boolean().default(false),
});
export type InstanceBody = z.infer<typeof InstanceBody>;

export const BulkInsertBody = z.strictObject({
  count: Long,
  minCount: Long.optional(),
  namePattern: z.string().optional(),
  perInstanceProperties: z
    .record(z.string(), z.strictObject({ name: z.string().optional(), hostname: z.string().optional() }))
    .optional(),
  instanceProperties: z.strictObject({ ...machineFields, resourceManagerTags: Nothing }),
});
