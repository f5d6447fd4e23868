import { z } from "zod";
import { reachModes } from "./../names/reach.ts";
import { duration, size, template, slug } from "./schema-fields.ts";

/** Deployments: machines, and what they are made into. */

export const placeSchema = z
  .union([
    z.string().min(1),
    z.strictObject({
      region: z.string().min(1).describe("The region."),
      zone: z.string().min(1).optional().describe("The zone in it; any if left out."),
    }),
  ])
  .describe("A region or zone in the cloud's own words: `eu-west-1`, `us-west1-b`, `westus2/2`, or `{region, zone}`.");

const perProvider = z.record(slug, z.string().min(1));

export const diskSchema = z.strictObject({
  kind: z
    .enum(["data", "localNvme"])
    .describe("`data`: a disk of its own; `localNvme`: the machine's fast local disk."),
  size: size.optional().describe("Needed for `data`; a local disk has the size it has."),
  mount: z
    .string()
    .startsWith("/", "not an absolute path")
    .optional()
    .describe("Where it is mounted, formatted if need be."),
  fileSystem: z.enum(["ext4", "xfs"]).default("ext4").describe("The file system it gets."),
});

export const machineSchema = z.strictObject({
  vcpu: z.int().min(1).optional().describe("At least so many virtual CPUs."),
  memory: size.optional().describe("At least so much memory."),
  arch: z.enum(["x86_64", "arm64"]).optional().describe("The processor's architecture; x86_64 unless said otherwise."),
  disk: size.optional().describe("The size of the boot disk."),
  disks: z.array(diskSchema).optional().describe("More disks."),
  type: z
    .union([z.string().min(1), perProvider])
    .optional()
    .describe(
      "The cloud's own machine type, for all providers or by provider (`{aws: c5d.2xlarge, gcp: n2-highcpu-8}`). Without it the cheapest that has `vcpu` and `memory`.",
    ),
  options: z
    .record(slug, z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .optional()
    .describe(
      "Rare options of one cloud, by provider (`{aws: {placementGroup: cluster}}`), checked by it and passed on.",
    ),
});

export const limitsSchema = z.strictObject({
  memory: size.optional().describe("A process tree that needs more is killed, or swaps if `swap` allows."),
  swap: size.optional().describe("How much of it may be swapped out; `0B`: nothing."),
  cpus: template.optional().describe("The CPUs it may use, by number: `0-3,8`."),
  log: size.optional().describe("stdout and stderr stop growing here, each; the cut is reported. 1GiB if left out."),
});

export const mountSchema = z.strictObject({
  device: z.string().min(1).describe("What is mounted: `/dev/nvme1n1`, `tmpfs`."),
  path: z.string().startsWith("/", "not an absolute path").describe("Where."),
  options: z.string().default("defaults").describe("As in /etc/fstab."),
});

/** What a deployment says for all its hosts and a role for its own. */
const hostFields = {
  on: slug.optional().describe("The provider: `local`, `hosts`, `aws`, `azure` or `gcp`."),
  places: z
    .union([z.array(placeSchema).nonempty(), z.record(slug, z.array(placeSchema).nonempty())])
    .optional()
    .describe("Regions and zones in the order in which they are tried; a mapping where providers differ."),
  machine: machineSchema.optional().describe("What kind of machine. A role's fields win over the deployment's."),
  spot: z.boolean().optional().describe("Take spare capacity that the cloud may reclaim, where it is offered."),
  image: z
    .union([z.string().min(1), perProvider])
    .optional()
    .describe("The operating system's image: `ubuntu-24.04`, or the cloud's own id by provider."),
  user: z.string().min(1).optional().describe("The user that commands run as; `root` where the supervisor may."),
  reach: z
    .enum(reachModes)
    .optional()
    .describe(
      "How the control side gets to hosts on AWS: `open` (SSH from anywhere, keys only), `nat` (SSH from the deployed control plane's fixed address), `ssm` (Systems Manager: no inbound port; the machine needs `options: {aws: {instanceProfile: …}}` or a deployed control plane's own). Left out: as the control plane was set up; from this machine, `open`.",
    ),
  packages: z.array(z.string().min(1)).optional().describe("Packages of the distribution to install."),
  sysctl: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .optional()
    .describe("Kernel settings: `{net.core.somaxconn: 4096}`."),
  swap: size.optional().describe("A swap file of this size."),
  mounts: z.array(mountSchema).optional().describe("Further mounts."),
  limits: limitsSchema.optional().describe("Limits for each service and job on these hosts, unless it has its own."),
};

export const roleSchema = z.strictObject({
  count: z.int().min(1).max(1_000).default(1).describe("How many hosts, in each lane."),
  scope: z
    .enum(["lane", "deployment"])
    .default("lane")
    .describe("`deployment`: the same hosts serve all lanes (a build host, monitoring)."),
  labels: z.array(slug).default([]).describe("Further names for these hosts, that `on:` can use."),
  ...hostFields,
});

export const givenMachineSchema = z.strictObject({
  address: z.string().min(1).describe("Where this machine reaches it."),
  privateAddress: z.string().min(1).optional().describe("Where the other hosts reach it, if elsewhere."),
  role: slug.describe("The role it takes; the first machine of a role is its host 0."),
  user: z.string().min(1).optional().describe("The login."),
  port: z.int().min(1).max(65_535).default(22).describe("The port of its SSH server."),
  key: z.string().min(1).optional().describe("The file with the private key."),
  hostKey: z
    .string()
    .startsWith("SHA256:", "not a fingerprint: it begins with `SHA256:`")
    .optional()
    .describe(
      "The fingerprint of the host's key, as `ssh-keygen -lf` prints it. Left out: it must stand in known_hosts already, for no host is trusted on first use.",
    ),
  lane: z.int().min(0).default(0).describe("The lane it belongs to, from 0."),
});

export const deploymentSchema = z.strictObject({
  ...hostFields,
  lanes: z.int().min(1).max(500).default(1).describe("How many trials run at the same time, each on hosts of its own."),
  lease: duration
    .default("12h")
    .describe("Hosts end by themselves so long after their creation unless the run extends it."),
  fallback: z
    .array(slug)
    .default([])
    .describe(
      "Clouds to try in order, after `on`, when every place of it has refused; all hosts go there together. Such trials are of another machine, so they count in this run alone.",
    ),
  straddle: z
    .enum(["nowhere", "zones", "regions", "clouds"])
    .default("nowhere")
    .describe(
      "How far apart trials of this deployment may be measured when its hosts are lost in the middle: in the `zones` of one region, in several `regions`, or on several `clouds` and machine types. `nowhere`: new hosts are of the same type in the same zone, or there are none.",
    ),
  machines: z.array(givenMachineSchema).optional().describe("For `on: hosts`: the machines there are."),
  clusterFile: z
    .string()
    .optional()
    .describe(
      "For `on: hosts`: a YAML or JSON file beside the definition that maps roles to such machines or addresses. It says how many hosts a role has. A file of FrankenPaxos' is read as it is.",
    ),
  roles: z
    .record(slug, roleSchema)
    .refine((roles) => Object.keys(roles).length > 0, "needs at least one role")
    .describe("The groups of hosts, by name."),
});
