import { MemoryStore } from "../../stores/memory/memory-store.ts";
import { chunks, describeStoreContract, digestOf, keysOf, text, utf8 } from "./store-contract.ts";

const clock = { now: () => Date.UTC(2026, 0, 1) };
describeStoreContract("MemoryStore", async () => ({ store: new MemoryStore({ clock }) }), { nestsFiles: true });

describe("MemoryStore", () => {
  it("counts its objects", async () => {
    const store = new MemoryStore({ clock });
    await store.putIfAbsent("a/b", text("1"), "w");
    await store.putIfAbsent("a/b", text("1"), "w");
    await store.putIfAbsent("a/c", text("1"), "w");
    await store.replace("a/c", text("2"), (await store.head("a/c"))!.etag);
    expect(store.size).toBe(2);
    await store.delete("a/b");
    await store.delete("a/b");
    expect(store.size).toBe(1);
  });

  it("stamps objects with its clock", async () => {
    let now = 1_000;
    const store = new MemoryStore({ clock: { now: () => now } });
    await store.putIfAbsent("k", text("1"), "w");
    expect((await store.head("k"))?.modifiedAt).toBe(1_000);
    now = 2_000;
    await store.replace("k", text("2"), (await store.head("k"))!.etag);
    expect((await store.head("k"))?.modifiedAt).toBe(2_000);
  });

  it("keeps listings whole while names come between", async () => {
    const store = new MemoryStore({ clock });
    for (const key of ["x/b", "x/d"]) await store.putIfAbsent(key, text("1"), "w");
    expect(await keysOf(store.list("x/"))).toEqual(["x/b", "x/d"]);
    for (const key of ["x/c", "x/a", "x/e"]) await store.putIfAbsent(key, text("1"), "w");
    expect(await keysOf(store.list("x/"))).toEqual(["x/a", "x/b", "x/c", "x/d", "x/e"]);
  });

  describe("upload", () => {
    const body = text("evidence");
    it("lands a signed file once, and takes the same bytes again", async () => {
      const store = new MemoryStore({ clock });
      const signed = await store.signPut("f", digestOf(body));
      expect(await store.upload(signed.url, signed.headers, chunks(body))).toBe("created");
      expect(await store.upload(signed.url, signed.headers, chunks(body))).toBe("mine");
      expect(utf8((await store.get("f"))?.body)).toBe("evidence");
    });

    it.each([
      ["evid", "Truncated"],
      ["evidence!", "WrongLength"],
      ["evidencf", "WrongDigest"],
    ])("refuses %s as %s", async (sent, code) => {
      const store = new MemoryStore({ clock });
      const signed = await store.signPut("f", digestOf(body));
      expect(await store.upload(signed.url, signed.headers, chunks(sent))).toBe(code);
      expect(store.size).toBe(0);
    });

    it("refuses when other bytes are there", async () => {
      const store = new MemoryStore({ clock });
      const signed = await store.signPut("f", digestOf(body));
      await store.putIfAbsent("f", text("other"), "w");
      expect(await store.upload(signed.url, signed.headers, chunks(body))).toBe("DifferentBytesThere");
    });
  });
});
