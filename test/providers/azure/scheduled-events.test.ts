import { evictionIn, parseScheduledEvents, scheduledEvents } from "../../../providers/azure/scheduled-events.ts";
import { deploymentIntents, never, onAzure, ready, tearDown } from "./azure-world.ts";

describe("scheduledEvents", () => {
  it(
    "tells an evicted machine when it goes, and no other",
    onAzure(async (world) => {
      const intents = deploymentIntents("d1", 2, { shape: { spot: true } });
      await world.fresh().ensure(intents, never);
      await ready(world, intents);
      const ask = (name: string) => {
        const machine = [...world.backend.running.values()].find(({ vm }) => vm.name === name);
        const url = new URL(scheduledEvents.argv.at(-1) ?? "");
        const headers = Object.fromEntries(
          scheduledEvents.argv
            .flatMap((word, i) => (word === "--header" ? [scheduledEvents.argv[i + 1] ?? ""] : []))
            .map((header) => header.toLowerCase().split(": ")),
        ) as Record<string, string>; // pairs of texts
        const answer = machine?.guest.metadata({ method: "GET", path: `${url.pathname}${url.search}`, headers });
        return evictionIn(scheduledEvents.parse(answer?.body ?? ""));
      };
      expect(ask("server-0")).toBeUndefined();
      const announcedAt = world.clock.now();
      await world.clients.compute.virtualMachines.simulateEviction("reprise-d1-r0-eastus", "server-0");
      expect(ask("server-0")).toEqual({ kind: "Preempt", notBefore: announcedAt + 30_000 });
      expect(ask("server-1")).toBeUndefined();
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
