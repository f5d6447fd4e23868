/** A custom role as `gcloud iam roles create reprise --project … --file …` takes it (YAML, of which JSON is a part). */
export interface GcpRole {
  readonly title: string;
  readonly description: string;
  readonly stage: "GA";
  readonly includedPermissions: readonly string[];
}

const on = (kind: string, ...verbs: readonly string[]): string[] => verbs.map((verb) => `compute.${kind}.${verb}`);

/**
 * The least that an account needs to drive Compute Engine. Google has no conditions on labels, so these hold for the whole
 * project: give benchmarks one of their own.
 *
 * @param options `serviceAccounts`: hosts are given accounts; `networks`: deployments may ask for networks of their own
 * @see https://cloud.google.com/compute/docs/access/iam-permissions: what each method wants
 */
export const gcpRole = (
  options: { readonly serviceAccounts?: boolean; readonly networks?: boolean } = {},
): GcpRole => ({
  title: "reprise",
  description: "Makes, watches and deletes the hosts of benchmarks",
  stage: "GA",
  includedPermissions: [
    // `setTags`, `setMetadata`, `setLabels`: also to be born with them.
    ...on("instances", "create", "delete", "get", "list", "setLabels", "setMetadata", "setTags"),
    ...on("disks", "create", "delete", "list", "setLabels"),
    ...on("images", "get", "getFromFamily", "useReadOnly"),
    ...on("subnetworks", "list", "use", "useExternalIp"),
    // `updatePolicy`: a firewall is part of its network.
    ...on("networks", "get", "list", "updatePolicy"),
    ...on("firewalls", "create", "delete", "get", "list", "update"),
    ...on("resourcePolicies", "create", "delete", "get", "list", "use"),
    ...on("zoneOperations", "get", "list"),
    ...on("globalOperations", "get", "list"),
    ...on("regions", "get"),
    ...on("machineTypes", "get"),
    ...(options.networks === true
      ? [...on("networks", "create", "delete"), ...on("subnetworks", "create", "delete", "get")]
      : []),
    ...(options.serviceAccounts === true ? [...on("instances", "setServiceAccount"), "iam.serviceAccounts.actAs"] : []),
  ].sort(),
});
