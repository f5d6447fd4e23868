import { DescribeInstancesCommand } from "@aws-sdk/client-ec2";
import type { Instance } from "@aws-sdk/client-ec2";
import type { MachineShape, Place, QuotaUse } from "../../core/ports/provider.ts";
import type { Ec2Api, Work } from "./api.ts";
import { describeTypes } from "./machines.ts";

/** The value of one of EC2's quotas, or undefined where it can't be known (no permission, for instance). */
export type QuotaReader = (region: string, quotaCode: string) => Promise<number | undefined>;

interface Bucket {
  readonly families: RegExp;
  readonly title: string;
  readonly onDemand: string;
  readonly spot: string;
}

/**
 * Which families share a quota of vCPUs.
 *
 * @see "Amazon EC2 instance type quotas" and the Service Quotas console, service `ec2`
 */
const buckets: readonly Bucket[] = [
  { families: /^(dl)\d/, title: "DL", onDemand: "L-6E869C2A", spot: "L-85EED4F7" },
  { families: /^(hpc)\d/, title: "HPC", onDemand: "L-F7808C92", spot: "" },
  { families: /^(inf)\d/, title: "Inf", onDemand: "L-1945791B", spot: "L-B5D1601B" },
  { families: /^(trn)\d/, title: "Trn", onDemand: "L-2C3B7624", spot: "L-6B0D517C" },
  { families: /^(f)\d/, title: "F", onDemand: "L-74FC7D96", spot: "L-88CF9481" },
  { families: /^(g|gr|vt)\d/, title: "G and VT", onDemand: "L-DB2E81BA", spot: "L-3819A6DF" },
  { families: /^(p)\d/, title: "P", onDemand: "L-417A185B", spot: "L-7212CCBC" },
  { families: /^(x)\d/, title: "X", onDemand: "L-7295265B", spot: "L-E3A00192" },
  {
    families: /^(a|c|d|h|i|im|is|m|r|t|z)\d/,
    title: "Standard (A, C, D, H, I, M, R, T, Z)",
    onDemand: "L-1216C47A",
    spot: "L-34B43A08",
  },
];

const bucketOf = (type: string): Bucket | undefined => buckets.find(({ families }) => families.test(type));

/** A listing of a whole account's instances stops here: 50,000. */
const maxPages = 50;

/** vCPUs that running machines (anybody's) use, and the account's limits, for the buckets of these shapes. */
export async function standardQuotas(
  api: Ec2Api,
  asked: { readonly place: Place; readonly shapes: readonly MachineShape[]; readonly read: QuotaReader },
  work: Work,
): Promise<QuotaUse[]> {
  const { region } = asked.place;
  const wanted = new Map<string, { readonly bucket: Bucket; readonly spot: boolean; needed: number }>();
  for (const { type, spot, vcpus } of asked.shapes) {
    const bucket = bucketOf(type);
    const code = bucket === undefined ? "" : spot ? bucket.spot : bucket.onDemand;
    if (bucket === undefined || code === "") continue;
    const entry = wanted.get(code) ?? { bucket, spot, needed: 0 };
    wanted.set(code, { ...entry, needed: entry.needed + vcpus });
  }
  if (wanted.size === 0) return [];

  const running = await runningInstances(api, region, work);
  const types = running.flatMap(({ InstanceType }) => InstanceType ?? []);
  const vcpusOf = new Map((await describeTypes(api, region, types, work)).map(({ type, vcpus }) => [type, vcpus]));
  const uses: QuotaUse[] = [];
  for (const [code, { bucket, spot, needed }] of wanted) {
    const limit = await asked.read(region, code);
    if (limit === undefined) continue;
    const used = running
      .filter((each) => (each.InstanceLifecycle === "spot") === spot && bucket.families.test(each.InstanceType ?? ""))
      // The type's own count: switching cores off frees no quota.
      .reduce((sum, { InstanceType = "" }) => sum + (vcpusOf.get(InstanceType) ?? 0), 0);
    const market = spot ? "spot" : "on-demand";
    uses.push({ metric: `vCPUs of running ${market} ${bucket.title} instances (${code})`, used, limit, needed });
  }
  return uses;
}

async function runningInstances(api: Ec2Api, region: string, work: Work): Promise<Instance[]> {
  const found: Instance[] = [];
  let token: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const { Reservations = [], NextToken } = await api.call(
      region,
      "DescribeInstances",
      (ec2, options) =>
        ec2.send(
          new DescribeInstancesCommand({
            Filters: [{ Name: "instance-state-name", Values: ["pending", "running"] }],
            MaxResults: 1000,
            NextToken: token,
          }),
          options,
        ),
      work,
    );
    found.push(...Reservations.flatMap(({ Instances = [] }) => Instances));
    if (NextToken === undefined || NextToken === "") break;
    token = NextToken;
  }
  return found;
}
