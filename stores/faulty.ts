import type { Clock } from "../core/effects/clock.ts";
import type { Random } from "../core/effects/random.ts";
import { FailureError } from "../core/errors/failure.ts";
import type { Entry, FileDigest, Key, ObjectStore, SignedPut, Stored } from "../core/ports/object-store.ts";

export type StoreOperation = keyof ObjectStore;

/** What happens to one call: it takes `delayMs`, and may be lost on its way there or back. */
export interface StoreFault {
  readonly delayMs: number;
  /**
   * before: the store never saw the call. after: it took effect, the answer got lost. truncated: a file's body ended
   * early (other operations: as before).
   */
  readonly loss: "none" | "before" | "after" | "truncated";
}

/** Decides the fate of each call; `n` counts this store's calls from 0. */
export type StoreFaults = (call: {
  readonly operation: StoreOperation;
  readonly key: string;
  readonly n: number;
}) => StoreFault;

export interface FaultRates {
  readonly lostBefore: number; // probabilities, 0 to 1
  readonly lostAfter: number;
  readonly truncated: number;
  readonly delayMs: readonly [min: number, max: number];
}

/** Faults drawn from `random`: the same seed and calls, the same fates. */
export function seededStoreFaults(random: Random, rates: FaultRates): StoreFaults {
  const [minMs, maxMs] = rates.delayMs;
  return () => {
    const delayMs = minMs + random.next() * (maxMs - minMs);
    const draw = random.next();
    if (draw < rates.lostBefore) return { delayMs, loss: "before" };
    if (draw < rates.lostBefore + rates.lostAfter) return { delayMs, loss: "after" };
    if (draw < rates.lostBefore + rates.lostAfter + rates.truncated) return { delayMs, loss: "truncated" };
    return { delayMs, loss: "none" };
  };
}

/**
 * A store behind a bad line, for simulations and tests: slow, and sure of nothing.
 *
 * A lost call rejects with a FailureError of class transport. A listing may break off between two entries.
 */
export class FaultyStore implements ObjectStore {
  private readonly inner: ObjectStore;
  private readonly faults: StoreFaults;
  private readonly clock: Clock;
  private calls = 0;

  constructor(inner: ObjectStore, options: { readonly faults: StoreFaults; readonly clock: Clock }) {
    this.inner = inner;
    this.faults = options.faults;
    this.clock = options.clock;
  }

  putIfAbsent(key: Key, body: Uint8Array, writer: string): Promise<"created" | "mine" | "other"> {
    return this.call("putIfAbsent", key, () => this.inner.putIfAbsent(key, body, writer));
  }

  replace(key: Key, body: Uint8Array, etag: string): Promise<{ readonly etag: string } | "conflict"> {
    return this.call("replace", key, () => this.inner.replace(key, body, etag));
  }

  get(key: Key): Promise<Stored | undefined> {
    return this.call("get", key, () => this.inner.get(key));
  }

  head(key: Key): Promise<Entry | undefined> {
    return this.call("head", key, () => this.inner.head(key));
  }

  read(key: Key, from?: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.call("read", key, () => this.inner.read(key, from));
  }

  async *list(prefix: Key, after?: Key): AsyncGenerator<Entry> {
    const fault = this.draw("list", prefix);
    if (fault.delayMs > 0) await this.clock.sleep(fault.delayMs);
    if (fault.loss === "before") throw lost("list", prefix, "before");
    for await (const entry of this.inner.list(prefix, after)) {
      yield entry;
      if (fault.loss !== "none") throw lost("list", prefix, fault.loss);
    }
  }

  async putFile(key: Key, body: AsyncIterable<Uint8Array>, digest: FileDigest): Promise<"created" | "mine" | "other"> {
    const fault = this.draw("putFile", key);
    if (fault.delayMs > 0) await this.clock.sleep(fault.delayMs);
    if (fault.loss === "before") throw lost("putFile", key, "before");
    const sent = fault.loss === "truncated" ? firstBytes(body, Math.floor(digest.bytes / 2)) : body;
    const answer = await this.inner.putFile(key, sent, digest);
    if (fault.loss === "after") throw lost("putFile", key, "after");
    return answer;
  }

  signPut(key: Key, digest: FileDigest): Promise<SignedPut> {
    return this.call("signPut", key, () => this.inner.signPut(key, digest));
  }

  private draw(operation: StoreOperation, key: string): StoreFault {
    return this.faults({ operation, key, n: this.calls++ });
  }

  private async call<T>(operation: StoreOperation, key: string, work: () => Promise<T>): Promise<T> {
    const fault = this.draw(operation, key);
    // Half before and half after the effect, so that effects of concurrent calls interleave.
    if (fault.delayMs > 0) await this.clock.sleep(fault.delayMs / 2);
    if (fault.loss === "before" || fault.loss === "truncated") throw lost(operation, key, "before");
    const answer = await work();
    if (fault.delayMs > 0) await this.clock.sleep(fault.delayMs / 2);
    if (fault.loss === "after") throw lost(operation, key, "after");
    return answer;
  }
}

const lost = (operation: StoreOperation, key: string, when: string): FailureError =>
  new FailureError({
    class: "transport",
    message: `no answer from the store: ${operation} ${key} (injected, ${when})`,
  });

async function* firstBytes(body: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let left = limit;
  for await (const chunk of body) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
  }
}
