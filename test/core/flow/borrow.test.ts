import { borrowHosts, giveBack, matchHosts, userOf } from "../../../core/flow/borrow.ts";
import { ensureHosts } from "../../../core/flow/provision.ts";
import { openDeployment } from "../../../core/flow/open-deployment.ts";
import { closeDeployment, destroyDeployment, writeReceipt } from "../../../core/flow/teardown.ts";
import { deploymentKeys, runKeys } from "../../../core/names/keys.ts";
import type { HostAgent } from "../../../core/ports/host-agent.ts";
import type { FlowWorld } from "./flow-world.ts";
import { flowWorld, readyState, runId, topologyFixture } from "./flow-world.ts";
import { idleAgent, recordFixture } from "../../support/flow-fixtures.ts";

const lender = { runId: "k", deploymentId: "k-main-1" };
const lent = deploymentKeys("k", "k-main-1");
const borrower = { runId, deploymentId: `${runId}-main-1` };

async function lendingWorld(agent: Partial<HostAgent> = {}): Promise<FlowWorld> {
  const facts = {
    bootId: "b",
    instanceId: undefined,
    cpuModel: "c",
    cpuCount: 1,
    microcode: undefined,
    memoryBytes: 1,
    kernel: "k",
    os: "o",
    architecture: "x86_64",
    clockSource: undefined,
    virtualization: undefined,
    versions: {},
  };
  const world = await flowWorld({
    record: { onDeployment: lender },
    agent: () => ({ ...idleAgent(), prepare: async () => facts, ...agent }),
  });
  await world.put(lent.topology, topologyFixture({ deploymentId: "k-main-1" }));
  world.listed.push(...["server", "client"].map((role) => readyState(`k-main-1-r0-l0-${role}-0`)));
  return world;
}

const planned = (world: FlowWorld) => world.experiment.plan.deployments[0]!;

describe("borrowHosts", () => {
  it("makes a deployment of another run's hosts, opened with that run's key", async () => {
    const world = await lendingWorld();
    const topology = await borrowHosts(lender, borrower, planned(world), world.fx);
    expect(topology).toMatchObject({ deploymentId: `${runId}-main-1`, lender, round: 0 });
    expect(topology.hosts.map((h) => [h.name, h.loginRunId])).toEqual([
      ["l0-server-0", "k"],
      ["l0-client-0", "k"],
    ]);
  });

  it("lends to one run at a time", async () => {
    const world = await lendingWorld();
    await borrowHosts(lender, borrower, planned(world), world.fx);
    await borrowHosts(lender, borrower, planned(world), world.fx);
    expect(await userOf(lender, world.fx)).toBe(runId);
    const second = { runId: "s", deploymentId: "s-main-1" };
    await expect(borrowHosts(lender, second, planned(world), world.fx)).rejects.toThrow(`in use by ${runId}`);
    await giveBack(lender, second, world.fx);
    expect(await userOf(lender, world.fx)).toBe(runId);
    await giveBack(lender, borrower, world.fx);
    expect(await userOf(lender, world.fx)).toBeUndefined();
    await borrowHosts(lender, second, planned(world), world.fx);
    expect(await userOf(lender, world.fx)).toBe("s");
  });

  it("does not count a user that died and was taken down", async () => {
    const world = await lendingWorld();
    await borrowHosts(lender, borrower, planned(world), world.fx);
    await world.put(deploymentKeys(runId, borrower.deploymentId).receipt, {});
    await borrowHosts(lender, { runId: "s", deploymentId: "s-main-1" }, planned(world), world.fx);
    expect(await userOf(lender, world.fx)).toBe("s");
  });

  it("refuses one that was taken down, that has no hosts, or whose hosts are themselves borrowed", async () => {
    const world = await lendingWorld();
    await world.put(lent.closed, {});
    await expect(borrowHosts(lender, borrower, planned(world), world.fx)).rejects.toThrow("was taken down");
    const other = { runId: "q", deploymentId: "q-main-1" };
    await expect(borrowHosts(other, borrower, planned(world), world.fx)).rejects.toThrow("no hosts of its own");
    await world.put(deploymentKeys("q", "q-main-1").topology, topologyFixture({ lender }));
    await expect(borrowHosts(other, borrower, planned(world), world.fx)).rejects.toThrow("no hosts of its own");
  });

  it.each([
    ["a host that it hasn't", { name: "l1-server-0" }, "it has no host l1-server-0"],
    ["another lane", { lane: 1 }, "it has no host"],
    ["another provider", { provider: "aws" }, "is on sim, not on aws"],
  ])("refuses a plan with %s", async (_, overrides, message) => {
    const world = await lendingWorld();
    const [server, ...others] = planned(world).hosts;
    const deployment = { ...planned(world), hosts: [{ ...server!, ...overrides }, ...others] };
    expect(() => matchHosts(topologyFixture(), deployment, lender)).toThrow(message);
  });

  it("refuses another machine type or image: results would not compare", async () => {
    const world = await lendingWorld();
    const change = (shape: object) => ({
      ...planned(world),
      hosts: planned(world).hosts.map((host) => ({ ...host, shape: { ...host.shape, ...shape } })),
    });
    expect(() => matchHosts(topologyFixture(), change({ type: "c5.large" }), lender)).toThrow(
      "is a sim, not a c5.large",
    );
    expect(() => matchHosts(topologyFixture(), change({ image: "debian" }), lender)).toThrow("runs sim, not debian");
  });
});

describe("a run on borrowed hosts", () => {
  const open = (world: FlowWorld) =>
    openDeployment(
      {
        run: recordFixture({ onDeployment: lender }),
        epoch: 1,
        deployment: planned(world),
        blocks: [0],
        replaced: 0,
        failures: {},
        execution: "x",
      },
      world.fx,
    );
  const takenDown = async (world: FlowWorld) => {
    const input = { runId, epoch: 1, deployment: "main", deploymentId: borrower.deploymentId, reason: "done" };
    const state = await closeDeployment(input, world.fx);
    await destroyDeployment(state, world.fx);
    await writeReceipt(state, world.fx);
    return (await world.read(deploymentKeys(runId, borrower.deploymentId).receipt)) as {
      resources: { name: string; outcome: string; id: string }[];
    };
  };

  it("is ready at once, asks nothing of a cloud, and gives the hosts back as they were", async () => {
    let removed = 0;
    const world = await lendingWorld({
      remove: async () => {
        removed++;
        return { left: [] };
      },
    });
    expect(await ensureHosts(await open(world), world.fx)).toEqual({ kind: "ready", round: 0 });
    const receipt = await takenDown(world);
    expect(receipt.resources.map((r) => `${r.name} ${r.outcome}`)).toEqual([
      "l0-server-0 given back",
      "l0-client-0 given back",
    ]);
    expect(removed).toBe(2);
    expect(world.destroyed).toEqual([]);
    expect(world.listed).toHaveLength(2);
    expect(await userOf(lender, world.fx)).toBeUndefined();
  });

  it("says in the receipt what would not go, and which host did not answer", async () => {
    const world = await lendingWorld({ remove: async () => ({ left: ["process 7 (sleep)"] }) });
    await ensureHosts(await open(world), world.fx);
    const { resources } = await takenDown(world);
    expect(resources.filter((r) => r.outcome === "still there").map((r) => r.id)).toEqual([
      "process 7 (sleep)",
      "process 7 (sleep)",
    ]);
    expect(await world.told("receipt")).toEqual([expect.stringContaining("STILL THERE")]);
  });

  it("extends no round of its own: the lender's are not this run's to ask for", async () => {
    const world = await lendingWorld();
    await ensureHosts(await open(world), world.fx);
    expect(await world.keys(`${runKeys(runId).deployments}${borrower.deploymentId}/intents/`)).toEqual([]);
  });
});
