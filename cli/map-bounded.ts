/**
 * Does `work` for every item, at most `atOnce` at a time: a store that is far away answers many questions in the time of one.
 *
 * @returns what each gave, in the items' order
 * @throws what the first that fails throws; those that wait behind it aren't begun
 */
export async function mapBounded<Item, Made>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Made>,
): Promise<Made[]> {
  const made: Made[] = [];
  const queue = items.entries();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !hasFailed && next.done !== true; next = queue.next()) {
      const [index, item] = next.value;
      try {
        made[index] = await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return made;
}
