/** A command's stdin that stays open: what is written comes out in order, until it is ended. For one reader. */
export class OpenStdin implements AsyncIterable<Uint8Array> {
  private readonly waiting: Uint8Array[] = [];
  private wake: () => void = () => undefined;
  private ended = false;

  write(chunk: Uint8Array): void {
    if (this.ended) return;
    this.waiting.push(chunk);
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.waiting.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
