/**
 * Does `work` for every item, at most `atOnce` at a time: what is far away answers many questions in the time of one.
 *
 * @returns what each gave, in the items' order
 * @throws what the first that fails throws, once all that were begun have settled; no others are begun
 */
export async function mapBounded<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length && errors.length === 0; index = next++) {
      try {
        results[index] = await work(items[index] as T); // inside the list, by the loop's condition
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}
