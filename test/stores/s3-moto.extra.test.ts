import type { S3Client } from "@aws-sdk/client-s3";
import { CreateBucketCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { request as httpRequest } from "node:http";
import { sealRun } from "../../core/evidence/seal-run.ts";
import { verifyRun } from "../../core/evidence/verify-run.ts";
import { createS3Client, S3Store } from "../../stores/s3/s3-store.ts";
import { landFullRun, startOfTests } from "../core/evidence/run-fixture.ts";
import { startMoto } from "./moto-server.ts";
import { chunks, describeStoreContract, digestOf, gather, keysOf, patternBytes, text, utf8 } from "./store-contract.ts";

/** The S3 store against moto, over HTTP. What only S3 itself does (refusing a changed signature) isn't seen here. */
let moto: Awaited<ReturnType<typeof startMoto>>;
let client: S3Client;
let buckets = 0;

beforeAll(async () => {
  moto = await startMoto();
  client = createS3Client({
    region: "us-east-1",
    endpoint: moto.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
});
afterAll(async () => {
  client.destroy();
  await moto.stop();
});

const open = async (options: { readonly pieceBytes?: number } = {}) => {
  const bucket = `bucket-${++buckets}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() }; // moto judges expiry by the real time
  let ids = 0;
  return { bucket, store: new S3Store({ client, bucket, clock, newId: () => `id-${++ids}`, ...options }) };
};

describeStoreContract("S3Store over moto", open, { nestsFiles: true, randomCases: 8 });

describe("S3Store over moto", () => {
  const put = (url: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(url, { method: "PUT", headers }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      });
      request.on("error", reject);
      request.end(body);
    });

  it("lands a presigned put, which its own files compare with", async () => {
    const { store } = await open();
    const body = patternBytes(100_000);
    const signed = await store.signPut("runs/r/log", digestOf(body));
    expect(await put(signed.url, signed.headers, body)).toBe(200);
    expect(digestOf((await store.get("runs/r/log"))!.body)).toEqual(digestOf(body));
    expect(await store.putFile("runs/r/log", chunks(body), digestOf(body))).toBe("mine");
    expect(await put(signed.url, signed.headers, body)).toBe(412); // once
  });

  it("lands a large file in pieces, conditionally", async () => {
    const pieceBytes = 5 * 1024 ** 2;
    const { bucket, store } = await open({ pieceBytes });
    const body = patternBytes(2 * pieceBytes + 12_345);
    const digest = digestOf(body);
    expect(await store.putFile("big", chunks(body.subarray(0, 999), body.subarray(999)), digest)).toBe("created");
    expect(digestOf((await gather(await store.read("big")))!)).toEqual(digest);
    expect(digestOf((await gather(await store.read("big", pieceBytes + 1)))!)).toEqual(
      digestOf(body.subarray(pieceBytes + 1)),
    );
    expect(await store.putFile("big", chunks(body), digest)).toBe("mine");
    const other = patternBytes(2 * pieceBytes + 12_345, 5);
    expect(await store.putFile("big", chunks(other), digestOf(other))).toBe("other");
    const cut = store.putFile("cut", chunks(body.subarray(0, pieceBytes + 1)), digest);
    await expect(cut).rejects.toMatchObject({ failure: { class: "integrity" } });
    expect(await keysOf(store.list(""))).toEqual(["big"]);
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
  });

  it("lists more than a page", async () => {
    const { store } = await open();
    const keys = Array.from({ length: 1_100 }, (_, i) => `k/${i.toString().padStart(4, "0")}`);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => store.putIfAbsent(key, text("x"), "w")));
    }
    expect(await keysOf(store.list("k/"))).toEqual(keys);
    expect(await keysOf(store.list("k/", "k/1050"))).toEqual(keys.slice(1_051));
  });

  it("says what is wrong with the bucket", async () => {
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
    const store = new S3Store({ client, bucket: "no-such-bucket", clock, newId: () => "1" });
    await expect(store.putIfAbsent("k", text("x"), "w")).rejects.toMatchObject({
      failure: { class: "defect" },
      hint: "is the stack deployed in this account and region?",
    });
  });

  it("holds a sealed run that verifies", async () => {
    const { store } = await open();
    await landFullRun(store);
    const { rootDigest } = await sealRun(store, "r1", { now: () => startOfTests, writer: "e" });
    expect(await verifyRun(store, "r1")).toMatchObject({
      seal: "sealed",
      rootDigest,
      problemCount: 0,
      checkedFiles: 28,
    });
    expect(utf8((await store.get("runs/r1/SHA256SUMS"))?.body)?.split("\n")).toHaveLength(28);
  });
});
