/** A path in the store: segments of `[A-Za-z0-9._=+@-]` joined by `/`, no leading slash, none `.` or `..`. */
export type Key = string;
/** Who wrote an object, so that a retried put after a lost reply is recognised as one's own. */
export type WriterId = string;
export type Etag = string;

export interface Stored {
  readonly body: Uint8Array;
  readonly etag: Etag;
  /** The store's own time of the last write, ms since the epoch: the only clock that leases are judged by. */
  readonly modifiedAt: number;
}

export interface Entry {
  readonly key: Key;
  readonly bytes: number;
  readonly etag: Etag;
  readonly modifiedAt: number;
}

/** What a host needs to put one file: one request, exactly these headers, once, before `expiresAt`. */
export interface SignedPut {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: number;
}

/** A file that is final: its length and SHA-256 (hex) are known before it travels. */
export interface FileDigest {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * The only truth (design decisions 5 and 7): S3, a folder, or memory, with the same meaning.
 *
 * Reads see the last completed write. There is no delete here on purpose; `ObjectStoreAdmin` has it for `clean`.
 */
export interface ObjectStore {
  /** Creates the object if nothing is there. "mine": it is there and `writer` wrote it. "other": somebody else did. */
  putIfAbsent(key: Key, body: Uint8Array, writer: WriterId): Promise<"created" | "mine" | "other">;
  /** Writes over the version with `etag`; "conflict" when another write came first or the object is gone. */
  replace(key: Key, body: Uint8Array, etag: Etag): Promise<{ readonly etag: Etag } | "conflict">;
  get(key: Key): Promise<Stored | undefined>;
  /** Size and digest without the body. */
  head(key: Key): Promise<Entry | undefined>;
  /** The body as a stream from byte `from` on; for files that may be large. */
  read(key: Key, from?: number): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Entries below `prefix` in key order, after `after`. Pages behind the scenes, so memory stays bounded. */
  list(prefix: Key, after?: Key): AsyncIterable<Entry>;
  /** As `list`, of the keys alone. Absent where entries cost no more. */
  keys?(prefix: Key): AsyncIterable<Key>;
  /**
   * Lands a file of any size; the store verifies length and SHA-256 before the key becomes visible.
   *
   * @returns "other" when the key holds different bytes: evidence is never overwritten
   */
  putFile(key: Key, body: AsyncIterable<Uint8Array>, digest: FileDigest): Promise<"created" | "mine" | "other">;
  /** A URL with which a host puts exactly that file at that key, once. */
  signPut(key: Key, digest: FileDigest): Promise<SignedPut>;
}

export interface ObjectStoreAdmin extends ObjectStore {
  delete(key: Key): Promise<void>;
}
