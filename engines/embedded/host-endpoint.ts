import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { HostCallEffects } from "../../core/flow/host-calls.ts";
import { answerHost, hostCalls, mostCallBytes } from "../../core/flow/host-calls.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { uploadHandler } from "../../stores/folder/upload-server.ts";
import type { FolderStore } from "../../stores/folder/folder-store.ts";
import type { Clock } from "../../core/effects/clock.ts";

/** Below this path stand the upload URLs, below `/host/` the calls. */
const uploadPath = "/uploads/";

export interface HostEndpoint {
  readonly callUrl: string;
  readonly uploadUrl: string;
  /** From now on uploads land there; until then hosts are told to come again. */
  takeUploads(store: FolderStore): void;
  /** From now on calls are answered; until then hosts are told to come again. */
  serve(effects: HostCallEffects): void;
  close(): Promise<void>;
}

/**
 * Where hosts on this machine report and upload: the embedded engine's part of API and S3.
 *
 * Loopback only. It is opened before the engine, since the store signs URLs with its address. Hosts keep the address
 * that they were told when a step was armed, so an engine that takes a run up listens where the one before it did, when
 * that port is still free. They may call it in the very moment in which it listens, long before it has what it needs to
 * answer.
 *
 * @param portFile remembers the port
 */
export async function openHostEndpoint(clock: Clock, portFile: string): Promise<HostEndpoint> {
  let effects: HostCallEffects | undefined;
  let upload: ReturnType<typeof uploadHandler> | undefined;
  const route = (request: IncomingMessage, response: ServerResponse, awaits?: "awaitsContinue"): void => {
    if (request.url?.startsWith(uploadPath) === true && upload === undefined) {
      sendNotYet(response);
      return;
    }
    if (upload?.(request, response, awaits) === true) return;
    if (awaits !== undefined) response.writeContinue();
    answerCall(request, response, effects).catch((error: unknown) => {
      send(response, 500, { code: "Failed", detail: messageOf(error) });
    });
  };
  /** Whatever a request does to its handler, the engine lives on. */
  const serve: typeof route = (request, response, awaits) => {
    try {
      route(request, response, awaits);
    } catch (error) {
      send(response, 500, { code: "Failed", detail: messageOf(error) });
    }
  };
  const server = createServer((request, response) => {
    serve(request, response);
  });
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, "awaitsContinue");
  });
  server.requestTimeout = 0; // uploads may be long; the upload handler bounds silence itself
  const wanted = Number(await readFile(portFile, "utf8").catch(() => "0"));
  const port = await listen(server, Number.isInteger(wanted) ? wanted : 0).catch(() => listen(server, 0));
  await writeFile(portFile, String(port));
  return {
    callUrl: `http://127.0.0.1:${port}/host`,
    uploadUrl: `http://127.0.0.1:${port}${uploadPath.slice(0, -1)}`,
    takeUploads: (store) => {
      upload = uploadHandler({ store, secret: store.uploadSecret(), path: uploadPath, clock });
    },
    serve: (given) => {
      effects = given;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  effects: HostCallEffects | undefined,
): Promise<void> {
  const call = hostCalls.find((name) => request.url === `/host/${name}`);
  if (request.method !== "POST" || call === undefined) {
    send(response, 404, { code: "NoSuchCall", detail: `${request.method ?? "?"} ${request.url ?? "?"}` });
    return;
  }
  if (effects === undefined) {
    sendNotYet(response);
    return;
  }
  const body = await readBody(request);
  if (body === undefined) {
    send(response, 413, { code: "TooLarge", detail: `more than ${mostCallBytes} bytes` });
    return;
  }
  const answer = await answerHost(call, body, effects);
  send(response, answer.status, answer.body);
}

/** @returns undefined when it is larger than anything honest */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = chunk as Buffer; // no encoding was set
    bytes += buffer.length;
    if (bytes > mostCallBytes) return undefined;
    chunks.push(buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    return null; // the call's schema refuses it
  }
}

const sendNotYet = (response: ServerResponse): void => {
  send(response, 503, { code: "NotYet", detail: "the engine is starting" });
};

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const listen = (server: Server, wanted: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("an HTTP server without a port"));
      else resolve(address.port);
    });
  });
