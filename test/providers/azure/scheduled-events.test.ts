import type { CommandResult, HostAddress, RemoteTask } from "../../../core/ports/transport.ts";
import { createAzureProvider } from "../../../providers/azure/index.ts";
import { parseScheduledEvents } from "../../../providers/azure/scheduled-events.ts";
import { deploymentIntents, eastus, never, onAzure, ready, tearDown } from "./azure-world.ts";
import type { AzureWorld } from "./azure-world.ts";

/** A connection to each host that can do one thing: ask the host's metadata service what the task's command line asks. */
function connection(world: AzureWorld) {
  const asked: string[] = [];
  const run = async (host: HostAddress, task: RemoteTask<unknown>): Promise<CommandResult> => {
    asked.push(host.host);
    const machine = [...world.backend.running.values()].find(({ vm }) => vm.publicIp === host.address);
    const url = new URL(task.argv.at(-1) ?? "");
    expect(task.argv[2]).toMatch(/Metadata:true/);
    const answer = machine?.guest.metadata({
      method: "GET",
      path: `${url.pathname}${url.search}`,
      headers: { metadata: "true" },
    });
    const common = { host: host.host, command: "", stderr: "", durationMs: 1 };
    if (answer === undefined || host.host === "server-1")
      return { ...common, outcome: "unreachable", exitCode: undefined, stdout: "" };
    return { ...common, outcome: "exited", exitCode: answer.status === 200 ? 0 : 22, stdout: answer.body };
  };
  return { run, asked };
}

describe("AzureProvider that reaches its hosts", () => {
  it(
    "knows of an eviction thirty seconds ahead, from the machine that it concerns",
    onAzure(async (world) => {
      const [spot, plain] = [
        deploymentIntents("d1", 2, { shape: { spot: true } }),
        deploymentIntents("d1", 1, { role: "client" }),
      ];
      const intents = [...spot, ...plain.slice(1)];
      await world.fresh().ensure(intents, never);
      await ready(world, intents);
      const { run, asked } = connection(world);
      const provider = createAzureProvider({
        clients: world.clients,
        clock: world.clock,
        random: { next: () => 0 },
        hosts: { run },
      });
      const states = async () =>
        new Map((await provider.observe("d1", eastus)).map((state) => [state.name, state] as const));
      expect((await states()).get("d1-r0-server-0")?.state).toBe("ready");
      const announcedAt = world.clock.now();
      await world.clients.compute.virtualMachines.simulateEviction("reprise-d1-r0-eastus", "server-0");
      const after = await states();
      expect(after.get("d1-r0-server-0")).toMatchObject({
        state: "failed",
        failure: {
          class: "preempted",
          host: "server-0",
          message: expect.stringContaining(new Date(announcedAt + 30_000).toISOString()) as unknown,
        },
      });
      // One that doesn't answer has said nothing, and one that can't be evicted isn't asked.
      expect(after.get("d1-r0-server-1")?.state).toBe("ready");
      expect(after.get("d1-r0-client-0")?.state).toBe("ready");
      expect(new Set(asked)).toEqual(new Set(["server-0", "server-1"]));
      await tearDown(world, "d1");
    }),
  );
});

describe("parseScheduledEvents", () => {
  it("reads other events, and one that has begun", () => {
    const events = [
      { EventId: "a", EventType: "Freeze", EventStatus: "Started", NotBefore: "" },
      { EventId: "b", EventType: "Reboot", EventStatus: "Scheduled", NotBefore: "Mon, 19 Sep 2016 18:29:47 GMT" },
    ];
    expect(parseScheduledEvents(JSON.stringify({ DocumentIncarnation: 2, Events: events }))).toEqual([
      { kind: "Freeze", notBefore: undefined },
      { kind: "Reboot", notBefore: Date.UTC(2016, 8, 19, 18, 29, 47) },
    ]);
  });

  it("refuses what is no such answer", () => {
    expect(() => parseScheduledEvents("<html>")).toThrow();
    expect(() => parseScheduledEvents("{}")).toThrow();
  });
});
