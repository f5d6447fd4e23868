import * as fc from "fast-check";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";

describe("VirtualClock", () => {
  it("wakes sleepers by time, then by the order they lay down", async () => {
    const clock = new VirtualClock(0);
    const woken: [string, number][] = [];
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push([name, clock.now()]);
    };
    await clock.run(Promise.all([sleep("c", 30), sleep("a", 10), sleep("b", 10), sleep("d", 30), sleep("now", 0)]));
    expect(woken).toEqual([
      ["now", 0],
      ["a", 10],
      ["b", 10],
      ["c", 30],
      ["d", 30],
    ]);
  });

  it("rejects an aborted sleeper with the signal's reason and forgets it", async () => {
    const clock = new VirtualClock(0);
    const controller = new AbortController();
    const reason = new Error("enough");
    const sleeping = clock.sleep(1_000, controller.signal);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(clock.sleep(1_000, controller.signal)).rejects.toBe(reason);
    expect(clock.sleepers).toBe(0);
    expect(clock.now()).toBe(0);
  });

  it("moves no further than asked", async () => {
    const clock = new VirtualClock(0);
    let woken = 0;
    for (const ms of [5, 10, 11]) void clock.sleep(ms).then(() => woken++);
    await clock.advanceTo(10);
    expect([woken, clock.now(), clock.sleepers]).toEqual([2, 10, 1]);
  });

  it("says so when the work waits for nothing that could come", async () => {
    const clock = new VirtualClock(0);
    await expect(clock.run(new Promise(() => undefined))).rejects.toThrow("waits for ever");
  });

  it("wakes exactly the sleepers that weren't aborted, in order, whatever the mixture", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ ms: fc.nat(50), abort: fc.boolean() }), { maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        async (plans, picks) => {
          const clock = new VirtualClock(0);
          const woken: { i: number; at: number }[] = [];
          const controllers = plans.map(({ ms }, i) => {
            const controller = new AbortController();
            clock.sleep(ms, controller.signal).then(
              () => woken.push({ i, at: clock.now() }),
              () => undefined,
            );
            return controller;
          });
          const aborted = plans.flatMap(({ abort }, i) => (abort ? [i] : []));
          while (aborted.length > 0) {
            const [i] = aborted.splice((picks.next().value ?? 0) % aborted.length, 1);
            controllers[i!]!.abort(new Error("aborted"));
          }
          const expected = plans
            .map(({ ms, abort }, i) => ({ i, at: ms, abort }))
            .filter(({ abort }) => !abort)
            .sort((a, b) => a.at - b.at || a.i - b.i)
            .map(({ i, at }) => ({ i, at }));
          expect(clock.sleepers).toBe(expected.length);
          await clock.advanceTo(100);
          expect(woken).toEqual(expected);
        },
      ),
      { numRuns: 50 },
    );
  });
});
