import { liveRuns, requireNoLiveRuns } from "../../../cli/deployed/live-runs.ts";
import { deploymentKeys, runKeys } from "../../../core/names/keys.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";

const empty = new TextEncoder().encode("{}");

describe("liveRuns", () => {
  const store = new MemoryStore({ clock: { now: () => 1 } });
  const put = (key: string): Promise<unknown> => store.putIfAbsent(key, empty, "test");
  beforeAll(async () => {
    for (const run of ["driven", "left-up", "over"]) await put(runKeys(run).run);
    for (const run of ["left-up", "over"]) await put(deploymentKeys(run, `${run}-main`).round(0));
    await put(deploymentKeys("over", "over-main").receipt);
  });
  const driver = { description: "execution e", epoch: 1 };
  const found = () => liveRuns(store, async (runId) => (runId === "driven" ? driver : undefined));

  it("are those that something drives, and those of which something is up", async () => {
    expect(await found()).toEqual([
      { runId: "driven", driver, open: [] },
      { runId: "left-up", driver: undefined, open: ["left-up-main"] },
    ]);
  });

  it("keep a stack from being destroyed, by name", async () => {
    const live = await found();
    expect(() => requireNoLiveRuns(live)).toThrow(/^live: driven, left-up: with the stack goes/);
    expect(() => requireNoLiveRuns([])).not.toThrow();
  });
});
