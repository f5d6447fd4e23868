import { DescribeSecurityGroupsCommand } from "@aws-sdk/client-ec2";
import type { EnsureOutcome, Intent, Place, TaggedResource } from "../../../core/ports/provider.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import type { AwsProviderOptions } from "../../../providers/aws/index.ts";
import type { FaultRule } from "../../emulators/common/faults.ts";
import type { AwsWorld, AwsWorldOptions } from "./aws-world.ts";
import { allGone, askFor, never, openAwsWorld, place, ready, region, sweep, tearDown, until } from "./aws-world.ts";

/** Runs a body on the virtual clock; at the end nothing is left and every call fitted EC2's own description. */
const onClock = (body: (world: AwsWorld) => Promise<void>, options?: AwsWorldOptions) => async (): Promise<void> => {
  const world = openAwsWorld(options);
  await world.clock.run(body(world));
  expect(world.emulator.violations).toEqual([]);
  expect(world.emulator.inventory()).toEqual([]);
};

const refusals = (outcomes: readonly EnsureOutcome[]) =>
  outcomes.flatMap((outcome) => (outcome.kind === "refused" ? [outcome] : []));

const launches = (world: AwsWorld) => world.emulator.log.calls.filter(({ operation }) => operation === "RunInstances");

const error = (operation: string, status: number, code: string, count = 1): FaultRule => ({
  on: "call",
  operation,
  count,
  fault: { kind: "error", when: "before", status, code },
});

/** What all security groups of ours let in: protocol, port, from whom. */
const openPorts = async (world: AwsWorld): Promise<string[]> => {
  const { SecurityGroups = [] } = await world.ec2(region).send(new DescribeSecurityGroupsCommand({}));
  return SecurityGroups.filter(({ GroupName = "" }) => GroupName.startsWith("reprise-"))
    .flatMap(({ IpPermissions = [] }) =>
      IpPermissions.flatMap(({ IpProtocol = "", FromPort, IpRanges = [], UserIdGroupPairs = [] }) =>
        [...IpRanges.map(({ CidrIp = "" }) => CidrIp), ...UserIdGroupPairs.map(() => "self")].map((from) =>
          [IpProtocol, ...(FromPort === undefined || FromPort < 0 ? [] : [FromPort]), from].join(" "),
        ),
      ),
    )
    .sort();
};

const failureOf = async (work: Promise<unknown>) => {
  const thrown: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return thrown instanceof FailureError ? thrown.failure : thrown;
};

describe("AwsProvider", () => {
  it(
    "brings a deployment up, says where its hosts are, and leaves nothing",
    onClock(async (world) => {
      const intents = askFor(3, { now: world.clock.now() });
      const outcomes = await world.fresh().ensure(intents, never);
      expect(outcomes).toEqual(intents.map(({ name }) => ({ kind: "accepted", name })));
      const states = await until(world, "d1", place, ready(3));
      expect(new Set(states.map(({ name }) => name))).toEqual(new Set(intents.map(({ name }) => name)));
      const first = states.find(({ name }) => name === "d1-r0-server-0");
      expect(first).toMatchObject({
        state: "ready",
        address: { host: "server-0", port: 22, user: "bench", hostKey: intents[1]?.host?.setup.hostKey },
        facts: { machineType: "c6i.large", zone: place.zone, lifecycle: "on-demand" },
      });
      const addresses = states.flatMap((s) => (s.state === "ready" && s.address ? [s.address.address] : []));
      expect(new Set(addresses).size).toBe(3);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "launches hosts that end themselves, with their own keys, tagged, encrypted from prying processes",
    onClock(async (world) => {
      await world.fresh().ensure(askFor(2, { now: world.clock.now() }), never);
      await until(world, "d1", place, ready(2));
      const items = world.emulator.inventory().filter(({ kind }) => kind !== "security-group");
      expect(items.map(({ kind }) => kind).sort()).toEqual(["instance", "instance", "volume", "volume"]);
      for (const { tags } of items)
        expect(tags).toMatchObject({ "reprise-deployment": "d1", "reprise-run": "r1", "reprise-owner": "tester" });
      const machines = items.filter(({ kind }) => kind === "instance").map(({ tags }) => tags["reprise-host-key"]);
      expect(new Set(machines).size).toBe(2);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "asks again for the same things and makes none twice",
    onClock(async (world) => {
      const intents = askFor(2, { now: world.clock.now() });
      await Promise.all([world.fresh().ensure(intents, never), world.fresh().ensure(intents, never)]);
      expect((await world.fresh().ensure(intents, never)).every(({ kind }) => kind === "accepted")).toBe(true);
      const states = await until(world, "d1", place, ready(2));
      expect(states.map(({ name }) => name).sort()).toEqual(intents.map(({ name }) => name).sort());
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "takes a host for launched whose image has a newer one by the time it is asked for again",
    onClock(async (world) => {
      const now = world.clock.now();
      const family = "099720109477/ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-";
      const asked = (date: string) => askFor(1, { now, shape: { image: `${family}${date}` } });
      await world.fresh().ensure(asked("20250901"), never);
      expect(refusals(await world.fresh().ensure(asked("20251103"), never))).toEqual([]);
      const states = await until(world, "d1", place, ready(1));
      expect(states.filter(({ resourceKind }) => resourceKind === "instance")).toHaveLength(1);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "keeps hosts of a place without a zone in one zone, which offers all their types",
    onClock(async (world) => {
      const anywhere: Place = { region };
      const intents = askFor(3, { now: world.clock.now(), place: anywhere, shape: { type: "c6id.large" } });
      expect(refusals(await world.fresh().ensure(intents, never))).toEqual([]);
      const states = await until(world, "d1", anywhere, ready(3));
      const zones = new Set(states.flatMap((s) => (s.state === "ready" ? (s.facts?.["zone"] ?? []) : [])));
      expect(zones.size).toBe(1);
      await tearDown(world, "d1", anywhere);
    }),
  );

  it(
    "lets hosts of two zones share a round's network, each in its own zone",
    onClock(async (world) => {
      const now = world.clock.now();
      const other: Place = { region, zone: `${region}b` };
      const options = { placementGroup: "cluster" };
      const first = askFor(1, { now, shape: { options } });
      const second = askFor(2, { now, place: other, shape: { options } }).filter((_, index) => index !== 1);
      for (const intents of [first, second]) expect(refusals(await world.fresh().ensure(intents, never))).toEqual([]);
      const states = await until(world, "d1", place, ready(2));
      const zones = states.flatMap((s) => (s.state === "ready" ? (s.facts?.["zone"] ?? []) : []));
      expect(zones.sort()).toEqual([`${region}a`, `${region}b`]);
      expect(states.filter(({ resourceKind }) => resourceKind === "security-group")).toHaveLength(1);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "passes options and disks on to EC2",
    onClock(async (world) => {
      const gib = 1024 ** 3;
      const intents = askFor(2, {
        now: world.clock.now(),
        place: { region: "us-east-2", zone: "a" },
        shape: {
          type: "c6a.large",
          spot: true,
          disks: [
            { kind: "boot", bytes: 12.5 * gib, mount: undefined, fileSystem: undefined },
            { kind: "data", bytes: 100 * gib, mount: "/data", fileSystem: "xfs" },
          ],
          options: {
            placementGroup: "cluster",
            confidential: "sev-snp",
            threadsPerCore: 1,
            coreCount: 1,
            instanceProfile: "bench",
            spotMaxDollarsPerHour: 0.09,
            volumeThroughputMiBps: 250,
          },
        },
      });
      const there = intents[0]!.place;
      const provider = world.fresh({ regions: ["us-east-2"] });
      expect(refusals(await provider.ensure(intents, never))).toEqual([]);
      const states = await until(world, "d1", there, ready(2));
      expect(states.map(({ resourceKind }) => resourceKind).sort()).toEqual([
        "instance",
        "instance",
        "placement-group",
        "security-group",
      ]);
      const host = states.find(({ name }) => name === "d1-r0-server-0");
      expect(host).toMatchObject({ facts: { zone: "us-east-2a", confidential: "sev-snp", lifecycle: "spot" } });
      const kinds = world.emulator.inventory().map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === "volume")).toHaveLength(4);
      expect(kinds.filter((kind) => kind === "spot-request")).toHaveLength(2);
      for (let asked = 0; asked < 20 && !allGone(await provider.observe("d1", there)); asked++) {
        await provider.beginDestroy("d1", there);
        await world.clock.sleep(10_000);
      }
      expect(await sweep(provider, "d1")).toEqual([]);
    }),
  );

  it(
    "refuses options that AWS hasn't, before anything is made",
    onClock(async (world) => {
      const now = world.clock.now();
      const wrong = await world
        .fresh()
        .ensure(askFor(1, { now, shape: { options: { placementGrup: "cluster", threadsPerCore: 3 } } }), never);
      const failure = refusals(wrong)[0]!.failure;
      expect(failure.class).toBe("invalid");
      expect(failure.message).toContain('no option "placementGrup"');
      expect(failure.message).toContain("placementGroup");
      expect(failure.message).toContain("threadsPerCore");
      expect(world.emulator.log.calls).toEqual([]);
    }),
  );

  it.each<[string, AwsWorldOptions, string, string]>([
    ["no room", { aws: { capacity: [{ machines: 1 }] } }, "capacity", "InsufficientInstanceCapacity"],
    ["no quota", { aws: { quotas: { onDemandVcpus: 3 } } }, "quota", "VcpuLimitExceeded"],
    [
      "no permission",
      { faults: [error("RunInstances", 403, "UnauthorizedOperation")] },
      "auth",
      "UnauthorizedOperation",
    ],
    [
      "credentials that nobody knows",
      { faults: [error("DescribeSecurityGroups", 401, "AuthFailure")] },
      "auth",
      "AuthFailure",
    ],
    [
      "no default VPC",
      { faults: [error("CreateSecurityGroup", 400, "VPCIdNotSpecified")] },
      "invalid",
      "VPCIdNotSpecified",
    ],
    [
      "throttling that doesn't end",
      { faults: [error("RunInstances", 503, "RequestLimitExceeded", 1000)] },
      "throttled",
      "RequestLimitExceeded",
    ],
  ])("says why: %s", async (_name, options, failureClass, code) => {
    await onClock(async (world) => {
      const intents = askFor(2, { now: world.clock.now() });
      const refused = refusals(await world.fresh().ensure(intents, never));
      expect(refused.length).toBeGreaterThan(0);
      for (const { failure } of refused) {
        expect(failure.class).toBe(failureClass);
        expect(failure.message).toContain(code);
      }
      world.emulator.faults.clear();
      await tearDown(world, "d1", place);
    }, options)();
  });

  it.each<[string, Parameters<typeof askFor>[1]["shape"], Place | undefined, string, RegExp]>([
    ["an image of nowhere", { image: "ami-0123456789abcdef0" }, undefined, "invalid", /InvalidAMIID.NotFound/],
    ["an image that isn't one", { image: "my-image" }, undefined, "invalid", /not an image of AWS/],
    ["an image of the wrong kind", { architecture: "arm64" }, undefined, "invalid", /architecture/],
    ["a type of nowhere", { type: "c99.huge" }, undefined, "invalid", /InvalidParameterValue.*c99.huge/],
    ["a type that the zone lacks", { type: "c6id.large" }, { region, zone: "us-east-1f" }, "capacity", /Unsupported/],
    [
      "a bid below the price",
      { spot: true, options: { spotMaxDollarsPerHour: 0.0001 } },
      undefined,
      "capacity",
      /SpotMaxPriceTooLow/,
    ],
    [
      "confidential machines where there are none",
      { options: { confidential: "sev-snp" } },
      undefined,
      "invalid",
      /SEV-SNP/,
    ],
  ])("refuses %s", async (_name, wanted, at, failureClass, message) => {
    await onClock(async (world) => {
      const there = at ?? place;
      const intents = askFor(1, {
        now: world.clock.now(),
        place: there,
        ...(wanted === undefined ? {} : { shape: wanted }),
      });
      const [refused] = refusals(await world.fresh().ensure(intents, never));
      expect(refused?.failure).toMatchObject({
        class: failureClass,
        message: expect.stringMatching(message) as string,
      });
      expect(refused?.failure.hint).toEqual(failureClass === "capacity" ? expect.any(String) : refused?.failure.hint);
      await tearDown(world, "d1", there);
    })();
  });

  it(
    "never launches twice for one lack of capacity, and asks for no more hosts after it",
    onClock(
      async (world) => {
        const refused = refusals(await world.fresh().ensure(askFor(20, { now: world.clock.now() }), never));
        expect(refused.length).toBe(20);
        expect(launches(world).length).toBeLessThan(12);
        expect(new Set(launches(world).map(({ token }) => token)).size).toBe(launches(world).length);
        await tearDown(world, "d1", place);
      },
      { aws: { capacity: [{ machines: 0 }] } },
    ),
  );

  it(
    "tells a launch that fails after it was accepted, until the round is destroyed",
    onClock(
      async (world) => {
        const intents = askFor(2, { now: world.clock.now() });
        expect(refusals(await world.fresh().ensure(intents, never))).toEqual([]);
        const states = await until(world, "d1", place, (s) => s.some(({ state }) => state === "failed"));
        const failed = states.find((s) => s.state === "failed");
        expect(failed?.state === "failed" && failed.failure).toMatchObject({
          class: "capacity",
          message: expect.stringContaining("Server.InsufficientInstanceCapacity") as string,
        });
        // The same intents again: it is known by its token that they were launched.
        expect(refusals(await world.fresh().ensure(intents, never))).toEqual([]);
        await tearDown(world, "d1", place);
        // EC2 goes on listing it for an hour: that is no failure of the next round in the same region.
        const again = askFor(1, { now: world.clock.now(), round: 1, place: { region, zone: "us-east-1b" } });
        await world.fresh().ensure(again, never);
        const next = await until(world, "d1", place, (s) => s.some(({ state }) => state === "ready"));
        expect(next.filter(({ state }) => state === "failed")).toEqual([]);
        await tearDown(world, "d1", place);
      },
      { faults: [{ on: "machine", nth: 2, fault: { kind: "fails" } }] },
    ),
  );

  it(
    "sees a spot interruption from its notice on, as preempted",
    onClock(async (world) => {
      await world.fresh().ensure(askFor(1, { now: world.clock.now(), shape: { spot: true } }), never);
      const [host] = await until(world, "d1", place, ready(1));
      world.emulator.aws.interrupt(host!.id);
      const stateNow = async () => (await world.fresh().observe("d1", place)).find(({ id }) => id === host!.id);
      const preempted = { state: "failed", failure: { class: "preempted", host: "server-0" } };
      expect(await stateNow()).toMatchObject(preempted);
      expect(world.emulator.inventory().find(({ kind }) => kind === "instance")?.state).toBe("running");
      await world.clock.sleep(125_000);
      expect(await stateNow()).toMatchObject(preempted);
      await world.clock.sleep(60_000);
      expect(await stateNow()).toMatchObject({
        ...preempted,
        failure: { class: "preempted", message: expect.stringContaining("Server.SpotInstanceTermination") as string },
      });
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "tells a host that somebody else ended",
    onClock(async (world) => {
      await world.fresh().ensure(askFor(2, { now: world.clock.now() }), never);
      const states = await until(world, "d1", place, ready(2));
      const victim = states.find(({ name }) => name === "d1-r0-server-1")!;
      await world.fresh().destroyResource({ ...swept(victim.id), resourceKind: "instance" });
      const now = (await world.fresh().observe("d1", place)).find(({ id }) => id === victim.id);
      expect(now).toMatchObject({ state: "failed", failure: { class: "boot", hint: expect.any(String) as string } });
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "waits out lost replies, hiccups and what isn't visible yet",
    onClock(
      async (world) => {
        const startedAt = world.clock.now();
        expect(refusals(await world.fresh().ensure(askFor(3, { now: startedAt }), never))).toEqual([]);
        expect(world.clock.now() - startedAt).toBeLessThan(60_000);
        await until(world, "d1", place, ready(3));
        expect(world.emulator.inventory().filter(({ kind }) => kind === "instance")).toHaveLength(3);
        await tearDown(world, "d1", place);
      },
      {
        timings: { visibilityMs: 8_000 },
        faults: [
          { on: "call", operation: "CreateSecurityGroup", fault: { kind: "drop", when: "after" } },
          { on: "call", operation: "AuthorizeSecurityGroupIngress", fault: { kind: "drop", when: "after" } },
          { on: "call", operation: "RunInstances", nth: 2, fault: { kind: "drop", when: "after" } },
          { on: "call", operation: "RunInstances", nth: 4, fault: { kind: "hang", when: "after" } },
          {
            on: "call",
            operation: "DescribeImages",
            fault: { kind: "error", when: "before", status: 500, code: "InternalError" },
          },
          { on: "call", operation: "TerminateInstances", fault: { kind: "drop", when: "after" } },
          { on: "call", operation: "DeleteSecurityGroup", fault: { kind: "drop", when: "after" } },
        ],
      },
    ),
  );

  it(
    "carries the wait that the cloud asked for",
    onClock(
      async (world) => {
        const refused = refusals(await world.fresh().ensure(askFor(1, { now: world.clock.now() }), never));
        expect(refused[0]).toMatchObject({ failure: { class: "throttled" }, retryAfterMs: 120_000 });
        await tearDown(world, "d1", place);
      },
      {
        faults: [
          {
            on: "call",
            operation: "RunInstances",
            fault: { kind: "error", when: "before", status: 503, code: "RequestLimitExceeded", retryAfterSec: 120 },
          },
        ],
      },
    ),
  );

  it(
    "throws where the way to AWS is down, for the flow to ask again",
    onClock(
      async (world) => {
        const intents = askFor(2, { now: world.clock.now() });
        expect(await failureOf(world.fresh().ensure(intents, never))).toMatchObject({ class: "transport" });
        world.emulator.faults.clear();
        await tearDown(world, "d1", place);
      },
      { faults: [{ on: "call", operation: "RunInstances", count: 100, fault: { kind: "drop", when: "before" } }] },
    ),
  );

  it(
    "launches many hosts at EC2's pace, without being told off",
    onClock(async (world) => {
      const startedAt = world.clock.now();
      const outcomes = await world.fresh().ensure(askFor(60, { now: startedAt }), never);
      expect(refusals(outcomes)).toEqual([]);
      expect(world.clock.now() - startedAt).toBeLessThan(45_000);
      const told = world.emulator.log.calls.filter(({ outcome: o }) => o.kind === "answered" && o.status === 503);
      expect(told.length).toBeLessThan(5);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "launches more hosts than one call has time for in several, each under a minute, none twice",
    onClock(async (world) => {
      const intents = askFor(140, { now: world.clock.now() });
      let left = intents.length;
      for (let calls = 0; left > 0; calls++) {
        expect(calls).toBeLessThan(4);
        const startedAt = world.clock.now();
        const waiting = refusals(await world.fresh().ensure(intents, never));
        expect(world.clock.now() - startedAt).toBeLessThan(60_000);
        expect(new Set(waiting.map(({ failure }) => failure.class))).toEqual(
          new Set(waiting.length > 0 ? ["throttled"] : []),
        );
        expect(waiting.length).toBeLessThan(left);
        left = waiting.length;
        await world.clock.sleep(3_000);
      }
      expect(launches(world).length).toBeLessThan(160);
      await until(world, "d1", place, ready(140));
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "opens the deployment to its peers, and closes it to those that were replaced",
    onClock(async (world) => {
      await world.fresh().ensure(askFor(1, { now: world.clock.now() }), never);
      await until(world, "d1", place, ready(1));
      const changes = () =>
        world.emulator.log.mutating.map(({ mutations }) => mutations.join()).filter((m) => / rules /.test(m));
      const before = changes().length;
      await world.fresh().connect("d1", place, ["203.0.113.7", "203.0.113.8", "2001:db8::7"]);
      expect(changes()).toHaveLength(before + 1);
      await world.fresh().connect("d1", place, ["203.0.113.7", "203.0.113.8", "2001:db8::7"]);
      expect(changes()).toHaveLength(before + 1);
      await world.fresh().connect("d1", place, ["203.0.113.8", "203.0.113.9"]);
      expect(
        changes()
          .slice(before + 1)
          .map((m) => m.replace(/sg-\w+/, "")),
      ).toEqual(["revoked rules in ", "authorized 1 rules in "]);
      const tooMany = Array.from({ length: 70 }, (_, n) => `203.0.113.${n + 1}`);
      expect(await failureOf(world.fresh().connect("d1", place, tooMany))).toMatchObject({ class: "quota" });
      expect(await failureOf(world.fresh().connect("d9", place, []))).toMatchObject({ class: "transport" });
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "renews the lease in tags and on the hosts, and says when a host didn't hear",
    onClock(async (world) => {
      const now = world.clock.now();
      await world.fresh().ensure(askFor(2, { now, ttlMs: 600_000 }), never);
      await until(world, "d1", place, ready(2));
      const until2 = now + 7_200_000;
      await world.fresh().extend("d1", place, until2);
      expect(new Set(world.emulator.inventory().map(({ tags }) => tags["reprise-expires"]))).toEqual(
        new Set([String(until2 / 1000)]),
      );
      expect(world.sent.map(({ host, argv }) => [host.host, argv.at(-1)])).toEqual([
        ["server-0", String(until2 / 1000)],
        ["server-1", String(until2 / 1000)],
      ]);
      world.hostAnswers = (host) => (host.host === "server-1" ? { outcome: "unreachable", exitCode: undefined } : {});
      expect(await failureOf(world.fresh().extend("d1", place, until2 + 1000))).toMatchObject({
        class: "transport",
        host: "server-1",
      });
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "finds what an unknown run left, by tag and expiry alone, and reaps it",
    onClock(async (world) => {
      const now = world.clock.now();
      await world
        .fresh()
        .ensure(
          askFor(2, { now, ttlMs: 600_000, shape: { spot: true, options: { placementGroup: "spread" } } }),
          never,
        );
      await world
        .fresh()
        .ensure(askFor(1, { now, deployment: "d2", place: { region: "us-west-2", zone: "us-west-2a" } }), never);
      await until(world, "d1", place, ready(2));
      const expired = async (at: number): Promise<TaggedResource[]> => {
        const found: TaggedResource[] = [];
        for await (const each of world.fresh().sweep({ kind: "expired", now: at })) found.push(each);
        return found;
      };
      expect(await expired(now + 599_000)).toEqual([]);
      expect((await expired(now + 601_000)).map(({ resourceKind }) => resourceKind)).toEqual([
        "instance",
        "instance",
        "spot-request",
        "spot-request",
        "volume",
        "volume",
        "placement-group",
        "security-group",
      ]);
      const all: string[] = [];
      for await (const { deployment, place: at } of world.fresh().sweep({ kind: "all" }))
        all.push(`${deployment ?? ""} ${at.region}`);
      expect(new Set(all)).toEqual(new Set([`d1 ${region}`, "d2 us-west-2"]));
      // A reaper comes by every minute; what is in use at first goes later.
      for (let period = 0; period < 5; period++) {
        for (const each of await expired(now + 601_000)) {
          expect(each).toMatchObject({ deployment: "d1", runId: "r1", owner: "tester", expiresAt: now + 600_000 });
          if (each.resourceKind === "instance") expect(each).toMatchObject({ machineType: "c6i.large", spot: true });
          await world.fresh().destroyResource(each);
        }
        await world.clock.sleep(60_000);
      }
      expect(await sweep(world.fresh(), "d1")).toEqual([]);
      await tearDown(world, "d2", { region: "us-west-2" });
    }),
  );

  it(
    "sweeps every region of the account, but for those that it may not look into",
    onClock(
      async (world) => {
        const there: Place = { region: "eu-west-1", zone: "eu-west-1a" };
        await world.fresh().ensure(askFor(1, { now: world.clock.now(), place: there }), never);
        await until(world, "d1", there, ready(1));
        expect((await sweep(world.fresh(), "d1")).map((each) => each.split(" ")[0])).toEqual([
          "instance",
          "volume",
          "security-group",
        ]);
        const named = world.fresh({ regions: ["us-west-2"] });
        expect(await failureOf(sweep(named, "d1"))).toMatchObject({ class: "auth" });
        await tearDown(world, "d1", there);
      },
      {
        regions: "enabled",
        faults: [
          {
            on: "call",
            operation: "Describe*",
            resource: "us-west-2*",
            count: 1000,
            fault: { kind: "error", when: "before", status: 403, code: "UnauthorizedOperation" },
          },
        ],
      },
    ),
  );

  it(
    "makes nothing for a round that is being destroyed, or once its time is over",
    onClock(async (world) => {
      const now = world.clock.now();
      const intents = askFor(1, { now });
      await world.fresh().ensure(intents.slice(0, 1), never);
      await world.clock.sleep(5_000);
      const keeper = askFor(1, { now, deployment: "d2" });
      await world.fresh().ensure(keeper, never);
      // An instance of the group keeps it from being deleted, so that the closing group is what the next try meets.
      await world.fresh().ensure(intents, never);
      await world.clock.sleep(5_000);
      await world.fresh().beginDestroy("d1", place);
      expect(refusals(await world.fresh().ensure(intents, never))[0]?.failure).toMatchObject({ class: "cancelled" });
      await world.clock.sleep(200_000);
      const made = launches(world).length;
      expect(refusals(await world.fresh().ensure(askFor(1, { now, deployment: "d3" }), never))[0]?.failure.class).toBe(
        "cancelled",
      );
      expect(launches(world)).toHaveLength(made);
      await tearDown(world, "d1", place);
      await tearDown(world, "d2", place);
    }),
  );

  it(
    "opens no port to hosts that Systems Manager reaches, gives their agents a profile, and says which instances they are",
    onClock(async (world) => {
      const deployed = () => world.fresh({ reach: "ssm", hostProfile: "reprise-host" });
      const intents = askFor(2, { now: world.clock.now() });
      await deployed().ensure(intents, never);
      const states = await until(world, "d1", place, ready(2));
      for (const state of states) {
        if (state.state !== "ready" || state.resourceKind !== "instance") continue;
        expect(state.address?.ssm).toEqual({ region, instanceId: state.id });
      }
      for (const { resource } of launches(world)) expect(resource).toContain("reprise-host");
      await deployed().connect("d1", place, ["203.0.113.9"]);
      expect(await openPorts(world)).toEqual(["-1 203.0.113.9/32", "-1 self"]);

      // One host that is reached by SSH opens the round's group; the other's way stays as it is.
      const mixed = askFor(2, { now: world.clock.now(), deployment: "d2" }).map((intent) =>
        intent.name.endsWith("server-1") ? { ...intent, host: { ...intent.host!, reach: "open" as const } } : intent,
      );
      await deployed().ensure(mixed, never);
      const both = await until(world, "d2", place, ready(2));
      expect(
        both.flatMap((s) => (s.state === "ready" && s.address ? [s.address.ssm !== undefined] : [])).sort(),
      ).toEqual([false, true]);
      expect(await openPorts(world)).toContain("tcp 22 0.0.0.0/0");
      await tearDown(world, "d1", place);
      await tearDown(world, "d2", place);
    }),
  );

  it(
    "makes nothing that nobody could reach",
    onClock(async (world) => {
      const now = world.clock.now();
      const reached = (reach: "ssm" | "nat") =>
        askFor(1, { now }).map((i) => (i.host === undefined ? i : { ...i, host: { ...i.host, reach } }));
      const refusalOf = async (options: Partial<AwsProviderOptions>, intents: Intent[]) =>
        refusals(await world.fresh(options).ensure(intents, never))[0]?.failure;
      expect(await refusalOf({}, reached("ssm"))).toMatchObject({
        class: "invalid",
        message: expect.stringContaining("no instance profile") as string,
        hint: expect.stringContaining("AmazonSSMManagedInstanceCore") as string,
      });
      expect(await refusalOf({ hostProfile: "reprise-host" }, reached("nat"))).toMatchObject({
        class: "invalid",
        message: expect.stringContaining("fixed address") as string,
      });
      expect(world.emulator.log.mutating).toEqual([]);
      expect(await refusalOf({ sshFrom: ["203.0.113.5/32"] }, reached("nat"))).toBeUndefined();
      expect(await openPorts(world)).toEqual(["-1 self", "tcp 22 203.0.113.5/32"]);
      await tearDown(world, "d1", place);
    }),
  );

  it(
    "describes machines and images as the region has them",
    onClock(async (world) => {
      const provider = world.fresh();
      expect(await provider.describeMachines(place, ["c7g.xlarge", "i4i.large"])).toEqual([
        {
          type: "c7g.xlarge",
          vcpus: 4,
          memoryBytes: 8 * 1024 ** 3,
          architecture: "arm64",
          localNvmeBytes: 0,
          spot: true,
        },
        {
          type: "i4i.large",
          vcpus: 2,
          memoryBytes: 16 * 1024 ** 3,
          architecture: "x86_64",
          localNvmeBytes: 468e9,
          spot: true,
        },
      ]);
      expect(await failureOf(provider.describeMachines(place, ["c99.huge"]))).toMatchObject({ class: "invalid" });
      const east = await provider.resolveImage(place, "ubuntu-24.04", "arm64");
      expect(east).toBe("099720109477/ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20251103");
      // What a plan freezes is the same image elsewhere, under another id.
      expect(await provider.resolveImage({ region: "us-west-2" }, east, "arm64")).toBe(east);
      for (const name of ["ubuntu-22.04", "debian-12", "137112412989/al2023-ami-2023.*-kernel-6.1-x86_64"])
        expect(await provider.resolveImage(place, name, "x86_64")).toMatch(/^\d{12}\/.*2025\.?11\.?03/);
    }),
  );
});

const swept = (id: string): TaggedResource => ({
  resourceKind: "instance",
  id,
  place,
  deployment: "d1",
  runId: "r1",
  owner: "tester",
  createdAt: undefined,
  expiresAt: undefined,
});
