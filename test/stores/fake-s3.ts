import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { createS3Client } from "../../stores/s3/s3-store.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";

interface FakeObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly checksum: string | undefined;
  readonly modifiedAt: number;
}

/** The members of our commands' inputs. */
interface Input {
  readonly Key: string;
  readonly Body?: Uint8Array;
  readonly ChecksumSHA256?: string;
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
  readonly Metadata?: Record<string, string>;
  readonly Range?: string;
  readonly Prefix?: string;
  readonly StartAfter?: string;
  readonly ContinuationToken?: string;
  readonly UploadId?: string;
  readonly PartNumber?: number;
  readonly MultipartUpload?: {
    readonly Parts: readonly { readonly PartNumber: number; readonly ChecksumSHA256: string }[];
  };
}

/**
 * before: S3 never saw the request, and says so. lost: it took effect, the answer got lost and the SDK asked again.
 * conflict: another conditional write was under way. cut: the body breaks off halfway.
 */
export type S3Fault = "before" | "lost" | "conflict" | "cut";

/** S3's answers to our commands, from memory: conditional writes, checksums, ranges, pages, multipart uploads. */
export class FakeS3 {
  readonly objects = new Map<string, FakeObject>();
  readonly uploads = new Map<
    string,
    { readonly metadata: Record<string, string>; readonly parts: Map<number, Buffer> }
  >();
  readonly calls: string[] = [];
  fault: (command: string, n: number) => S3Fault | undefined = () => undefined;
  pageSize = 3;
  now = Date.UTC(2026, 0, 1);
  private serial = 0;

  /** A real client whose commands end here; presigning goes on as ever. */
  client(): S3Client {
    const client = createS3Client({
      region: "eu-central-1",
      credentials: { accessKeyId: "AKIA", secretAccessKey: "s" },
    });
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const command = (context.commandName ?? "").replace("Command", "");
        const input = args.input as unknown as Input; // of the commands that the store sends
        if (command === "PutObject" && input.Body === undefined) return next(args);
        // What a command answers is typed by the command, which a middleware can't know.
        return { output: this.answer(command, input) as never, response: {} };
      },
      { step: "initialize", priority: "high" },
    );
    return client;
  }

  private answer(command: string, input: Input): object {
    const fault = this.fault(command, this.calls.length);
    this.calls.push(command);
    if (fault === "before") throw failure("SlowDown", 503);
    if (fault === "conflict") throw failure("ConditionalRequestConflict", 409);
    if (fault === "lost") this.perform(command, input);
    const output = this.perform(command, input);
    return fault === "cut" && "Body" in output ? { ...output, Body: cutBody(output.Body as Readable) } : output;
  }

  private perform(command: string, input: Input): object {
    switch (command) {
      case "PutObject": {
        const body = Buffer.from(input.Body ?? []);
        if (input.ChecksumSHA256 !== checksumOf(body)) throw failure("BadDigest", 400);
        this.checkConditions(input);
        return this.store(input.Key, body, input.Metadata ?? {}, input.ChecksumSHA256);
      }
      case "GetObject": {
        const object = this.require(input);
        const from = Number(/^bytes=(\d+)-$/.exec(input.Range ?? "")?.[1] ?? 0);
        if (input.Range !== undefined && from >= object.body.byteLength) throw failure("InvalidRange", 416);
        const body = Readable.from([...slices(object.body.subarray(from))]);
        const transformToByteArray = async () => Uint8Array.from(object.body);
        return { ...headers(object), Body: Object.assign(body, { transformToByteArray }) };
      }
      case "HeadObject":
        return headers(this.require(input));
      case "DeleteObject":
        this.objects.delete(input.Key);
        return {};
      case "ListObjectsV2": {
        const after = input.ContinuationToken ?? input.StartAfter ?? "";
        const keys = [...this.objects.keys()].filter((key) => key.startsWith(input.Prefix ?? "") && key > after).sort();
        const page = keys.slice(0, this.pageSize);
        const contents = page.map((key) => {
          const object = this.objects.get(key)!;
          return {
            Key: key,
            Size: object.body.byteLength,
            ETag: object.etag,
            LastModified: new Date(object.modifiedAt),
          };
        });
        return { Contents: contents, IsTruncated: keys.length > page.length, NextContinuationToken: page.at(-1) };
      }
      case "CreateMultipartUpload": {
        const id = `upload-${++this.serial}`;
        this.uploads.set(id, { metadata: input.Metadata ?? {}, parts: new Map() });
        return { UploadId: id };
      }
      case "UploadPart": {
        const body = Buffer.from(input.Body ?? []);
        if (input.ChecksumSHA256 !== checksumOf(body)) throw failure("BadDigest", 400);
        this.requireUpload(input).parts.set(input.PartNumber ?? 0, body);
        return { ETag: `"part-${sha256Hex(body).slice(0, 8)}"` };
      }
      case "CompleteMultipartUpload": {
        const upload = this.requireUpload(input);
        this.checkConditions(input);
        const parts = (input.MultipartUpload?.Parts ?? []).map(({ PartNumber: n, ChecksumSHA256: checksum }) => {
          const part = upload.parts.get(n);
          if (part === undefined || checksumOf(part) !== checksum) throw failure("InvalidPart", 400);
          return part;
        });
        this.uploads.delete(input.UploadId ?? "");
        return this.store(input.Key, Buffer.concat(parts), upload.metadata, `composite-${parts.length}`);
      }
      case "AbortMultipartUpload":
        this.requireUpload(input);
        this.uploads.delete(input.UploadId ?? "");
        return {};
      default:
        throw new Error(`the fake has no ${command}`);
    }
  }

  private checkConditions(input: Input): void {
    const there = this.objects.get(input.Key);
    if (input.IfNoneMatch === "*" && there !== undefined) throw failure("PreconditionFailed", 412);
    if (input.IfMatch === undefined) return;
    if (there === undefined) throw failure("NoSuchKey", 404);
    if (there.etag !== input.IfMatch) throw failure("PreconditionFailed", 412);
  }

  private store(key: string, body: Buffer, metadata: Record<string, string>, checksum: string | undefined): object {
    const etag = `"${++this.serial}"`;
    this.objects.set(key, { body, etag, metadata, checksum, modifiedAt: this.now });
    return { ETag: etag };
  }

  private require(input: Input): FakeObject {
    const object = this.objects.get(input.Key);
    if (object === undefined) throw failure("NotFound", 404);
    if (input.IfMatch !== undefined && object.etag !== input.IfMatch) throw failure("PreconditionFailed", 412);
    return object;
  }

  private requireUpload(input: Input) {
    const upload = this.uploads.get(input.UploadId ?? "");
    if (upload === undefined) throw failure("NoSuchUpload", 404);
    return upload;
  }
}

const failure = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

const checksumOf = (body: Uint8Array): string => Buffer.from(sha256Hex(body), "hex").toString("base64");

const headers = (object: FakeObject) => ({
  ContentLength: object.body.byteLength,
  ETag: object.etag,
  LastModified: new Date(object.modifiedAt),
  Metadata: object.metadata,
  ChecksumSHA256: object.checksum,
});

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.byteLength; at += 50_000) yield body.subarray(at, at + 50_000);
}

/** Gives half of its chunks, then breaks. */
const cutBody = (body: Readable): Readable =>
  Readable.from(
    (async function* () {
      const chunks = (await body.toArray()) as Buffer[];
      yield* chunks.slice(0, Math.ceil(chunks.length / 2));
      throw Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    })(),
  );
