import { gzipSync } from "node:zlib";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { HostAddress, RemoteTask } from "../../core/ports/transport.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Instance, ResolvedSsm } from "./options.ts";
import { notYetCode, renderStage } from "./script.ts";
import { pieceLimits } from "./piece-limits.ts";
import type { StdinSource } from "./script.ts";

/** A URL that gives these bytes once. */
export interface OneTimeUrl {
  readonly url: string;
  /** Called when it has served, or never will. */
  readonly revoke: () => Promise<void>;
}

export interface CarriedStdin {
  readonly source: StdinSource;
  readonly revoke: () => Promise<void>;
}

/** Nothing of the command itself was sent: it may be asked again like any that didn't start. */
export interface NotCarried {
  readonly notStarted: string;
}

export type Carried = CarriedStdin | NotCarried;

export interface Carriage {
  readonly host: HostAddress;
  readonly instance: Instance;
  readonly task: RemoteTask<unknown>;
  readonly stdin: Uint8Array | undefined;
  readonly signal: AbortSignal;
}

/** base64 that goes along with its command; with the script around it below a document's 64 KB. */
const inlineChars = 40_000;
/** Of one piece that goes ahead. */
const pieceChars = 56_000;
/** Up to so many are sooner there than a bucket's object. */
const fewPieces = 8;
const mostPieces = 256;

/**
 * Brings a command's stdin to its host: along with it where it is public and small, ahead of it in pieces where it is
 * large, by a one-time URL where it may be secret or is larger still.
 *
 * @throws {FailureError} class invalid for what can't be brought
 */
export async function carryStdin(
  dispatcher: Dispatcher,
  options: ResolvedSsm,
  offer: ((body: Uint8Array) => Promise<OneTimeUrl>) | undefined,
  carriage: Carriage,
): Promise<Carried> {
  const { host, task, stdin } = carriage;
  if (stdin === undefined || stdin.length === 0) return { source: { kind: "none" }, revoke: nothing };
  const sha256 = sha256Hex(stdin);
  const isPublic = options.isPublic(task, stdin);
  const text = isPublic ? gzipSync(stdin).toString("base64") : "";
  if (isPublic && text.length <= inlineChars) return { source: { kind: "inline", text, sha256 }, revoke: nothing };
  const pieces = Math.ceil(text.length / pieceChars);
  if (offer !== undefined && (!isPublic || pieces > fewPieces)) {
    const { url, revoke } = await offer(stdin);
    return { source: { kind: "url", url, sha256 }, revoke };
  }
  if (!isPublic)
    throw invalid(
      host,
      "stdin that may be secret can't go by Systems Manager: its parameters are kept and shown",
      "give the transport one-time URLs, say that this task's stdin is public, or reach the host by ssh",
    );
  if (pieces > mostPieces)
    throw invalid(
      host,
      `${stdin.length} bytes of stdin: compressed, Systems Manager takes ${Math.floor((mostPieces * pieceChars * 3) / 4)} in pieces`,
      "let the host download it, give the transport a bucket, or reach the host by ssh",
    );
  const failed = await stage(dispatcher, options, carriage, { sha256, text, pieces });
  return failed ?? { source: { kind: "staged", pieces, sha256 }, revoke: nothing };
}

async function stage(
  dispatcher: Dispatcher,
  options: ResolvedSsm,
  carriage: Carriage,
  whole: { readonly sha256: string; readonly text: string; readonly pieces: number },
): Promise<NotCarried | undefined> {
  let next = 0;
  let failed: NotCarried | undefined;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < whole.pieces && failed === undefined; index = next++) {
      const text = whole.text.slice(index * pieceChars, (index + 1) * pieceChars);
      const piece = { sha256: whole.sha256, index, text };
      failed ??= await stagePiece(dispatcher, options, carriage, piece);
    }
  };
  await Promise.all(Array.from({ length: Math.min(pieceLimits.atOnce, whole.pieces) }, worker));
  return failed;
}

/** The same piece twice is one piece, so that each is sent until one arrived. */
async function stagePiece(
  dispatcher: Dispatcher,
  options: ResolvedSsm,
  { host, instance, signal }: Carriage,
  piece: { readonly sha256: string; readonly index: number; readonly text: string },
): Promise<NotCarried | undefined> {
  let why = "";
  for (let attempt = 1; attempt <= pieceLimits.tries; attempt++) {
    const dispatched = await dispatcher.dispatch(
      {
        ...instance,
        key: `stage ${piece.sha256} ${piece.index} ${host.user}`,
        timeoutSec: pieceLimits.timeoutSec,
        script: () => renderStage({ spool: options.spool, user: host.user }, piece),
      },
      signal,
    );
    if (dispatched.kind === "notStarted") return { notStarted: dispatched.why };
    if (dispatched.kind === "ended") {
      if (dispatched.output.status === "Success") return undefined;
      if (dispatched.output.responseCode === notYetCode) return { notStarted: "the host doesn't know the user yet" };
      why = `${dispatched.output.status} ${dispatched.output.details}`;
    } else why = dispatched.why;
  }
  return { notStarted: `its stdin can't be put there: ${why}` };
}

const nothing = async (): Promise<void> => Promise.resolve();

const invalid = (host: HostAddress, why: string, hint: string): FailureError =>
  new FailureError({ class: "invalid", message: `${host.host}: ${why}`, hint, host: host.host });
