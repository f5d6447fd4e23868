import fc from "fast-check";
import { NameError } from "../../core/names/keys.ts";
import type { Entry, ObjectStoreAdmin } from "../../core/ports/object-store.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const utf8 = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

export const digestOf = (body: Uint8Array) => ({ sha256: sha256Hex(body), bytes: body.byteLength });

export async function* chunks(...parts: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === "string" ? text(part) : part;
}

export async function gather(body: AsyncIterable<Uint8Array> | undefined): Promise<Buffer | undefined> {
  if (body === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const chunk of body) parts.push(chunk);
  return Buffer.concat(parts);
}

export async function keysOf(entries: AsyncIterable<Entry>): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of entries) keys.push(entry.key);
  return keys;
}

/** Bytes that differ everywhere, so that a hole or a swapped block shows. */
export function patternBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/**
 * What every ObjectStore must do; each implementation's test runs it.
 *
 * @param open a store with nothing in it below the prefix it gives, which each test uses for itself alone
 */
export function describeStoreContract(
  name: string,
  open: () => Promise<{ readonly store: ObjectStoreAdmin; readonly close?: () => Promise<void> }>,
  options: {
    /** Both `a` and `a/b` may exist, as on S3; a file system can't have that. */
    readonly nestsFiles: boolean;
    readonly randomCases?: number;
  },
): void {
  describe(`${name} as an object store`, () => {
    let store: ObjectStoreAdmin;
    let close: (() => Promise<void>) | undefined;
    beforeEach(async () => {
      ({ store, close } = await open());
    });
    afterEach(async () => close?.());

    it("creates an absent object, and gives its bytes, size and etag back", async () => {
      expect(await store.putIfAbsent("a/b.json", text("hello"), "w1")).toBe("created");
      const stored = await store.get("a/b.json");
      expect(utf8(stored?.body)).toBe("hello");
      const head = await store.head("a/b.json");
      expect(head).toMatchObject({ key: "a/b.json", bytes: 5, etag: stored?.etag, modifiedAt: stored?.modifiedAt });
    });

    it("keeps any bytes, and none", async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      await store.putIfAbsent("all", all, "w");
      await store.putIfAbsent("none", new Uint8Array(), "w");
      expect(Buffer.from((await store.get("all"))!.body)).toEqual(Buffer.from(all));
      expect((await store.get("none"))?.body.byteLength).toBe(0);
      expect((await store.head("none"))?.bytes).toBe(0);
    });

    it("doesn't share memory with its callers", async () => {
      const body = text("before");
      await store.putIfAbsent("k", body, "w");
      body.fill(0);
      const first = await store.get("k");
      expect(utf8(first?.body)).toBe("before");
      first?.body.fill(0);
      expect(utf8((await store.get("k"))?.body)).toBe("before");
    });

    it("answers mine to the same writer and other to another, and leaves the object as it is", async () => {
      await store.putIfAbsent("k", text("first"), "w1");
      expect(await store.putIfAbsent("k", text("again"), "w1")).toBe("mine");
      expect(await store.putIfAbsent("k", text("first"), "w2")).toBe("other");
      expect(utf8((await store.get("k"))?.body)).toBe("first");
    });

    it("takes any text as a writer", async () => {
      const writer = "host:é \"x\"\n{'w'} 100%";
      await store.putIfAbsent("k", text("1"), writer);
      expect(await store.putIfAbsent("k", text("1"), writer)).toBe("mine");
      expect(await store.putIfAbsent("k", text("1"), `${writer} `)).toBe("other");
    });

    it("lets one of many concurrent writers create", async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.putIfAbsent("race", text(`body ${i}`), `w${i}`)),
      );
      expect(answers.filter((answer) => answer === "created")).toHaveLength(1);
      expect(answers.filter((answer) => answer === "other")).toHaveLength(19);
      expect(utf8((await store.get("race"))?.body)).toBe(`body ${answers.indexOf("created")}`);
    });

    it("has nothing at keys that nobody wrote", async () => {
      await store.putIfAbsent("a/b", text("x"), "w");
      for (const key of ["a", "a/b/c", "b", "a/b.json"]) {
        expect(await store.get(key)).toBeUndefined();
        expect(await store.head(key)).toBeUndefined();
        expect(await store.read(key)).toBeUndefined();
      }
    });

    it("replaces the version it is told, and no other", async () => {
      await store.putIfAbsent("k", text("one"), "w");
      const one = (await store.get("k"))!.etag;
      const answer = await store.replace("k", text("two"), one);
      if (answer === "conflict") throw new Error("nobody else writes here");
      const two = answer.etag;
      expect(two).not.toBe(one);
      expect(await store.replace("k", text("three"), one)).toBe("conflict");
      expect(await store.get("k")).toMatchObject({ etag: two });
      expect(utf8((await store.get("k"))?.body)).toBe("two");
      expect((await store.head("k"))?.etag).toBe(two);
      expect(await store.replace("k", text("three"), two)).not.toBe("conflict");
    });

    it("conflicts when there is nothing to replace, and creates nothing", async () => {
      await store.putIfAbsent("k", text("one"), "w");
      const { etag } = (await store.get("k"))!;
      expect(await store.replace("absent", text("x"), etag)).toBe("conflict");
      await store.delete("k");
      expect(await store.replace("k", text("x"), etag)).toBe("conflict");
      expect(await keysOf(store.list(""))).toEqual([]);
    });

    it("calls a replaced object nobody's", async () => {
      await store.putIfAbsent("k", text("one"), "w");
      await store.replace("k", text("two"), (await store.get("k"))!.etag);
      expect(await store.putIfAbsent("k", text("one"), "w")).toBe("other");
    });

    it("loses no increment among concurrent replacers", async () => {
      await store.putIfAbsent("counter", text("0"), "w");
      const increment = async (): Promise<void> => {
        for (;;) {
          const current = (await store.get("counter"))!;
          // The name makes every version's bytes differ, as records in the store do.
          const next = `${Number(utf8(current.body)) + 1}`;
          if ((await store.replace("counter", text(next), current.etag)) !== "conflict") return;
        }
      };
      await Promise.all(Array.from({ length: 12 }, increment));
      expect(utf8((await store.get("counter"))?.body)).toBe("12");
    });

    it("reads a body as a stream, from any byte on", async () => {
      const body = patternBytes(300_000);
      await store.putFile("f", chunks(body), digestOf(body));
      expect(digestOf((await gather(await store.read("f")))!)).toEqual(digestOf(body));
      expect(await gather(await store.read("f", 299_990))).toEqual(Buffer.from(body.subarray(299_990)));
      expect(await gather(await store.read("f", 300_000))).toEqual(Buffer.alloc(0));
    });

    it("lists entries below a prefix in key order", async () => {
      const keys = ["b", "a/x", "a/b/c", "a/b/d", "a-b/c", "a.b", "a0", "a/b-c", "a/b.c/d", "A", "a/10", "a/9"];
      for (const key of keys) await store.putIfAbsent(key, text(key), "w");
      const sorted = [...keys].sort();
      expect(await keysOf(store.list(""))).toEqual(sorted);
      expect(await keysOf(store.list("a/"))).toEqual(sorted.filter((key) => key.startsWith("a/")));
      expect(await keysOf(store.list("a"))).toEqual(sorted.filter((key) => key.startsWith("a")));
      expect(await keysOf(store.list("a/b"))).toEqual(sorted.filter((key) => key.startsWith("a/b")));
      expect(await keysOf(store.list("zz/"))).toEqual([]);
      for await (const entry of store.list("a")) expect(entry).toEqual(await store.head(entry.key));
    });

    it("lists on after a key, whether it exists or not", async () => {
      const keys = ["p/a", "p/b/1", "p/b/2", "p/c", "p/c-d"];
      for (const key of keys) await store.putIfAbsent(key, text(key), "w");
      const sorted = [...keys].sort();
      for (const after of [...sorted, "p/b", "p/b/", "p/b/15", "p", "q", "a", "p/b0"]) {
        expect([after, await keysOf(store.list("p/", after))]).toEqual([after, sorted.filter((key) => key > after)]);
      }
    });

    it("agrees with a sorted array on any keys, prefix and start", async () => {
      const segment = fc.constantFrom("a", "b", "a-", "a.b", "a0", "Z", "_", "@1", "+", "=x");
      const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/"));
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), key, key, async (drawn, cut, after) => {
          const base = `round-${round++}/`;
          // Where files can't have children, one of `a` and `a/b` stands for both.
          const keys = options.nestsFiles
            ? drawn
            : drawn.filter((k) => !drawn.some((other) => other.startsWith(`${k}/`)));
          for (const k of keys) await store.putIfAbsent(base + k, text(k), "w");
          const prefix = base + cut.slice(0, -1);
          const expected = keys
            .map((k) => base + k)
            .filter((k) => k.startsWith(prefix) && k > base + after)
            .sort();
          expect(await keysOf(store.list(prefix, base + after))).toEqual(expected);
        }),
        { numRuns: options.randomCases ?? 60, seed: 7 },
      );
    });

    it("survives puts and deletes while it lists", async () => {
      for (let i = 10; i < 30; i++) await store.putIfAbsent(`d/${i}`, text("x"), "w");
      const seen: string[] = [];
      for await (const entry of store.list("d/")) {
        seen.push(entry.key);
        if (entry.key === "d/15") await store.delete("d/20");
        if (entry.key === "d/16") await store.putIfAbsent("d/05", text("x"), "w");
      }
      const expected = Array.from({ length: 20 }, (_, i) => `d/${i + 10}`);
      expect(seen.filter((key) => key !== "d/20")).toEqual(expected.filter((key) => key !== "d/20"));
    });

    it("lands a file whose bytes are what was promised", async () => {
      const body = patternBytes(200_000);
      const digest = digestOf(body);
      const parts = chunks(body.subarray(0, 1), body.subarray(1, 70_000), body.subarray(70_000));
      expect(await store.putFile("f/log", parts, digest)).toBe("created");
      expect(digestOf((await gather(await store.read("f/log")))!)).toEqual(digest);
      expect((await store.head("f/log"))?.bytes).toBe(200_000);
      expect(await store.putFile("f/log", chunks(body), digest)).toBe("mine");
    });

    it("lands an empty file", async () => {
      expect(await store.putFile("empty", chunks(), digestOf(new Uint8Array()))).toBe("created");
      expect((await store.head("empty"))?.bytes).toBe(0);
    });

    it("never lands different bytes over a file", async () => {
      await store.putFile("f", chunks("evidence"), digestOf(text("evidence")));
      expect(await store.putFile("f", chunks("forgery!"), digestOf(text("forgery!")))).toBe("other");
      await store.putIfAbsent("record", text("record"), "w");
      expect(await store.putFile("record", chunks("else"), digestOf(text("else")))).toBe("other");
      expect(utf8((await store.get("f"))?.body)).toBe("evidence");
    });

    it.each([
      ["truncated", "evid"],
      ["longer", "evidence and more"],
      ["flipped", "evidencf"],
      ["empty", ""],
    ])("refuses a %s file and leaves nothing", async (_, sent) => {
      const landing = store.putFile("f", chunks(sent), digestOf(text("evidence")));
      await expect(landing).rejects.toMatchObject({ name: "IntegrityFailure", failure: { class: "integrity" } });
      expect(await store.head("f")).toBeUndefined();
      expect(await keysOf(store.list(""))).toEqual([]);
      expect(await store.putFile("f", chunks("evidence"), digestOf(text("evidence")))).toBe("created");
    });

    it("leaves nothing when the file's stream breaks", async () => {
      const broken = (async function* () {
        yield text("evi");
        throw new Error("connection lost");
      })();
      await expect(store.putFile("f", broken, digestOf(text("evidence")))).rejects.toThrow("connection lost");
      expect(await store.head("f")).toBeUndefined();
      expect(await keysOf(store.list(""))).toEqual([]);
    });

    it("lets one of many concurrent files land", async () => {
      const bodies = Array.from({ length: 6 }, (_, i) => text(`body ${i % 3}`));
      const answers = await Promise.all(bodies.map((body) => store.putFile("race", chunks(body), digestOf(body))));
      const winner = answers.indexOf("created");
      expect(answers.filter((answer) => answer === "created")).toHaveLength(1);
      expect(answers.map((answer, i) => answer === "other" || i % 3 === winner % 3)).not.toContain(false);
      expect(utf8((await store.get("race"))?.body)).toBe(`body ${winner % 3}`);
    });

    it("signs a put with length, digest and if-none-match as headers, and an expiry", async () => {
      const digest = digestOf(text("evidence"));
      const signed = await store.signPut("f", digest);
      expect(signed.headers).toMatchObject({
        "content-length": "8",
        "if-none-match": "*",
        "x-amz-checksum-sha256": Buffer.from(digest.sha256, "hex").toString("base64"),
      });
      expect(signed.expiresAt).toBeGreaterThan(0);
      expect(() => new URL(signed.url)).not.toThrow();
    });

    it("refuses to sign more than a part's 1 GiB at once", async () => {
      const digest = { sha256: "0".repeat(64), bytes: 1024 ** 3 + 1 };
      await expect(store.signPut("f", digest)).rejects.toMatchObject({ failure: { class: "invalid" } });
    });

    it("deletes, and takes a deletion of nothing as done", async () => {
      await store.putIfAbsent("d/e/f", text("x"), "w");
      await store.putIfAbsent("d/g", text("x"), "w");
      await store.delete("d/e/f");
      await store.delete("d/e/f");
      expect(await store.get("d/e/f")).toBeUndefined();
      expect(await keysOf(store.list(""))).toEqual(["d/g"]);
      expect(await store.putIfAbsent("d/e/f", text("y"), "w2")).toBe("created");
      expect(await store.putIfAbsent("d/e/f", text("y"), "w")).toBe("other");
    });

    it.each([
      "",
      "/a",
      "a/",
      "a//b",
      "..",
      "a/../b",
      "./a",
      "a/.",
      "a b",
      "a\\b",
      "a\0b",
      "a\nb",
      "ä",
      `a/${"x".repeat(256)}`,
      Array(600).fill("a").join("/"),
    ])("refuses key %#", async (key) => {
      const digest = digestOf(text("x"));
      await expect(store.putIfAbsent(key, text("x"), "w")).rejects.toThrow(NameError);
      await expect(store.replace(key, text("x"), "e")).rejects.toThrow(NameError);
      await expect(store.get(key)).rejects.toThrow(NameError);
      await expect(store.head(key)).rejects.toThrow(NameError);
      await expect(store.read(key)).rejects.toThrow(NameError);
      await expect(store.putFile(key, chunks("x"), digest)).rejects.toThrow(NameError);
      await expect(store.signPut(key, digest)).rejects.toThrow(NameError);
      await expect(store.delete(key)).rejects.toThrow(NameError);
    });

    it.each(["../", "a/../", "/", "a//", "a b"])("refuses %j as a prefix", async (prefix) => {
      await expect(keysOf(store.list(prefix))).rejects.toThrow(NameError);
    });
  });
}
