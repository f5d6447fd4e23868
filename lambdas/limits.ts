import { FailureError } from "../core/errors/failure.ts";
import type { StackLimits } from "../core/plan/stack-limits.ts";
import { whyBeyondLimits } from "../core/plan/stack-limits.ts";
import type { Handler } from "./handlers.ts";

/**
 * A handler that admits a run, held to what the stack allows: whoever starts an execution, by whatever tool, comes by here.
 *
 * The run's plan is looked at when the handler asks for it, that is after it has taken the epoch: so a refused run ends
 * as any other, and can be resumed when the limit is another.
 */
export const withinLimits =
  (admit: Handler, readLimits: () => StackLimits): Handler =>
  (payload, fx) =>
    admit(payload, {
      ...fx,
      openRun: async (runId) => {
        const experiment = await fx.openRun(runId);
        const why = whyBeyondLimits(experiment.plan, readLimits());
        if (why !== undefined) throw new FailureError(why);
        return experiment;
      },
    });
