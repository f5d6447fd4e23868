import { verifyCapability } from "../../core/identity/index.ts";
import { openBase } from "../base.ts";
import type { Base } from "../effects.ts";
import { openEffects } from "../effects.ts";
import type { HttpAnswer } from "../endpoint.ts";
import { answerHttp } from "../endpoint.ts";
import { serviceFunctions } from "../functions.ts";
import { writeLog } from "../log.ts";
import type { CallContext } from "../task.ts";
import { stdoutLine } from "../task.ts";

let base: Base | undefined;

export const handler = async (event: unknown, context: CallContext = {}): Promise<HttpAnswer> => {
  base ??= openBase(process.env);
  const { clock } = base;
  const startedAt = clock.now();
  const secret = await base.secret();
  const opened = await openEffects(base, serviceFunctions.endpoint.needs, {});
  try {
    const answer = await answerHttp(event, {
      flow: opened.effects,
      verify: (token, now) => verifyCapability(secret, token, now),
    });
    writeLog(stdoutLine, {
      level: answer.statusCode < 400 ? "info" : "error",
      function: "endpoint",
      requestId: context.awsRequestId,
      durationMs: clock.now() - startedAt,
      answer: String(answer.statusCode),
      ...(answer.statusCode < 400 ? {} : { message: answer.body }),
    });
    return answer;
  } finally {
    await opened.close();
  }
};
