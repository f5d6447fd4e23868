import { DescribeSubnetsCommand, DescribeVpcsCommand } from "@aws-sdk/client-ec2";
import { subnetIn } from "../../../providers/aws/subnets.ts";
import type { AwsWorld } from "./aws-world.ts";
import { askFor, never, openAwsWorld, ready, region, tearDown, until } from "./aws-world.ts";

const onClock = (body: (world: AwsWorld) => Promise<void>) => async (): Promise<void> => {
  const world = openAwsWorld();
  await world.clock.run(body(world));
  expect(world.emulator.violations).toEqual([]);
  expect(world.emulator.inventory()).toEqual([]);
};

describe("AwsProvider with a VPC for hosts", () => {
  it(
    "makes the group and the hosts in it, all in one zone's subnet",
    onClock(async (world) => {
      const { Vpcs = [] } = await world.ec2(region).send(new DescribeVpcsCommand({}));
      const id = Vpcs[0]?.VpcId ?? "";
      const provider = world.fresh({ vpc: { region, id } });
      const asked = askFor(2, { now: world.clock.now(), place: { region } });
      expect((await provider.ensure(asked, never)).map(({ kind }) => kind)).toEqual([
        "accepted",
        "accepted",
        "accepted",
      ]);
      const states = await until(world, "d1", { region }, ready(2));
      const zones = new Set(states.flatMap((s) => (s.state === "ready" ? (s.facts?.["zone"] ?? []) : [])));
      expect(zones.size).toBe(1);

      const named = (operation: string): string[] =>
        world.emulator.log.calls.filter((call) => call.operation === operation).map(({ resource }) => resource);
      expect(named("CreateSecurityGroup")).toEqual([expect.stringContaining(id)]);
      const { Subnets = [] } = await world
        .ec2(region)
        .send(new DescribeSubnetsCommand({ Filters: [{ Name: "availability-zone", Values: [...zones] }] }));
      expect(named("RunInstances")).toHaveLength(2);
      for (const launch of named("RunInstances")) expect(launch).toContain(Subnets[0]?.SubnetId);
      await tearDown(world, "d1", { region });
    }),
  );

  it(
    "lets other regions' hosts go to their default VPC",
    onClock(async (world) => {
      const place = { region: "us-west-2" };
      const provider = world.fresh({ vpc: { region, id: "vpc-elsewhere" } });
      await provider.ensure(askFor(1, { now: world.clock.now(), place }), never);
      await until(world, "d1", place, ready(1));
      expect(world.emulator.log.calls.some(({ operation }) => operation === "DescribeSubnets")).toBe(false);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "refuses everything where there is no such VPC",
    onClock(async (world) => {
      const provider = world.fresh({ vpc: { region, id: "vpc-0123456789abcdef0" } });
      const outcomes = await provider.ensure(askFor(1, { now: world.clock.now() }), never);
      expect(outcomes.map((one) => (one.kind === "refused" ? one.failure.class : one.kind))).toEqual([
        "invalid",
        "invalid",
      ]);
      expect(outcomes[0]).toMatchObject({
        failure: { message: `the VPC vpc-0123456789abcdef0 has no subnet in ${region}, or isn't there` },
      });
    }),
  );
});

describe("subnetIn", () => {
  const subnets = [
    { id: "subnet-a", zone: "us-east-1a", isPublic: false },
    { id: "subnet-c", zone: "us-east-1a", isPublic: true },
    { id: "subnet-b", zone: "us-east-1a", isPublic: true },
    { id: "subnet-d", zone: "us-east-1b", isPublic: false },
  ];
  it("takes a public one before a private one, and always the same", () => {
    expect(subnetIn(subnets, "us-east-1a")).toBe("subnet-b");
    expect(subnetIn(subnets.toReversed(), "us-east-1a")).toBe("subnet-b");
    expect(subnetIn(subnets, "us-east-1b")).toBe("subnet-d");
  });
  it("takes a zone without one for a lack of capacity, and says where there are some", () => {
    expect(() => subnetIn(subnets, "us-east-1c")).toThrow("no subnet in us-east-1c");
  });
});
