import { RepriseError } from "../errors/reprise-error.ts";

/** One file of an experiment's folder. */
export interface BundledFile {
  /** Relative, `/`-separated. At most 255 bytes, since ustar splits it into prefix and name. */
  readonly path: string;
  readonly body: Uint8Array;
  readonly executable: boolean;
}

export class BundleError extends RepriseError {
  override readonly name = "BundleError";
}

const blockBytes = 512;
const encoder = new TextEncoder();

/**
 * An uncompressed ustar archive of the files: the same files give the same bytes, whoever packs them and when.
 *
 * Sorted by path, owned by nobody, dated 1970, modes 755 and 644 only.
 *
 * @throws {BundleError} when a path is too long for the format
 * @see POSIX.1-2017, pax: "ustar Interchange Format"
 */
export function buildTar(files: readonly BundledFile[]): Uint8Array {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const blocks: Uint8Array[] = [];
  for (const file of sorted) {
    blocks.push(header(file), file.body, new Uint8Array(padding(file.body.length)));
  }
  blocks.push(new Uint8Array(2 * blockBytes));
  const total = blocks.reduce((sum, block) => sum + block.length, 0);
  const archive = new Uint8Array(total);
  let offset = 0;
  for (const block of blocks) {
    archive.set(block, offset);
    offset += block.length;
  }
  return archive;
}

const padding = (bytes: number): number => (blockBytes - (bytes % blockBytes)) % blockBytes;

function header(file: BundledFile): Uint8Array {
  const { prefix, name } = splitPath(file.path);
  const block = new Uint8Array(blockBytes);
  const put = (offset: number, text: string): void => {
    block.set(encoder.encode(text), offset);
  };
  const octal = (offset: number, width: number, value: number): void => {
    put(offset, `${value.toString(8).padStart(width - 1, "0")}\0`);
  };
  put(0, name);
  octal(100, 8, file.executable ? 0o755 : 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, file.body.length);
  octal(136, 12, 0);
  put(148, " ".repeat(8)); // the checksum counts its own field as spaces
  put(156, "0");
  put(257, "ustar\x0000");
  put(345, prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** ustar keeps 100 bytes of name and 155 of the folders before it. */
function splitPath(path: string): { readonly prefix: string; readonly name: string } {
  const bytes = (text: string): number => encoder.encode(text).length;
  if (bytes(path) <= 100) return { prefix: "", name: path };
  for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) {
    const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)];
    if (bytes(prefix) <= 155 && bytes(name) <= 100) return { prefix, name };
  }
  throw new BundleError(`the path is too long to ship: "${path}"`, {
    hint: "at most 255 bytes, 100 of them in the file's name",
  });
}
