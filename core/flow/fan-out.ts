import type { Failure } from "../errors/failure.ts";
import { FailureError, toFailure } from "../errors/failure.ts";

/**
 * Does `work` for every item, at most `concurrency` at once; settles all, then reports every failure at once.
 *
 * @throws FailureError of the first failure's class whose message names the others
 */
export async function forEachBounded<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: Failure[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      try {
        await work(item);
      } catch (error) {
        failures.push(toFailure(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  const first = failures[0];
  if (first === undefined) return;
  if (failures.length === 1) throw new FailureError(first);
  const others = failures.slice(1, 6).map((f) => `${f.host ?? "?"}: ${f.message}`);
  const message = `${first.message}; ${failures.length - 1} more: ${others.join("; ")}${failures.length > 6 ? "; …" : ""}`;
  throw new FailureError({ ...first, message });
}
