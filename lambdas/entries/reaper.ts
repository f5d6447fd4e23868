import { z } from "zod";
import type { Inventory, Reaped } from "../../core/flow/reap.ts";
import { reapExpired, takeInventory } from "../../core/flow/reap.ts";
import { openBase } from "../base.ts";
import type { Base } from "../effects.ts";
import { writeLog, writeMetrics } from "../log.ts";
import { openProviders } from "../parts/providers.ts";
import type { CallContext } from "../task.ts";
import { stdoutLine } from "../task.ts";

let base: Base | undefined;

/** The command line's own call; the schedule's events say something else. */
const lookSchema = z.object({ look: z.literal("all") });

/** Deletes what outlived its expiry; asked to look, it only says what there is, with the stack's own rights. */
export const handler = async (event: unknown, context: CallContext = {}): Promise<Reaped | Inventory> => {
  base ??= openBase(process.env);
  const { clock, environment } = base;
  const startedAt = clock.now();
  const open = openProviders(environment, clock);
  const providers = environment.providers.map(open);
  if (lookSchema.safeParse(event).success) return takeInventory(providers, { kind: "all" });
  const reaped = await reapExpired(providers, { clock });
  writeLog(stdoutLine, {
    level: reaped.problems.length === 0 ? "info" : "error",
    function: "reaper",
    requestId: context.awsRequestId,
    durationMs: clock.now() - startedAt,
    answer: `${reaped.deleted} of ${reaped.found} expired resources deleted`,
    ...(reaped.problems.length === 0 ? {} : { message: reaped.problems.slice(0, 20).join("; ") }),
  });
  writeMetrics(stdoutLine, { Reaped: reaped.deleted, StillThere: reaped.problems.length }, clock.now());
  return reaped;
};
