import { experimentsFor } from "../../cli/commands/figures.ts";
import { landRun, newStore } from "../core/evidence/run-fixture.ts";

// The tests' own folder is the repository's.
describe("experimentsFor", () => {
  const store = newStore();
  beforeAll(() => landRun(store, [{ pointKey: "clients=1", trialIndex: 0 }]));
  const names = async (name: string | undefined, run?: string): Promise<string[]> =>
    (await experimentsFor(store, name, { run, undrawn: [] })).map(({ definition }) => definition.spec.name);

  it("takes all that are here", async () => {
    expect(await names(undefined)).toEqual(expect.arrayContaining(["quickstart", "redis", "frankenpaxos-matchmaker"]));
  });

  it("draws no run as figures of an experiment that it is none of", async () => {
    expect(await names(undefined, "r1")).toEqual(["quickstart"]);
    expect(await names("quickstart", "last")).toEqual(["quickstart"]);
    await expect(names("redis", "r1")).rejects.toThrow("redis holds redis, and the run is one of quickstart");
  });
});
