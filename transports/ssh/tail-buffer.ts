/** Keeps the last bytes of a stream, and says how many went before them. */
export class TailBuffer {
  private readonly limit: number;
  private readonly chunks: Buffer[] = [];
  private kept = 0;
  private total = 0;

  constructor(limitBytes: number) {
    this.limit = limitBytes;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.kept += chunk.length;
    this.total += chunk.length;
    // Whole chunks only: cut to the byte when read, not on each of a million small writes.
    for (
      let first = this.chunks[0];
      first !== undefined && this.kept - first.length >= this.limit;
      first = this.chunks[0]
    ) {
      this.chunks.shift();
      this.kept -= first.length;
    }
  }

  text(): string {
    const bytes = Buffer.concat(this.chunks);
    const tail = bytes.subarray(Math.max(0, bytes.length - this.limit));
    const cut = this.total - tail.length;
    return cut === 0 ? tail.toString("utf8") : `[${cut} bytes cut]\n${tail.toString("utf8")}`;
  }
}
