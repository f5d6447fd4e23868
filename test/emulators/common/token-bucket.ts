/** How many calls at once, and how many a second after that. */
export interface BucketLimit {
  readonly burst: number;
  readonly perSec: number;
}

/** The throttle of all three clouds. */
export class TokenBucket {
  private readonly limit: BucketLimit;
  private tokens: number;
  private filledAtMs: number;

  constructor(limit: BucketLimit, nowMs: number) {
    this.limit = limit;
    this.tokens = limit.burst;
    this.filledAtMs = nowMs;
  }

  /** Takes `count` tokens. @returns 0, or the seconds until they would be there (and then takes none) */
  take(nowMs: number, count = 1): number {
    const { burst, perSec } = this.limit;
    this.tokens = Math.min(burst, this.tokens + ((nowMs - this.filledAtMs) / 1000) * perSec);
    this.filledAtMs = nowMs;
    if (this.tokens >= count) {
      this.tokens -= count;
      return 0;
    }
    return (count - this.tokens) / perSec;
  }

  get remaining(): number {
    return Math.floor(this.tokens);
  }
}
