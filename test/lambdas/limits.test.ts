import type { FlowEffects } from "../../core/flow/effects.ts";
import type { Experiment } from "../../core/plan/types.ts";
import type { Handler } from "../../lambdas/handlers.ts";
import { withinLimits } from "../../lambdas/limits.ts";

describe("withinLimits", () => {
  const taken: string[] = [];
  /** Takes the epoch, then looks at the plan, as the real one does. */
  const admit: Handler = async (_payload, fx) => {
    taken.push("epoch");
    const { plan } = await fx.openRun("r");
    return { budget: plan.budgetDollars ?? null };
  };
  const effects = (budgetDollars: number | undefined) =>
    ({ openRun: async () => ({ plan: { budgetDollars } }) as Experiment }) as Partial<FlowEffects> as FlowEffects; // nothing else is asked for

  it("admits what is within, and refuses the rest once its epoch is taken", async () => {
    const limited = withinLimits(admit, () => ({ maxRunDollars: 5 }));
    expect(await limited({}, effects(5))).toEqual({ budget: 5 });
    await expect(limited({}, effects(6))).rejects.toMatchObject({
      name: "BudgetFailure",
      failure: { class: "budget" },
    });
    await expect(limited({}, effects(undefined))).rejects.toThrow("the run has no budget");
    expect(taken).toHaveLength(3);
  });

  it("asks nothing of a run where the stack sets no limit", async () => {
    expect(await withinLimits(admit, () => ({}))({}, effects(undefined))).toEqual({ budget: null });
  });
});
