import { Capacity } from "../common/capacity.ts";
import type { CapacityRule } from "../common/capacity.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../common/http.ts";
import type { InventoryItem } from "../common/inventory.ts";
import { serve } from "../common/service.ts";
import type { Recognised, Service } from "../common/service.ts";
import type { BucketLimit } from "../common/token-bucket.ts";
import type { WireObject } from "../common/wire.ts";
import { isWireObject } from "../common/wire.ts";
import type { World } from "../common/world.ts";
import { BotocoreCheck } from "./botocore.ts";
import { catalogOperations } from "./catalog-operations.ts";
import { regions } from "./catalog.ts";
import { fleetOperations } from "./fleet.ts";
import { instanceOperations } from "./instances.ts";
import { interruptInstance } from "./machine.ts";
import { networkOperations } from "./network.ts";
import { awsJsonError, awsJsonResponse, ec2Error, ec2Response, parseEc2Form } from "./protocol.ts";
import type { FormTree } from "./protocol.ts";
import { Ec2Region } from "./region.ts";
import type { AwsQuotas, Instance } from "./region.ts";
import { spotOperations } from "./spot.ts";
import { Ssm } from "./ssm.ts";
import type { PutObject } from "./ssm.ts";
import { storageOperations } from "./storage.ts";
import { tagOperations } from "./tag-operations.ts";
import { templateOperations } from "./templates.ts";

const ec2Operations = new Map(
  Object.entries({
    ...instanceOperations,
    ...networkOperations,
    ...catalogOperations,
    ...fleetOperations,
    ...spotOperations,
    ...storageOperations,
    ...tagOperations,
    ...templateOperations,
  }),
);

export interface AwsOptions {
  readonly capacity?: readonly CapacityRule[];
  readonly quotas?: Partial<AwsQuotas>;
  readonly putObject?: PutObject;
}

/** The emulated AWS account: EC2, SSM and two numbers of Service Quotas, in every region of the catalogue. */
export class AwsEmulator {
  readonly handle: HttpHandler;
  readonly capacity: Capacity;
  private readonly world: World;
  private readonly quotas: AwsQuotas;
  private readonly putObject: PutObject | undefined;
  private readonly sites = new Map<string, { readonly ec2: Ec2Region; readonly ssm: Ssm }>();

  constructor(world: World, options: AwsOptions, throttling: boolean) {
    this.world = world;
    this.capacity = new Capacity(options.capacity ?? []);
    this.quotas = { onDemandVcpus: 1152, spotVcpus: 1152, ...options.quotas };
    this.putObject = options.putObject;
    const ec2Check = BotocoreCheck.read("aws/ec2-2016-11-15.subset.json", "ec2");
    const ssmCheck = BotocoreCheck.read("aws/ssm-2014-11-06.subset.json", "json");
    const service: Service = {
      cloud: "aws",
      recognise: (request) => {
        const { service: name, region } = scopeOf(request);
        const site = this.site(region);
        switch (name) {
          case "ec2":
            return recogniseEc2(request, site.ec2, ec2Check, this.requestId());
          case "ssm":
            return recogniseSsm(request, site.ssm, ssmCheck, this.requestId(), region);
          case "servicequotas":
            return recogniseQuotas(request, this.quotas, this.requestId(), region);
          default:
            throw new NotImplemented(`AWS service ${name}`);
        }
      },
      renderError: (error, request) =>
        request.headers["x-amz-target"] === undefined
          ? ec2Error(this.requestId(), error)
          : awsJsonError(this.requestId(), error),
    };
    this.handle = serve(world, service, throttling);
  }

  /** Announces a spot interruption now; the machine goes two minutes later. */
  interrupt(instanceId: string): void {
    this.world.timeline.settle();
    const { region, instance } = this.find(instanceId);
    interruptInstance(region, instance);
  }

  /** All that exists beyond what an empty account has. */
  inventory(): InventoryItem[] {
    this.world.timeline.settle();
    return [...this.sites.values()].flatMap(({ ec2 }) => inventoryOf(ec2));
  }

  private find(instanceId: string): { readonly region: Ec2Region; readonly instance: Instance } {
    for (const { ec2: region } of this.sites.values()) {
      const instance = region.instances.get(instanceId);
      if (instance !== undefined) return { region, instance };
    }
    throw new Error(`no instance ${instanceId}`);
  }

  private site(region: string): { readonly ec2: Ec2Region; readonly ssm: Ssm } {
    let site = this.sites.get(region);
    if (site === undefined) {
      if (!(region in regions)) throw new NotImplemented(`AWS region ${region}`);
      const ec2 = new Ec2Region(region, this.world, this.capacity, this.quotas);
      site = { ec2, ssm: new Ssm(ec2, this.putObject) };
      this.sites.set(region, site);
    }
    return site;
  }

  private requestId(): string {
    return this.world.ids.uuid("aws/request");
  }
}

/** Service and region out of the SigV4 credential scope; whose credentials they are doesn't matter here. */
function scopeOf(request: HttpRequest): { readonly service: string; readonly region: string } {
  const match = /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\/aws4_request/.exec(request.headers["authorization"] ?? "");
  if (match?.[1] === undefined || match[2] === undefined)
    throw new CloudError(401, "AuthFailure", "AWS was not able to validate the provided access credentials");
  return { region: match[1], service: match[2] };
}

/** Request token buckets of EC2's throttling page; the rest fall in the two general classes. */
const ec2Limits: Readonly<Record<string, BucketLimit>> = {
  RunInstances: { burst: 5, perSec: 2 },
  TerminateInstances: { burst: 100, perSec: 5 },
};
const ec2Limit = (action: string): { readonly key: string; readonly limit: BucketLimit } =>
  action.startsWith("Describe")
    ? { key: action, limit: { burst: 100, perSec: 20 } }
    : { key: action, limit: ec2Limits[action] ?? { burst: 50, perSec: 5 } };

function recogniseEc2(
  request: HttpRequest,
  region: Ec2Region,
  check: BotocoreCheck | undefined,
  requestId: string,
): Recognised {
  const form = parseEc2Form(request.body);
  const run = ec2Operations.get(form.action);
  if (run === undefined) throw new NotImplemented(`EC2 ${form.action}`);
  if (form.version !== "2016-11-15") throw new NotImplemented(`EC2 version ${form.version}`);
  const { key, limit } = ec2Limit(form.action);
  const token = form.parameters["ClientToken"];
  let answered: WireObject = {};
  return {
    operation: form.action,
    resource: [region.name, ...namesIn(form.parameters)].join(" "),
    token: typeof token === "string" ? token : undefined,
    bucket: { key: `${region.name}/${key}`, limit },
    checkRequest: () => check?.request(form.action, form.parameters) ?? [],
    run: (call) => {
      answered = run(region, form.parameters, call);
      return ec2Response(form.action, requestId, answered);
    },
    // `return` stands for success in actions whose model has no output.
    checkResponse: () => check?.response(form.action, answered) ?? [],
  };
}

/** Every text of a request that may name something, for fault rules; user data and key material are none. */
function namesIn(tree: FormTree): string[] {
  if (typeof tree === "string") return tree.length <= 256 ? [tree] : [];
  return (Array.isArray(tree) ? tree : Object.values(tree)).flatMap((branch: FormTree) => namesIn(branch));
}

function jsonBody(request: HttpRequest): WireObject {
  const body: unknown = JSON.parse(request.body === "" ? "{}" : request.body);
  if (!isWireObject(body)) throw new CloudError(400, "SerializationException", "not a JSON object");
  return body;
}

function recogniseSsm(
  request: HttpRequest,
  ssm: Ssm,
  check: BotocoreCheck | undefined,
  requestId: string,
  region: string,
): Recognised {
  const operation = (request.headers["x-amz-target"] ?? "").replace(/^AmazonSSM\./, "");
  const input = jsonBody(request);
  let answered: WireObject = {};
  return {
    operation,
    resource: [region, ...namesIn(JSON.parse(JSON.stringify(input)) as FormTree)].join(" "), // numbers have no length and drop out
    token: undefined,
    bucket: { key: `${region}/ssm/${operation}`, limit: { burst: 40, perSec: 20 } },
    checkRequest: () => check?.request(operation, input) ?? [],
    run: (call) => {
      answered = ssm.run(operation, input, call);
      return awsJsonResponse(requestId, answered);
    },
    checkResponse: () => check?.response(operation, answered) ?? [],
  };
}

/** GetServiceQuota of the two quotas that decide how many machines there may be. */
function recogniseQuotas(request: HttpRequest, quotas: AwsQuotas, requestId: string, region: string): Recognised {
  const operation = (request.headers["x-amz-target"] ?? "").replace(/^ServiceQuotasV20190624\./, "");
  if (operation !== "GetServiceQuota") throw new NotImplemented(`Service Quotas ${operation}`);
  const { ServiceCode: service, QuotaCode: asked } = jsonBody(request);
  const code = typeof asked === "string" ? asked : "";
  const values: Readonly<Record<string, number>> = {
    "L-1216C47A": quotas.onDemandVcpus,
    "L-34B43A08": quotas.spotVcpus,
  };
  return {
    operation,
    resource: `${region} ${code}`,
    token: undefined,
    bucket: { key: `${region}/quotas`, limit: { burst: 10, perSec: 5 } },
    checkRequest: () => [],
    run: (): HttpResponse => {
      const value = service === "ec2" ? values[code] : undefined;
      if (value === undefined) throw new CloudError(400, "NoSuchResourceException", `no quota ${code}`);
      return awsJsonResponse(requestId, {
        Quota: {
          ServiceCode: "ec2",
          QuotaCode: code,
          Value: value,
          Unit: "None",
          Adjustable: true,
          GlobalQuota: false,
        },
      });
    },
    checkResponse: () => [],
  };
}

function inventoryOf(region: Ec2Region): InventoryItem[] {
  const item = (
    kind: string,
    id: string,
    detail: { name?: string; zone?: string; state?: string; costs: boolean },
    tags: ReadonlyMap<string, string>,
  ): InventoryItem => ({
    cloud: "aws",
    kind,
    id,
    name: detail.name ?? tags.get("Name") ?? "",
    place: detail.zone ?? region.name,
    state: detail.state ?? "",
    costs: detail.costs,
    tags: Object.fromEntries(tags),
  });
  return [
    ...[...region.instances.values()]
      .filter((i) => i.state !== "terminated")
      .map((i) => item("instance", i.id, { zone: i.zone, state: i.state, costs: true }, i.tags)),
    ...[...region.volumes.values()].map((v) =>
      item(
        "volume",
        v.id,
        { zone: v.zone, state: v.instanceId === undefined ? "available" : "in-use", costs: true },
        v.tags,
      ),
    ),
    ...[...region.spotRequests.values()]
      .filter((r) => r.state === "active")
      .map((r) => item("spot-request", r.id, { zone: r.zone, state: r.state, costs: false }, r.tags)),
    ...[...region.securityGroups.values()]
      .filter((g) => !region.isDefaultGroup(g))
      .map((g) => item("security-group", g.id, { name: g.name, costs: false }, g.tags)),
    ...[...region.placementGroups.values()].map((g) =>
      item("placement-group", g.id, { name: g.name, state: g.state, costs: false }, g.tags),
    ),
    ...[...region.keyPairs.values()].map((k) => item("key-pair", k.id, { name: k.name, costs: false }, k.tags)),
    ...[...region.launchTemplates.values()].map((t) =>
      item("launch-template", t.id, { name: t.name, costs: false }, t.tags),
    ),
  ];
}
