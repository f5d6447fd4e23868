import type { Clock } from "../../core/effects/clock.ts";
import { packHistory } from "../../core/evidence/history-chunk.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import type { ExecutionRef } from "../asl/execution.ts";
import type { HistoryEvent } from "../asl/history.ts";

/** Events wait so long for company before they are written; a crash loses no more than this. */
const gatherMs = 1_000;
/** A chunk is written early when it holds so many. */
const chunkEvents = 2_000;

/** So many chunks of an earlier engine are stepped over. */
const mostTries = 1_000;

const isEnd = ({ type }: HistoryEvent): boolean => type.startsWith("Execution") && type !== "ExecutionStarted";

interface Pending {
  readonly events: HistoryEvent[];
  chunk: number;
}

/**
 * Keeps the histories of a run's executions in its store, in chunks of JSON lines, while they grow.
 *
 * Memory holds only what is not yet written.
 */
export class HistorySink {
  private readonly pending = new Map<string, Pending>();
  private gathering: AbortController | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly runId: string;
  private readonly store: ObjectStore;
  private readonly clock: Clock;
  private readonly writer: string;

  constructor(
    runId: string,
    effects: { readonly store: ObjectStore; readonly clock: Clock; readonly newId: () => string },
  ) {
    this.runId = runId;
    this.writer = `history:${effects.newId()}`;
    this.store = effects.store;
    this.clock = effects.clock;
  }

  add(execution: ExecutionRef, event: HistoryEvent): void {
    const pending = this.pending.get(execution.name) ?? { events: [], chunk: 0 };
    pending.events.push(event);
    this.pending.set(execution.name, pending);
    if (isEnd(event) || pending.events.length >= chunkEvents) void this.flush();
    else this.writeSoon();
  }

  /** Writes everything that is still here. */
  flush(): Promise<void> {
    this.gathering?.abort();
    this.gathering = undefined;
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  private writeSoon(): void {
    if (this.gathering !== undefined) return;
    const gathering = new AbortController();
    this.gathering = gathering;
    this.clock.sleep(gatherMs, gathering.signal).then(
      () => this.flush(),
      () => undefined, // flushed early
    );
  }

  private async write(): Promise<void> {
    for (const [execution, pending] of [...this.pending]) {
      const events = pending.events.splice(0);
      if (events.length === 0) continue;
      if (events.some(isEnd)) this.pending.delete(execution);
      // The engine itself doesn't rest on its history: a write that fails costs a chunk, not the run.
      await this.writeChunk(execution, pending, packHistory(events)).catch(() => undefined);
    }
  }

  /** An execution that another engine process began under the same name (a teardown, cut off) has chunks already. */
  private async writeChunk(execution: string, pending: Pending, body: Uint8Array): Promise<void> {
    const keys = runKeys(this.runId);
    for (let tries = 0; tries < mostTries; tries++) {
      const answer = await this.store.putIfAbsent(keys.historyChunk(execution, pending.chunk++), body, this.writer);
      if (answer !== "other") return;
    }
  }
}
