import type { IncomingMessage, Server } from "node:http";
import { createServer, request as httpRequest } from "node:http";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { FolderStore } from "../../stores/folder/folder-store.ts";
import type { UploadHandlerOptions } from "../../stores/folder/upload-server.ts";
import { uploadHandler } from "../../stores/folder/upload-server.ts";
import type { SignedPut } from "../../core/ports/object-store.ts";
import { digestOf, gather, keysOf, patternBytes, text, utf8 } from "./store-contract.ts";
import { tempFolder } from "./temp-folder.ts";

const evidence = text("evidence");

describe("uploadHandler", () => {
  let folder: ReturnType<typeof tempFolder>;
  let store: FolderStore;
  let server: Server;
  let now = 1_000_000;
  let refusals: { code: string; path: string }[];
  let refused: () => Promise<void>;

  const serve = async (change: Partial<UploadHandlerOptions> = {}): Promise<void> => {
    let tell: () => void = () => undefined;
    const happened = new Promise<void>((resolve) => (tell = resolve));
    refused = () => happened;
    const handle = uploadHandler({
      store,
      secret: store.uploadSecret(),
      path: "/uploads/",
      clock: { now: () => now },
      onRefusal: ({ code, path }) => {
        refusals.push({ code, path });
        tell();
      },
      ...change,
    });
    server = createServer((request, response) => {
      if (!handle(request, response)) response.writeHead(418).end();
    });
    server.on("checkContinue", (request, response) => {
      if (!handle(request, response, "awaitsContinue")) response.writeHead(418).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  };
  const port = (): number => (server.address() as { port: number }).port; // listening on TCP

  beforeEach(async () => {
    folder = tempFolder("uploads");
    refusals = [];
    now = 1_000_000;
    store = new FolderStore({
      root: folder.path,
      clock: { now: () => now, sleep: () => Promise.resolve() },
      uploads: { baseUrl: () => `http://127.0.0.1:${port()}/uploads`, ttlMs: 60_000 },
    });
    await serve();
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    folder.remove();
  });

  const put = async (
    signed: Pick<SignedPut, "url" | "headers">,
    body: Uint8Array,
    method = "PUT",
  ): Promise<{ status: number; body: unknown }> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(signed.url, { method, headers: signed.headers, agent: false }, resolve);
      request.on("error", reject);
      request.end(body);
    });
    return { status: response.statusCode ?? 0, body: JSON.parse(utf8(await gather(response))!) as unknown };
  };
  const temporaries = () => readdirSync(join(folder.path, "tmp")).filter((name) => !name.endsWith(".id"));

  it("lands a signed file", async () => {
    const signed = await store.signPut("runs/r/log", digestOf(evidence));
    expect(await put(signed, evidence)).toEqual({ status: 200, body: { outcome: "created" } });
    expect(utf8((await store.get("runs/r/log"))?.body)).toBe("evidence");
  });

  it("lands files of many chunks, and empty ones", async () => {
    const big = patternBytes(2_500_000);
    const none = new Uint8Array();
    expect((await put(await store.signPut("big", digestOf(big)), big)).status).toBe(200);
    expect((await put(await store.signPut("none", digestOf(none)), none)).status).toBe(200);
    expect(digestOf((await store.get("big"))!.body)).toEqual(digestOf(big));
    expect((await store.head("none"))?.bytes).toBe(0);
  });

  it("takes a repeat of the same bytes as done", async () => {
    const signed = await store.signPut("k", digestOf(evidence));
    await put(signed, evidence);
    expect(await put(signed, evidence)).toEqual({ status: 200, body: { outcome: "mine" } });
    expect(refusals).toEqual([]);
  });

  it("lets a URL land once: different bytes are refused, whoever sends them", async () => {
    const first = await store.signPut("k", digestOf(evidence));
    const second = await store.signPut("k", digestOf(text("forgery!")));
    await put(first, evidence);
    expect(await put(second, text("forgery!"))).toMatchObject({ status: 412, body: { code: "DifferentBytesThere" } });
    expect(utf8((await store.get("k"))?.body)).toBe("evidence");
  });

  it("refuses an expired URL", async () => {
    const signed = await store.signPut("k", digestOf(evidence));
    now += 60_000;
    expect(await put(signed, evidence)).toMatchObject({ status: 403, body: { code: "Expired" } });
  });

  it("honours URLs across processes, and refuses those of another store", async () => {
    const elsewhere = tempFolder("uploads");
    const options = { clock: { now: () => now, sleep: () => Promise.resolve() } };
    const uploads = { baseUrl: () => `http://127.0.0.1:${port()}/uploads`, ttlMs: 60_000 };
    const same = new FolderStore({ root: folder.path, ...options, uploads });
    const other = new FolderStore({ root: elsewhere.path, ...options, uploads });
    const digest = digestOf(evidence);
    expect(await put(await other.signPut("k", digest), evidence)).toMatchObject({
      status: 403,
      body: { code: "ForeignSignature" },
    });
    expect((await put(await same.signPut("k", digest), evidence)).status).toBe(200);
    elsewhere.remove();
  });

  it("refuses a signature moved to another key", async () => {
    const signed = await store.signPut("runs/r/a", digestOf(evidence));
    const moved = { ...signed, url: signed.url.replace("runs/r/a", "runs/r/b") };
    expect(await put(moved, evidence)).toMatchObject({ status: 403, body: { code: "ForeignSignature" } });
  });

  it("refuses a body of another length than signed", async () => {
    const signed = await store.signPut("k", digestOf(evidence));
    const longer = { ...signed, headers: { ...signed.headers, "content-length": "9" } };
    expect(await put(longer, text("evidence!"))).toMatchObject({ status: 400, body: { code: "WrongLength" } });
  });

  it("refuses a body that isn't what its digest says, and forgets it", async () => {
    const signed = await store.signPut("k", digestOf(evidence));
    expect(await put(signed, text("evidencf"))).toMatchObject({ status: 400, body: { code: "WrongDigest" } });
    expect(await store.head("k")).toBeUndefined();
    expect(temporaries()).toEqual([]);
    expect((await put(signed, evidence)).status).toBe(200);
  });

  it("refuses a checksum header that wasn't signed", async () => {
    const signed = await store.signPut("k", digestOf(evidence));
    const other = await store.signPut("k", digestOf(text("evidencf")));
    expect(await put({ ...signed, headers: other.headers }, text("evidencf"))).toMatchObject({
      status: 400,
      body: { code: "WrongDigest" },
    });
  });

  it("refuses a put that may overwrite", async () => {
    const signed = await store.signPut("k", digestOf(evidence));
    const { "if-none-match": _, ...headers } = signed.headers;
    expect(await put({ ...signed, headers }, evidence)).toMatchObject({
      status: 428,
      body: { code: "MissingIfNoneMatch" },
    });
  });

  it.each(["GET", "DELETE", "POST"])("refuses %s", async (method) => {
    const signed = await store.signPut("k", digestOf(evidence));
    const { status } = await put(signed, evidence, method);
    expect(status).toBe(404);
    expect(await store.head("k")).toBeUndefined();
  });

  it("leaves nothing of a body that is cut, and lands it on the next try", async () => {
    const body = patternBytes(500_000);
    const signed = await store.signPut("k", digestOf(body));
    const url = new URL(signed.url);
    const socket = connect(port(), "127.0.0.1");
    const headers = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`PUT ${url.pathname}${url.search} HTTP/1.1\r\nhost: x\r\n${headers.join("")}\r\n`);
    socket.end(body.subarray(0, 400_000));
    await refused();
    expect(refusals).toEqual([{ code: "Truncated", path: "k" }]);
    expect(await store.head("k")).toBeUndefined();
    expect(temporaries()).toEqual([]);
    socket.destroy();
    expect((await put(signed, body)).status).toBe(200);
  });

  it("lands one of two uploads at once, and answers both", async () => {
    const body = patternBytes(1_000_000);
    const signed = await store.signPut("k", digestOf(body));
    const answers = await Promise.all([put(signed, body), put(signed, body)]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    expect(await keysOf(store.list(""))).toEqual(["k"]);
    expect(temporaries()).toEqual([]);
  });

  it("asks a waiting sender for the body only when it may land", async () => {
    const expectContinue = (signed: SignedPut) =>
      new Promise<{ asked: boolean; status: number }>((resolve, reject) => {
        let asked = false;
        const headers = { ...signed.headers, expect: "100-continue" };
        const request = httpRequest(signed.url, { method: "PUT", headers, agent: false });
        request.on("continue", () => {
          asked = true;
          request.end(evidence);
        });
        request.on("response", (response) => {
          response.resume();
          resolve({ asked, status: response.statusCode ?? 0 });
        });
        request.on("error", reject);
        request.flushHeaders();
      });
    const signed = await store.signPut("k", digestOf(evidence));
    expect(await expectContinue(signed)).toEqual({ asked: true, status: 200 });
    now += 60_000;
    expect(await expectContinue(signed)).toEqual({ asked: false, status: 403 });
  });

  it("says when the disk is full", async () => {
    await new Promise((resolve) => server.close(resolve));
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await serve({ store: { putFile: () => Promise.reject(full) } });
    const signed = await store.signPut("k", digestOf(evidence));
    expect(await put(signed, evidence)).toMatchObject({ status: 507, body: { code: "DiskFull" } });
  });

  it("answers 503 when the store fails otherwise", async () => {
    await new Promise((resolve) => server.close(resolve));
    await serve({ store: { putFile: () => Promise.reject(new Error("broken")) } });
    const signed = await store.signPut("k", digestOf(evidence));
    expect(await put(signed, evidence)).toMatchObject({ status: 503, body: { code: "StoreFailed", detail: "broken" } });
  });

  it("leaves other paths to others", async () => {
    const response = await fetch(`http://127.0.0.1:${port()}/elsewhere`);
    expect(response.status).toBe(418);
  });

  it("refuses keys that climb", async () => {
    const signed = await store.signPut("a/b", digestOf(evidence));
    const climbing = { ...signed, url: signed.url.replace("a/b", "a%2F..%2F..%2Fb") };
    expect(await put(climbing, evidence)).toMatchObject({ status: 404, body: { code: "NotAnUploadUrl" } });
  });
});
