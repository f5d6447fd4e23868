import { metricNamed } from "../../../analysis/compare/metric-name.ts";

describe("metricNamed", () => {
  const known = ["latencyP99Ms", "latencyP50Ms", "throughputPerSec", "getMs", "getPerSec", "a_b"];
  it.each([
    ["latencyP99Ms", "latencyP99Ms"],
    ["latency.p99", "latencyP99Ms"],
    ["latency.p99Ms", "latencyP99Ms"],
    ["throughput", "throughputPerSec"],
    ["a_b", "a_b"],
    ["get", "get"], // two fit
    ["latency", "latency"], // none does
    ["(", "("],
  ])("%s is %s", (text, name) => {
    expect(metricNamed(text, known)).toBe(name);
  });
});
