import type { GetObjectCommandOutput, HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { createDigester, digestStream, hexToBase64, sha256Hex } from "../../core/evidence/sha256.ts";
import type { Entry, FileDigest, Key, ObjectStoreAdmin, SignedPut, Stored } from "../../core/ports/object-store.ts";
import { assertKey, assertPrefix } from "../object-key.ts";
import { assertUploadable, uploadHeaders } from "../upload-url.ts";
import { wrongFile } from "../wrong-file.ts";
import { isConflict, isNotFound, isPreconditionFailed, s3Failure } from "./s3-errors.ts";
import { cutIntoPieces } from "./cut-into-pieces.ts";

export interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  readonly clock: Clock;
  /** A name that nobody else draws: tells our own write from another's of the same content. */
  readonly newId: () => string;
  /** Upload URLs are asked for when a file is final, so they needn't live long. @default 1 h */
  readonly uploadTtlMs?: number;
  /** Files of more bytes travel as multipart uploads in pieces of this size; S3's least is 5 MiB. @default 16 MiB */
  readonly pieceBytes?: number;
}

/**
 * An S3 client as the store needs it. Checksums are our own, on every write: the client must not add its default ones,
 * which a presigned PUT would carry as those of an empty body.
 */
export const createS3Client = (options: {
  readonly region: string;
  /** An emulator's address. @default S3's own */
  readonly endpoint?: string;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}): S3Client =>
  new S3Client({
    region: options.region,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 4,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  });

/** S3 takes 10,000 parts an upload. */
const maxPieces = 9_000;
const piecesAtOnce = 3;

/**
 * A bucket. Conditional writes do the deciding, SHA-256 checksums the verifying; both are S3's own.
 *
 * The writer of an object and, for multipart uploads, the whole file's digest stand in its metadata. A put whose answer
 * got lost is repeated by the SDK and then refused by S3: so every refusal is followed by a look at who wrote.
 */
export class S3Store implements ObjectStoreAdmin {
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly clock: Clock;
  private readonly newId: () => string;
  private readonly uploadTtlMs: number;
  private readonly pieceBytes: number;

  constructor(options: S3StoreOptions) {
    this.client = options.client;
    this.bucket = options.bucket;
    this.clock = options.clock;
    this.newId = options.newId;
    this.uploadTtlMs = options.uploadTtlMs ?? 3_600_000;
    this.pieceBytes = options.pieceBytes ?? 16 * 1024 ** 2;
  }

  async putIfAbsent(key: Key, body: Uint8Array, writer: string): Promise<"created" | "mine" | "other"> {
    assertKey(key);
    const metadata = { writer: encodeURIComponent(writer) };
    return this.createOr(
      key,
      () => this.putNew(key, body, sha256Hex(body), metadata),
      async () => {
        const there = await this.headObject(key);
        if (there === undefined) return undefined;
        return there.Metadata?.["writer"] === metadata.writer ? "mine" : "other";
      },
    );
  }

  async replace(key: Key, body: Uint8Array, etag: string): Promise<{ readonly etag: string } | "conflict"> {
    assertKey(key);
    const write = this.newId();
    for (let tries = 0; ; tries++) {
      try {
        const answer = await this.client.send(
          new PutObjectCommand({
            ...this.at(key),
            Body: body,
            ContentLength: body.byteLength,
            ChecksumSHA256: hexToBase64(sha256Hex(body)),
            IfMatch: etag,
            Metadata: { write },
          }),
        );
        return { etag: requireEtag(answer.ETag, key) };
      } catch (error) {
        if (isConflict(error) && tries < 5) {
          await this.clock.sleep(50 * 2 ** tries);
          continue;
        }
        if (isNotFound(error)) return "conflict";
        if (!isPreconditionFailed(error) && !isConflict(error)) throw s3Failure("replace", key, error);
        // Ours may have come through with its answer lost, and the SDK's repetition been refused.
        const there = await this.headObject(key);
        return there?.Metadata?.["write"] === write ? { etag: requireEtag(there.ETag, key) } : "conflict";
      }
    }
  }

  async get(key: Key): Promise<Stored | undefined> {
    assertKey(key);
    const answer = await this.getObject(key, undefined, undefined);
    if (answer?.Body === undefined) return undefined;
    try {
      const body = await answer.Body.transformToByteArray();
      return { body, etag: requireEtag(answer.ETag, key), modifiedAt: answer.LastModified?.getTime() ?? 0 };
    } catch (error) {
      throw s3Failure("get", key, error);
    }
  }

  async head(key: Key): Promise<Entry | undefined> {
    assertKey(key);
    const there = await this.headObject(key);
    if (there === undefined) return undefined;
    return {
      key,
      bytes: there.ContentLength ?? 0,
      etag: requireEtag(there.ETag, key),
      modifiedAt: there.LastModified?.getTime() ?? 0,
    };
  }

  async read(key: Key, from = 0): Promise<AsyncIterable<Uint8Array> | undefined> {
    assertKey(key);
    const there = await this.headObject(key);
    if (there === undefined) return undefined;
    return this.stream(key, { from, bytes: there.ContentLength ?? 0, etag: requireEtag(there.ETag, key) });
  }

  async *list(prefix: Key, after: Key = ""): AsyncGenerator<Entry> {
    assertPrefix(prefix);
    let token: string | undefined;
    do {
      const page = await this.client
        .send(
          new ListObjectsV2Command({
            Bucket: this.bucket,
            Prefix: prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
            ...(after === "" ? {} : { StartAfter: after }),
          }),
        )
        .catch((error: unknown) => {
          throw s3Failure("list", prefix, error);
        });
      for (const object of page.Contents ?? []) {
        const { Key: key, Size: bytes = 0, ETag: etag, LastModified: modified } = object;
        if (key !== undefined) yield { key, bytes, etag: requireEtag(etag, key), modifiedAt: modified?.getTime() ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async putFile(key: Key, body: AsyncIterable<Uint8Array>, digest: FileDigest): Promise<"created" | "mine" | "other"> {
    assertKey(key);
    const existing = await this.compareFile(key, digest);
    if (existing !== undefined) {
      await body[Symbol.asyncIterator]().return?.();
      return existing;
    }
    if (digest.bytes > this.pieceBytes) return this.putPieces(key, body, digest);
    const pieces: Uint8Array[] = [];
    for await (const piece of cutIntoPieces(body, this.pieceBytes + 1)) {
      pieces.push(piece);
      if (pieces.length > 1) break; // longer than promised: what it holds is of no use
    }
    const content = Buffer.concat(pieces);
    const actual = { sha256: sha256Hex(content), bytes: content.byteLength };
    if (actual.sha256 !== digest.sha256 || actual.bytes !== digest.bytes) throw wrongFile(key, digest, actual);
    return this.createOr(
      key,
      () => this.putNew(key, content, digest.sha256, fileMetadata(digest)),
      () => this.compareFile(key, digest),
    );
  }

  async signPut(key: Key, digest: FileDigest): Promise<SignedPut> {
    assertKey(key);
    assertUploadable({ key, digest });
    const now = this.clock.now();
    // A URL dies with the session that signed it, whatever it says itself.
    const { expiration } = await this.client.config.credentials();
    const expiresAt = Math.min(now + this.uploadTtlMs, expiration?.getTime() ?? Infinity);
    const command = new PutObjectCommand({
      ...this.at(key),
      ContentLength: digest.bytes,
      ChecksumSHA256: hexToBase64(digest.sha256),
      IfNoneMatch: "*",
    });
    const url = await getSignedUrl(this.client, command, {
      signingDate: new Date(now),
      expiresIn: Math.max(1, Math.floor((expiresAt - now) / 1_000)),
      // Hoisted into the query S3 would take it for said, and check nothing against it.
      unhoistableHeaders: new Set(["x-amz-checksum-sha256"]),
    });
    return { url, headers: uploadHeaders(digest), expiresAt };
  }

  async delete(key: Key): Promise<void> {
    assertKey(key);
    try {
      await this.client.send(new DeleteObjectCommand(this.at(key)));
    } catch (error) {
      throw s3Failure("delete", key, error);
    }
  }

  /** Creates, or says what stands there; asks again where S3 can't decide or what stood there is gone meanwhile. */
  private async createOr(
    key: Key,
    create: () => Promise<unknown>,
    look: () => Promise<"mine" | "other" | undefined>,
  ): Promise<"created" | "mine" | "other"> {
    for (let tries = 0; ; tries++) {
      try {
        await create();
        return "created";
      } catch (error) {
        if (!isPreconditionFailed(error) && !isConflict(error)) throw s3Failure("put", key, error);
        const there = await look();
        if (there !== undefined) return there;
        if (tries === 5) throw s3Failure("put", key, error);
        await this.clock.sleep(50 * 2 ** tries);
      }
    }
  }

  private putNew(key: Key, body: Uint8Array, sha256: string, metadata: Record<string, string>): Promise<unknown> {
    return this.client.send(
      new PutObjectCommand({
        ...this.at(key),
        Body: body,
        ContentLength: body.byteLength,
        ChecksumSHA256: hexToBase64(sha256),
        IfNoneMatch: "*",
        Metadata: metadata,
      }),
    );
  }

  /** A multipart upload: S3 checks each piece, we the whole, before the key becomes visible. */
  private async putPieces(
    key: Key,
    body: AsyncIterable<Uint8Array>,
    digest: FileDigest,
  ): Promise<"created" | "mine" | "other"> {
    const { UploadId: uploadId } = await this.client
      .send(
        new CreateMultipartUploadCommand({
          ...this.at(key),
          ChecksumAlgorithm: "SHA256",
          Metadata: fileMetadata(digest),
        }),
      )
      .catch((error: unknown) => {
        throw s3Failure("createMultipartUpload", key, error);
      });
    const upload = { ...this.at(key), UploadId: uploadId };
    let answer: "created" | "mine" | "other" | undefined;
    try {
      const parts = await this.sendPieces(key, body, { digest, uploadId });
      const complete = { ...upload, IfNoneMatch: "*", MultipartUpload: { Parts: parts } };
      answer = await this.createOr(
        key,
        () => this.client.send(new CompleteMultipartUploadCommand(complete)),
        () => this.compareFile(key, digest),
      );
    } catch (error) {
      // The answer to its completion may have got lost, and the SDK's repetition found no upload any more.
      const isGone = error instanceof FailureError && isNotFound(error.cause);
      if (!isGone || (await this.compareFile(key, digest)) !== "mine") throw error;
      answer = "created";
    } finally {
      // Pieces of an upload that came to nothing would cost money unseen.
      if (answer !== "created") {
        await this.client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
      }
    }
    return answer;
  }

  private async sendPieces(
    key: Key,
    body: AsyncIterable<Uint8Array>,
    upload: { readonly digest: FileDigest; readonly uploadId: string | undefined },
  ): Promise<{ PartNumber: number; ETag: string; ChecksumSHA256: string }[]> {
    const { digest, uploadId } = upload;
    const pieceBytes = Math.max(this.pieceBytes, Math.ceil(digest.bytes / maxPieces));
    const whole = createDigester();
    const parts: { PartNumber: number; ETag: string; ChecksumSHA256: string }[] = [];
    const underWay = new Set<Promise<void>>();
    let failed: { readonly error: unknown } | undefined;
    let sent = 0;
    for await (const piece of cutIntoPieces(body, pieceBytes)) {
      whole.update(piece);
      sent += piece.byteLength;
      if (sent > digest.bytes) break; // it is wrong already
      const checksum = hexToBase64(sha256Hex(piece));
      const part = parts.push({ PartNumber: parts.length + 1, ETag: "", ChecksumSHA256: checksum });
      const sending = this.client
        .send(
          new UploadPartCommand({
            ...this.at(key),
            UploadId: uploadId,
            PartNumber: part,
            Body: piece,
            ContentLength: piece.byteLength,
            ChecksumSHA256: checksum,
          }),
        )
        .then(({ ETag: etag }) => {
          parts[part - 1] = { PartNumber: part, ETag: requireEtag(etag, key), ChecksumSHA256: checksum };
        })
        .catch((error: unknown) => {
          failed ??= { error };
        })
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
      if (underWay.size >= piecesAtOnce) await Promise.race(underWay);
      if (failed !== undefined) break;
    }
    await Promise.all(underWay);
    // Widened: assigned in a callback, which the compiler can't see.
    const failure = failed as { readonly error: unknown } | undefined;
    if (failure !== undefined) throw s3Failure("uploadPart", key, failure.error);
    const actual = whole.done();
    if (actual.sha256 !== digest.sha256 || actual.bytes !== digest.bytes) throw wrongFile(key, digest, actual);
    return parts;
  }

  /** Whether the object at `key` is this file; undefined when there is none. */
  private async compareFile(key: Key, digest: FileDigest): Promise<"mine" | "other" | undefined> {
    const there = await this.headObject(key);
    if (there === undefined) return undefined;
    if (there.ContentLength !== digest.bytes) return "other";
    // Multipart uploads have the digest of the digests as their checksum, so ours stands beside it.
    const known = there.Metadata?.["sha256"];
    if (known !== undefined) return known === digest.sha256 ? "mine" : "other";
    const checksum = there.ChecksumSHA256;
    if (checksum !== undefined && !checksum.includes("-")) {
      return checksum === hexToBase64(digest.sha256) ? "mine" : "other";
    }
    const { sha256 } = await digestStream(
      this.stream(key, { from: 0, bytes: digest.bytes, etag: requireEtag(there.ETag, key) }),
    );
    return sha256 === digest.sha256 ? "mine" : "other";
  }

  /** Reads on where a connection broke off, of the same version, a bounded number of times. */
  private async *stream(
    key: Key,
    what: { readonly from: number; readonly bytes: number; readonly etag: string },
  ): AsyncGenerator<Uint8Array> {
    let at = what.from;
    for (let tries = 0; at < what.bytes; tries++) {
      const answer = await this.getObject(key, at, what.etag);
      if (answer?.Body === undefined) throw s3Failure("read", key, new Error("it changed or went while it was read"));
      try {
        // In Node the body is a Readable, which iterates over buffers.
        for await (const chunk of answer.Body as unknown as AsyncIterable<Uint8Array>) {
          at += chunk.byteLength;
          yield chunk;
        }
        if (at < what.bytes && tries >= 4) throw new Error(`it ended after ${at} of ${what.bytes} bytes`);
      } catch (error) {
        if (tries >= 4) throw s3Failure("read", key, error);
        await this.clock.sleep(100 * 2 ** tries);
      }
    }
  }

  private async getObject(
    key: Key,
    from: number | undefined,
    etag: string | undefined,
  ): Promise<GetObjectCommandOutput | undefined> {
    try {
      return await this.client.send(
        new GetObjectCommand({
          ...this.at(key),
          ...(from === undefined ? {} : { Range: `bytes=${from}-` }),
          ...(etag === undefined ? {} : { IfMatch: etag }),
        }),
      );
    } catch (error) {
      if (isNotFound(error) || isPreconditionFailed(error)) return undefined;
      throw s3Failure("get", key, error);
    }
  }

  private async headObject(key: Key): Promise<HeadObjectCommandOutput | undefined> {
    try {
      return await this.client.send(new HeadObjectCommand({ ...this.at(key), ChecksumMode: "ENABLED" }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw s3Failure("head", key, error);
    }
  }

  private at(key: Key): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: key };
  }
}

const fileMetadata = (digest: FileDigest): Record<string, string> => ({
  sha256: digest.sha256,
  writer: encodeURIComponent(`sha256:${digest.sha256}`),
});

function requireEtag(etag: string | undefined, key: Key): string {
  if (etag === undefined) throw s3Failure("answer for", key, new Error("it has no etag"));
  return etag;
}
