import { z } from "zod";
import type { HostCallEffects } from "../core/flow/host-calls.ts";
import { answerHost, hostCalls, mostCallBytes } from "../core/flow/host-calls.ts";
import { messageOf } from "../core/errors/reprise-error.ts";

/** A function URL's event, as far as we look at it. @see Lambda's payload format 2.0 */
const eventSchema = z.object({
  rawPath: z.string(),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
});

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Answers one call of a host at the function's URL, which is open to the internet: what a caller may do is what the
 * capability in its body was signed for, and a body larger than anything honest isn't read.
 *
 * Calls may come twice and in any order: every write behind this is create-if-absent.
 */
export async function answerHttp(event: unknown, effects: HostCallEffects): Promise<HttpAnswer> {
  const request = eventSchema.safeParse(event);
  if (!request.success) return answer(400, { code: "Malformed", detail: "not a call of a function URL" });
  const { rawPath, requestContext, body = "", isBase64Encoded } = request.data;
  const call = hostCalls.find((name) => rawPath === `/${name}`);
  if (requestContext.http.method !== "POST" || call === undefined) {
    return answer(404, { code: "NoSuchCall", detail: `${requestContext.http.method} ${rawPath}`.slice(0, 200) });
  }
  const text = isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body;
  if (text.length > mostCallBytes) return answer(413, { code: "TooLarge", detail: `more than ${mostCallBytes} bytes` });
  try {
    const { status, body: said } = await answerHost(call, parseJson(text), effects);
    return answer(status, said);
  } catch (error) {
    return answer(500, { code: "Failed", detail: messageOf(error).slice(0, 500) }); // hosts come again
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null; // the call's schema refuses it
  }
};

const answer = (statusCode: number, body: unknown): HttpAnswer => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
