import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { ConnectionDropped } from "./http.ts";
import type { HttpHandler } from "./http.ts";
import type { LoopbackTls } from "./tls.ts";

/** Largest request body that is read; the SDKs' largest is 16 KiB of user data plus change. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface RunningServer {
  /** `https://127.0.0.1:40123` */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Serves a handler on a free loopback port; with `tls` over https. */
export async function listenLoopback(handler: HttpHandler, tls?: LoopbackTls): Promise<RunningServer> {
  const onRequest: RequestListener = (request, response) => {
    void answer(handler, request, response, tls !== undefined);
  };
  const server =
    tls === undefined
      ? createHttpServer(onRequest)
      : createHttpsServer({ key: tls.keyPem, cert: tls.certPem }, onRequest);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server's address is always of this form
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  handler: HttpHandler,
  request: IncomingMessage,
  response: ServerResponse,
  secure: boolean,
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    const body = await readBody(request);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
    const url = new URL(request.url ?? "/", `${secure ? "https" : "http"}://${headers["host"] ?? "127.0.0.1"}`);
    const answered = await handler({ method: request.method ?? "GET", url, headers, body }, gone.signal);
    response.writeHead(answered.status, { ...answered.headers });
    response.end(answered.body);
  } catch (error) {
    if (error instanceof ConnectionDropped || gone.signal.aborted) request.socket.destroy();
    else {
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(`emulator failed: ${String(error)}`);
    }
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer; // no encoding is set, so chunks are buffers
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw new Error(`body of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
