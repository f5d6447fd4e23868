import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { ConnectionDropped } from "../../emulators/common/http.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { EarlyWakes } from "./early-wakes.ts";
import type { StatesAnswer, StatesCall } from "./early-wakes.ts";

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
  /** Our own EC2, Service Quotas, and Systems Manager but for its parameters. Without it ministack's. */
  readonly machines: () => HttpHandler | undefined;
}

/**
 * One address for the whole emulated cloud. Services are told apart as AWS's own front door does, by the credential scope
 * of the signature; Lambda's Invoke and the endpoint's URL go to real processes, machines' services to our own emulator.
 *
 * It makes good what the emulators miss: a presigned URL that has expired, or whose signer's session has ended, is refused,
 * as S3 does.
 */
export async function startGateway(targets: GatewayTargets): Promise<Gateway> {
  const servers: Server[] = [];
  const wakes = new EarlyWakes((call) => postToMoto(targets.moto(), call));
  const listenAt = async (address: string, port: number): Promise<number> => {
    const server = createServer((incoming, outgoing) => {
      answer(incoming, outgoing, targets, wakes).catch((error: unknown) => {
        if (error instanceof ConnectionDropped) incoming.socket.destroy();
        else if (!outgoing.headersSent) outgoing.writeHead(502);
        outgoing.end(String(error));
      });
    });
    server.requestTimeout = 0;
    servers.push(server);
    return listen(server, address, port);
  };
  const port = await listenAt("127.0.0.1", 0);
  return {
    port,
    listenAt: async (address) => {
      await listenAt(address, port);
    },
    close: async () => {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

export interface Gateway {
  /** The same at every address; one on loopback from the beginning. */
  readonly port: number;
  listenAt(address: string): Promise<void>;
  close(): Promise<void>;
}

export const endpointPath = "/lambda-url/endpoint";

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  targets: GatewayTargets,
  wakes: EarlyWakes,
): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://gateway");
  const invoked = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(url.pathname)?.[1];
  if (invoked !== undefined) {
    const sent = (await readText(incoming)) || "null";
    const { payload, functionError } = await wakes.during(sent, () =>
      targets.invoke(decodeURIComponent(invoked), sent),
    );
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
      body: (await readText(incoming)) || "null",
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
  const service = serviceOf(incoming);
  const machines = targets.machines();
  if (machines !== undefined && isOfMachines(service, incoming)) {
    await handle(incoming, outgoing, url, machines);
    return;
  }
  const target = String(incoming.headers["x-amz-target"]);
  if (service === "states" && EarlyWakes.isWake(target)) {
    const { authorization = "" } = incoming.headers;
    const { status, body } = await wakes.wake({ target, authorization, body: await readText(incoming) });
    outgoing.writeHead(status, { "content-type": jsonType }).end(body);
    return;
  }
  pass(incoming, outgoing, service === "states" ? targets.moto() : targets.ministack());
}

function isOfMachines(service: string | undefined, { headers }: IncomingMessage): boolean {
  if (service === "ec2" || service === "servicequotas") return true;
  // What the stack tells of itself is a parameter: that is where the stack is.
  return service === "ssm" && !/\.(Get|Put|Delete)Parameter/.test(String(headers["x-amz-target"]));
}

async function handle(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  url: URL,
  handler: HttpHandler,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) if (value !== undefined) headers[name] = String(value);
  const body = await readText(incoming);
  const answered = await handler({ method: incoming.method ?? "GET", url, headers, body }, gone.signal);
  outgoing.writeHead(answered.status, { ...answered.headers }).end(answered.body);
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

const jsonType = "application/x-amz-json-1.0";

async function postToMoto(port: number, { target, authorization, body }: StatesCall): Promise<StatesAnswer> {
  const answered = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    headers: { "content-type": jsonType, "x-amz-target": target, authorization },
    body,
  });
  return { status: answered.status, body: await answered.text() };
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
  return Buffer.concat(chunks).toString("utf8");
}

const listen = (server: Server, address: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => resolve((server.address() as AddressInfo).port)); // listening on TCP
  });
