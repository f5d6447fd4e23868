import { EC2Client } from "@aws-sdk/client-ec2";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { serviceQuotas } from "../../../providers/aws/index.ts";
import { signPost } from "../../../providers/aws/sigv4.ts";
import { awsClientSettings, awsRequestHandler } from "../../emulators/aws/clients.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import { askFor, never, openAwsWorld, place, ready, shape, tearDown, until } from "./aws-world.ts";

describe("AwsProvider.quota", () => {
  it("compares vCPUs in use and needed with the account's limit, market by market", async () => {
    const world = openAwsWorld();
    const limits: Readonly<Record<string, number>> = { "L-1216C47A": 64, "L-34B43A08": 16 };
    const provider = world.fresh({}, undefined, { quota: async (_region, code) => limits[code] });
    await world.clock.run(
      (async () => {
        await world.fresh().ensure(askFor(3, { now: world.clock.now(), shape: { type: "c6i.2xlarge" } }), never);
        await until(world, "d1", place, ready(3));
        const shapes = [shape({ type: "m6i.large" }), shape({ type: "c6i.large", spot: true })];
        expect(await provider.quota(place, shapes)).toEqual([
          { metric: expect.stringContaining("on-demand Standard") as string, used: 24, limit: 64, needed: 2 },
          { metric: expect.stringContaining("spot Standard") as string, used: 0, limit: 16, needed: 2 },
        ]);
        // Of a family whose quota nobody tells, and without a way to ask: unknown, not unlimited.
        expect(await provider.quota(place, [shape({ type: "p5.48xlarge" })])).toEqual([]);
        expect(await world.fresh().quota(place, shapes)).toEqual([]);
        await tearDown(world, "d1", place);
      })(),
    );
    expect(world.emulator.violations).toEqual([]);
  });
});

describe("serviceQuotas", () => {
  const setUp = () => {
    const clock = new VirtualClock();
    const emulator = createEmulator({ clock, aws: { quotas: { onDemandVcpus: 96 } } });
    const requestHandler = awsRequestHandler(emulator.aws.handle);
    const ec2 = (region: string) => new EC2Client({ ...awsClientSettings(region), requestHandler });
    return { clock, emulator, read: serviceQuotas(ec2, clock) };
  };

  it("reads a quota with an EC2 client's credentials", async () => {
    const { clock, read } = setUp();
    expect(await clock.run(read("us-east-1", "L-1216C47A"))).toBe(96);
  });

  it("knows nothing where there is no such quota, or no answer", async () => {
    const { clock, emulator, read } = setUp();
    expect(await clock.run(read("us-east-1", "L-00000000"))).toBeUndefined();
    emulator.faults.add({ on: "call", operation: "GetServiceQuota", fault: { kind: "hang", when: "before" } });
    expect(await clock.run(read("us-east-1", "L-1216C47A"))).toBeUndefined();
    emulator.faults.add({ on: "call", operation: "GetServiceQuota", fault: { kind: "drop", when: "before" } });
    expect(await clock.run(read("us-east-1", "L-1216C47A"))).toBeUndefined();
  });
});

describe("signPost", () => {
  // AWS's own test suite for Signature Version 4 (aws-sig-v4-test-suite), case post-vanilla.
  it("signs as AWS's test suite says", () => {
    const headers = signPost(
      { host: "example.amazonaws.com", path: "/", headers: {}, body: "" },
      { region: "us-east-1", service: "service", at: Date.UTC(2015, 7, 30, 12, 36, 0) },
      { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    );
    expect(headers["authorization"]).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
  });

  it("signs a session's token as well", () => {
    const headers = signPost(
      { host: "h", path: "/", headers: { "Content-Type": " x " }, body: "{}" },
      { region: "r", service: "s", at: 0 },
      { accessKeyId: "a", secretAccessKey: "b", sessionToken: "t" },
    );
    expect(headers).toMatchObject({ "content-type": "x", "x-amz-security-token": "t" });
    expect(headers["authorization"]).toContain("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token");
  });
});
