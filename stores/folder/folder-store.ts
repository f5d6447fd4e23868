import { randomBytes } from "node:crypto";
import type { BigIntStats } from "node:fs";
import {
  closeSync,
  createReadStream,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFile,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { digestStream, sha256Hex } from "../../core/evidence/sha256.ts";
import { isPhaseKey } from "../../core/names/keys.ts";
import type { Entry, FileDigest, Key, ObjectStoreAdmin, SignedPut, Stored } from "../../core/ports/object-store.ts";
import { assertKey, assertPrefix } from "../object-key.ts";
import { assertUploadable, signUpload } from "../upload-url.ts";
import { wrongFile } from "../wrong-file.ts";
import { absent, errnoOf, unless } from "./errno.ts";
import { FileLocks } from "./file-lock.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { isAlive, ownerIn, ownerOf } from "./owner.ts";
import { receiveFile } from "./receive-file.ts";
import { walkFiles } from "./walk-files.ts";

/**
 * A folder with the meaning of a bucket.
 *
 * `objects/{key}` holds each object's bytes as they are, `meta/{key}` who wrote it and its digest (not of the many small
 * records by which a phase is coordinated: what they say tells who wrote them), `tmp/` what isn't complete yet, `locks/`
 * who changes which key right now, `upload.key` what upload URLs are signed with. An object becomes visible by link(2) or
 * rename(2) of a complete file, its metadata before it, both under the key's lock: so a process may be killed at any
 * instant and any number of processes of one machine may share the folder.
 *
 * Small objects are read and written synchronously: a call takes some tens of microseconds, less than the way through
 * Node's thread pool. Files of any size stream.
 */
export interface FolderStoreOptions {
  readonly root: string;
  readonly clock: Clock;
  /** Where the upload server listens, once it does; without it nothing can be signed. */
  readonly uploads?: { readonly baseUrl: () => string; readonly ttlMs: number };
  /**
   * Which keys must survive a power cut, and not only a killed process. Files that land by digest always do.
   *
   * @default intents, receipts, outcomes, manifests, and who owns a run
   */
  readonly isDurable?: (key: Key) => boolean;
  /** @default 10 s */
  readonly lockPatienceMs?: number;
}

const recordsToKeep =
  /\/(intents|resources|outcomes|epochs)\/|\/(receipt|manifest|run|plan|closed)\.json$|\/definition\.yaml$|^results\//;

/** Records without metadata: whoever finds its own bytes there wrote them, since they name their writer or are all the same. */
const isPlain = isPhaseKey;

const metaSchema = z.object({
  sha256: z.string(),
  bytes: z.number(),
  writer: z.string().optional(),
  /** Of the file that this was written for: as long as they agree nobody has touched it since. */
  inode: z.string(),
  modifiedNs: z.string(),
});
type Meta = z.infer<typeof metaSchema>;

/** Up to here a read stays on the event loop. */
const smallBytes = 1 << 20;

export class FolderStore implements ObjectStoreAdmin {
  readonly root: string;
  private readonly clock: Clock;
  private readonly uploads: FolderStoreOptions["uploads"];
  private readonly isDurable: (key: Key) => boolean;
  private readonly locks: FileLocks;
  private readonly folderSyncs = new FolderSyncs();
  private readonly temporaryPrefix: string;
  private temporaries = 0;
  private secret: Uint8Array | undefined;

  constructor(options: FolderStoreOptions) {
    this.root = options.root;
    this.clock = options.clock;
    this.uploads = options.uploads;
    this.isDurable = options.isDurable ?? ((key) => recordsToKeep.test(key));
    const owner = ownerOf(process.pid);
    this.temporaryPrefix = join(this.root, "tmp", `${owner}.${randomBytes(4).toString("hex")}`);
    for (const folder of ["objects", "meta", "tmp", "locks"]) {
      mkdirSync(join(this.root, folder), { recursive: true, mode: 0o700 });
    }
    this.locks = new FileLocks({
      identityPath: `${this.temporaryPrefix}.id`,
      owner,
      clock: this.clock,
      patienceMs: options.lockPatienceMs ?? 10_000,
    });
    this.sweep();
  }

  /** Removes what this process keeps in the folder while it runs; a killed one's is removed by the next. */
  close(): void {
    rmSync(`${this.temporaryPrefix}.id`, { force: true });
  }

  async putIfAbsent(key: Key, body: Uint8Array, writer: string): Promise<"created" | "mine" | "other"> {
    assertKey(key);
    const existing = this.statObject(key);
    if (existing !== undefined) return this.compareWriter(key, existing, { body, writer });
    const durable = this.isDurable(key);
    const temporary = this.writeTemporary(key, body, durable);
    if (isPlain(key)) return this.putPlain(key, temporary.path, body);
    const meta: Meta = { sha256: sha256Hex(body), bytes: body.byteLength, writer, ...temporary.identity };
    const answer = await this.commit(key, temporary.path, meta, durable);
    return answer === "created" ? "created" : this.compareWriter(key, answer, { body, writer });
  }

  async replace(key: Key, body: Uint8Array, etag: string): Promise<{ readonly etag: string } | "conflict"> {
    assertKey(key);
    return this.locks.hold(this.lockPath(key), () => {
      const current = unless([...absent, "EISDIR"], () => readFileSync(this.objectPath(key)));
      if (current === undefined || sha256Hex(current) !== etag) return "conflict";
      const temporary = this.writeTemporary(key, body, this.isDurable(key));
      renameSync(temporary.path, this.objectPath(key));
      const meta: Meta = { sha256: sha256Hex(body), bytes: body.byteLength, ...temporary.identity };
      // After the object: should we die in between, the old metadata doesn't fit the file and is not believed.
      if (!isPlain(key)) this.writeMeta(key, meta);
      return { etag: meta.sha256 };
    });
  }

  async get(key: Key): Promise<Stored | undefined> {
    assertKey(key);
    const file = unless(absent, () => openSync(this.objectPath(key), "r"));
    if (file === undefined) return undefined;
    let body: Uint8Array;
    let stat: BigIntStats;
    try {
      stat = fstatSync(file, { bigint: true });
      if (!stat.isFile()) return undefined;
      body = stat.size <= smallBytes ? readFileSync(file) : await readLarge(file);
    } finally {
      closeSync(file);
    }
    const etag = sha256Hex(body);
    const meta = this.readMeta(key);
    if (meta !== undefined && isUntouched(meta, stat) && meta.sha256 !== etag) {
      throw new FailureError({
        class: "integrity",
        message: `${key} doesn't have the bytes that were stored: SHA-256 ${etag}, stored ${meta.sha256}`,
        hint: `the disk below ${this.root} has lost them; restore this object from a copy`,
        evidence: key,
      });
    }
    return { body, etag, modifiedAt: millis(stat) };
  }

  async head(key: Key): Promise<Entry | undefined> {
    assertKey(key);
    const stat = this.statObject(key);
    return stat === undefined ? undefined : this.entryOf(key, stat);
  }

  async read(key: Key, from = 0): Promise<AsyncIterable<Uint8Array> | undefined> {
    assertKey(key);
    const stat = this.statObject(key);
    return stat === undefined ? undefined : readFrom(this.objectPath(key), from, Number(stat.size));
  }

  async *keys(prefix: Key, after: Key = ""): AsyncGenerator<Key> {
    assertPrefix(prefix);
    let sinceYield = 0;
    for (const key of walkFiles(join(this.root, "objects"), { prefix, after })) {
      // Walking is synchronous: let others have the event loop now and then.
      if (++sinceYield % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
      yield key;
    }
  }

  async *list(prefix: Key, after: Key = ""): AsyncGenerator<Entry> {
    for await (const key of this.keys(prefix, after)) {
      const stat = this.statObject(key);
      if (stat !== undefined) yield await this.entryOf(key, stat);
    }
  }

  async putFile(key: Key, body: AsyncIterable<Uint8Array>, digest: FileDigest): Promise<"created" | "mine" | "other"> {
    assertKey(key);
    const existing = this.statObject(key);
    if (existing !== undefined) {
      await body[Symbol.asyncIterator]().return?.();
      return this.compareDigest(key, existing, digest);
    }
    const temporary = this.temporaryPath();
    try {
      const actual = await receiveFile(temporary, body, { durable: true });
      if (actual.sha256 !== digest.sha256 || actual.bytes !== digest.bytes) throw wrongFile(key, digest, actual);
      const identity = identityOf(statSync(temporary, { bigint: true }));
      const answer = await this.commit(
        key,
        temporary,
        { ...digest, writer: `sha256:${digest.sha256}`, ...identity },
        true,
      );
      return answer === "created" ? "created" : await this.compareDigest(key, answer, digest);
    } finally {
      rmSync(temporary, { force: true }); // gone already when it was committed
    }
  }

  async signPut(key: Key, digest: FileDigest): Promise<SignedPut> {
    assertKey(key);
    assertUploadable({ key, digest });
    if (this.uploads === undefined) {
      throw new FailureError({ class: "defect", message: `no upload server takes ${key}: hosts must be pulled from` });
    }
    const expiresAt = this.clock.now() + this.uploads.ttlMs;
    return signUpload({
      secret: this.uploadSecret(),
      baseUrl: this.uploads.baseUrl(),
      grant: { key, digest },
      expiresAt,
    });
  }

  async delete(key: Key): Promise<void> {
    assertKey(key);
    await this.locks.hold(this.lockPath(key), () => {
      for (const [folder, path] of [
        ["objects", this.objectPath(key)],
        ["meta", this.metaPath(key)],
      ] as const) {
        unless([...absent, "EISDIR"], () => unlinkSync(path));
        // Folders that became empty go too: a bucket has none. Who creates below them at this moment makes them again.
        const top = join(this.root, folder);
        for (let parent = dirname(path); parent !== top; parent = dirname(parent)) {
          if (unless(["ENOTEMPTY", "EEXIST", ...absent], () => (rmdirSync(parent), true)) === undefined) break;
        }
      }
    });
  }

  /** What upload URLs of this folder are signed with; the same for all processes, made by the first. */
  uploadSecret(): Uint8Array {
    const path = join(this.root, "upload.key");
    this.secret ??= unless(absent, () => readFileSync(path));
    if (this.secret === undefined) {
      const temporary = this.temporaryPath();
      const file = openSync(temporary, "wx", 0o600);
      writeSync(file, randomBytes(32));
      fsyncSync(file);
      closeSync(file);
      unless(["EEXIST"], () => linkSync(temporary, path));
      unlinkSync(temporary);
      this.secret = readFileSync(path);
    }
    return this.secret;
  }

  /** @returns "created", or what stood there first */
  private async commit(key: Key, temporary: string, meta: Meta, durable: boolean): Promise<"created" | BigIntStats> {
    const path = this.objectPath(key);
    const answer = await this.locks.hold(this.lockPath(key), (): "created" | BigIntStats => {
      const existing = this.statObject(key);
      if (existing !== undefined) return existing;
      this.writeMeta(key, meta);
      // link, not rename: should all else fail, evidence is still never overwritten.
      this.inFolder(key, path, () => linkSync(temporary, path));
      return "created";
    });
    rmSync(temporary, { force: true });
    if (durable && answer === "created") await this.folderSyncs.sync(dirname(path));
    return answer;
  }

  /** Needs no lock: its one file is there at once, and the first is kept. */
  private putPlain(key: Key, temporary: string, body: Uint8Array): "created" | "mine" | "other" {
    const path = this.objectPath(key);
    try {
      const first = this.inFolder(key, path, () =>
        unless(["EEXIST"], (): "created" => (linkSync(temporary, path), "created")),
      );
      return first ?? this.compareBytes(key, body);
    } finally {
      unlinkSync(temporary);
    }
  }

  private writeTemporary(key: Key, body: Uint8Array, durable: boolean) {
    const path = this.temporaryPath();
    try {
      const file = openSync(path, "wx", 0o644);
      try {
        for (let at = 0; at < body.byteLength;) at += writeSync(file, body, at);
        if (durable) fsyncSync(file);
        return { path, identity: identityOf(fstatSync(file, { bigint: true })) };
      } finally {
        closeSync(file);
      }
    } catch (error) {
      rmSync(path, { force: true });
      throw writeFailed(key, error);
    }
  }

  private writeMeta(key: Key, meta: Meta): void {
    const path = this.metaPath(key);
    this.inFolder(key, path, () => {
      const file = openSync(path, "w", 0o644);
      try {
        writeSync(file, JSON.stringify(meta));
      } finally {
        closeSync(file);
      }
    });
  }

  /** Does `work`, which creates `path`, and makes the folder for it if there is none. */
  private inFolder<T>(key: Key, path: string, work: () => T): T {
    // More than one try: a deletion may remove the folder that we have just made.
    for (let tries = 0; ; tries++) {
      try {
        return work();
      } catch (error) {
        if (errnoOf(error) !== "ENOENT" || tries === 10) throw writeFailed(key, error);
        try {
          mkdirSync(dirname(path), { recursive: true });
        } catch (mkdirError) {
          throw writeFailed(key, mkdirError);
        }
      }
    }
  }

  private statObject(key: Key): BigIntStats | undefined {
    const stat = unless(absent, () => statSync(this.objectPath(key), { bigint: true, throwIfNoEntry: false }));
    return stat?.isFile() === true ? stat : undefined;
  }

  private readMeta(key: Key): Meta | undefined {
    const text = unless([...absent, "EISDIR"], () => readFileSync(this.metaPath(key), "utf8"));
    if (text === undefined) return undefined;
    try {
      return metaSchema.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined; // its writer is at it, or was killed
    }
  }

  /**
   * Digest and writer of an object, from its metadata if that was written for this very file; from its bytes if the
   * file was copied here, or its metadata lost. What was found out is kept.
   */
  private async metaOf(key: Key, stat: BigIntStats): Promise<Meta> {
    const meta = this.readMeta(key);
    if (meta !== undefined && isUntouched(meta, stat)) return meta;
    const digest = await this.digestOf(key, stat);
    const found: Meta = {
      ...digest,
      ...identityOf(stat),
      ...(meta?.sha256 === digest.sha256 && meta.writer !== undefined ? { writer: meta.writer } : {}),
    };
    if (isPlain(key)) return found;
    try {
      await this.locks.hold(this.lockPath(key), () => {
        const now = this.statObject(key);
        if (now !== undefined && isUntouched(found, now)) this.writeMeta(key, found);
      });
    } catch {
      // A read-only copy, or a full disk: the answer is right all the same.
    }
    return found;
  }

  private async entryOf(key: Key, stat: BigIntStats): Promise<Entry> {
    const { sha256 } = await this.metaOf(key, stat);
    return { key, bytes: Number(stat.size), etag: sha256, modifiedAt: millis(stat) };
  }

  private async digestOf(key: Key, { size }: BigIntStats): Promise<FileDigest> {
    const path = this.objectPath(key);
    if (size > smallBytes) return digestStream(readFrom(path, 0, Number(size)));
    const body = readFileSync(path);
    return { sha256: sha256Hex(body), bytes: body.byteLength };
  }

  private async compareWriter(
    key: Key,
    stat: BigIntStats,
    own: { readonly body: Uint8Array; readonly writer: string },
  ): Promise<"mine" | "other"> {
    if (isPlain(key)) return this.compareBytes(key, own.body);
    return (await this.metaOf(key, stat)).writer === own.writer ? "mine" : "other";
  }

  private compareBytes(key: Key, body: Uint8Array): "mine" | "other" {
    try {
      return readFileSync(this.objectPath(key)).equals(body) ? "mine" : "other";
    } catch (error) {
      throw writeFailed(key, error);
    }
  }

  private async compareDigest(key: Key, stat: BigIntStats, digest: FileDigest): Promise<"mine" | "other"> {
    return (await this.metaOf(key, stat)).sha256 === digest.sha256 ? "mine" : "other";
  }

  private objectPath(key: Key): string {
    return `${this.root}/objects/${key}`;
  }

  private metaPath(key: Key): string {
    return `${this.root}/meta/${key}`;
  }

  private lockPath(key: Key): string {
    return `${this.root}/locks/${sha256Hex(key).slice(0, 32)}`;
  }

  private temporaryPath(): string {
    return `${this.temporaryPrefix}.${this.temporaries++}`;
  }

  /** Removes what killed processes left: half-written files, their locks. */
  private sweep(): void {
    const temporaries = join(this.root, "tmp");
    for (const name of readdirSync(temporaries)) {
      const owner = ownerIn(name);
      if (owner !== undefined && !isAlive(owner)) rmSync(join(temporaries, name), { force: true });
    }
    const locks = join(this.root, "locks");
    for (const name of readdirSync(locks)) if (!name.includes(".")) this.locks.breakIfStale(join(locks, name));
  }
}

const identityOf = (stat: BigIntStats): Pick<Meta, "inode" | "modifiedNs"> => ({
  inode: String(stat.ino),
  modifiedNs: String(stat.mtimeNs),
});

const isUntouched = (meta: Meta, stat: BigIntStats): boolean =>
  meta.inode === String(stat.ino) && meta.modifiedNs === String(stat.mtimeNs) && BigInt(meta.bytes) === stat.size;

const millis = (stat: BigIntStats): number => Number(stat.mtimeNs / 1_000_000n);

/** @param bytes how long the file is: a buffer larger than it would only be garbage */
async function* readFrom(path: string, from: number, bytes: number): AsyncGenerator<Uint8Array> {
  const highWaterMark = Math.min(1 << 19, Math.max(1 << 10, bytes - from));
  const stream: AsyncIterable<Uint8Array> = createReadStream(path, { start: from, highWaterMark });
  yield* stream;
}

const readLarge = promisify(readFile) as (file: number) => Promise<Buffer>; // of its overloads, the one without encoding

function writeFailed(key: Key, error: unknown): unknown {
  const code = errnoOf(error);
  if (code === "ENOTDIR" || code === "EEXIST" || code === "EISDIR") {
    return new FailureError(
      {
        class: "invalid",
        message: `${key} can't be stored: a part of its path is an object, or it is a folder of others`,
        hint: "a folder can't hold both a and a/b; name one of them differently",
      },
      { cause: error },
    );
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new FailureError(
      {
        class: "transport",
        message: `no space left to store ${key}`,
        hint: "free space below the store's folder; nothing is lost",
      },
      { cause: error },
    );
  }
  return error;
}
