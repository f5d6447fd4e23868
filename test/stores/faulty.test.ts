import { seededRandom } from "../../core/effects/random.ts";
import { VirtualClock } from "../../engines/clock/virtual-clock.ts";
import type { StoreFaults } from "../../stores/faulty.ts";
import { FaultyStore, seededStoreFaults } from "../../stores/faulty.ts";
import { MemoryStore } from "../../stores/memory/memory-store.ts";
import { chunks, digestOf, keysOf, text, utf8 } from "./store-contract.ts";

const open = (faults: StoreFaults) => {
  const clock = new VirtualClock();
  const inner = new MemoryStore({ clock });
  return { clock, inner, store: new FaultyStore(inner, { faults, clock }) };
};
const always =
  (loss: "before" | "after" | "truncated"): StoreFaults =>
  () => ({ delayMs: 0, loss });
const transport = { failure: { class: "transport" } };

describe("FaultyStore", () => {
  it("loses a call before its effect", async () => {
    const { inner, store } = open(always("before"));
    await expect(store.putIfAbsent("k", text("1"), "w")).rejects.toMatchObject(transport);
    await expect(store.putFile("f", chunks("1"), digestOf(text("1")))).rejects.toMatchObject(transport);
    await expect(store.get("k")).rejects.toMatchObject(transport);
    await expect(keysOf(store.list(""))).rejects.toMatchObject(transport);
    expect(inner.size).toBe(0);
  });

  it("loses an answer after the effect, so that a retried put is mine", async () => {
    const { inner, store } = open(({ n }) => ({ delayMs: 0, loss: n === 0 ? "after" : "none" }));
    await expect(store.putIfAbsent("k", text("1"), "w")).rejects.toMatchObject(transport);
    expect(utf8((await inner.get("k"))?.body)).toBe("1");
    expect(await store.putIfAbsent("k", text("1"), "w")).toBe("mine");
  });

  it("loses the answer of a file that landed", async () => {
    const { inner, store } = open(always("after"));
    await expect(store.putFile("f", chunks("1"), digestOf(text("1")))).rejects.toMatchObject(transport);
    expect((await inner.head("f"))?.bytes).toBe(1);
  });

  it("cuts files short, which the store behind refuses", async () => {
    const { inner, store } = open(always("truncated"));
    const landing = store.putFile("f", chunks("evi", "dence"), digestOf(text("evidence")));
    await expect(landing).rejects.toMatchObject({ failure: { class: "integrity" } });
    expect(inner.size).toBe(0);
  });

  it("breaks a listing off between two entries", async () => {
    const { inner, store } = open(always("after"));
    for (const key of ["a", "b", "c"]) await inner.putIfAbsent(key, text("1"), "w");
    const seen: string[] = [];
    const listing = (async () => {
      for await (const entry of store.list("")) seen.push(entry.key);
    })();
    await expect(listing).rejects.toMatchObject(transport);
    expect(seen).toEqual(["a"]);
  });

  it("delays on its clock", async () => {
    const { clock, store } = open(() => ({ delayMs: 250, loss: "none" }));
    const startedAt = clock.now();
    await clock.run(store.putIfAbsent("k", text("1"), "w"));
    expect(clock.now() - startedAt).toBe(250);
    expect(clock.sleepers).toBe(0);
  });
});

describe("seededStoreFaults", () => {
  const fates = (seed: number) => {
    const faults = seededStoreFaults(seededRandom(seed), {
      lostBefore: 0.2,
      lostAfter: 0.2,
      truncated: 0.1,
      delayMs: [5, 10],
    });
    return Array.from({ length: 1_000 }, (_, n) => faults({ operation: "get", key: "k", n }));
  };
  it("gives the same fates for the same seed", () => {
    expect(fates(3)).toEqual(fates(3));
    expect(fates(3)).not.toEqual(fates(4));
  });

  it("keeps to its rates and delays", () => {
    const drawn = fates(5);
    const share = (loss: string) => drawn.filter((fault) => fault.loss === loss).length / drawn.length;
    expect(share("before")).toBeCloseTo(0.2, 1);
    expect(share("after")).toBeCloseTo(0.2, 1);
    expect(share("none")).toBeCloseTo(0.5, 1);
    expect(drawn.every((fault) => fault.delayMs >= 5 && fault.delayMs <= 10)).toBe(true);
  });
});
