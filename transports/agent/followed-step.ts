import { sha256Hex } from "../../core/evidence/sha256.ts";
import type { HostArtifact, StepState } from "../../core/ports/host-agent.ts";
import { parseAnswer, stepStateSchema } from "../../core/supervision/index.ts";

/** What a session sends of a done step's artifacts without being asked: small ones, in the order of the result. */
const inlineBytes = { each: 64 * 1024, all: 256 * 1024 };

/** What a session says of a step that is over: its state, and small artifacts' bytes. */
export interface Followed {
  readonly state: StepState;
  /** By path below the attempt folder; only what has the digest that the result states. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Reads the end of a followed step. @throws {FailureError} class transport where the state came torn */
export function readFollowed(bytes: Uint8Array, host: string): Followed {
  const to = bytes.indexOf(newline);
  const line = to < 0 ? bytes : bytes.subarray(0, to);
  const state: StepState = parseAnswer(Buffer.from(line).toString("utf8"), stepStateSchema, host);
  const artifacts = state.kind === "done" ? state.result.artifacts : [];
  return { state, files: inlined(artifacts, bytes.subarray(line.length + 1)) };
}

const newline = 10;

/** A file that changed since its digest was taken shifts what follows it: that is then read by name. */
function inlined(artifacts: readonly HostArtifact[], bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let offset = 0;
  let left = inlineBytes.all;
  for (const artifact of artifacts) {
    if (artifact.bytes > inlineBytes.each || artifact.bytes > left) continue;
    const body = bytes.subarray(offset, offset + artifact.bytes);
    offset += artifact.bytes;
    left -= artifact.bytes;
    if (sha256Hex(body) === artifact.sha256) files.set(artifact.path, body);
  }
  return files;
}
