import { mapBounded } from "../../../core/effects/map-bounded.ts";

describe("mapBounded", () => {
  it("does no more than it may at once, and gives everything in order", async () => {
    let running = 0;
    let most = 0;
    const made = await mapBounded([...Array(20).keys()], 4, async (item) => {
      most = Math.max(most, ++running);
      // Later items end sooner.
      for (let turn = item; turn < 20; turn++) await Promise.resolve();
      running--;
      return 2 * item;
    });
    expect(made).toEqual([...Array(20).keys()].map((item) => 2 * item));
    expect(most).toBe(4);
    expect(await mapBounded([], 4, () => Promise.resolve(1))).toEqual([]);
  });

  it("begins nothing more once one has failed, and throws what that threw", async () => {
    const begun: number[] = [];
    const failing = mapBounded([...Array(20).keys()], 2, async (item) => {
      begun.push(item);
      await Promise.resolve();
      if (item === 3) throw new Error("gone");
      return item;
    });
    await expect(failing).rejects.toThrow("gone");
    expect(begun.length).toBeLessThan(8);
  });
});
