import { FailureError } from "../../core/errors/failure.ts";
import type { Provider, TaggedResource } from "../../core/ports/provider.ts";
import { cloudCapabilities } from "../../lambdas/cloud-capabilities.ts";
import { RemoteProvider, serveProviderCall } from "../../lambdas/provider-calls.ts";
import { createAwsProvider } from "../../providers/aws/index.ts";
import { createAzureProvider } from "../../providers/azure/index.ts";
import { createGcpProvider } from "../../providers/gcp/index.ts";
import { VirtualClock } from "../../engines/clock/virtual-clock.ts";

const swept: TaggedResource = {
  resourceKind: "instance",
  id: "i-1",
  place: { region: "eu-central-1", zone: "eu-central-1a" },
  deployment: "d",
  runId: "r",
  owner: "me",
  createdAt: 1,
  expiresAt: 2,
  name: "d-r0-server-0",
  machineType: "c5.large",
  spot: true,
};

/** Remembers what it was asked; refuses to destroy. */
class FakeProvider implements Provider {
  readonly name = "aws";
  readonly capabilities = cloudCapabilities.aws;
  readonly asked: unknown[] = [];
  ensure: Provider["ensure"] = async (intents) => {
    this.asked.push(intents);
    return [
      { kind: "accepted", name: "a" },
      { kind: "refused", name: "b", failure: { class: "capacity", message: "full" }, retryAfterMs: 5 },
    ];
  };
  observe: Provider["observe"] = async () => [{ name: "a", resourceKind: "instance", id: "i-1", state: "gone" }];
  connect: Provider["connect"] = async (...args) => void this.asked.push(args);
  extend: Provider["extend"] = async (...args) => void this.asked.push(args);
  beginDestroy: Provider["beginDestroy"] = async () => {
    throw new FailureError({ class: "throttled", message: "slow down", hint: "wait" });
  };
  async *sweep(): AsyncGenerator<TaggedResource> {
    yield swept;
  }
  destroyResource: Provider["destroyResource"] = async (resource) => void this.asked.push(resource);
  resolveImage: NonNullable<Provider["resolveImage"]> = async (place, image, architecture) =>
    `${image} for ${architecture} in ${place.region}`;
  quota: NonNullable<Provider["quota"]> = async () => [{ metric: "vCPU", used: 1, limit: 8 }];
}

function remote() {
  const provider = new FakeProvider();
  const invoke = async (payload: unknown) => serveProviderCall(payload, provider);
  return { provider, far: new RemoteProvider({ name: "aws", capabilities: provider.capabilities, invoke }) };
}

describe("RemoteProvider", () => {
  const place = { region: "eu-central-1" };

  it("gives what the provider behind the function gives", async () => {
    const { provider, far } = remote();
    expect(await far.ensure([])).toEqual(await provider.ensure([], new AbortController().signal));
    expect(await far.observe("d", place)).toEqual(await provider.observe("d", place));
    expect(await far.resolveImage(place, "line-*", "arm64")).toBe("line-* for arm64 in eu-central-1");
    expect(await far.quota(place, [])).toEqual([{ metric: "vCPU", used: 1, limit: 8 }]);
    const found: TaggedResource[] = [];
    for await (const one of far.sweep({ kind: "expired", now: 3 })) found.push(one);
    expect(found).toEqual([swept]);
  });

  it("hands arguments on whole", async () => {
    const { provider, far } = remote();
    await far.connect("d", place, ["1.2.3.4/32"]);
    await far.extend("d", place, 77);
    await far.destroyResource(swept);
    expect(provider.asked).toEqual([["d", place, ["1.2.3.4/32"]], ["d", place, 77], swept]);
  });

  it("keeps a failure's class and hint over the way", async () => {
    const { far } = remote();
    await expect(far.beginDestroy("d", place)).rejects.toMatchObject({
      name: "ThrottledFailure",
      failure: { class: "throttled", message: "slow down", hint: "wait" },
    });
  });

  it("takes an answer that isn't one for a defect", async () => {
    const far = new RemoteProvider({
      name: "aws",
      capabilities: cloudCapabilities.aws,
      invoke: async () => ({ errorMessage: "out of memory" }),
    });
    await expect(far.observe("d", place)).rejects.toMatchObject({ name: "DefectFailure" });
  });

  it("refuses a call that the interface doesn't have", async () => {
    await expect(serveProviderCall({ call: "format" }, new FakeProvider())).rejects.toThrow(/call/);
  });
});

describe("cloudCapabilities", () => {
  const clock = new VirtualClock();
  const random = { next: () => 0.5 };
  const never = (): never => {
    throw new Error("nothing is asked");
  };
  it("are what the providers say of themselves, where hosts can reach the endpoint", () => {
    const aws = createAwsProvider(
      { clock, random, ec2: never, hosts: { run: never }, reachesControl: true },
      { homeRegion: "us-east-1" },
    );
    const clients = { subscriptionId: "s" } as Parameters<typeof createAzureProvider>[0]["clients"]; // never asked
    const azure = createAzureProvider({ clock, random, clients, reachesControl: true });
    const auth = { request: never } as unknown as Parameters<typeof createGcpProvider>[0]["auth"]; // never asked
    const gcp = createGcpProvider({ clock, random, auth, project: "p", reachesControl: true });
    expect(cloudCapabilities).toEqual({
      aws: aws.capabilities,
      azure: azure.capabilities,
      gcp: gcp.capabilities,
    });
  });
});
