import { DeferredStore } from "../../stores/deferred-store.ts";
import { MemoryStore } from "../../stores/memory/memory-store.ts";
import { describeStoreContract } from "./store-contract.ts";

const clock = { now: () => Date.UTC(2026, 0, 1) };
describeStoreContract(
  "DeferredStore",
  async () => ({ store: new DeferredStore(async () => new MemoryStore({ clock })) }),
  {
    nestsFiles: true,
  },
);

describe("DeferredStore", () => {
  it("opens its store once, at the first call", async () => {
    let openings = 0;
    const store = new DeferredStore(async () => {
      openings++;
      return new MemoryStore({ clock });
    });
    const entries = store.list("a/");
    expect(openings).toBe(0);
    await Promise.all([store.get("a/b"), store.head("a/b")]);
    for await (const _ of entries) throw new Error("it is empty");
    expect(openings).toBe(1);
  });
});
