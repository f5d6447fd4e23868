import type { Clock } from "../../core/effects/clock.ts";
import { digestStream, sha256Hex } from "../../core/evidence/sha256.ts";
import type { Entry, FileDigest, Key, ObjectStoreAdmin, SignedPut, Stored } from "../../core/ports/object-store.ts";
import { assertKey, assertPrefix } from "../object-key.ts";
import type { UploadRefusal } from "../upload-url.ts";
import { checkUpload, signUpload } from "../upload-url.ts";
import { wrongFile } from "../wrong-file.ts";

interface StoredObject {
  /** Bytes as Latin-1, one byte a character: a string costs 16 bytes beside its content, a typed array some 200. */
  readonly content: string;
  readonly version: number;
  readonly modifiedAt: number;
  /** Undefined once replaced: then nobody's first put is "mine" any more. */
  readonly writer: string | undefined;
}

/** Children by name, folders with a slash at their end: sorting the names then gives S3's key order. */
interface Folder {
  readonly children: Map<string, Folder | StoredObject>;
  /** Names in order, once somebody listed; kept up to date from then on. */
  sorted: string[] | undefined;
}

const isFolder = (child: Folder | StoredObject | undefined): child is Folder =>
  child !== undefined && "children" in child;

/** What every file that landed by digest has as its writer. */
const fileWriter = (sha256: string): string => `sha256:${sha256}`;

/**
 * A store in memory, for simulations and tests: no I/O, so it may stand behind a virtual clock, and light enough for
 * the half million objects of a 10,000-trial sweep.
 *
 * Upload URLs are honoured by `upload`, with the same refusals as the folder's upload server.
 */
export class MemoryStore implements ObjectStoreAdmin {
  private readonly root: Folder = newFolder();
  private readonly clock: Pick<Clock, "now">;
  private readonly uploadTtlMs: number;
  private readonly secret = new TextEncoder().encode("memory");
  private version = 0;
  private count = 0;

  constructor(options: { readonly clock: Pick<Clock, "now">; readonly uploadTtlMs?: number }) {
    this.clock = options.clock;
    this.uploadTtlMs = options.uploadTtlMs ?? 3_600_000;
  }

  get size(): number {
    return this.count;
  }

  async putIfAbsent(key: Key, body: Uint8Array, writer: string): Promise<"created" | "mine" | "other"> {
    const existing = this.find(key);
    if (existing !== undefined) return existing.writer === writer ? "mine" : "other";
    this.insert(key, this.toObject(body, writer));
    return "created";
  }

  async replace(key: Key, body: Uint8Array, etag: string): Promise<{ readonly etag: string } | "conflict"> {
    const existing = this.find(key);
    if (existing === undefined || etagOf(existing) !== etag) return "conflict";
    const object = this.toObject(body, undefined);
    this.insert(key, object);
    return { etag: etagOf(object) };
  }

  async get(key: Key): Promise<Stored | undefined> {
    const object = this.find(key);
    if (object === undefined) return undefined;
    return { body: bodyOf(object), etag: etagOf(object), modifiedAt: object.modifiedAt };
  }

  async head(key: Key): Promise<Entry | undefined> {
    const object = this.find(key);
    return object === undefined ? undefined : entryOf(key, object);
  }

  async read(key: Key, from = 0): Promise<AsyncIterable<Uint8Array> | undefined> {
    const object = this.find(key);
    return object === undefined ? undefined : chunksOf(bodyOf(object).subarray(from));
  }

  async *list(prefix: Key, after: Key = ""): AsyncGenerator<Entry> {
    assertPrefix(prefix);
    const slash = prefix.lastIndexOf("/") + 1;
    const folder = this.folderAt(prefix.slice(0, slash));
    if (folder !== undefined) yield* walk(folder, prefix.slice(0, slash), { prefix, after });
  }

  async putFile(key: Key, body: AsyncIterable<Uint8Array>, digest: FileDigest): Promise<"created" | "mine" | "other"> {
    const existing = this.find(key);
    if (existing !== undefined) return holds(existing, digest) ? "mine" : "other";
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    const actual = { sha256: sha256Hex(content), bytes: content.byteLength };
    if (actual.sha256 !== digest.sha256 || actual.bytes !== digest.bytes) throw wrongFile(key, digest, actual);
    const meanwhile = this.find(key);
    if (meanwhile !== undefined) return holds(meanwhile, digest) ? "mine" : "other";
    this.insert(key, this.toObject(content, fileWriter(digest.sha256)));
    return "created";
  }

  async signPut(key: Key, digest: FileDigest): Promise<SignedPut> {
    const expiresAt = this.clock.now() + this.uploadTtlMs;
    return signUpload({ secret: this.secret, baseUrl: "memory://uploads", grant: { key, digest }, expiresAt });
  }

  /** What a host's PUT to a signed URL does; `headers` in lower case. */
  async upload(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: AsyncIterable<Uint8Array>,
  ): Promise<"created" | "mine" | UploadRefusal> {
    const [path = "", query = ""] = url.replace(/^memory:\/\/uploads\//, "").split("?");
    const check = checkUpload({
      secret: this.secret,
      path,
      query: new URLSearchParams(query),
      header: (name) => headers[name],
      now: this.clock.now(),
    });
    if (check.kind === "refused") return check.code;
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const actual = await digestStream(iterate(chunks));
    if (actual.bytes < check.digest.bytes) return "Truncated";
    if (actual.bytes > check.digest.bytes) return "WrongLength";
    if (actual.sha256 !== check.digest.sha256) return "WrongDigest";
    const answer = await this.putFile(check.key, iterate(chunks), check.digest);
    return answer === "other" ? "DifferentBytesThere" : answer;
  }

  async delete(key: Key): Promise<void> {
    if (this.find(key) === undefined) return;
    const segments = key.split("/");
    const folders = [this.root];
    for (const segment of segments.slice(0, -1)) {
      const next = folders.at(-1)?.children.get(`${segment}/`);
      if (!isFolder(next)) return;
      folders.push(next);
    }
    this.count -= 1;
    // Folders that became empty go too: there are none in S3.
    for (let depth = segments.length - 1; depth >= 0; depth--) {
      const name = depth === segments.length - 1 ? (segments[depth] ?? "") : `${segments[depth] ?? ""}/`;
      const folder = folders[depth];
      if (folder === undefined) return;
      folder.children.delete(name);
      folder.sorted = undefined;
      if (folder.children.size > 0) return;
    }
  }

  private toObject(body: Uint8Array, writer: string | undefined): StoredObject {
    const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
    return { content, version: ++this.version, modifiedAt: this.clock.now(), writer };
  }

  private find(key: Key): StoredObject | undefined {
    assertKey(key);
    const slash = key.lastIndexOf("/") + 1;
    const child = this.folderAt(key.slice(0, slash))?.children.get(key.slice(slash));
    return isFolder(child) ? undefined : child;
  }

  private folderAt(path: string): Folder | undefined {
    let folder = this.root;
    for (let start = 0, end = path.indexOf("/"); end >= 0; start = end + 1, end = path.indexOf("/", start)) {
      const next = folder.children.get(path.slice(start, end + 1));
      if (!isFolder(next)) return undefined;
      folder = next;
    }
    return folder;
  }

  private insert(key: Key, object: StoredObject): void {
    let folder = this.root;
    let start = 0;
    for (let end = key.indexOf("/"); end >= 0; start = end + 1, end = key.indexOf("/", start)) {
      const name = key.slice(start, end + 1);
      const next = folder.children.get(name);
      if (isFolder(next)) {
        folder = next;
      } else {
        const created = newFolder();
        addChild(folder, name, created);
        folder = created;
      }
    }
    const name = key.slice(start);
    if (!folder.children.has(name)) this.count += 1;
    addChild(folder, name, object);
  }
}

const newFolder = (): Folder => ({ children: new Map(), sorted: undefined });

function addChild(folder: Folder, name: string, child: Folder | StoredObject): void {
  const isNew = !folder.children.has(name);
  folder.children.set(name, child);
  if (!isNew || folder.sorted === undefined) return;
  folder.sorted.splice(lowerBound(folder.sorted, name), 0, name);
}

/** Index of the first name that isn't before `name`. */
function lowerBound(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function* walk(
  folder: Folder,
  path: string,
  range: { readonly prefix: string; readonly after: string },
): Generator<Entry> {
  // A copy of the names: what is put while the caller looks at an entry must not shift the rest.
  const names = [...(folder.sorted ??= [...folder.children.keys()].sort())];
  for (const name of names) {
    const key = path + name;
    const child = folder.children.get(name);
    if (child === undefined) continue;
    if (isFolder(child)) {
      if (!key.startsWith(range.prefix) && !range.prefix.startsWith(key)) continue;
      if (key < range.after && !range.after.startsWith(key)) continue;
      yield* walk(child, key, range);
    } else if (key.startsWith(range.prefix) && key > range.after) {
      yield entryOf(key, child);
    }
  }
}

const etagOf = (object: StoredObject): string => `v${object.version}`;

const bodyOf = (object: StoredObject): Buffer => Buffer.from(object.content, "latin1");

const entryOf = (key: Key, object: StoredObject): Entry => ({
  key,
  bytes: object.content.length,
  etag: etagOf(object),
  modifiedAt: object.modifiedAt,
});

const holds = (object: StoredObject, digest: FileDigest): boolean =>
  object.content.length === digest.bytes && sha256Hex(bodyOf(object)) === digest.sha256;

async function* chunksOf(body: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.byteLength; at += chunkBytes) yield body.subarray(at, at + chunkBytes);
}

async function* iterate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
