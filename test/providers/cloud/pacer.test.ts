import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createPacer, PacedOutError } from "../../../providers/cloud/pacer.ts";

class Throttled extends Error {
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number) {
    super("slow down");
    this.retryAfterMs = retryAfterMs;
  }
}
const throttledMs = (error: unknown): number | undefined =>
  error instanceof Throttled ? error.retryAfterMs : undefined;

function start(options: { ratePerSec?: number; burst?: number; maxWaiting?: number; maxWaitMs?: number } = {}) {
  const clock = new VirtualClock(0);
  const pacer = createPacer({ ratePerSec: 10, burst: 5, clock, ...options });
  const sentAt: number[] = [];
  const call = (key = "aws us-east-1", error?: Error, signal?: AbortSignal): Promise<number> =>
    pacer.pace(
      key,
      async () => {
        sentAt.push(clock.now());
        if (error !== undefined) throw error;
        return clock.now();
      },
      throttledMs,
      signal,
    );
  return { clock, call, sentAt };
}

describe("createPacer", () => {
  it("lets a burst through and then keeps the rate, in the order of asking", async () => {
    const { clock, call } = start();
    const times = await clock.run(Promise.all(Array.from({ length: 8 }, () => call())));
    expect(times).toEqual([0, 0, 0, 0, 0, 100, 200, 300]);
  });

  it("counts each cloud and region by itself", async () => {
    const { clock, call } = start({ burst: 1 });
    expect(await clock.run(Promise.all([call("aws us-east-1"), call("aws eu-west-1")]))).toEqual([0, 0]);
  });

  it("halves its pace when throttled, waits as asked, and hands the error on", async () => {
    const { clock, call, sentAt } = start({ burst: 1 });
    await expect(clock.run(call("k", new Throttled(2_000)))).rejects.toThrow("slow down");
    await clock.run(Promise.all([call("k"), call("k"), call("k")]));
    // 5 a second from the end of the pause on: a token is there after 200 ms, and each success gives a little back.
    expect(sentAt).toEqual([0, 2_200, 2_400, 2_600]);
  });

  it("holds back also those that waited already", async () => {
    const { clock, call, sentAt } = start({ burst: 1 });
    await clock.run(Promise.allSettled([call("k", new Throttled(3_000)), call("k"), call("k")]));
    expect(sentAt[0]).toBe(0);
    expect(Math.min(...sentAt.slice(1))).toBeGreaterThanOrEqual(3_000);
  });

  it("takes calls that were throttled together for one complaint", async () => {
    const { clock, call, sentAt } = start({ burst: 4 });
    const together = Promise.allSettled(Array.from({ length: 4 }, () => call("k", new Throttled(0))));
    await clock.run(together);
    await clock.run(call("k"));
    expect(sentAt[4]).toBe(200);
  });

  it("recovers its full rate by successes", async () => {
    const { clock, call, sentAt } = start({ burst: 1, maxWaitMs: 1e9 });
    await expect(clock.run(call("k", new Throttled(0)))).rejects.toThrow();
    for (let i = 0; i < 30; i++) await clock.run(call("k"));
    const gaps = sentAt.slice(1).map((at, i) => at - (sentAt[i] ?? 0));
    expect(gaps[0]).toBe(200);
    expect(gaps.at(-1)).toBeCloseTo(100, 5);
  });

  it("leaves other errors alone", async () => {
    const { clock, call, sentAt } = start({ burst: 1 });
    await expect(clock.run(call("k", new Error("no such image")))).rejects.toThrow("no such image");
    await clock.run(call("k"));
    expect(sentAt).toEqual([0, 100]);
  });

  it("refuses a call that would wait too long, and says how long", async () => {
    const { clock, call } = start({ maxWaitMs: 5_000 });
    await expect(clock.run(call("k", new Throttled(60_000)))).rejects.toThrow("slow down");
    const refused = await clock.run(call("k").catch((error: unknown) => error));
    expect(refused).toBeInstanceOf(PacedOutError);
    expect(refused).toMatchObject({ failure: { class: "throttled" }, retryAfterMs: 60_200 });
  });

  it("refuses a call when too many wait", async () => {
    const { clock, call } = start({ burst: 1, maxWaiting: 2 });
    const settled = await clock.run(Promise.allSettled(Array.from({ length: 4 }, () => call())));
    expect(settled.map((one) => one.status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
  });

  it("gives the turn of a call that was called off to the next", async () => {
    const { clock, call } = start({ burst: 1 });
    const stop = new AbortController();
    const work = Promise.allSettled([call("k"), call("k", undefined, stop.signal)]);
    stop.abort(new Error("called off"));
    expect((await clock.run(work)).map((one) => one.status)).toEqual(["fulfilled", "rejected"]);
    expect(await clock.run(call("k"))).toBe(100);
  });
});
