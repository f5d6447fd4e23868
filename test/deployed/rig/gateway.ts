import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface GatewayTargets {
  /** Step Functions. */
  readonly moto: () => number;
  /** Everything else that is AWS. */
  readonly ministack: () => number;
  readonly invoke: (functionName: string, payload: string) => Promise<{ payload: string; functionError: boolean }>;
  /** The function behind the endpoint's URL. */
  readonly endpointFunction: () => string;
  /** Whether what was signed with this access key some time ago is still taken. */
  readonly admits: (accessKeyId: string) => boolean;
}

/**
 * One address for the whole emulated cloud. Services are told apart as AWS's own front door does, by the credential scope
 * of the signature; Lambda's Invoke and the endpoint's URL go to real processes.
 *
 * It makes good what the emulators miss: a presigned URL that has expired, or whose signer's session has ended, is refused,
 * as S3 does.
 */
export async function startGateway(
  targets: GatewayTargets,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, targets).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end(String(error));
    });
  });
  server.requestTimeout = 0;
  const port = await listen(server);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const endpointPath = "/lambda-url/endpoint";

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, targets: GatewayTargets): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://gateway");
  const invoked = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(url.pathname)?.[1];
  if (invoked !== undefined) {
    const { payload, functionError } = await targets.invoke(decodeURIComponent(invoked), await readText(incoming));
    outgoing.writeHead(200, {
      "content-type": "application/json",
      "x-amz-executed-version": "1",
      ...(functionError ? { "x-amz-function-error": "Unhandled" } : {}),
    });
    outgoing.end(payload);
    return;
  }
  if (url.pathname.startsWith(endpointPath)) {
    const event = {
      version: "2.0",
      rawPath: url.pathname.slice(endpointPath.length) || "/",
      requestContext: { http: { method: incoming.method, path: url.pathname } },
      body: await readText(incoming),
      isBase64Encoded: false,
    };
    const { payload, functionError } = await targets.invoke(targets.endpointFunction(), JSON.stringify(event));
    if (functionError) {
      outgoing.writeHead(502).end("Internal Server Error");
      return;
    }
    const said = JSON.parse(payload) as { statusCode: number; headers: Record<string, string>; body: string };
    outgoing.writeHead(said.statusCode, said.headers).end(said.body);
    return;
  }
  const signer = url.searchParams.get("X-Amz-Credential")?.split("/")[0];
  if (isExpired(url, Date.now())) {
    refuse(incoming, outgoing, "<Code>AccessDenied</Code><Message>Request has expired</Message>");
    return;
  }
  if (signer !== undefined && !targets.admits(signer)) {
    refuse(incoming, outgoing, "<Code>ExpiredToken</Code><Message>The provided token has expired.</Message>");
    return;
  }
  pass(incoming, outgoing, serviceOf(incoming) === "states" ? targets.moto() : targets.ministack());
}

/** What was sent is read to its end first, as it would otherwise cut the answer short. */
function refuse(incoming: IncomingMessage, outgoing: ServerResponse, why: string): void {
  incoming.resume();
  outgoing.writeHead(403, { "content-type": "application/xml" });
  outgoing.end(`<Error>${why}</Error>`);
}

/** `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/states/aws4_request, …` */
const serviceOf = (incoming: IncomingMessage): string | undefined =>
  /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(incoming.headers.authorization ?? "")?.[1];

function isExpired(url: URL, nowMs: number): boolean {
  const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(url.searchParams.get("X-Amz-Date") ?? "");
  const lifeSec = Number(url.searchParams.get("X-Amz-Expires") ?? NaN);
  if (signed === null || Number.isNaN(lifeSec)) return false;
  const [, year, month, day, hour, minute, second] = signed.map(Number);
  return nowMs > Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second) + lifeSec * 1_000;
}

function pass(incoming: IncomingMessage, outgoing: ServerResponse, port: number): void {
  const { method, url, headers } = incoming;
  const onward = request({ host: "127.0.0.1", port, path: url ?? "/", method: method ?? "GET", headers }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer); // no encoding was set
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? "null" : text;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)); // listening on TCP
  });
