import { createHash } from "node:crypto";

/** Identifiers that look like a cloud's and are the same for the same seed and order of calls. */
export class Ids {
  private readonly seed: number;
  private readonly counters = new Map<string, number>();

  constructor(seed: number) {
    this.seed = seed;
  }

  /** `length` hexadecimal digits; the n-th of its kind. */
  hex(kind: string, length: number): string {
    const n = this.next(kind);
    return createHash("sha256").update(`${this.seed}/${kind}/${n}`).digest("hex").slice(0, length);
  }

  /** A version-4-looking UUID. */
  uuid(kind: string): string {
    const h = this.hex(kind, 32);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20)}`;
  }

  /** A positive 63-bit number in decimal, as Google numbers its resources. */
  decimal(kind: string): string {
    return (BigInt(`0x${this.hex(kind, 15)}`) + 1_000_000_000_000_000_000n).toString();
  }

  /** 1, 2, 3… for this kind. */
  next(kind: string): number {
    const n = (this.counters.get(kind) ?? 0) + 1;
    this.counters.set(kind, n);
    return n;
  }
}
