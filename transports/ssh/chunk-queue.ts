import type { Readable } from "node:stream";

const pauseAboveBytes = 1024 * 1024;

/**
 * What a stream gave, for one reader at its own speed: a full queue pauses the source, so backpressure reaches the host.
 *
 * Not the stream's own iterator: that one holds on to the stream until it has ended, and an abandoned channel ends only
 * once somebody reads it out.
 */
export class ChunkQueue {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private hasEnded = false;
  private wake: () => void = () => undefined;
  private readonly source: Readable;

  constructor(source: Readable) {
    this.source = source;
    source.on("data", (chunk: Buffer) => {
      if (this.hasEnded) return;
      this.chunks.push(chunk);
      this.bytes += chunk.length;
      if (this.bytes > pauseAboveBytes) source.pause();
      this.wake();
    });
  }

  /** No more counts: the reader gets what is here, then undefined; what still comes flows away. */
  end(): void {
    this.hasEnded = true;
    this.source.resume();
    this.wake();
  }

  async next(): Promise<Buffer | undefined> {
    while (this.chunks.length === 0 && !this.hasEnded) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const chunk = this.chunks.shift();
    if (chunk === undefined) return undefined;
    this.bytes -= chunk.length;
    if (this.source.isPaused() && this.bytes <= pauseAboveBytes / 2) this.source.resume();
    return chunk;
  }
}
