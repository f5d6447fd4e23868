import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../core/effects/clock.ts";
import { toFailure } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import type { UploadCheck, UploadRefusal } from "../upload-url.ts";
import { checkUpload, uploadRefusalStatus } from "../upload-url.ts";
import { errnoOf } from "./errno.ts";

export interface UploadHandlerOptions {
  /** Lands the bytes; the folder store as a rule. */
  readonly store: Pick<ObjectStore, "putFile">;
  /** `FolderStore.uploadSecret()` */
  readonly secret: Uint8Array;
  /** Below which path the keys stand: `/uploads/`, slashes at both ends. */
  readonly path: string;
  readonly clock: Pick<Clock, "now">;
  /** A sender that is silent for so long is cut off. @default 60 s */
  readonly idleMs?: number;
  readonly onRefusal?: (refusal: {
    readonly code: UploadRefusal;
    readonly detail: string;
    readonly path: string;
  }) => void;
}

/**
 * Takes the PUTs of signed upload URLs for a node:http server of any size: S3's part in the embedded default.
 *
 * Answers 200 with `{"outcome":"created"}`, or "mine" when the very same bytes were there already (a repeat after a lost
 * answer); everything else with the refusal's status and `{"code":…,"detail":…}`. Nothing is visible before its length
 * and digest are proven. The server's `requestTimeout` must be longer than the slowest upload: Node's default of 300 s
 * cuts a part of 1 GiB below 3.6 MB/s. Silence is bounded here.
 *
 * Listen with it to `checkContinue` as well, and refused bodies don't travel at all.
 *
 * @returns false when the request isn't for uploads: somebody else must answer
 */
export function uploadHandler(
  options: UploadHandlerOptions,
): (request: IncomingMessage, response: ServerResponse, awaitsContinue?: "awaitsContinue") => boolean {
  return (request, response, awaitsContinue) => {
    const url = new URL(request.url ?? "/", "http://upload");
    if (!url.pathname.startsWith(options.path)) return false;
    const path = url.pathname.slice(options.path.length);
    const check: UploadCheck =
      request.method === "PUT"
        ? checkUpload({
            secret: options.secret,
            path,
            query: url.searchParams,
            header: (name) => headerOf(request, name),
            now: options.clock.now(),
          })
        : { kind: "refused", code: "NotAnUploadUrl", detail: `${request.method ?? "?"} is not PUT` };
    if (check.kind === "refused") {
      refuse(options, request, response, { code: check.code, detail: check.detail, path });
      return true;
    }
    if (awaitsContinue !== undefined) response.writeContinue();
    request.setTimeout(options.idleMs ?? 60_000, () => request.destroy(new Error("silent for too long")));
    void land(options, check, request, response);
    return true;
  };
}

async function land(
  options: UploadHandlerOptions,
  grant: Extract<UploadCheck, { kind: "granted" }>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let received = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    const chunks: AsyncIterable<Uint8Array> = request;
    for await (const chunk of chunks) {
      received += chunk.byteLength;
      yield chunk;
    }
  };
  try {
    const outcome = await options.store.putFile(grant.key, counted(), grant.digest);
    if (outcome === "other") {
      const detail = "the key holds different bytes; evidence is never overwritten";
      refuse(options, request, response, { code: "DifferentBytesThere", detail, path: grant.key });
    } else {
      answer(request, response, 200, { outcome });
    }
  } catch (error) {
    const detail = messageOf(error);
    refuse(options, request, response, { code: codeOf(error, received, grant.digest.bytes), detail, path: grant.key });
  }
}

function codeOf(error: unknown, receivedBytes: number, signedBytes: number): UploadRefusal {
  const failure = toFailure(error);
  if (failure.class === "integrity") return receivedBytes < signedBytes ? "Truncated" : "WrongDigest";
  if (isDiskFull(error) || (error instanceof Error && isDiskFull(error.cause))) return "DiskFull";
  // The connection broke: what Node calls it differs by who noticed.
  return receivedBytes < signedBytes && errnoOf(error) === "ECONNRESET" ? "Truncated" : "StoreFailed";
}

const isDiskFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "");

function refuse(
  options: UploadHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  refusal: { readonly code: UploadRefusal; readonly detail: string; readonly path: string },
): void {
  options.onRefusal?.(refusal);
  answer(request, response, uploadRefusalStatus[refusal.code], { code: refusal.code, detail: refusal.detail });
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return; // nobody is left to hear it
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    // A body that nobody wants is read and dropped, so that the sender gets to the answer; then the line is closed.
    ...(request.complete ? {} : { connection: "close" }),
  });
  response.end(text);
  if (!request.complete) request.resume();
}

const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};
