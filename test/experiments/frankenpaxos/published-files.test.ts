import { watchedInputs } from "../../../experiments/frankenpaxos/published-files.ts";

const line = (second: number): string =>
  `2020-07-02 18:50:${second}.000000+00:00,2020-07-02 18:50:${second}.001000+00:00,1000000`;
const fileOf = (...seconds: readonly number[]): Uint8Array =>
  Buffer.from(`start,stop,latency_nanos\n${seconds.map((second) => `${line(second)}\n`).join("")}`);

describe("watchedInputs", () => {
  it("names a recording whose clock stepped back", async () => {
    const files: Readonly<Record<string, Uint8Array>> = {
      "a.csv": fileOf(30, 31, 32),
      "b.csv": fileOf(30, 31, 12, 13),
    };
    const inputs = watchedInputs((path) => Promise.resolve(files[path]));
    expect((await inputs.recording("a.csv"))?.startMs).toHaveLength(3);
    expect(inputs.missing()).toEqual([]);
    expect((await inputs.recording("b.csv"))?.startMs).toHaveLength(4);
    expect(inputs.missing()).toEqual([
      "b.csv: 1 requests began before the one above them, as after a step of the clock",
    ]);
  });
});
