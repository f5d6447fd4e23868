/**
 * What is shown of the three clouds: the real command line, real SDKs over real HTTPS, and machines that are real hosts.
 *
 * Nearly all of their time is spent waiting, for receipts stay open until a cloud's listings can't be late any more. So
 * they run at the same time, each in a lab of its own; the longest come first.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finished } from "../cli/installation.ts";
import { runIdIn } from "../cli/installation.ts";
import type { CloudName } from "../emulators/common/cloud-name.ts";
import { CloudLab } from "./cloud-lab.ts";
import type { LabOptions } from "./cloud-lab.ts";

const quickstart = join(import.meta.dirname, "../../experiments/quickstart");
const experiment = (name: string): string => join(import.meta.dirname, "experiments", name);
/** A receipt takes a minute and a half on Azure, and others work at the same time. */
const timeoutSec = 900;

async function inLab(options: LabOptions, work: (clouds: CloudLab) => Promise<void>): Promise<void> {
  const clouds = await CloudLab.open(options);
  try {
    await work(clouds);
  } finally {
    await clouds.close();
  }
}

async function expectCleanEnd(clouds: CloudLab, finished: Finished): Promise<string> {
  expect({ code: finished.code, stderr: finished.stderr.slice(-3_000) }).toEqual({
    code: 0,
    stderr: expect.any(String) as string,
  });
  expect(finished.stderr).toContain("nothing is left");
  expect(clouds.leftovers()).toEqual([]);
  const runId = runIdIn(finished.stderr);
  const receipts = await clouds.receipts(runId);
  expect(receipts.length).toBeGreaterThan(0);
  for (const { resources } of receipts)
    expect(resources.filter(({ outcome }) => outcome !== "gone" && outcome !== "never created")).toEqual([]);
  return runId;
}

/** The call that makes a machine. */
const creations: Readonly<Record<CloudName, RegExp>> = {
  aws: /^RunInstances$/,
  azure: /^PUT virtualMachines$/,
  gcp: /^compute\.instances\.(insert|bulkInsert)$/,
};

// One block for all: only what stands in the same one runs at the same time.
describe("reprise", () => {
  it.concurrent.each<CloudName>(["aws", "azure", "gcp"])(
    "kill -9 of the engine in the middle of its creations on %s: reap finds by tags and names alone what it left, and deletes it",
    (cloud) =>
      inLab({}, async (clouds) => {
        const { installation, emulator } = clouds;
        let machines = 0;
        let killed: number | undefined;
        const stop = emulator.log.observe((call, moment) => {
          if (moment !== "acted" || !creations[cloud].test(call.operation) || call.mutations.length === 0) return;
          machines += 1;
          const pid = installation.engines()[0]?.pid;
          if (machines === 2 && pid !== undefined) process.kill((killed = pid), "SIGKILL");
        });
        const args = ["run", quickstart, "--on", cloud, "--only", "load:clients=2", "--yes"];
        const run = await installation.run(args, { timeoutSec });
        stop();
        const runId = runIdIn(run.stderr);
        expect(killed).toBeDefined();
        expect(run.stderr).toContain("the engine ended before the run did");
        expect(emulator.inventory().length).toBeGreaterThan(1);

        const look = await installation.json<{ found: unknown[] }>(["reap", runId, "--dry-run"]);
        expect(look.found.length).toBeGreaterThan(1);
        expect(emulator.inventory().length).toBeGreaterThan(1);
        const reaped = await installation.run(["reap", runId, "--yes"], { timeoutSec });
        expect({ code: reaped.code, stderr: reaped.stderr.slice(-2_000) }).toEqual({
          code: 0,
          stderr: expect.any(String) as string,
        });
        expect(reaped.stdout).toContain("nothing is left");
        expect(clouds.leftovers()).toEqual([]);

        // The store learns of it when somebody asks: its receipt says that nothing is left.
        const teardown = await installation.run(["teardown", runId], { timeoutSec });
        expect({ code: teardown.code, stderr: teardown.stderr.slice(-2_000) }).toEqual({
          code: 0,
          stderr: expect.any(String) as string,
        });
        const [receipt] = await clouds.receipts(runId);
        expect(receipt?.resources.filter(({ outcome }) => outcome === "still there")).toEqual([]);
        expect(clouds.leftovers()).toEqual([]);
      }),
    2 * timeoutSec * 1000,
  );

  it.concurrent.each<[CloudName, (clouds: CloudLab, id: string, name: string) => void, RegExp]>([
    ["aws", (clouds, id) => clouds.emulator.aws.interrupt(id), /"action":"terminate"/],
    ["azure", (clouds, id) => clouds.emulator.azure.evict(id), /"EventType":"Preempt"/],
    ["gcp", (clouds, _id, name) => clouds.emulator.gcp.preempt(name), /TRUE/],
  ])(
    "a spot machine on %s hears that it is taken back: its attempt is kept, and the trial measured again on demand",
    (cloud, takeBack, itsWords) =>
      inLab({}, async (clouds) => {
        const running = clouds.installation.start(["run", experiment("spot"), "--on", cloud, "--yes"], { timeoutSec });
        await running.saw(/sleepSec=\d+ trial 0$/m);
        await sleep(1_000);
        const [machine] = clouds.hosts.running();
        takeBack(clouds, machine?.id ?? "", machine?.name ?? "");
        const finished = await running.done;
        const runId = await expectCleanEnd(clouds, finished);
        const [, said = ""] = /trial 0, attempt 1: preempted: (.*)$/m.exec(finished.stderr) ?? [];
        expect(said).toContain(`${cloud} takes this spot machine back`);
        expect(said).toMatch(itsWords);
        const rows = await clouds.installation.json<object[]>(["results", runId]);
        expect(rows).toMatchObject([{ attempt: 2, outcome: "valid" }]);
        const asked = (await clouds.receipts(runId)).flatMap(({ rounds }) => rounds.map((round) => round.asked ?? ""));
        expect(asked).toEqual([expect.stringContaining("spot"), expect.not.stringContaining("spot")]);
      }),
    timeoutSec * 1000,
  );

  it.concurrent.each<CloudName>(["aws", "azure", "gcp"])(
    "run experiments/quickstart --on %s: hosts, trials, evidence, and a receipt of an empty account",
    (cloud) =>
      inLab({ hosts: { finalDelaySec: () => 3 } }, async (clouds) => {
        const args = ["run", quickstart, "--on", cloud, "--only", "load:clients=2", "--yes"];
        const finished = await clouds.installation.run(args, { timeoutSec });
        const runId = await expectCleanEnd(clouds, finished);
        expect(finished.stderr).toMatch(/3 of 3 trials valid/);
        expect(await clouds.installation.json(["results", runId])).toHaveLength(3);
        expect((await clouds.installation.run(["verify", runId])).code).toBe(0);

        // What the family stood for is what was run, and what the plan and so the trials' keys speak of.
        const images = await clouds.plannedImages(runId);
        expect(images).toEqual([expect.stringMatching(/20251103|202511030$/)]);
        expect(finished.stderr).toContain(`is ${images[0] ?? ""} now`);

        // Ready was ready: nothing was put on a host before its own first boot had said its last word.
        const facts = await clouds.hostFacts(runId);
        expect(facts).toHaveLength(3);
        for (const { instanceId, start } of facts) {
          expect(instanceId).toBeDefined();
          expect(start).toMatchObject({ bootedAt: expect.any(Number) as number, rebootDue: false });
        }
        const made = clouds.emulator.log.mutating.filter((call) => call.cloud === cloud);
        expect(made.length).toBeGreaterThan(4);
      }),
    timeoutSec * 1000,
  );

  it.concurrent.each([
    [
      "aws",
      { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_EC2_METADATA_DISABLED: "true" },
      /logged in to AWS/,
    ],
    ["azure", { AZURE_CLIENT_SECRET: "wrong" }, /logged in to Azure.*AADSTS7000215/],
    ["azure", { AZURE_SUBSCRIPTION_ID: "" }, /AZURE_SUBSCRIPTION_ID/],
    ["gcp", { GOOGLE_APPLICATION_CREDENTIALS: "/nowhere.json" }, /logged in to Google Cloud/],
  ] as const)(
    "run experiments/quickstart --on %s, without who it takes us for, starts nothing: %j",
    (cloud, env, said) =>
      inLab({ env }, async (clouds) => {
        const args = ["run", quickstart, "--on", cloud, "--only", "load:clients=2", "--yes"];
        const finished = await clouds.installation.run(args, { timeoutSec });
        expect({ code: finished.code, stderr: finished.stderr.slice(-1_000) }).toEqual({
          code: 26,
          stderr: expect.any(String) as string,
        });
        expect(finished.stderr).toMatch(said);
        expect(finished.stderr).toMatch(/ {2}try: /);
        expect(runIdIn(finished.stderr)).toBe("");
        expect(clouds.emulator.log.calls).toEqual([]);
      }),
    timeoutSec * 1000,
  );

  it.concurrent(
    "one run is spread over two clouds",
    () =>
      inLab({}, async (clouds) => {
        const finished = await clouds.installation.run(["run", experiment("two-clouds"), "--yes"], { timeoutSec });
        const runId = await expectCleanEnd(clouds, finished);
        const [receipt] = await clouds.receipts(runId);
        const machines = receipt?.resources.filter(({ resourceKind }) => resourceKind === "host");
        expect(new Set(machines?.map(({ provider }) => provider))).toEqual(new Set(["azure", "gcp"]));
      }),
    timeoutSec * 1000,
  );

  it.concurrent.each<[CloudName, string, LabOptions]>([
    ["aws", "aws:us-east-1a,us-east-1b", { aws: { capacity: [{ zone: "us-east-1a", machines: 2 }] } }],
    ["azure", "azure:eastus/1,eastus/2", { azure: { capacity: [{ zone: "eastus/1", machines: 2 }] } }],
    ["gcp", "gcp:us-central1-a,us-central1-b", { gcp: { capacity: [{ zone: "us-central1-a", machines: 2 }] } }],
  ])(
    "one run moves whole to the next zone of %s when a zone has machines for a part of it only",
    (_cloud, on, options) =>
      inLab(options, async (clouds) => {
        const args = ["run", quickstart, "--on", on, "--only", "load:clients=2", "--yes"];
        const finished = await clouds.installation.run(args, { timeoutSec });
        const runId = await expectCleanEnd(clouds, finished);
        const [first, second] = on.slice(on.indexOf(":") + 1).split(",");
        expect(finished.stderr).toMatch(new RegExp(`${first ?? ""} .*refused`));
        const [receipt] = await clouds.receipts(runId);
        expect(receipt?.rounds).toHaveLength(2);
        expect(receipt?.rounds[0]?.failures[0]?.class).toBe("capacity");
        expect(JSON.stringify(receipt?.rounds[1]?.places)).toContain(second?.split("/")[1] ?? second);
      }),
    timeoutSec * 1000,
  );

  it.concurrent(
    "a host that fails to set itself up ends the run by class boot, in cloud-init's own words, and nothing is left",
    () =>
      inLab({}, async (clouds) => {
        const args = ["run", experiment("broken"), "--on", "gcp:us-central1-a", "--yes"];
        const finished = await clouds.installation.run(args, { timeoutSec });
        expect({ code: finished.code, stderr: finished.stderr.slice(-2_000) }).toEqual({
          code: 21,
          stderr: expect.any(String) as string,
        });
        expect(finished.stderr).toMatch(/worker-0 failed to set itself up.*package_update_upgrade_install/);
        expect(finished.stderr).toContain("Unable to locate package no-such-package-anywhere");
        expect(clouds.leftovers()).toEqual([]);
      }),
    timeoutSec * 1000,
  );
});
