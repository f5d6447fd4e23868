import { PutObjectCommand } from "@aws-sdk/client-s3";
import { hexToBase64, sha256Hex } from "../../../core/evidence/sha256.ts";
import { openSsmBucket, parseBucket } from "../../../transports/ssm/s3-bucket.ts";
import { createS3Client } from "../../../stores/s3/s3-store.ts";
import type { HttpHandler } from "../../emulators/common/http.ts";
import { listenLoopback } from "../../emulators/common/server.ts";
import { FakeS3 } from "../../stores/fake-s3.ts";

describe("openSsmBucket", () => {
  it("reads what an agent has put there, nothing while it isn't, and no more than the host said", async () => {
    const client = new FakeS3().client();
    const { output } = openSsmBucket({ client, name: "lab", prefix: "ssm/", newId: () => "one" });
    expect(output).toMatchObject({ name: "lab", prefix: "ssm/output" });
    expect(await output.read("ssm/output/x", 10)).toBeUndefined();
    const Body = Buffer.from("0123456789");
    const ChecksumSHA256 = hexToBase64(sha256Hex(Body));
    await client.send(new PutObjectCommand({ Bucket: "lab", Key: "ssm/output/x", Body, ChecksumSHA256 }));
    expect(Buffer.from((await output.read("ssm/output/x", 10)) ?? [])).toEqual(Body);
    await expect(output.read("ssm/output/x", 9)).rejects.toMatchObject({ failure: { class: "integrity" } });
  });
});

describe("openSsmBucket.offer", () => {
  /** A bucket's objects with all their versions; a delete without a version hides the object. */
  interface Versioned {
    readonly versions: Map<string, string>;
    isHidden: boolean;
    readonly handle: HttpHandler;
  }
  const versionedBucket = ({ mayDeleteVersions }: { readonly mayDeleteVersions: boolean }): Versioned => {
    const bucket: Versioned = {
      versions: new Map(),
      isHidden: false,
      handle: async ({ method, url, body }) => {
        const version = url.searchParams.get("versionId");
        const empty = (status: number, headers: Record<string, string> = {}) => ({ status, headers, body: "" });
        switch (method) {
          case "PUT":
            bucket.versions.set("v1", body);
            return empty(200, { "x-amz-version-id": "v1" });
          case "GET":
            return bucket.isHidden || !bucket.versions.has("v1")
              ? empty(404)
              : { status: 200, headers: {}, body: bucket.versions.get("v1") ?? "" };
          case "DELETE":
            if (version !== null && !mayDeleteVersions) return empty(403);
            if (version === null) bucket.isHidden = true;
            else bucket.versions.delete(version);
            return empty(204);
          default:
            return empty(405);
        }
      },
    };
    return bucket;
  };

  it.each([
    ["nothing of it stays where versions are kept and may be deleted", true, 0],
    ["it is hidden where versions may not be deleted", false, 1],
  ])("gives bytes by a URL until it is revoked: %s", async (_what, mayDeleteVersions, kept) => {
    const bucket = versionedBucket({ mayDeleteVersions });
    const server = await listenLoopback(bucket.handle);
    const credentials = { accessKeyId: "AKIA", secretAccessKey: "s" };
    const client = createS3Client({ region: "eu-central-1", endpoint: server.url, credentials });
    try {
      const { offer } = openSsmBucket({ client, name: "lab", prefix: "ssm/", newId: () => "one" });
      const { url, revoke } = await offer(Buffer.from("a secret"));
      expect(new URL(url).pathname).toMatch(/ssm\/stdin\/one$/);
      expect(Number(new URL(url).searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(300);
      expect(await (await fetch(url)).text()).toBe("a secret");
      await revoke();
      expect((await fetch(url)).status).toBe(404);
      expect(bucket.versions.size).toBe(kept);
    } finally {
      client.destroy();
      await server.close();
    }
  });
});

describe("parseBucket", () => {
  it("takes a bucket, with a prefix or without", () => {
    expect(parseBucket("lab")).toEqual({ name: "lab", prefix: "reprise-ssm" });
    expect(parseBucket("lab/a/b")).toEqual({ name: "lab", prefix: "a/b" });
    expect(() => parseBucket("s3://lab")).toThrow(/not a bucket/);
  });
});
