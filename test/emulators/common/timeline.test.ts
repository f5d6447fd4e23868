import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { Timeline } from "./timeline.ts";

describe("Timeline", () => {
  const setUp = () => {
    const clock = new VirtualClock(0);
    const timeline = new Timeline(clock);
    const happened: string[] = [];
    const note = (what: string) => () => happened.push(`${what}@${timeline.now()}`);
    return { clock, timeline, happened, note };
  };

  it("runs what is due in order of time, each at its own moment, however late it is looked at", async () => {
    const { clock, timeline, happened, note } = setUp();
    timeline.after(300, note("late"));
    timeline.after(100, () => {
      note("early")();
      timeline.after(50, note("follow-up"));
    });
    timeline.after(100, note("second"));
    timeline.after(900, note("never"));
    await clock.advanceTo(500);
    expect(happened).toEqual([]);
    timeline.settle();
    expect(happened).toEqual(["early@100", "second@100", "follow-up@150", "late@300"]);
    expect(timeline.now()).toBe(500);
  });

  it("calls off what is called off", async () => {
    const { clock, timeline, happened, note } = setUp();
    const callOff = timeline.after(10, note("a"));
    timeline.after(20, note("b"));
    callOff();
    callOff(); // twice is once
    await clock.advanceTo(100);
    timeline.settle();
    expect(happened).toEqual(["b@20"]);
  });

  it("happens by itself while driven, also when something earlier comes in", async () => {
    const { clock, timeline, happened, note } = setUp();
    const stop = new AbortController();
    const driving = timeline.drive(stop.signal);
    await clock.advanceTo(5);
    timeline.settle();
    timeline.after(100, note("planned"));
    await clock.advanceTo(50);
    timeline.settle();
    timeline.after(10, note("sooner"));
    await clock.advanceTo(200);
    expect(happened).toEqual(["sooner@60", "planned@105"]);
    stop.abort();
    await driving;
    expect(clock.sleepers).toBe(0);
  });
});
