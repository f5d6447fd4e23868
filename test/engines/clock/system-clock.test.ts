import { jest } from "@jest/globals";
import { systemClock } from "../../../engines/clock/system-clock.ts";

describe("systemClock", () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it("sleeps longer than a timer can", async () => {
    const days = 60 * 86_400_000;
    let woken = false;
    const sleeping = systemClock.sleep(days).then(() => (woken = true));
    await jest.advanceTimersByTimeAsync(days - 1);
    expect(woken).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await sleeping;
    expect(systemClock.now()).toBe(days);
  });

  it("rejects with the signal's reason, before and during the sleep, and leaves no timer", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(1_000, controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(systemClock.sleep(1_000, controller.signal)).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
  });
});
