import type { EC2Client } from "@aws-sdk/client-ec2";
import { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import type { QuotaReader } from "./quotas.ts";
import { signPost } from "./sigv4.ts";

const answerSchema = z.object({ Quota: z.object({ Value: z.number() }) });
const answeredSchema = z.object({ response: z.object({ statusCode: z.number(), body: z.unknown() }) });
const callMs = 10_000;
const largestAnswerBytes = 100_000;

/**
 * Reads quotas from Service Quotas with an EC2 client's credentials and HTTP handler: one operation isn't worth an SDK.
 *
 * A quota that can't be read, for want of permission or of an answer, is unknown, never an error: it only informs.
 */
export const serviceQuotas =
  (ec2: (region: string) => EC2Client, clock: Clock): QuotaReader =>
  async (region, quotaCode) => {
    try {
      return await readQuota(ec2(region), { region, quotaCode }, clock);
    } catch {
      return undefined;
    }
  };

async function readQuota(
  client: EC2Client,
  asked: { readonly region: string; readonly quotaCode: string },
  clock: Clock,
): Promise<number | undefined> {
  const host = `servicequotas.${asked.region}.amazonaws.com`;
  const body = JSON.stringify({ ServiceCode: "ec2", QuotaCode: asked.quotaCode });
  const headers = signPost(
    {
      host,
      path: "/",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "ServiceQuotasV20190624.GetServiceQuota",
      },
      body,
    },
    { region: asked.region, service: "servicequotas", at: clock.now() },
    await client.config.credentials(),
  );
  const stop = new AbortController();
  const done = new AbortController();
  void clock.sleep(callMs, done.signal).then(
    () => stop.abort(new Error(`no answer within ${callMs} ms`)),
    () => undefined, // answered first
  );
  try {
    const request = {
      method: "POST",
      protocol: "https:",
      hostname: host,
      port: undefined,
      path: "/",
      query: {},
      headers,
      body,
    };
    // Typed `any` by the SDK: what comes back is read, not trusted.
    const { response } = answeredSchema.parse(
      await client.config.requestHandler.handle(request, { abortSignal: stop.signal }),
    );
    if (response.statusCode !== 200) return undefined;
    const answer = answerSchema.safeParse(JSON.parse(await textOf(response.body)));
    return answer.success ? answer.data.Quota.Value : undefined;
  } finally {
    done.abort();
  }
}

async function textOf(body: unknown): Promise<string> {
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    // Node's HTTP handler gives the response's stream.
    bytes += chunk.length;
    if (bytes > largestAnswerBytes) throw new Error("an answer of Service Quotas that has no end");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
