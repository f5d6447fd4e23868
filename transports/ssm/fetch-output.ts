import { gunzipSync } from "node:zlib";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { HostAddress } from "../../core/ports/transport.ts";
import type { Dispatched, Dispatcher } from "./dispatcher.ts";
import type { Instance, ResolvedSsm } from "./options.ts";
import type { Report } from "./report.ts";
import { pieceLimits } from "./piece-limits.ts";
import { pieceBytes, renderPiece, renderWhole } from "./script.ts";

/**
 * A bucket that agents upload large output to.
 *
 * It is a way, not a witness: whoever may write there could write anything, so what is read is compared with the size
 * and digest that the host reported through the API.
 */
export interface OutputBucket {
  readonly name: string;
  readonly prefix: string;
  /** Undefined while the object isn't there; more than `limitBytes` may be refused. */
  readonly read: (key: string, limitBytes: number) => Promise<Uint8Array | undefined>;
}

export type EndedReport = Extract<Report, { kind: "ended" }>;

export interface FetchContext {
  readonly host: HostAddress;
  readonly instance: Instance;
  readonly deliveryId: string;
  readonly report: EndedReport;
  readonly signal: AbortSignal;
  readonly clock: { readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void> };
}

/** The agent uploads after it has reported the end. */
const uploadLooks = 20;
const uploadPauseMs = 1_000;

/**
 * All of a command's stdout, its digest checked, whatever way it came.
 *
 * @throws {FailureError} integrity where other bytes came than the host has; transport where they can't be had
 */
export async function fetchOutput(
  dispatcher: Dispatcher,
  options: ResolvedSsm,
  bucket: OutputBucket | undefined,
  context: FetchContext,
): Promise<Uint8Array> {
  const { report, host } = context;
  if (report.stdout !== undefined) return checked(report.stdout, context);
  if (report.outBytes > options.outputLimitBytes)
    throw failure(
      "transport",
      host,
      `${report.outBytes} bytes of output, and Systems Manager fetches ${options.outputLimitBytes}`,
    );
  const packed =
    bucket !== undefined
      ? await fromBucket(dispatcher, options, bucket, context)
      : await inPieces(dispatcher, options, context);
  let whole: Uint8Array;
  try {
    whole = gunzipSync(packed, { maxOutputLength: report.outBytes });
  } catch (error) {
    throw failure("integrity", host, `its output came damaged: ${messageOf(error)}`);
  }
  return checked(whole, context);
}

function checked(bytes: Uint8Array, { report, host }: FetchContext): Uint8Array {
  if (bytes.length === report.outBytes && sha256Hex(bytes) === report.sha256) return bytes;
  throw failure(
    "integrity",
    host,
    `its output came as other bytes than the host has (${bytes.length} of ${report.outBytes})`,
  );
}

async function inPieces(dispatcher: Dispatcher, options: ResolvedSsm, context: FetchContext): Promise<Uint8Array> {
  const { report, host } = context;
  if (report.packedBytes > options.piecewiseLimitBytes)
    throw failure(
      "transport",
      host,
      `${report.packedBytes} bytes of compressed output, and ${options.piecewiseLimitBytes} are fetched in pieces`,
      "give the transport a bucket, or reach the host by ssh",
    );
  const count = Math.ceil(report.packedBytes / pieceBytes);
  const pieces: Uint8Array[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const from = index * pieceBytes;
      pieces[index] = await onePiece(
        dispatcher,
        options,
        context,
        from,
        Math.min(pieceBytes, report.packedBytes - from),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(pieceLimits.atOnce, count) }, worker));
  return Buffer.concat(pieces);
}

async function onePiece(
  dispatcher: Dispatcher,
  options: ResolvedSsm,
  context: FetchContext,
  from: number,
  bytes: number,
): Promise<Uint8Array> {
  const { host, instance, deliveryId, signal } = context;
  let why = "";
  for (let attempt = 1; attempt <= pieceLimits.tries; attempt++) {
    const dispatched = await dispatcher.dispatch(
      {
        ...instance,
        key: `piece ${deliveryId} ${from}`,
        timeoutSec: pieceLimits.timeoutSec,
        script: () => renderPiece(options.spool, deliveryId, from, bytes),
      },
      signal,
    );
    if (dispatched.kind === "ended") {
      const piece = Buffer.from(dispatched.output.stdout, "base64");
      if (piece.length === bytes) return piece;
    }
    why = reasonOf(dispatched);
  }
  throw failure("transport", host, `its output can't be fetched: ${why}`);
}

async function fromBucket(
  dispatcher: Dispatcher,
  options: ResolvedSsm,
  bucket: OutputBucket,
  context: FetchContext,
): Promise<Uint8Array> {
  const { host, instance, deliveryId, report, signal } = context;
  const prefix = `${bucket.prefix.replace(/\/+$/, "")}/${deliveryId}`;
  const dispatched = await dispatcher.dispatch(
    {
      ...instance,
      key: `whole ${deliveryId}`,
      timeoutSec: 600,
      bucket: { name: bucket.name, prefix },
      script: () => renderWhole(options.spool, deliveryId),
    },
    signal,
  );
  if (dispatched.kind !== "ended" || dispatched.output.status !== "Success")
    throw failure("transport", host, `its output can't be uploaded: ${reasonOf(dispatched)}`);
  // The agent's own layout; the console shows the same path.
  const key = `${prefix}/${dispatched.commandId}/${instance.instanceId}/awsrunShellScript/0.awsrunShellScript/stdout`;
  // Base64 in lines of 76 and their ends.
  const limitBytes = Math.ceil(report.packedBytes * 1.4) + 1_000;
  for (let look = 1; look <= uploadLooks; look++) {
    const found = await bucket.read(key, limitBytes);
    if (found !== undefined) return Buffer.from(new TextDecoder().decode(found), "base64");
    await context.clock.sleep(uploadPauseMs, signal);
  }
  throw failure(
    "transport",
    host,
    `its output didn't arrive in bucket ${bucket.name}`,
    "the instance's profile needs s3:PutObject there",
  );
}

const reasonOf = (dispatched: Dispatched): string =>
  dispatched.kind === "ended" ? `${dispatched.output.status} ${dispatched.output.details}` : dispatched.why;

const failure = (
  failureClass: "integrity" | "transport",
  host: HostAddress,
  why: string,
  hint?: string,
): FailureError => new FailureError({ class: failureClass, message: `${host.host}: ${why}`, hint, host: host.host });
