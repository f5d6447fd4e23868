import type { Key, ObjectStore } from "../../core/ports/object-store.ts";
import type { HostAgent } from "../../core/ports/host-agent.ts";
import { liveKey } from "../../core/names/keys.ts";

/** A piece's size at most; a host's session reads it at once. */
const pieceBytes = 1 << 20;
/** Of one file in one look: what grows faster is caught up with as it slows, or when its step ends. */
const piecesAtOnce = 8;

/**
 * Copies what grows on a host while a step runs, in numbered pieces: a host that vanishes takes only seconds of it along,
 * and logs can be followed. Best effort: the files themselves land when their step has ended.
 */
export class LivePieces {
  private readonly options: { readonly prefix: Key; readonly host: string; readonly attemptDir: string };
  private readonly effects: { readonly store: ObjectStore; readonly agent: HostAgent };
  /** How far each file was copied, by its path. */
  private readonly copied = new Map<string, { readonly bytes: number; readonly pieces: number }>();

  /** @param options.prefix of the phase's scope; `options.attemptDir` is the same on the host */
  constructor(
    options: { readonly prefix: Key; readonly host: string; readonly attemptDir: string },
    effects: { readonly store: ObjectStore; readonly agent: HostAgent },
  ) {
    this.options = options;
    this.effects = effects;
  }

  /** One look at a step's outputs. @param isOver asked between pieces: then the rest is left to who lands the files */
  async copy(stepId: string, isOver: () => boolean): Promise<void> {
    const { store, agent } = this.effects;
    const { prefix, host, attemptDir } = this.options;
    for (const { path, bytes } of await agent.outputs(stepId)) {
      let at = this.copied.get(path) ?? (await this.found(path));
      for (let n = 0; n < piecesAtOnce && at.bytes < bytes && !isOver(); n++) {
        const piece = await readAll(agent.read(attemptDir, path, at.bytes, Math.min(pieceBytes, bytes - at.bytes)));
        if (piece.byteLength === 0) break;
        const answer = await store.putIfAbsent(liveKey(prefix, host, path, at.pieces), piece, "live");
        // "mine" may be an earlier engine's, and another length: what is there is looked up.
        at =
          answer === "created" ? { bytes: at.bytes + piece.byteLength, pieces: at.pieces + 1 } : await this.found(path);
      }
      this.copied.set(path, at);
    }
  }

  /** What an earlier engine has copied of a file. */
  private async found(path: string): Promise<{ readonly bytes: number; readonly pieces: number }> {
    const { prefix, host } = this.options;
    let bytes = 0;
    let pieces = 0;
    for await (const entry of this.effects.store.list(livePrefix(prefix, host, path))) {
      bytes += entry.bytes;
      pieces++;
    }
    return { bytes, pieces };
  }
}

/** Where the pieces of one file, or of all of a host's files, are. */
export const livePrefix = (prefix: Key, host: string, path?: string): Key =>
  `${prefix}/live/${host}/${path === undefined ? "" : `${path}/`}`;

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const read: Uint8Array[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}
