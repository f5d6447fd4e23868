import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { PriceList, QuoteAssumptions } from "../../../core/plan/quote.ts";
import { quotePlan, remainingTrials } from "../../../core/plan/quote.ts";
import type { Plan } from "../../../core/plan/types.ts";
import { definitionText, loadFixture, loadText, planInputs } from "../definition/load.ts";

const prices: PriceList = {
  hostDollarsPerHour: ({ provider, shape }) =>
    provider === "local" ? { onDemand: 0, spot: undefined } : { onDemand: shape.vcpus, spot: shape.vcpus / 4 },
  controlDollars: (trials) => trials / 1_000,
  asOf: "2026-11-01",
};
const assumptions: QuoteAssumptions = { bootMs: () => 60_000, overheadMsPerTrial: 0, teardownMs: () => 0 };

const planOf = (over: Readonly<Record<string, string>> = {}): Plan => {
  const definition = loadText(
    definitionText({
      trial: "{ timeout: 10m, expected: '${{ params.clients * 60 }}s', jobs: { load: { on: client, run: x } } }",
      deployments:
        "{ cluster: { on: aws, places: [eu-west-1a], roles: { client: { count: 2, machine: { vcpu: 2 } } } } }",
      ...over,
    }),
  );
  return planExperiment(definition, planInputs(definition));
};

describe("quotePlan", () => {
  it("adds up time, hosts and dollars", () => {
    // Points of 60 s and 120 s, three trials each, behind a minute of booting: 10 minutes of two hosts with 2 vCPUs.
    const quote = quotePlan(planOf(), prices, { assumptions });
    expect(quote.expectedMs).toBe(600_000);
    expect(quote.isUpperBound).toBe(false);
    expect(quote.trials).toEqual({ planned: 6, skipped: 0, remaining: 6 });
    expect(quote.onDemandDollars).toBeCloseTo((4 * 600) / 3_600 + 0.006);
    expect(quote.deployments[0]).toMatchObject({
      hosts: 2,
      dollarsPerHour: 4,
      machines: [{ provider: "aws", region: "eu-west-1", type: "m2", count: 2, vcpus: 2, onDemandDollarsPerHour: 2 }],
      quota: [{ provider: "aws", region: "eu-west-1", spot: false, vcpus: 4 }],
    });
  });

  it("lets lanes work side by side", () => {
    const lanes = planOf({
      deployments:
        "{ cluster: { on: aws, places: [eu-west-1a], lanes: 3, roles: { client: { machine: { vcpu: 2 } } } } }",
    });
    // 60, 120, 60, 120, 60, 120 s, each to the lane that is free first: 180, 180, 180.
    expect(quotePlan(lanes, prices, { assumptions }).expectedMs).toBe(60_000 + 240_000);
  });

  it("takes spot prices where spot is asked for", () => {
    const spot = planOf({
      deployments:
        "{ cluster: { on: aws, places: [eu-west-1a], spot: true, roles: { client: { count: 2, machine: { vcpu: 2 } } } } }",
    });
    const quote = quotePlan(spot, prices, { assumptions });
    expect(Number(quote.spotDollars)).toBeLessThan(Number(quote.onDemandDollars) / 3);
  });

  it("says unknown, never 0, where a price is missing", () => {
    const unknown: PriceList = { ...prices, hostDollarsPerHour: () => ({ onDemand: "unknown", spot: "unknown" }) };
    const quote = quotePlan(planOf({ budget: "{ dollars: 1, dollarsPerHour: 1 }" }), unknown, { assumptions });
    expect([quote.onDemandDollars, quote.spotDollars, quote.deployments[0]?.dollarsPerHour]).toEqual([
      "unknown",
      "unknown",
      "unknown",
    ]);
    expect(quote.sweeps[0]?.onDemandDollars).toBe("unknown");
    expect(quote.warnings).toEqual([
      "cluster: whether it stays below $1 an hour is unknown",
      "whether it stays within the budget of $1 is unknown: a price is missing",
    ]);
  });

  it("warns of what exceeds the limits", () => {
    const quote = quotePlan(planOf({ budget: "{ dollars: 0.5, dollarsPerHour: 3 }" }), prices, { assumptions });
    expect(quote.warnings).toEqual([
      "cluster costs $4.00 an hour, more than the allowed $3",
      "$0.67 expected, more than the budget of $0.5: not all trials will run",
    ]);
  });

  it("leaves out what has a valid result, and deployments with nothing to do", () => {
    const plan = planOf();
    const valid = new Set(plan.blocks.slice(0, 4).flatMap((block) => block.trials.map((trial) => trial.trialKey)));
    const quote = quotePlan(plan, prices, { assumptions, validResults: valid });
    expect(quote.trials).toEqual({ planned: 6, skipped: 4, remaining: 2 });
    expect(quote.expectedMs).toBe(60_000 + 180_000);
    expect(remainingTrials(plan, valid)).toHaveLength(2);
    const all = new Set(plan.blocks.flatMap((block) => block.trials.map((trial) => trial.trialKey)));
    expect(quotePlan(plan, prices, { assumptions, validResults: all })).toMatchObject({
      deployments: [],
      expectedMs: 0,
      onDemandDollars: 0,
    });
  });

  it("shares a deployment's hours among its sweeps", () => {
    const definition = loadFixture("redis/redis");
    const plan = planExperiment(definition, planInputs(definition));
    const quote = quotePlan(plan, prices, { assumptions });
    expect(quote.sweeps.map((sweep) => [sweep.sweep, sweep.points, sweep.trials])).toEqual([
      ["payload", 8, 24],
      ["pipelining", 4, 12],
      ["clients", 6, 18],
    ]);
    expect(quote.deployments[0]?.quota).toEqual([]); // local hosts need nobody's leave
  });

  it("says that it is an upper bound where no duration is stated", () => {
    const plan = planOf({ trial: "{ timeout: 10m, jobs: { load: { on: client, run: x } } }" });
    expect(quotePlan(plan, prices, { assumptions })).toMatchObject({
      isUpperBound: true,
      expectedMs: 60_000 + 6 * 600_000,
    });
  });
});
