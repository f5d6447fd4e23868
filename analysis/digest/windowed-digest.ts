/** Values over time in bounded memory: a count and a distribution for each window of equal length. */
import { RepriseError } from "../../core/errors/reprise-error.ts";
import { ValueDigest } from "./value-digest.ts";

/** Times so far apart that the windows between them can't be held: a clock step, or another unit. */
export class WindowRangeError extends RepriseError {
  override readonly name = "WindowRangeError";
}

export interface WindowedDigestOptions {
  readonly windowMs: number;
  /** @default 6, which is 0.8 % of a value */
  readonly precisionBits?: number;
  /** @default 1000000 */
  readonly maxWindows?: number;
}

export interface Window {
  /** From the first window's start, in seconds. */
  readonly elapsedSec: number;
  /** Milliseconds on the values' own clock. */
  readonly startMs: number;
  readonly digest: ValueDigest;
  readonly ratePerSec: number;
}

export class WindowedDigest {
  readonly windowMs: number;
  readonly #precisionBits: number;
  readonly #maxWindows: number;
  readonly #windows = new Map<number, ValueDigest>();
  #first = Infinity;
  #last = -Infinity;

  constructor(options: WindowedDigestOptions) {
    if (!(options.windowMs > 0)) throw new RangeError(`a window must last, not ${options.windowMs} ms`);
    this.windowMs = options.windowMs;
    this.#precisionBits = options.precisionBits ?? 6;
    this.#maxWindows = options.maxWindows ?? 1_000_000;
  }

  /** @throws {WindowRangeError} when the times span more than `maxWindows` windows */
  add(timeMs: number, value: number): void {
    const index = Math.floor(timeMs / this.windowMs);
    if (!(index >= this.#first && index <= this.#last)) {
      if (!Number.isFinite(index))
        throw new WindowRangeError(`a time of ${timeMs} ms`, { hint: "leave out rows without a time" });
      this.#first = Math.min(this.#first, index);
      this.#last = Math.max(this.#last, index);
      if (!(this.#last - this.#first < this.#maxWindows))
        throw new WindowRangeError(`times span ${this.#last - this.#first + 1} windows of ${this.windowMs} ms`, {
          hint: "a clock stepped, or the times aren't in milliseconds",
        });
    }
    let digest = this.#windows.get(index);
    if (!digest) this.#windows.set(index, (digest = new ValueDigest({ precisionBits: this.#precisionBits })));
    digest.add(value);
  }

  /** Adds the first `count` pairs; a failed request's NaN counts as invalid in its window. */
  addAll(timesMs: ArrayLike<number>, values: ArrayLike<number>, { count = values.length, scale = 1 } = {}): void {
    for (let i = 0; i < count; i++) this.add(timesMs[i] ?? NaN, (values[i] ?? NaN) * scale);
  }

  /** Every window from the first to the last, empty ones too: an outage is a rate of zero, not a gap. */
  windows(): Window[] {
    if (this.#windows.size === 0) return [];
    return Array.from({ length: this.#last - this.#first + 1 }, (_, i) => {
      const digest = this.#windows.get(this.#first + i) ?? new ValueDigest({ precisionBits: this.#precisionBits });
      return {
        elapsedSec: (i * this.windowMs) / 1000,
        startMs: (this.#first + i) * this.windowMs,
        digest,
        ratePerSec: (digest.count * 1000) / this.windowMs,
      };
    });
  }
}
