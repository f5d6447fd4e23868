import { createHash } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import type { HostEndpoint } from "../../../engines/embedded/host-endpoint.ts";
import { openHostEndpoint } from "../../../engines/embedded/host-endpoint.ts";
import { FolderStore } from "../../../stores/folder/folder-store.ts";
import { tempFolder } from "../../stores/temp-folder.ts";

const clock = { now: () => 1_000_000, sleep: () => Promise.resolve() };
const body = new TextEncoder().encode("evidence");

describe("openHostEndpoint", () => {
  let folder: ReturnType<typeof tempFolder>;
  let endpoint: HostEndpoint;
  let store: FolderStore;
  const portFile = (): string => join(folder.path, "port");

  beforeEach(async () => {
    folder = tempFolder("endpoint");
    endpoint = await openHostEndpoint(clock, portFile());
    store = new FolderStore({
      root: join(folder.path, "store"),
      clock,
      uploads: { baseUrl: () => endpoint.uploadUrl, ttlMs: 60_000 },
    });
  });
  afterEach(async () => {
    await endpoint.close();
    folder.remove();
  });

  const put = async (): Promise<number> => {
    const digest = { sha256: createHash("sha256").update(body).digest("hex"), bytes: body.length };
    const { url, headers } = await store.signPut("runs/r/live/out", digest);
    return (await fetch(url, { method: "PUT", headers, body })).status;
  };
  const report = async (): Promise<number> =>
    (await fetch(`${endpoint.callUrl}/report`, { method: "POST", body: "{}" })).status;
  /** What is answered to bytes that no client library sends. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(Number(new URL(endpoint.callUrl).port), "127.0.0.1", () => socket.end(text));
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      socket.on("error", reject).on("close", () => resolve(answer));
    });

  it("tells hosts that come before it has a store to come again, and takes what they bring then", async () => {
    expect([await put(), await report()]).toEqual([503, 503]);
    endpoint.takeUploads(store);
    expect([await put(), await report()]).toEqual([200, 503]);
    expect(new TextDecoder().decode((await store.get("runs/r/live/out"))?.body)).toBe("evidence");
  });

  it("survives a request that can't be read as a URL", async () => {
    endpoint.takeUploads(store);
    expect(await raw("GET // HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 500 /);
    expect(await put()).toBe(200);
  });

  it("listens where the one before it did", async () => {
    const { callUrl } = endpoint;
    await endpoint.close();
    endpoint = await openHostEndpoint(clock, portFile());
    expect(endpoint.callUrl).toBe(callUrl);
  });
});
