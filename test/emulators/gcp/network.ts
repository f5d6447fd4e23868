import { z } from "zod";
import { accept } from "../common/accept.ts";
import { CloudError } from "../common/cloud-error.ts";
import { textAt } from "../common/wire.ts";
import type { WireObject } from "../common/wire.ts";
import { regions } from "./catalog.ts";
import { invalid, OperationError, pathOf } from "./project.ts";
import type { GcpOperation, GcpResource, Project } from "./project.ts";
import { aggregatedRoute, listRoute } from "./lists.ts";
import type { GcpContext, GcpRoute } from "./route.ts";

const badBody = (message: string): CloudError => new CloudError(400, "invalid", `Invalid value for field ${message}`);

const NetworkBody = z.strictObject({
  name: z.string(),
  description: z.string().max(2048).optional(),
  autoCreateSubnetworks: z.boolean(),
  mtu: z.int().min(1300).max(8896).default(1460),
  routingConfig: z.strictObject({ routingMode: z.enum(["REGIONAL", "GLOBAL"]) }).default({ routingMode: "REGIONAL" }),
});

const SubnetworkBody = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  network: z.string(),
  ipCidrRange: z.string().regex(/^\d+\.\d+\.\d+\.\d+\/\d+$/, "not a range"),
  region: z.string().optional(),
  privateIpGoogleAccess: z.boolean().default(false),
  /** The SDK sends the empty lists of what it doesn't set. */
  secondaryIpRanges: z.tuple([]).optional(),
});

const Traffic = z.strictObject({ IPProtocol: z.string(), ports: z.array(z.string()).optional() });
const FirewallBody = z.strictObject({
  name: z.string(),
  description: z.string().max(2048).optional(),
  network: z.string().default("global/networks/default"),
  priority: z.int().min(0).max(65535).default(1000),
  direction: z.enum(["INGRESS", "EGRESS"]).default("INGRESS"),
  disabled: z.boolean().default(false),
  sourceRanges: z.array(z.string()).optional(),
  destinationRanges: z.array(z.string()).optional(),
  sourceTags: z.array(z.string()).optional(),
  targetTags: z.array(z.string()).optional(),
  allowed: z.array(Traffic).optional(),
  denied: z.array(Traffic).optional(),
});

const PolicyBody = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  region: z.string().optional(),
  groupPlacementPolicy: z.strictObject({
    collocation: z.literal("COLLOCATED").optional(),
    vmCount: z.int().min(1).max(150).optional(),
    availabilityDomainCount: z.int().min(1).max(8).optional(),
  }),
});

/** Adds a resource and begins its insert. */
export function insert(context: GcpContext, resource: GcpResource, onDone?: () => void): GcpOperation {
  const { project, query, call } = context;
  call.mutations.push(`created ${pathOf(resource)}`);
  const { world } = project;
  return project.begin(
    { type: "insert", scope: resource.scope, target: project.target(resource), requestId: query.get("requestId") },
    world.about(world.timings.operationMs),
    () => {
      resource.isReady = true;
      onDone?.();
    },
  );
}

/** Begins a deletion. @param inUse the full name of what still uses it, looked up at the end */
export function remove(
  context: GcpContext,
  resource: GcpResource,
  options: { readonly inUse?: () => string | undefined; readonly onGone?: () => void; readonly ms?: number } = {},
): GcpOperation {
  const { project, query, call } = context;
  if (resource.isDeleting) throw notReady(project, resource);
  resource.isDeleting = true;
  call.mutations.push(`deleting ${pathOf(resource)}`);
  const { world } = project;
  return project.begin(
    { type: "delete", scope: resource.scope, target: project.target(resource), requestId: query.get("requestId") },
    options.ms ?? world.about(world.timings.operationMs),
    () => {
      const user = options.inUse?.();
      if (user !== undefined) {
        resource.isDeleting = false;
        throw new OperationError("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", inUseMessage(project, resource, user), {
          status: 400,
          message: "BAD REQUEST",
        });
      }
      project.remove(resource);
      options.onGone?.();
    },
  );
}

export const notReady = (project: Project, resource: GcpResource): CloudError =>
  new CloudError(400, "resourceNotReady", `The resource '${project.fullName(pathOf(resource))}' is not ready`);

const nouns = {
  networks: "network",
  subnetworks: "subnetwork",
  firewalls: "firewall",
  resourcePolicies: "resource_policy",
  instances: "instance",
  disks: "disk",
} as const;
const inUseMessage = (project: Project, resource: GcpResource, user: string): string =>
  `The ${nouns[resource.collection]} resource '${project.fullName(pathOf(resource))}' is already being used by '${user}'`;

/** Refusal at once, where Google gives one, instead of a failed operation. */
export function refuseInUse(project: Project, resource: GcpResource, user: string | undefined): void {
  if (user !== undefined)
    throw new CloudError(400, "resourceInUseByAnotherResource", inUseMessage(project, resource, user));
}

/** Whether the body of one resource names the other. */
const refersTo = (project: Project, user: GcpResource, field: string, used: GcpResource): boolean => {
  const reference = user.body[field];
  return typeof reference === "string" && project.pathOf(reference) === pathOf(used);
};

/** The full name of the first machine, of any state, whose NIC is on this network or subnet. */
function machineOn(project: Project, used: GcpResource): string | undefined {
  const field = used.collection === "networks" ? "network" : "subnetwork";
  const user = project.all("instances").find((i) => {
    const nics = i.body["networkInterfaces"];
    return Array.isArray(nics) && nics.some((nic: WireObject) => project.pathOf(textAt(nic, field)) === pathOf(used));
  });
  return user === undefined ? undefined : project.fullName(pathOf(user));
}

function networkUser(project: Project, network: GcpResource): string | undefined {
  const user = [...project.all("firewalls"), ...project.all("subnetworks")].find((r) =>
    refersTo(project, r, "network", network),
  );
  return user === undefined ? machineOn(project, network) : project.fullName(pathOf(user));
}

const view = (project: Project, kind: string, r: GcpResource, more: WireObject = {}): WireObject => ({
  kind: `compute#${kind}`,
  id: r.id,
  creationTimestamp: new Date(r.createdAtMs).toISOString(),
  name: r.name,
  selfLink: project.link(pathOf(r)),
  ...r.body,
  ...more,
});

const viewNetwork = (project: Project, r: GcpResource): WireObject => {
  const subnetworks = project
    .visible("subnetworks")
    .filter((s) => refersTo(project, s, "network", r))
    .map((s) => project.link(pathOf(s)));
  return view(project, "network", r, {
    selfLinkWithId: project.link(`global/networks/${r.id}`),
    networkFirewallPolicyEnforcementOrder: "AFTER_CLASSIC_FIREWALL",
    ...(subnetworks.length === 0 ? {} : { subnetworks }),
  });
};
const viewSubnetwork = (project: Project, r: GcpResource): WireObject =>
  view(project, "subnetwork", r, {
    region: project.link(r.scope),
    fingerprint: fingerprintOf(r),
    purpose: "PRIVATE",
    stackType: "IPV4_ONLY",
    gatewayAddress: gatewayOf(textAt(r.body, "ipCidrRange")),
  });
const fingerprintOf = (r: GcpResource): string => Buffer.from(r.id.slice(-8)).toString("base64");
const gatewayOf = (range: string): string => range.replace(/\.\d+\/\d+$/, ".1");
const viewFirewall = (project: Project, r: GcpResource): WireObject =>
  view(project, "firewall", r, { logConfig: { enable: false } });
const viewPolicy = (project: Project, r: GcpResource): WireObject =>
  view(project, "resourcePolicy", r, {
    region: project.link(r.scope),
    status: r.isDeleting ? "DELETING" : r.isReady ? "READY" : "CREATING",
  });

function insertNetwork(context: GcpContext): GcpOperation {
  const { project } = context;
  const { name, ...body } = accept(NetworkBody, context.body, badBody);
  const network = project.add({ collection: "networks", scope: "global", name, body });
  return insert(context, network, () => {
    if (!body.autoCreateSubnetworks) return;
    for (const [region, { defaultRange }] of Object.entries(regions)) {
      const subnet = project.add({
        collection: "subnetworks",
        scope: `regions/${region}`,
        name,
        body: {
          network: project.link(`global/networks/${name}`),
          ipCidrRange: defaultRange,
          privateIpGoogleAccess: false,
        },
      });
      subnet.isReady = true;
    }
  });
}

function deleteNetwork(context: GcpContext): GcpOperation {
  const { project, path } = context;
  const network = project.need(`global/networks/${path["network"] ?? ""}`);
  // An automatic network takes its own subnets with it; firewalls and machines hold it.
  const automatic = network.body["autoCreateSubnetworks"] === true;
  const own = (): GcpResource[] =>
    automatic ? project.all("subnetworks").filter((s) => refersTo(project, s, "network", network)) : [];
  return remove(context, network, {
    inUse: () => {
      const user = networkUser(project, network);
      const isOwn = own().some((s) => project.fullName(pathOf(s)) === user);
      return isOwn ? machineOn(project, network) : user;
    },
    onGone: () => {
      for (const subnet of own()) project.remove(subnet);
    },
  });
}

function insertSubnetwork(context: GcpContext): GcpOperation {
  const { project, path } = context;
  const region = path["region"] ?? "";
  if (!(region in regions)) throw invalid("region", region, "Unknown region.");
  const {
    name,
    network,
    region: _region,
    secondaryIpRanges: _none,
    ...body
  } = accept(SubnetworkBody, context.body, badBody);
  const parent = project.needReferenced("resource.network", network, "network");
  const taken = project
    .all("subnetworks")
    .find((s) => refersTo(project, s, "network", parent) && overlap(textAt(s.body, "ipCidrRange"), body.ipCidrRange));
  if (taken !== undefined)
    throw new CloudError(
      400,
      "badRequest",
      `Invalid IPCidrRange: ${body.ipCidrRange} conflicts with existing subnetwork '${taken.name}' in region '${taken.scope.split("/")[1] ?? ""}'.`,
    );
  const subnet = project.add({
    collection: "subnetworks",
    scope: `regions/${region}`,
    name,
    body: { ...body, network: project.link(pathOf(parent)) },
  });
  return insert(context, subnet);
}

function overlap(left: string, right: string): boolean {
  const range = (cidr: string): readonly [number, number] => {
    const [address = "", bits = "32"] = cidr.split("/");
    const base = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return [base, base + 2 ** (32 - Number(bits))];
  };
  const [a, b] = range(left);
  const [c, d] = range(right);
  return a < d && c < b;
}

function checkFirewall(body: z.infer<typeof FirewallBody>): void {
  if ((body.allowed === undefined) === (body.denied === undefined))
    throw invalid("resource.allowed", "", "Exactly one of allowed and denied must be given.");
  if (
    body.direction === "INGRESS" &&
    body.destinationRanges !== undefined &&
    body.destinationRanges.length > 0 &&
    body.sourceRanges === undefined
  )
    throw invalid("resource.sourceRanges", "", "An ingress rule needs sources.");
}

/** The empty lists that the SDK sends for what it doesn't set say nothing. */
const withoutEmpty = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).filter(([, v]) => !(Array.isArray(v) && v.length === 0)))
    : value;

function insertFirewall(context: GcpContext): GcpOperation {
  const { project } = context;
  const parsed = accept(FirewallBody, withoutEmpty(context.body), badBody);
  checkFirewall(parsed);
  const { name, network, ...body } = parsed;
  const parent = project.needReferenced("resource.network", network, "network");
  const firewall = project.add({
    collection: "firewalls",
    scope: "global",
    name,
    body: {
      ...body,
      ...(body.direction === "INGRESS" && body.sourceRanges === undefined && body.sourceTags === undefined
        ? { sourceRanges: ["0.0.0.0/0"] }
        : {}),
      network: project.link(pathOf(parent)),
    },
  });
  return insert(context, firewall);
}

function patchFirewall(context: GcpContext): GcpOperation {
  const { project, path, query, call } = context;
  const firewall = project.need(`global/firewalls/${path["firewall"] ?? ""}`);
  if (!firewall.isReady || firewall.isDeleting) throw notReady(project, firewall);
  const change = accept(FirewallBody.partial(), withoutEmpty(context.body), badBody);
  // Zod fills defaults of fields that weren't sent; a patch leaves those as they are.
  const sent = new Set(Object.keys(context.body ?? {}));
  const given = Object.fromEntries(
    Object.entries(change).filter(([key]) => sent.has(key) && key !== "name" && key !== "network"),
  );
  call.mutations.push(`patched ${pathOf(firewall)}`);
  return project.begin(
    { type: "patch", scope: "global", target: project.target(firewall), requestId: query.get("requestId") },
    project.world.about(project.world.timings.operationMs),
    () => {
      firewall.body = { ...firewall.body, ...given };
    },
  );
}

function insertPolicy(context: GcpContext): GcpOperation {
  const { project, path } = context;
  const region = path["region"] ?? "";
  if (!(region in regions)) throw invalid("region", region, "Unknown region.");
  const { name, region: _region, ...body } = accept(PolicyBody, context.body, badBody);
  const policy = project.add({ collection: "resourcePolicies", scope: `regions/${region}`, name, body });
  return insert(context, policy);
}

/** The first machine that a policy applies to. */
const policyUser = (project: Project, policy: GcpResource): string | undefined => {
  const user = project.all("instances").find((i) => {
    const policies = i.body["resourcePolicies"];
    return Array.isArray(policies) && policies.some((p: string) => project.pathOf(p) === pathOf(policy));
  });
  return user === undefined ? undefined : project.fullName(pathOf(user));
};

const allRegions = (): string[] => Object.keys(regions).map((region) => `regions/${region}`);

export const networkRoutes: readonly GcpRoute[] = [
  {
    id: "compute.networks.insert",
    method: "POST",
    path: "global/networks",
    query: ["requestId"],
    mutate: insertNetwork,
  },
  {
    id: "compute.networks.get",
    method: "GET",
    path: "global/networks/{network}",
    read: ({ project, path }) => viewNetwork(project, project.need(`global/networks/${path["network"] ?? ""}`)),
  },
  listRoute("compute.networks.list", "global/networks", "networkList", ({ project }) =>
    project.visible("networks").map((r) => viewNetwork(project, r)),
  ),
  {
    id: "compute.networks.delete",
    method: "DELETE",
    path: "global/networks/{network}",
    query: ["requestId"],
    mutate: deleteNetwork,
  },

  {
    id: "compute.subnetworks.insert",
    method: "POST",
    path: "regions/{region}/subnetworks",
    query: ["requestId"],
    mutate: insertSubnetwork,
  },
  {
    id: "compute.subnetworks.get",
    method: "GET",
    path: "regions/{region}/subnetworks/{subnetwork}",
    read: ({ project, path }) =>
      viewSubnetwork(project, project.need(`regions/${path["region"] ?? ""}/subnetworks/${path["subnetwork"] ?? ""}`)),
  },
  listRoute("compute.subnetworks.list", "regions/{region}/subnetworks", "subnetworkList", ({ project, path }) =>
    project.visible("subnetworks", `regions/${path["region"] ?? ""}`).map((r) => viewSubnetwork(project, r)),
  ),
  aggregatedRoute("compute.subnetworks.aggregatedList", "subnetworks", "subnetworkAggregatedList", {
    scopes: allRegions,
    all: ({ project }) =>
      project.visible("subnetworks").map((r) => ({ scope: r.scope, item: viewSubnetwork(project, r) })),
  }),
  {
    id: "compute.subnetworks.delete",
    method: "DELETE",
    path: "regions/{region}/subnetworks/{subnetwork}",
    query: ["requestId"],
    mutate: (context) => {
      const { project, path } = context;
      const subnet = project.need(`regions/${path["region"] ?? ""}/subnetworks/${path["subnetwork"] ?? ""}`);
      refuseInUse(project, subnet, machineOn(project, subnet));
      return remove(context, subnet);
    },
  },

  {
    id: "compute.firewalls.insert",
    method: "POST",
    path: "global/firewalls",
    query: ["requestId"],
    mutate: insertFirewall,
  },
  {
    id: "compute.firewalls.get",
    method: "GET",
    path: "global/firewalls/{firewall}",
    read: ({ project, path }) => viewFirewall(project, project.need(`global/firewalls/${path["firewall"] ?? ""}`)),
  },
  listRoute("compute.firewalls.list", "global/firewalls", "firewallList", ({ project }) =>
    project.visible("firewalls").map((r) => viewFirewall(project, r)),
  ),
  {
    id: "compute.firewalls.patch",
    method: "PATCH",
    path: "global/firewalls/{firewall}",
    query: ["requestId"],
    mutate: patchFirewall,
  },
  {
    id: "compute.firewalls.delete",
    method: "DELETE",
    path: "global/firewalls/{firewall}",
    query: ["requestId"],
    mutate: (context) => remove(context, context.project.need(`global/firewalls/${context.path["firewall"] ?? ""}`)),
  },

  {
    id: "compute.resourcePolicies.insert",
    method: "POST",
    path: "regions/{region}/resourcePolicies",
    query: ["requestId"],
    mutate: insertPolicy,
  },
  {
    id: "compute.resourcePolicies.get",
    method: "GET",
    path: "regions/{region}/resourcePolicies/{resourcePolicy}",
    read: ({ project, path }) =>
      viewPolicy(
        project,
        project.need(`regions/${path["region"] ?? ""}/resourcePolicies/${path["resourcePolicy"] ?? ""}`),
      ),
  },
  listRoute(
    "compute.resourcePolicies.list",
    "regions/{region}/resourcePolicies",
    "resourcePolicyList",
    ({ project, path }) =>
      project.visible("resourcePolicies", `regions/${path["region"] ?? ""}`).map((r) => viewPolicy(project, r)),
  ),
  aggregatedRoute("compute.resourcePolicies.aggregatedList", "resourcePolicies", "resourcePolicyAggregatedList", {
    scopes: allRegions,
    all: ({ project }) =>
      project.visible("resourcePolicies").map((r) => ({ scope: r.scope, item: viewPolicy(project, r) })),
  }),
  {
    id: "compute.resourcePolicies.delete",
    method: "DELETE",
    path: "regions/{region}/resourcePolicies/{resourcePolicy}",
    query: ["requestId"],
    mutate: (context) => {
      const { project, path } = context;
      const policy = project.need(`regions/${path["region"] ?? ""}/resourcePolicies/${path["resourcePolicy"] ?? ""}`);
      refuseInUse(project, policy, policyUser(project, policy));
      return remove(context, policy);
    },
  },
];
