import { sha256Hex } from "../../core/evidence/sha256.ts";
import type { HostArtifact, StepState } from "../../core/ports/host-agent.ts";
import { parseAnswer, stepStateSchema } from "../../core/supervision/index.ts";

/** What `arm` sends of a done step's artifacts without being asked: small ones, in the order of the result. */
const inlineBytes = { each: 64 * 1024, all: 256 * 1024 };

/** The three things that a followed `arm` says: its answer, the step's state at the end, and small artifacts' bytes. */
export interface Followed {
  readonly state: StepState;
  /** By path below the attempt folder; only what has the digest that the result states. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Collects what comes from a followed `arm`, in whatever pieces. */
export class FollowedOutput {
  private readonly chunks: Uint8Array[] = [];
  private answered = false;
  private readonly onAnswer: (line: string) => void;

  /** @param onAnswer hears the first line, once, as soon as it is whole */
  constructor(onAnswer: (line: string) => void) {
    this.onAnswer = onAnswer;
  }

  add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    if (this.answered || !chunk.includes(newline)) return;
    this.answered = true;
    const bytes = Buffer.concat(this.chunks);
    this.onAnswer(bytes.subarray(0, bytes.indexOf(newline)).toString("utf8"));
  }

  /** @returns undefined where the state never came whole */
  end(host: string): Followed | undefined {
    const bytes = Buffer.concat(this.chunks);
    const from = bytes.indexOf(newline) + 1;
    const to = bytes.indexOf(newline, from);
    if (from === 0 || to < 0) return undefined;
    const state: StepState = parseAnswer(bytes.subarray(from, to).toString("utf8"), stepStateSchema, host);
    const artifacts = state.kind === "done" ? state.result.artifacts : [];
    return { state, files: inlined(artifacts, bytes.subarray(to + 1)) };
  }
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
