import { whyBeyondLimits, withinLeases } from "../../../core/plan/stack-limits.ts";
import type { Plan, PlannedDeployment } from "../../../core/plan/types.ts";

describe("whyBeyondLimits", () => {
  it("lets runs of any budget begin, and of none, where no limit is set", () => {
    expect(whyBeyondLimits({ budgetDollars: undefined }, {})).toBeUndefined();
    expect(whyBeyondLimits({ budgetDollars: 1e6 }, {})).toBeUndefined();
  });

  it("begins runs up to the limit, and none beyond, nor one without a budget", () => {
    const limits = { maxRunDollars: 20 };
    expect(whyBeyondLimits({ budgetDollars: 20 }, limits)).toBeUndefined();
    expect(whyBeyondLimits({ budgetDollars: 20.01 }, limits)).toEqual({
      class: "budget",
      message: "the run's budget is $20.01, and this control plane begins none beyond $20",
      hint: "say `budget: {dollars: 20}` or less, or deploy with another --max-run-dollars",
    });
    expect(whyBeyondLimits({ budgetDollars: undefined }, limits)?.message).toMatch(/^the run has no budget/);
  });
});

describe("withinLeases", () => {
  const deployment = (name: string, hours: number) =>
    ({ name, leaseMs: hours * 3_600_000 }) as Partial<PlannedDeployment> as PlannedDeployment; // nothing else is read
  const plan = { deployments: [deployment("short", 1), deployment("long", 12)] } as Partial<Plan> as Plan; // the same

  it("cuts leases down to the limit, and leaves shorter ones", () => {
    const leases = withinLeases(plan, { maxLeaseHours: 3 }).deployments.map(({ leaseMs }) => leaseMs / 3_600_000);
    expect(leases).toEqual([1, 3]);
    expect(withinLeases(plan, {})).toBe(plan);
  });
});
