import { cutIntoPieces } from "../../stores/s3/cut-into-pieces.ts";
import { createS3Client, S3Store } from "../../stores/s3/s3-store.ts";
import { FakeS3 } from "./fake-s3.ts";
import { chunks, describeStoreContract, digestOf, gather, keysOf, patternBytes, text, utf8 } from "./store-contract.ts";

const startedAt = Date.UTC(2026, 0, 1);

const open = (options: { readonly pieceBytes?: number } = {}) => {
  const s3 = new FakeS3();
  let ids = 0;
  const waits: number[] = [];
  const clock = { now: () => startedAt, sleep: async (ms: number) => void waits.push(ms) };
  const store = new S3Store({ client: s3.client(), bucket: "evidence", clock, newId: () => `id-${++ids}`, ...options });
  return { s3, store, waits };
};

describeStoreContract("S3Store over a fake S3", async () => ({ store: open().store }), {
  nestsFiles: true,
  randomCases: 25,
});
describeStoreContract("S3Store in pieces over a fake S3", async () => ({ store: open({ pieceBytes: 3 }).store }), {
  nestsFiles: true,
  randomCases: 5,
});

describe("S3Store", () => {
  const evidence = text("evidence");
  const once = (command: string, fault: "before" | "lost" | "conflict" | "cut") => {
    let left = 1;
    return (called: string) => (called === command && left-- > 0 ? fault : undefined);
  };

  describe("when an answer got lost", () => {
    it("knows its own put again", async () => {
      const { s3, store } = open();
      s3.fault = once("PutObject", "lost");
      expect(await store.putIfAbsent("k", evidence, "w")).toBe("mine");
      expect(utf8((await store.get("k"))?.body)).toBe("evidence");
    });

    it("knows its own replacement again, and gives its etag", async () => {
      const { s3, store } = open();
      await store.putIfAbsent("k", text("one"), "w");
      const { etag } = (await store.head("k"))!;
      s3.fault = once("PutObject", "lost");
      const answer = await store.replace("k", text("two"), etag);
      expect(answer).toEqual({ etag: (await store.head("k"))?.etag });
    });

    it("takes another's replacement with the same bytes for another's", async () => {
      const { store } = open();
      await store.putIfAbsent("k", text("one"), "w");
      const { etag } = (await store.head("k"))!;
      await store.replace("k", text("two"), etag);
      expect(await store.replace("k", text("two"), etag)).toBe("conflict");
    });

    it("knows its own file again", async () => {
      const { s3, store } = open();
      s3.fault = once("PutObject", "lost");
      expect(await store.putFile("f", chunks(evidence), digestOf(evidence))).toBe("mine");
    });

    it("knows its own completed upload again, and doesn't abort it", async () => {
      const { s3, store } = open({ pieceBytes: 3 });
      s3.fault = once("CompleteMultipartUpload", "lost");
      expect(await store.putFile("f", chunks(evidence), digestOf(evidence))).toBe("created");
      expect(utf8((await store.get("f"))?.body)).toBe("evidence");
      expect(s3.calls).not.toContain("AbortMultipartUpload");
    });
  });

  it("asks again where S3 can't decide, with growing pauses", async () => {
    const { s3, store, waits } = open();
    let left = 3;
    s3.fault = (command) => (command === "PutObject" && left-- > 0 ? "conflict" : undefined);
    expect(await store.putIfAbsent("k", evidence, "w")).toBe("created");
    expect(waits).toEqual([50, 100, 200]);
  });

  it("gives up asking after a bounded number of times", async () => {
    const { s3, store, waits } = open();
    s3.fault = (command) => (command === "PutObject" ? "conflict" : undefined);
    await expect(store.putIfAbsent("k", evidence, "w")).rejects.toMatchObject({ name: "DefectFailure" });
    expect(waits).toHaveLength(5);
  });

  it("says throttled when S3 asks to slow down", async () => {
    const { s3, store } = open();
    s3.fault = () => "before";
    const throttled = { failure: { class: "throttled", evidence: "k" } };
    await expect(store.putIfAbsent("k", evidence, "w")).rejects.toMatchObject(throttled);
    await expect(store.get("k")).rejects.toMatchObject(throttled);
    await expect(keysOf(store.list("k"))).rejects.toMatchObject(throttled);
  });

  it.each([
    [{ name: "AccessDenied", status: 403 }, "auth"],
    [{ name: "InternalError", status: 500 }, "transport"],
    [{ name: "TimeoutError", status: undefined }, "transport"],
    [{ name: "NoSuchBucket", status: 404 }, "defect"],
  ])("calls %j %s", async ({ name, status }, failureClass) => {
    const { s3, store } = open();
    s3.fault = () => {
      throw Object.assign(new Error(name), { name, $metadata: { httpStatusCode: status } });
    };
    await expect(store.head("k")).rejects.toMatchObject({ failure: { class: failureClass } });
  });

  it("reads on where the connection broke off", async () => {
    const { s3, store } = open();
    const body = patternBytes(400_000);
    await store.putFile("f", chunks(body), digestOf(body));
    let left = 2;
    s3.fault = (command) => (command === "GetObject" && left-- > 0 ? "cut" : undefined);
    expect(digestOf((await gather(await store.read("f")))!)).toEqual(digestOf(body));
    expect(s3.calls.filter((command) => command === "GetObject")).toHaveLength(3);
  });

  it("stops reading an object that changes meanwhile", async () => {
    const { s3, store } = open();
    const body = patternBytes(200_000);
    await store.putIfAbsent("f", body, "w");
    const { etag } = (await store.head("f"))!;
    const stream = (await store.read("f"))!;
    await store.replace("f", patternBytes(200_000, 9), etag);
    s3.fault = once("GetObject", "cut");
    await expect(gather(stream)).rejects.toThrow("it changed or went");
  });

  it("sends pieces in parallel, in order, each with its digest", async () => {
    const { s3, store } = open({ pieceBytes: 100_000 });
    const body = patternBytes(950_001);
    expect(await store.putFile("f", chunks(body.subarray(0, 7), body.subarray(7)), digestOf(body))).toBe("created");
    expect(digestOf((await store.get("f"))!.body)).toEqual(digestOf(body));
    expect(s3.calls.filter((command) => command === "UploadPart")).toHaveLength(10);
    expect(s3.uploads.size).toBe(0);
  });

  it.each(["cut", "changed", "failing"])(
    "aborts the upload of a %s file: nothing is left, nothing costs",
    async (how) => {
      const { s3, store } = open({ pieceBytes: 100_000 });
      const body = patternBytes(450_000);
      const digest = digestOf(body);
      if (how === "failing") s3.fault = once("UploadPart", "before");
      const sent = how === "cut" ? body.subarray(0, 300_000) : how === "changed" ? patternBytes(450_000, 2) : body;
      await expect(store.putFile("f", chunks(sent), digest)).rejects.toMatchObject({
        failure: { class: how === "failing" ? "throttled" : "integrity" },
      });
      expect([s3.objects.size, s3.uploads.size]).toEqual([0, 0]);
      expect(await store.putFile("f", chunks(body), digest)).toBe("created");
    },
  );

  it("compares by S3's own checksum what came by URL", async () => {
    const { s3, store } = open();
    await store.putIfAbsent("f", evidence, "by-url"); // as a signed put leaves it: a checksum, no digest of ours
    s3.calls.length = 0;
    expect(await store.putFile("f", chunks(evidence), digestOf(evidence))).toBe("mine");
    expect(await store.putFile("f", chunks("evidencf"), digestOf(text("evidencf")))).toBe("other");
    expect(s3.calls).toEqual(["HeadObject", "HeadObject"]);
  });

  it("reads what has neither, to compare", async () => {
    const { s3, store } = open();
    await store.putIfAbsent("f", evidence, "w");
    s3.objects.set("f", { ...s3.objects.get("f")!, checksum: undefined });
    expect(await store.putFile("f", chunks(evidence), digestOf(evidence))).toBe("mine");
  });

  describe("signPut", () => {
    it("signs length, digest and if-none-match as headers, which it leaves out of the query", async () => {
      const { store } = open();
      const signed = await store.signPut("runs/r/f", digestOf(evidence));
      const url = new URL(signed.url);
      const query = new Map([...url.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
      expect(query.get("x-amz-signedheaders")).toBe("content-length;host;if-none-match;x-amz-checksum-sha256");
      expect([...query.keys()].filter((name) => /checksum|crc/.test(name))).toEqual([]);
      expect([url.hostname, url.pathname]).toEqual(["evidence.s3.eu-central-1.amazonaws.com", "/runs/r/f"]);
      expect(signed.headers).toEqual({
        "content-length": "8",
        "if-none-match": "*",
        "x-amz-checksum-sha256": Buffer.from(digestOf(evidence).sha256, "hex").toString("base64"),
      });
    });

    it("expires after its time, and never after the session that signs", async () => {
      const { store } = open();
      const signed = await store.signPut("f", digestOf(evidence));
      expect(signed.expiresAt).toBe(startedAt + 3_600_000);
      expect(new URL(signed.url).searchParams.get("X-Amz-Expires")).toBe("3600");
      expect(new URL(signed.url).searchParams.get("X-Amz-Date")).toBe("20260101T000000Z");

      const expiration = new Date(startedAt + 600_000);
      const client = createS3Client({ region: "eu-central-1" });
      client.config.credentials = async () => ({
        accessKeyId: "A",
        secretAccessKey: "s",
        sessionToken: "t",
        expiration,
      });
      const clock = { now: () => startedAt, sleep: () => Promise.resolve() };
      const short = await new S3Store({ client, bucket: "evidence", clock, newId: () => "1" }).signPut(
        "f",
        digestOf(evidence),
      );
      expect(short.expiresAt).toBe(startedAt + 600_000);
      expect(new URL(short.url).searchParams.get("X-Amz-Expires")).toBe("600");
    });
  });
});

describe("cutIntoPieces", () => {
  it.each([
    [[], 3, []],
    [["abc"], 3, ["abc"]],
    [["abcdefgh"], 3, ["abc", "def", "gh"]],
    [["a", "b", "", "c", "defg", "h"], 3, ["abc", "def", "gh"]],
    [["ab"], 9, ["ab"]],
  ])("cuts %j by %d", async (given, size, expected) => {
    const pieces: (string | undefined)[] = [];
    for await (const piece of cutIntoPieces(chunks(...given), size)) pieces.push(utf8(piece));
    expect(pieces).toEqual(expected);
  });
});
