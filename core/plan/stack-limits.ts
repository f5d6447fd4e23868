import type { Failure } from "../errors/failure.ts";
import type { Plan } from "./types.ts";

/** What whoever deployed a control plane allows its runs. */
export interface StackLimits {
  /** The largest budget that a run may have. @default any, and none */
  readonly maxRunDollars?: number | undefined;
  /** Hosts expire so long after their creation at most. @default what definitions say */
  readonly maxLeaseHours?: number | undefined;
}

/** Why a control plane doesn't begin a run: it may spend more than is allowed, or doesn't say what it may spend. */
export function whyBeyondLimits(plan: Pick<Plan, "budgetDollars">, limits: StackLimits): Failure | undefined {
  const { maxRunDollars } = limits;
  if (maxRunDollars === undefined) return undefined;
  const { budgetDollars } = plan;
  if (budgetDollars !== undefined && budgetDollars <= maxRunDollars) return undefined;
  const asked = budgetDollars === undefined ? "the run has no budget" : `the run's budget is $${budgetDollars}`;
  return {
    class: "budget",
    message: `${asked}, and this control plane begins none beyond $${maxRunDollars}`,
    hint: `say \`budget: {dollars: ${maxRunDollars}}\` or less, or deploy with another --max-run-dollars`,
  };
}

/** The plan with leases cut down to what is allowed: a trial that lasts longer has them renewed, as ever. */
export function withinLeases(plan: Plan, { maxLeaseHours }: StackLimits): Plan {
  if (maxLeaseHours === undefined) return plan;
  const mostMs = maxLeaseHours * 3_600_000;
  return {
    ...plan,
    deployments: plan.deployments.map((one) => ({ ...one, leaseMs: Math.min(one.leaseMs, mostMs) })),
  };
}
