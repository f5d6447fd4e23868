import type { Reaped } from "../../core/flow/reap.ts";
import { reapExpired } from "../../core/flow/reap.ts";
import { openBase } from "../base.ts";
import type { Base } from "../effects.ts";
import { writeLog, writeMetrics } from "../log.ts";
import { openProviders } from "../parts/providers.ts";
import type { CallContext } from "../task.ts";
import { stdoutLine } from "../task.ts";

let base: Base | undefined;

export const handler = async (_event: unknown, context: CallContext = {}): Promise<Reaped> => {
  base ??= openBase(process.env);
  const { clock, environment } = base;
  const startedAt = clock.now();
  const open = openProviders(environment, clock);
  const reaped = await reapExpired(environment.providers.map(open), { clock });
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
