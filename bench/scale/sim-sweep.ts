/**
 * A sweep of many trials in `sim`: in-memory hosts and store, virtual clock, the real state machines and handlers.
 *
 * `node --max-old-space-size=384 --import tsx bench/scale/sim-sweep.ts [trials…]` prints one line a size: wall time, time
 * per trial, resident memory, events. Without the limit V8 lets garbage lie for as long as the machine has room.
 */
import { unpackHistory } from "../../core/evidence/history-chunk.ts";
import { runKeys } from "../../core/names/keys.ts";
import { createSimRun, simExperiment, validResults } from "../../test/engines/embedded/sim-run.ts";

const sizes = process.argv.slice(2).map(Number);
const lanes = 4;

for (const trials of sizes.length > 0 ? sizes : [1_000, 2_000, 5_000, 10_000]) {
  const run = await createSimRun({ experiment: simExperiment({ points: trials / 4, trials: 4, lanes }) });
  const engine = run.engine();
  const startedAt = performance.now();
  await run.clock.run(run.sweep(engine, 1).then(() => run.settle(engine)));
  await engine.close();
  const wallMs = performance.now() - startedAt;
  const events = await eventsByExecution(run.runId, run.store);
  const counts = [...events.values()].sort((a, b) => b - a);
  const valid = (await validResults(run)).length;
  const memoryMb = process.memoryUsage().rss / 1e6;
  process.stdout.write(
    `${trials} trials: ${(wallMs / 1000).toFixed(1)} s, ${(wallMs / trials).toFixed(2)} ms a trial, ${memoryMb.toFixed(0)} MB, ` +
      `${counts[Math.floor(counts.length / 2)] ?? 0} events a trial, ${counts[0] ?? 0} in the sweep, ${valid} valid\n`,
  );
}

async function eventsByExecution(
  runId: string,
  store: Awaited<ReturnType<typeof createSimRun>>["store"],
): Promise<Map<string, number>> {
  const prefix = runKeys(runId).histories;
  const counts = new Map<string, number>();
  for await (const entry of store.list(prefix)) {
    const stored = await store.get(entry.key);
    const execution = entry.key.slice(prefix.length).split("/")[0] ?? "";
    const events = stored === undefined ? 0 : unpackHistory(stored.body).length;
    counts.set(execution, (counts.get(execution) ?? 0) + events);
  }
  return counts;
}
