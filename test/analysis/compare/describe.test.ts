import { higherMeans } from "../../../analysis/compare/describe.ts";

describe("higherMeans", () => {
  it.each([
    ["p99Ms", "slower"],
    ["throughputPerSec", "faster"],
    ["elapsedSec", "slower"],
    ["outputBytes", "more"],
    ["items", "more"],
  ] as const)("of %s: %s", (metric, meaning) => {
    expect(higherMeans(metric)).toBe(meaning);
  });
});
