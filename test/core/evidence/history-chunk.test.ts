import { gunzipSync } from "node:zlib";
import { packHistory, unpackHistory } from "../../../core/evidence/history-chunk.ts";

describe("a piece of a history", () => {
  const events = Array.from({ length: 50 }, (_, n) => ({ id: n + 1, type: "TaskScheduled", name: "RunJobs é" }));

  it("is JSON lines for zcat, the same bytes each time, and reads back", () => {
    const packed = packHistory(events);
    expect(gunzipSync(packed).toString().split("\n")[0]).toBe('{"id":1,"type":"TaskScheduled","name":"RunJobs é"}');
    expect(packHistory(events)).toEqual(packed);
    expect(unpackHistory(packed).map((line) => JSON.parse(line) as unknown)).toEqual(events);
    expect(unpackHistory(packHistory([]))).toEqual([]);
  });

  it("is no history where it isn't whole", () => {
    expect(() => unpackHistory(packHistory(events).subarray(0, -9))).toThrow();
  });
});
