import { checkUpload, signUpload, uploadHeaders } from "../../stores/upload-url.ts";
import { digestOf, text } from "./store-contract.ts";

const secret = text("secret");
const digest = digestOf(text("evidence"));
const baseUrl = "http://127.0.0.1:1/uploads";
const signed = signUpload({ secret, baseUrl, grant: { key: "runs/r/f", digest }, expiresAt: 1_000 });

const check = (
  change: {
    readonly url?: (url: URL) => void;
    readonly headers?: Record<string, string | undefined>;
    readonly now?: number;
    readonly secret?: Uint8Array;
  } = {},
) => {
  const url = new URL(signed.url);
  change.url?.(url);
  const headers: Record<string, string | undefined> = { ...signed.headers, ...change.headers };
  return checkUpload({
    secret: change.secret ?? secret,
    path: url.pathname.replace("/uploads/", ""),
    query: url.searchParams,
    header: (name) => headers[name],
    now: change.now ?? 999,
  });
};

describe("checkUpload", () => {
  it("grants what was signed", () => {
    expect(check()).toEqual({ kind: "granted", key: "runs/r/f", digest });
  });

  it.each([
    ["an expired URL", "Expired", { now: 1_000 }],
    ["a later expiry", "ForeignSignature", { url: (u: URL): void => u.searchParams.set("expires", "2000") }],
    ["another key", "ForeignSignature", { url: (u: URL): void => void (u.pathname = "/uploads/runs/r/g") }],
    ["another length in the query", "ForeignSignature", { url: (u: URL): void => u.searchParams.set("bytes", "9") }],
    [
      "another digest in the query",
      "ForeignSignature",
      { url: (u: URL): void => u.searchParams.set("sha256", "0".repeat(64)) },
    ],
    ["another store's secret", "ForeignSignature", { secret: text("other") }],
    ["a cut signature", "ForeignSignature", { url: (u: URL): void => u.searchParams.set("signature", "ab") }],
    ["no signature", "NotAnUploadUrl", { url: (u: URL): void => u.searchParams.delete("signature") }],
    ["a path that climbs", "NotAnUploadUrl", { url: (u: URL): void => void (u.pathname = "/uploads/a%2F..%2Fb") }],
    ["another content-length", "WrongLength", { headers: { "content-length": "9" } }],
    ["no content-length", "WrongLength", { headers: { "content-length": undefined } }],
    ["another checksum", "WrongDigest", { headers: uploadHeaders(digestOf(text("evidencf"))) }],
    ["no if-none-match", "MissingIfNoneMatch", { headers: { "if-none-match": undefined } }],
    ["another if-none-match", "MissingIfNoneMatch", { headers: { "if-none-match": '"etag"' } }],
  ] as const)("refuses %s as %s", (_, code, change) => {
    expect(check(change)).toMatchObject({ kind: "refused", code });
  });
});

describe("signUpload", () => {
  it("refuses what isn't a digest", () => {
    const bad = { sha256: "xyz", bytes: 1 };
    expect(() => signUpload({ secret, baseUrl, grant: { key: "k", digest: bad }, expiresAt: 1 })).toThrow(
      /not a file digest/,
    );
  });
});
