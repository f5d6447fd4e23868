import { z } from "zod";
import type { EnsureOutcome, Place, TaggedResource } from "../../../core/ports/provider.ts";
import { unlabelledName } from "../../../providers/gcp/names.ts";
import type { UnlabelledKind } from "../../../providers/gcp/names.ts";
import { gcpCredentials } from "../../emulators/gcp/clients.ts";
import { projectName } from "../../emulators/gcp/service.ts";
import {
  accepted,
  areReady,
  creations,
  deploymentIntents,
  ensured,
  firstFailure,
  kindsLeft,
  never,
  onGcp,
  reapAll,
  tearDown,
  until,
  zoneA,
  zoneB,
} from "./gcp-world.ts";
import type { GcpWorld } from "./gcp-world.ts";

/** What Google itself shows. */
async function show(world: GcpWorld, path: string): Promise<unknown> {
  const url = new URL(`https://compute.googleapis.com/compute/v1/projects/${projectName}/${path}`);
  const headers = { authorization: `Bearer ${gcpCredentials.access_token}` };
  return JSON.parse((await world.emulator.gcp.handle({ method: "GET", url, headers, body: "" })).body);
}

/** Of what belongs to the first round of `d1`, in the first zone. */
const nameOf = (kind: UnlabelledKind): string => unlabelledName(deploymentIntents("d1", 0)[0]!, kind);

const refusal = (outcomes: readonly EnsureOutcome[]) => {
  const refused = outcomes.find(({ kind }) => kind === "refused");
  return refused?.kind === "refused" ? refused : undefined;
};

const sweep = async (world: GcpWorld, deployment?: string): Promise<TaggedResource[]> => {
  const found: TaggedResource[] = [];
  const scope = deployment === undefined ? { kind: "all" as const } : { kind: "deployment" as const, deployment };
  for await (const resource of world.fresh().sweep(scope)) found.push(resource);
  return found;
};

describe("createGcpProvider", () => {
  it(
    "makes what was asked for, marked, with an end, each change under a request id",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 2, {
        shape: {
          disks: [
            { kind: "boot", bytes: 30e9, mount: undefined, fileSystem: undefined },
            { kind: "data", bytes: 100 * 1024 ** 3, mount: "/data", fileSystem: "xfs" },
            { kind: "localNvme", bytes: undefined, mount: "/fast", fileSystem: undefined },
          ],
          options: { serviceAccount: "bench@reprise-test.iam.gserviceaccount.com", tier1: true },
        },
      });
      expect(await ensured(world, intents)).toEqual(accepted(intents));
      const states = await until(world, "d1", areReady(intents));
      expect(states.find(({ name }) => name === "d1-r0-server-1")).toMatchObject({
        resourceKind: "instance",
        id: "zones/us-central1-a/instances/rp-d1--r0-server-1",
        address: { host: "server-1", port: 22, user: "bench", hostKey: intents[2]?.host?.setup.hostKey },
        facts: {
          machineType: "n2-standard-2",
          zone: "us-central1-a",
          lifecycle: "on-demand",
          network: "gcp:reprise-test/global/networks/default",
          image: "projects/ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20251103",
        },
      });
      const instance = await show(world, "zones/us-central1-a/instances/rp-d1--r0-server-1");
      expect(instance).toMatchObject({
        labels: {
          "reprise-deployment": "d1",
          "reprise-run": "r1",
          "reprise-owner": "tester",
          "reprise-role": "server",
        },
        scheduling: {
          provisioningModel: "STANDARD",
          instanceTerminationAction: "DELETE",
          terminationTime: "2026-01-08T00:02:00.000Z", // a week past the last call for the intent
        },
        serviceAccounts: [{ scopes: ["https://www.googleapis.com/auth/cloud-platform"] }],
        networkPerformanceConfig: { totalEgressBandwidthTier: "TIER_1" },
        disks: [
          { boot: true, autoDelete: true, diskSizeGb: "28" },
          { autoDelete: true, diskSizeGb: "100" },
          { type: "SCRATCH", interface: "NVME" },
        ],
      });
      const disks = world.emulator.inventory().filter(({ kind }) => kind === "disks");
      expect(disks).toHaveLength(4);
      expect(disks.every(({ tags }) => tags["reprise-deployment"] === "d1")).toBe(true);
      const lan = await show(world, `global/firewalls/${nameOf("lan")}`);
      expect(lan).toMatchObject({ sourceTags: ["rp-d1"], targetTags: ["rp-d1"], allowed: [{ IPProtocol: "all" }] });
      expect([...world.backend.running.values()][0]?.vm.userData).toContain("#cloud-config");
      await world.fresh().connect("d1", zoneA, ["203.0.113.7"]);
      await world.fresh().extend("d1", zoneA, world.clock.now() + 7_200_000);
      await tearDown(world, "d1");
      expect(world.emulator.log.mutating.every(({ token }) => token !== undefined)).toBe(true);
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "tells of a machine that Google has no room for, and of none once it is given up",
    onGcp(
      async (world) => {
        const intents = deploymentIntents("d1", 3);
        expect(await ensured(world, intents)).toEqual(accepted(intents));
        const states = await until(world, "d1", (s) => firstFailure(s) !== undefined);
        expect(firstFailure(states)).toMatchObject({ class: "capacity", message: /ZONE_RESOURCE_POOL_EXHAUSTED/ });
        expect(firstFailure(states)?.hint).toContain("zones");
        await world.fresh().beginDestroy("d1", zoneA);
        await until(world, "d1", (s) => s.length === 0);
        // The whole deployment moves; then, back in the first zone, nothing of the failed round is in its way.
        for (const [round, place] of [zoneB, zoneA].entries()) {
          const moved = deploymentIntents("d1", 2, { round: round + 1, place, now: world.clock.now() });
          expect(await ensured(world, moved)).toEqual(accepted(moved));
          const up = await until(world, "d1", areReady(moved), place);
          expect(firstFailure(up)).toBeUndefined();
          if (round === 0) await world.fresh().beginDestroy("d1", zoneB);
        }
        await tearDown(world, "d1", { places: [zoneA, zoneB] });
        expect(kindsLeft(world)).toEqual([]);
      },
      { gcp: { capacity: [{ zone: "us-central1-a", machines: 2 }] } },
    ),
  );

  it(
    "refuses for quota at once, and asks for no more then",
    onGcp(
      async (world) => {
        const intents = deploymentIntents("d1", 40);
        const outcomes = await ensured(world, intents);
        expect(refusal(outcomes)?.failure).toMatchObject({ class: "quota", message: /N2_CPUS.*403 quotaExceeded/ });
        const inserts = world.emulator.log.calls.filter(({ operation }) => operation === "compute.instances.insert");
        expect(inserts.length).toBeLessThan(40);
        await tearDown(world, "d1");
        expect(kindsLeft(world)).toEqual([]);
      },
      { gcp: { quotas: { cpus: 4 } } },
    ),
  );

  it.each<[string, string, string]>([
    ["QUOTA_EXCEEDED", "Quota 'N2_CPUS' exceeded.  Limit: 24.0 in region us-central1.", "quota"],
    ["INTERNAL_ERROR", "Internal error. Please try again or contact Google Support.", "boot"],
    ["RESOURCE_OPERATION_RATE_EXCEEDED", "Operation rate exceeded.", "boot"],
    ["UNSUPPORTED_OPERATION", "Not supported here.", "invalid"],
  ])("reads %s from the operation of an accepted machine", async (code, message, failureClass) => {
    const fails = { on: "machine", fault: { kind: "fails", code, message } } as const;
    await onGcp(
      async (world) => {
        const intents = deploymentIntents("d1", 1);
        await ensured(world, intents);
        const failure = firstFailure(await until(world, "d1", (s) => firstFailure(s) !== undefined));
        expect(failure?.class).toBe(failureClass);
        expect(failure?.message).toContain(`${message} (${code})`);
        await tearDown(world, "d1");
        expect(kindsLeft(world)).toEqual([]);
      },
      { faults: [fails] },
    )();
  });

  it.each<[string, { status: number; code: string; message?: string; retryAfterSec?: number }, object]>([
    ["a rate", { status: 403, code: "rateLimitExceeded" }, { failure: { class: "throttled" }, retryAfterMs: 3_000 }],
    [
      "a rate, with a time to wait",
      { status: 429, code: "rateLimitExceeded", retryAfterSec: 17 },
      { failure: { class: "throttled" }, retryAfterMs: 17_000 },
    ],
    [
      "no permission",
      { status: 403, code: "forbidden", message: "Required 'compute.instances.create' permission" },
      { failure: { class: "auth", hint: /permissions/ } },
    ],
    ["a dead token", { status: 401, code: "authError" }, { failure: { class: "auth", hint: /CREDENTIALS/ } }],
    [
      "an API that is off",
      { status: 403, code: "accessNotConfigured" },
      { failure: { class: "auth", hint: /enable/ } },
    ],
    ["a bad field", { status: 400, code: "invalid", message: "Invalid value" }, { failure: { class: "invalid" } }],
  ])("hands on Google's refusal: %s", async (_name, error, expected) => {
    const operation = "compute.instances.insert";
    const fault = { kind: "error", when: "before", ...error } as const;
    await onGcp(
      async (world) => {
        const outcome = refusal(await world.fresh().ensure(deploymentIntents("d1", 1), never));
        expect(outcome).toMatchObject(matching(expected));
        expect(outcome?.failure.message).toContain(`${error.status} ${error.code}`);
        await tearDown(world, "d1");
      },
      { faults: [{ on: "call", operation, count: 9, fault }] },
    )();
  });

  it(
    "asks once more when a reply is lost or never comes, and makes one machine",
    onGcp(
      async (world) => {
        const intents = deploymentIntents("d1", 1);
        expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
        await until(world, "d1", areReady(intents));
        expect(creations(world).filter((m) => m.includes("/instances/"))).toHaveLength(1);
        await tearDown(world, "d1");
      },
      {
        faults: [
          { on: "call", operation: "compute.instances.insert", fault: { kind: "drop", when: "after" } },
          { on: "call", operation: "compute.firewalls.insert", fault: { kind: "hang", when: "after" } },
        ],
      },
    ),
  );

  it(
    "ends every call within a minute, when Google is silent too",
    onGcp(
      async (world) => {
        const begun = world.clock.now();
        await expect(world.fresh().observe("d1", zoneA)).rejects.toMatchObject({
          name: "TransportFailure",
          message: /no answer from Google/,
        });
        expect(world.clock.now() - begun).toBeLessThan(60_000);
      },
      { faults: [{ on: "call", count: 1_000, fault: { kind: "hang", when: "before" } }] },
    ),
  );

  it(
    "knows of hosts that no list shows yet, and can take them away at once",
    onGcp(
      async (world) => {
        const intents = deploymentIntents("d1", 2);
        await ensured(world, intents);
        const early = await world.fresh().observe("d1", zoneA);
        expect(early.map(({ name, state }) => [name, state])).toEqual([
          ["d1-r0-server-0", "pending"],
          ["d1-r0-server-1", "pending"],
        ]);
        await world.fresh().beginDestroy("d1", zoneA);
        await until(world, "d1", (s) => s.length === 0);
        expect(kindsLeft(world)).toEqual([]);
      },
      { timings: { visibilityMs: 12_000 } },
    ),
  );

  it(
    "sees a preemption while it happens, and afterwards, until the deployment is destroyed",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 2, { shape: { spot: true } });
      await ensured(world, intents);
      await until(world, "d1", areReady(intents));
      world.emulator.gcp.preempt("rp-d1--r0-server-1");
      const preempted = { class: "preempted", host: "server-1", message: /took server-1 back/ };
      expect(firstFailure(await world.fresh().observe("d1", zoneA))).toMatchObject(matching(preempted));
      await world.clock.sleep(120_000);
      expect(world.emulator.inventory().filter(({ kind }) => kind === "instances")).toHaveLength(1);
      const states = await world.fresh().observe("d1", zoneA);
      expect(firstFailure(states)).toMatchObject(matching(preempted));
      expect(states.find(({ name }) => name === "d1-r0-server-0")?.state).toBe("ready");
      await tearDown(world, "d1");
      expect(await world.fresh().observe("d1", zoneA)).toEqual([]);
    }),
  );

  it(
    "calls a host lost that shut down, or that somebody deleted",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 2);
      await ensured(world, intents);
      await until(world, "d1", areReady(intents));
      const running = [...world.backend.running.values()].find(({ vm }) => vm.name.endsWith("server-0"));
      running?.guest.poweredOff();
      await world.clock.sleep(60_000);
      const stopped = firstFailure(await world.fresh().observe("d1", zoneA));
      expect(stopped).toMatchObject({
        class: "preempted",
        host: "server-0",
        message: "server-0 has stopped: it was shut down from inside or by Google",
      });
      await tearDown(world, "d1");
    }),
  );

  it(
    "leaves hosts to Google's own timer at last, and what they leave to the reaper",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 1, { shape: { options: { maxLifetimeHours: 2 } } });
      await ensured(world, intents);
      await until(world, "d1", areReady(intents));
      await world.clock.sleep(2.2 * 3_600_000); // nobody is alive any more
      expect(kindsLeft(world)).toEqual(["firewalls", "firewalls"]);
      const failure = firstFailure(await world.fresh().observe("d1", zoneA));
      expect(failure).toMatchObject({ class: "preempted", host: "server-0" });
      await reapAll(world);
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "renews leases in labels and in what hosts read, also when somebody else writes at the same time",
    onGcp(
      async (world) => {
        const intents = deploymentIntents("d1", 1);
        await ensured(world, intents);
        await until(world, "d1", areReady(intents));
        const later = intents[0]!.expiresAt + 86_400_000;
        await world.fresh().extend("d1", zoneA, later);
        const [vm] = [...world.backend.running.values()];
        const heard = vm?.guest.metadata({
          method: "GET",
          path: "/computeMetadata/v1/instance/attributes/reprise-expires?wait_for_change=true",
          headers: { "metadata-flavor": "Google" },
        });
        expect(heard?.body).toBe(String(later / 1000));
        const [instance] = world.emulator.inventory().filter(({ kind }) => kind === "instances");
        expect(instance?.tags).toMatchObject({ "reprise-expires": String(later / 1000), "reprise-run": "r1" });
        expect(
          vm?.guest.metadata({
            method: "GET",
            path: "/computeMetadata/v1/instance/attributes/user-data",
            headers: { "metadata-flavor": "Google" },
          }).body,
        ).toContain("#cloud-config");
        // Firewalls can't be renamed; they expire no sooner than what they are for.
        expect((await sweep(world)).map(({ expiresAt }) => expiresAt)).toEqual([later, later, later]);
        await tearDown(world, "d1");
      },
      {
        faults: ["setLabels", "setMetadata"].map((verb) => ({
          on: "call" as const,
          operation: `compute.instances.${verb}`,
          fault: { kind: "error" as const, when: "before" as const, status: 412, code: "conditionNotMet" },
        })),
      },
    ),
  );

  it(
    "says when a lease is to outlast what Google was told at the machine's birth",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 1, { shape: { options: { maxLifetimeHours: 24 } } });
      await ensured(world, intents);
      await until(world, "d1", areReady(intents));
      const end = intents[0]!.notAfter + 24 * 3_600_000;
      await expect(world.fresh().extend("d1", zoneA, end + 1)).rejects.toMatchObject({
        name: "InvalidFailure",
        message: /Google deletes hosts of d1 at 2026-01-02T00:02:00.000Z/,
        hint: /maxLifetimeHours/,
      });
      const [instance] = world.emulator.inventory().filter(({ kind }) => kind === "instances");
      expect(instance?.tags["reprise-expires"]).toBe(String(end / 1000)); // as far as it goes
      await tearDown(world, "d1");
    }),
  );

  it(
    "admits exactly its peers elsewhere, again when one was replaced",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 1);
      await ensured(world, intents);
      await until(world, "d1", areReady(intents));
      const rule = async () => {
        await world.clock.sleep(10_000);
        return z
          .object({ sourceRanges: z.array(z.string()), targetTags: z.array(z.string()) })
          .safeParse(await show(world, `global/firewalls/${nameOf("peer")}`)).data;
      };
      await world.fresh().connect("d1", zoneA, []);
      expect(await rule()).toBeUndefined();
      await world.fresh().connect("d1", zoneA, ["203.0.113.7", "198.51.100.9"]);
      const peers = { sourceRanges: ["198.51.100.9/32", "203.0.113.7/32"], targetTags: ["rp-d1"] };
      expect(await rule()).toEqual(peers);
      const before = world.emulator.log.mutating.length;
      await world.fresh().connect("d1", zoneA, ["198.51.100.9", "203.0.113.7"]);
      expect(world.emulator.log.mutating).toHaveLength(before);
      await world.fresh().connect("d1", zoneA, ["203.0.113.8"]);
      expect((await rule())?.sourceRanges).toEqual(["203.0.113.8/32"]);
      await world.fresh().connect("d1", zoneA, []);
      expect(await rule()).toBeUndefined();
      await tearDown(world, "d1");
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "gives a deployment a network and a placement policy of its own, and takes them away in order",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 2, { shape: { options: { network: "own", compact: true } } });
      const first = refusal(await world.fresh().ensure(intents, never));
      expect(first).toMatchObject({ failure: { class: "throttled" }, retryAfterMs: 3_000 });
      expect(await ensured(world, intents)).toEqual(accepted(intents));
      await until(world, "d1", areReady(intents));
      const instance = await show(world, "zones/us-central1-a/instances/rp-d1--r0-server-0");
      expect(instance).toMatchObject({
        networkInterfaces: [{ network: /networks\/rp-d1--r0-t85us0-[0-9a-z]{5}-net$/, subnetwork: /-sub$/ }].map(
          matching,
        ),
        resourcePolicies: [expect.stringMatching(/resourcePolicies\/rp-d1--r0-t85us0-[0-9a-z]{5}-pol$/)],
      });
      const kinds = (await sweep(world, "d1")).map(({ resourceKind }) => resourceKind);
      expect(kinds).toEqual([
        "instance",
        "instance",
        "firewall",
        "firewall",
        "network",
        "subnetwork",
        "resourcePolicy",
      ]);
      await tearDown(world, "d1");
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "chooses one zone of a region that has the type, the same for whoever asks",
    onGcp(async (world) => {
      const place = { region: "us-central1" };
      const zones = new Set<string>();
      for (const deployment of ["d1", "d2", "d3", "d4", "d5"]) {
        const intents = deploymentIntents(deployment, 2, { place, shape: { type: "c3-standard-4" } });
        for (let asked = 0; asked < 2; asked++) expect(await ensured(world, intents)).toEqual(accepted(intents));
        const states = await until(world, deployment, areReady(intents), place);
        const chosen = states.flatMap((s) => (s.state === "ready" ? (s.facts?.["zone"] ?? []) : []));
        expect(new Set(chosen).size).toBe(1);
        zones.add(chosen[0] ?? "");
      }
      // C3 is offered in two zones of four.
      expect([...zones].sort()).toEqual(["us-central1-a", "us-central1-b"]);
      for (const deployment of ["d1", "d2", "d3", "d4", "d5"]) await tearDown(world, deployment, { places: [place] });
    }),
  );

  it(
    "keeps hosts apart that one round has in several places",
    onGcp(async (world) => {
      const far = { region: "europe-west1", zone: "europe-west1-b" };
      const places = [zoneA, zoneB, far];
      const askFor = (place: Place, host: number) =>
        deploymentIntents("d1", 3, { place, shape: { options: { compact: true } } }).filter(
          ({ host: own }) => own === undefined || own.index === host,
        );
      for (const [host, place] of places.entries())
        expect(await ensured(world, askFor(place, host))).toEqual(accepted(askFor(place, host)));
      for (const [host, place] of places.entries()) {
        const states = await until(world, "d1", areReady(askFor(place, host)), place);
        expect(states.map(({ name }) => name)).toEqual([`d1-r0-server-${host}`, "d1-r0"]);
      }
      for (const left of [1, 0]) {
        // The policy can go when the machine has gone.
        await world.fresh().beginDestroy("d1", zoneB);
        await until(world, "d1", (s) => s.length === left, zoneB);
      }
      for (const [host, place] of places.entries())
        if (place !== zoneB) expect(areReady(askFor(place, host))(await world.fresh().observe("d1", place))).toBe(true);
      expect(new Set((await sweep(world, "d1")).map(({ place }) => place.region))).toEqual(
        new Set(["us-central1", "europe-west1"]),
      );
      await tearDown(world, "d1", { places });
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "joins hosts of several places in the deployment's own network",
    onGcp(async (world) => {
      const places = [zoneA, zoneB, { region: "europe-west1", zone: "europe-west1-b" }];
      const networks = new Set<string>();
      for (const [host, place] of places.entries()) {
        const all = deploymentIntents("d1", 3, { place, shape: { options: { network: "own" } } });
        const intents = all.filter(({ host: own }) => own === undefined || own.index === host);
        expect(await ensured(world, intents)).toEqual(accepted(intents));
        const states = await until(world, "d1", areReady(intents), place);
        for (const state of states) if (state.state === "ready") networks.add(state.facts?.["network"] ?? "");
      }
      networks.delete(""); // the network's own state has no facts
      expect([...networks]).toEqual([expect.stringMatching(/^gcp:reprise-test\/global\/networks\/rp-d1--r0-.*-net$/)]);
      const kinds = kindsLeft(world).filter((kind) => kind === "networks" || kind === "subnetworks");
      expect(kinds).toEqual(["networks", "subnetworks", "subnetworks"]);
      await tearDown(world, "d1", { places });
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "refuses a region that has no such machine, or isn't one",
    onGcp(async (world) => {
      const place = { region: "us-east1" };
      const intents = deploymentIntents("d1", 1, { place, shape: { type: "t2a-standard-2" } });
      expect(refusal(await ensured(world, intents))?.failure).toMatchObject({ class: "capacity", message: /us-east1/ });
      await tearDown(world, "d1", { places: [place] });
      await expect(world.fresh().observe("d1", { region: "us-nowhere1" })).rejects.toThrow('no region "us-nowhere1"');
    }),
  );

  it(
    "reaps runs that it has never heard of, by labels and names alone",
    onGcp(async (world) => {
      const long = "An_experiment.with a name that fits in no label-260101-0000-abcd-main-1";
      for (const deployment of ["d1", long]) await ensured(world, deploymentIntents(deployment, 1));
      await until(world, long, areReady(deploymentIntents(long, 1)));
      const found = await sweep(world);
      expect(new Set(found.map(({ deployment }) => deployment))).toEqual(new Set(["d1", long]));
      expect(found.filter(({ resourceKind }) => resourceKind === "instance")).toMatchObject(
        [long, "d1"].map(() => ({ runId: "r1", owner: "tester", machineType: "n2-standard-2", spot: false })),
      );
      expect(await sweep(world, long)).toHaveLength(3);
      await reapAll(world);
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "knows a rule by its name when somebody has written over its description",
    onGcp(async (world) => {
      await ensured(world, deploymentIntents("d1", 0));
      await world.clock.sleep(10_000);
      const path = `global/firewalls/${nameOf("ssh")}`;
      await world.emulator.gcp.handle({
        method: "PATCH",
        url: new URL(`https://compute.googleapis.com/compute/v1/projects/${projectName}/${path}`),
        headers: { authorization: "Bearer x" },
        body: JSON.stringify({ name: path.split("/").at(-1), description: "mine now" }),
      });
      await world.clock.sleep(10_000);
      const ssh = (await sweep(world, "d1")).find(({ id }) => id === path);
      expect(ssh).toMatchObject({ deployment: "d1", runId: undefined, expiresAt: 1_767_229_200_000 });
      await tearDown(world, "d1");
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it(
    "doesn't take a machine for its own that only has its name",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 1);
      const foreign = deploymentIntents("d1", 1).map((intent) => ({ ...intent, clientToken: `other ${intent.name}` }));
      const disguised = foreign.map((intent) => ({ ...intent, name: intent.name.replace("server-0", "Server-0") }));
      await ensured(world, intents);
      await world.clock.sleep(30_000);
      const mine = await ensured(world, foreign);
      expect(mine).toEqual(accepted(foreign)); // another token, the same intent: adopted
      expect(creations(world).filter((m) => m.includes("/instances/"))).toHaveLength(1);
      expect(await ensured(world, disguised)).toEqual(accepted(disguised)); // another name altogether
      expect(creations(world).filter((m) => m.includes("/instances/"))).toHaveLength(2);
      await tearDown(world, "d1");
    }),
  );

  it(
    "makes a hundred hosts at Google's pace, in one call",
    onGcp(async (world) => {
      const intents = deploymentIntents("d1", 100);
      const begun = world.clock.now();
      expect(await world.fresh().ensure(intents, never)).toEqual(accepted(intents));
      expect(world.clock.now() - begun).toBeLessThan(50_000);
      const ready = await until(world, "d1", areReady(intents));
      expect(ready).toHaveLength(101);
      await tearDown(world, "d1");
      expect(kindsLeft(world)).toEqual([]);
    }),
  );

  it.each<[string, Record<string, string | number | boolean>, RegExp]>([
    ["an unknown one", { compakt: true }, /no option "compakt".*did you mean `compact`/],
    ["a wrong type", { compact: "yes" }, /"compact".*"yes"/],
    ["a wrong value", { confidential: "SGX" }, /"confidential".*"SGX"/],
    ["a longer life than Google gives", { maxLifetimeHours: 10_000 }, /maxLifetimeHours/],
    ["scopes of nobody", { scopes: "https://www.googleapis.com/auth/devstorage.read_only" }, /serviceAccount/],
  ])("refuses %s among the options before it makes anything", async (_name, options, expected) => {
    await onGcp(async (world) => {
      const outcomes = await world.fresh().ensure(deploymentIntents("d1", 2, { shape: { options } }), never);
      const failure = refusal(outcomes)?.failure;
      expect(failure?.class).toBe("invalid");
      expect(`${failure?.message ?? ""} ${failure?.hint ?? ""}`).toMatch(expected);
      expect(world.emulator.log.calls).toEqual([]);
    })();
  });

  it.each(["SEV", "SEV_SNP"] as const)("passes confidential computing (%s) on", async (confidential) => {
    await onGcp(async (world) => {
      const shape = { type: "n2d-standard-2", options: { confidential, secureBoot: true } };
      const intents = deploymentIntents("d1", 1, { shape });
      await ensured(world, intents);
      await until(world, "d1", areReady(intents));
      expect(await show(world, "zones/us-central1-a/instances/rp-d1--r0-server-0")).toMatchObject({
        confidentialInstanceConfig: { confidentialInstanceType: confidential },
        shieldedInstanceConfig: { enableSecureBoot: true },
        scheduling: { onHostMaintenance: "TERMINATE" },
      });
      await tearDown(world, "d1");
    })();
  });
});

describe("what planning asks", () => {
  it(
    "tells the quotas that hosts would draw from",
    onGcp(
      async (world) => {
        await ensured(world, deploymentIntents("d1", 1));
        const shapes = deploymentIntents("d2", 2, { shape: { spot: false } }).flatMap(({ host }) => host?.shape ?? []);
        expect(await world.fresh().quota(zoneA, shapes)).toEqual([
          { metric: "N2_CPUS", used: 2, limit: 24, needed: 4 },
          { metric: "IN_USE_ADDRESSES", used: 1, limit: 575, needed: 2 },
          { metric: "INSTANCES", used: 1, limit: 6000, needed: 2 },
        ]);
        const spot = shapes.map((shape) => ({ ...shape, spot: true, type: "e2-standard-2" }));
        expect((await world.fresh().quota(zoneA, spot)).map(({ metric }) => metric)).toContain("PREEMPTIBLE_CPUS");
        await tearDown(world, "d1");
      },
      { gcp: { quotas: { cpus: 24 } } },
    ),
  );

  it(
    "describes machine types by Google's own word, and leaves out what there isn't",
    onGcp(async (world) => {
      const types = ["n2-highcpu-2", "t2a-standard-4", "z9-mega"];
      expect(await world.fresh().describeMachines({ region: "us-central1" }, types)).toEqual([
        { type: "n2-highcpu-2", vcpus: 2, memoryBytes: 2 * 1024 ** 3, architecture: "x86_64" },
        { type: "t2a-standard-4", vcpus: 4, memoryBytes: 16 * 1024 ** 3, architecture: "arm64" },
      ]);
      expect(await world.fresh().describeMachines({ region: "us-east1" }, ["t2a-standard-4"])).toEqual([]);
    }),
  );

  it(
    "resolves a family to its newest image, and refuses one for another architecture",
    onGcp(async (world) => {
      const family = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-arm64";
      const image = "projects/ubuntu-os-cloud/global/images/ubuntu-2404-noble-arm64-v20251103";
      expect(await world.fresh().resolveImage(zoneA, family, "arm64")).toBe(image);
      expect(await world.fresh().resolveImage(zoneA, image, "arm64")).toBe(image);
      await expect(world.fresh().resolveImage(zoneA, family, "x86_64")).rejects.toThrow("is for arm64");
      await expect(world.fresh().resolveImage(zoneA, `${family}-no`, "arm64")).rejects.toThrow("no image");
    }),
  );
});

/** Regular expressions in an expected object stand for texts that match. */
function matching(expected: object): object {
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]: [string, unknown]) => [
      key,
      value instanceof RegExp
        ? expect.stringMatching(value)
        : typeof value === "object" && value !== null && !Array.isArray(value)
          ? matching(value)
          : value,
    ]),
  );
}
