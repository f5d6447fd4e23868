import { SFNClient } from "@aws-sdk/client-sfn";
import { readHistory } from "../../engines/stepfunctions/history.ts";
import { openBase } from "../base.ts";
import type { Base } from "../effects.ts";
import { openEffects } from "../effects.ts";
import { afterEnded } from "../ended.ts";
import { serviceFunctions } from "../functions.ts";
import { writeLog } from "../log.ts";
import type { CallContext } from "../task.ts";
import { stdoutLine } from "../task.ts";

let base: Base | undefined;

export const handler = async (event: unknown, context: CallContext = {}): Promise<{ readonly kept: number }> => {
  base ??= openBase(process.env);
  const { clock, environment } = base;
  const startedAt = clock.now();
  const client = new SFNClient({ region: environment.region });
  const opened = await openEffects(base, serviceFunctions.ended.needs, {});
  try {
    const answer = await afterEnded(event, {
      flow: opened.effects,
      machines: environment.machines,
      readHistory: (arn) => readHistory(client, arn),
    });
    writeLog(stdoutLine, {
      level: "info",
      function: "ended",
      requestId: context.awsRequestId,
      durationMs: clock.now() - startedAt,
      answer: `${answer.kept} events kept`,
    });
    return answer;
  } finally {
    await opened.close();
  }
};
