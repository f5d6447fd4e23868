import type {
  Entry,
  Etag,
  FileDigest,
  Key,
  ObjectStoreAdmin,
  SignedPut,
  Stored,
  WriterId,
} from "../core/ports/object-store.ts";

/** A store that is opened by its first call: its client's code needn't be loaded where nothing is asked of it. */
export class DeferredStore implements ObjectStoreAdmin {
  readonly #open: () => Promise<ObjectStoreAdmin>;
  #opened: Promise<ObjectStoreAdmin> | undefined;

  constructor(open: () => Promise<ObjectStoreAdmin>) {
    this.#open = open;
  }

  #store(): Promise<ObjectStoreAdmin> {
    return (this.#opened ??= this.#open());
  }

  async putIfAbsent(key: Key, body: Uint8Array, writer: WriterId): Promise<"created" | "mine" | "other"> {
    return (await this.#store()).putIfAbsent(key, body, writer);
  }
  async replace(key: Key, body: Uint8Array, etag: Etag): Promise<{ readonly etag: Etag } | "conflict"> {
    return (await this.#store()).replace(key, body, etag);
  }
  async get(key: Key): Promise<Stored | undefined> {
    return (await this.#store()).get(key);
  }
  async head(key: Key): Promise<Entry | undefined> {
    return (await this.#store()).head(key);
  }
  async read(key: Key, from?: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    return (await this.#store()).read(key, from);
  }
  async *list(prefix: Key, after?: Key): AsyncIterable<Entry> {
    yield* (await this.#store()).list(prefix, after);
  }
  async putFile(key: Key, body: AsyncIterable<Uint8Array>, digest: FileDigest): Promise<"created" | "mine" | "other"> {
    return (await this.#store()).putFile(key, body, digest);
  }
  async signPut(key: Key, digest: FileDigest): Promise<SignedPut> {
    return (await this.#store()).signPut(key, digest);
  }
  async delete(key: Key): Promise<void> {
    return (await this.#store()).delete(key);
  }
}
