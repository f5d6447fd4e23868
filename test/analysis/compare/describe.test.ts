import { higherMeans } from "../../../analysis/compare/describe.ts";

describe("higherMeans", () => {
  it.each([
    ["p99Ms", "slower"],
    ["throughputPerSec", "faster"],
    ["elapsedSec", "slower"],
    ["outputBytes", "more"],
    ["items", "more"],
    ["requests.csv:latencyMs:p99", "slower"],
    ["requests.csv:latencyMs:count", "more"],
    ["rates.csv:opsPerSec", "faster"],
  ] as const)("of %s: %s", (metric, meaning) => {
    expect(higherMeans(metric)).toBe(meaning);
  });
});
