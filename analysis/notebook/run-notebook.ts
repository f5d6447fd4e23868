/**
 * Runs a notebook's cells in order, without a kernel: each is a function of the names that it takes from cells above.
 *
 * What a cell gave is kept under a digest of its source, of the cells it takes names from, and of the files they read. So a
 * changed cell runs again with all that rests on it, and nothing else does; a cell whose values can't be kept (functions,
 * classes) runs again when something needs them.
 */
import { deserialize, serialize } from "node:v8";
import { z } from "zod";
import { RepriseError } from "../../core/errors/reprise-error.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import { namesOf } from "./cell-names.ts";
import type { CellNames } from "./cell-names.ts";
import type { Figure } from "../figure.ts";
import { CellOutput, drawOutput, toOutput } from "./outputs.ts";
import type { Notebook, NotebookCell } from "./parse-notebook.ts";

/** A cell that can't be understood or that threw; names the notebook's line. */
export class NotebookCellError extends RepriseError {
  override readonly name = "NotebookCellError";
}

/** A file that a cell can't do without isn't there: the notebook waits for its data, nothing is wrong with it. */
export class NotebookDataError extends NotebookCellError {}

export type Scope = Readonly<Record<string, unknown>>;

/** What a cell can call. */
export interface CellTools {
  /** Puts a value, or what it makes, under the cell. */
  readonly show: (value: unknown) => void;
  /** Draws a figure from rows, and puts it under the cell. */
  readonly showFigure: <Row extends object>(figure: Figure<Row>, rows: readonly Row[]) => Promise<void>;
  /** Reads a file beside the notebook; what it holds is part of what the cell rests on. */
  readonly read: (path: string) => Promise<Uint8Array>;
  /** The same of a file that the cell can do without; that it wasn't there is part of what the cell rests on, too. */
  readonly readIfThere: (path: string) => Promise<Uint8Array | undefined>;
}

export interface NotebookEffects {
  /** TypeScript to JavaScript. @throws whose message says what is wrong with it */
  readonly transform: (source: string) => Promise<string>;
  /** Makes a module of an async function's text: `export default async (scope, tools) => …`. */
  readonly load: (source: string) => Promise<{
    readonly run: (scope: Scope, tools: CellTools) => Promise<Scope>;
    /** Of the source with everything that it imports. */
    readonly sha256: string;
  }>;
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
  readonly cache: {
    readonly get: (key: string) => Promise<Uint8Array | undefined>;
    readonly put: (key: string, body: Uint8Array) => Promise<void>;
  };
}

export interface RanCell {
  readonly cell: NotebookCell;
  readonly outputs: readonly CellOutput[];
  readonly isFromCache: boolean;
}

const KeptCell = z.object({
  outputs: z.array(CellOutput),
  /** Null for a file that wasn't there. */
  reads: z.array(z.object({ path: z.string(), sha256: z.string().nullable() })),
  /** By `v8.serialize`, base64; null where a value can't be kept. */
  values: z.string().nullable(),
});
type KeptCell = z.infer<typeof KeptCell>;

interface PreparedCell {
  readonly cell: NotebookCell;
  readonly names: CellNames;
  /** Cells it takes names from, with the names. */
  readonly takes: ReadonlyMap<number, readonly string[]>;
  readonly module: Awaited<ReturnType<NotebookEffects["load"]>>;
  /** Digest of all that it rests on but the files. */
  readonly key: string;
}

/** @throws {NotebookCellError} at the first cell that can't be run */
export async function runNotebook(notebook: Notebook, effects: NotebookEffects): Promise<RanCell[]> {
  const prepared: PreparedCell[] = [];
  const owners = new Map<string, number>();
  const results = new Map<number, { readonly kept: KeptCell; readonly key: string; values: Scope | undefined }>();
  const ran: RanCell[] = [];

  for (const cell of notebook.parts.filter((part) => part.kind === "cell")) {
    const one = await prepare(cell, { owners, prepared, results: (index) => results.get(index)?.key ?? "", effects });
    prepared.push(one);
    for (const name of one.names.defines) owners.set(name, cell.index);
    const cached = await readKept(one.key, effects);
    if (cached !== undefined) {
      results.set(cell.index, { kept: cached, key: keyWithReads(one.key, cached), values: valuesOf(cached) });
      ran.push({ cell, outputs: cached.outputs, isFromCache: true });
      continue;
    }
    const { kept, values } = await runCell(one);
    await effects.cache.put(one.key, Buffer.from(JSON.stringify(kept)));
    results.set(cell.index, { kept, key: keyWithReads(one.key, kept), values });
    ran.push({ cell, outputs: kept.outputs, isFromCache: false });
  }
  return ran;

  /** Values of a cell that was found but whose values weren't kept: it runs again, for them alone. */
  async function valuesFrom(index: number): Promise<Scope> {
    const result = results.get(index);
    const one = prepared.find(({ cell }) => cell.index === index);
    if (result === undefined || one === undefined) return {};
    result.values ??= (await runCell(one)).values;
    return result.values;
  }

  async function runCell(one: PreparedCell): Promise<{ kept: KeptCell; values: Scope }> {
    const scope: Record<string, unknown> = {};
    for (const [index, names] of one.takes) {
      const values = await valuesFrom(index);
      for (const name of names) scope[name] = values[name];
    }
    const outputs: CellOutput[] = [];
    const reads: { path: string; sha256: string | null }[] = [];
    const readIfThere = async (path: string): Promise<Uint8Array | undefined> => {
      const bytes = await effects.read(path);
      reads.push({ path, sha256: bytes === undefined ? null : sha256Hex(bytes) });
      return bytes;
    };
    const tools: CellTools = {
      show: (value) => outputs.push(toOutput(value)),
      showFigure: async (figure, rows) => void outputs.push(await drawOutput(figure, rows)),
      read: async (path) => {
        const bytes = await readIfThere(path);
        if (bytes === undefined) throw new NotebookDataError(`there is no file ${path}`);
        return bytes;
      },
      readIfThere,
    };
    try {
      const values = await one.module.run(scope, tools);
      return { kept: { outputs, reads, values: keep(values) }, values };
    } catch (cause) {
      throw cellError(one.cell, cause);
    }
  }
}

interface Preparing {
  readonly owners: ReadonlyMap<string, number>;
  readonly prepared: readonly PreparedCell[];
  readonly results: (index: number) => string;
  readonly effects: NotebookEffects;
}

async function prepare(cell: NotebookCell, { owners, prepared, results, effects }: Preparing): Promise<PreparedCell> {
  try {
    const names = namesOf(await effects.transform(cell.source));
    const own = new Set(names.defines);
    const takes = new Map<number, string[]>();
    const imported: string[] = [];
    for (const name of names.uses([...owners.keys()].filter((one) => !own.has(one)))) {
      const owner = owners.get(name) ?? 0;
      const fromImport = prepared
        .find((one) => one.cell.index === owner)
        ?.names.imports.find((statement) => namesOf(`${statement}\n`).defines.includes(name));
      // What was imported above is imported again: modules needn't be kept.
      if (fromImport !== undefined) imported.push(fromImport);
      else takes.set(owner, [...(takes.get(owner) ?? []), name]);
    }
    const given = names.defines.filter((name) => !importedBy(names).includes(name));
    const source = [
      ...new Set([...imported, ...names.imports]),
      `export default async (__scope, { show, showFigure, read, readIfThere }) => {`,
      `const { ${[...takes.values()].flat().join(", ")} } = __scope;`,
      names.body,
      `return { ${given.join(", ")} };`,
      "};",
    ].join("\n");
    const module = await effects.load(source);
    const key = sha256Hex(JSON.stringify([module.sha256, [...takes].map(([index, list]) => [results(index), list])]));
    return { cell, names, takes, module, key };
  } catch (cause) {
    throw cellError(cell, cause);
  }
}

const importedBy = ({ imports }: CellNames): readonly string[] => namesOf(`${imports.join("\n")}\n`).defines;

/** A cell's result by everything that decided it: what cells below take for its identity. */
const keyWithReads = (key: string, { reads }: KeptCell): string => sha256Hex(JSON.stringify([key, reads]));

/** A kept cell, while the files that it read are what they were. */
async function readKept(key: string, { cache, read }: NotebookEffects): Promise<KeptCell | undefined> {
  const body = await cache.get(key);
  if (body === undefined) return undefined;
  let kept: KeptCell;
  try {
    kept = KeptCell.parse(JSON.parse(Buffer.from(body).toString("utf8")));
  } catch {
    return undefined; // an older version's, or cut short
  }
  for (const { path, sha256 } of kept.reads) {
    const bytes = await read(path);
    if ((bytes === undefined ? null : sha256Hex(bytes)) !== sha256) return undefined;
  }
  return kept;
}

/** @returns null for what doesn't come back as it was (functions, instances of classes): that is made again when needed */
const keep = (values: Scope): string | null =>
  comesBack(values, new Set()) ? serialize(values).toString("base64") : null;

function comesBack(value: unknown, seen: Set<object>): boolean {
  if (typeof value === "function" || typeof value === "symbol") return false;
  if (typeof value !== "object" || value === null || seen.has(value)) return true;
  seen.add(value);
  if (ArrayBuffer.isView(value) || value instanceof Date) return !(value instanceof DataView);
  if (Array.isArray(value)) return value.every((item: unknown) => comesBack(item, seen));
  if (value instanceof Map) return [...value].flat().every((item: unknown) => comesBack(item, seen));
  if (value instanceof Set) return [...value].every((item: unknown) => comesBack(item, seen));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item: unknown) => comesBack(item, seen));
}

const valuesOf = ({ values }: KeptCell): Scope | undefined =>
  values === null ? undefined : (deserialize(Buffer.from(values, "base64")) as Scope); // written by keep

function cellError(cell: NotebookCell, cause: unknown): NotebookCellError {
  if (cause instanceof NotebookCellError && cause.message.startsWith("cell ")) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const Failure = cause instanceof NotebookDataError ? NotebookDataError : NotebookCellError;
  return new Failure(`cell ${cell.index + 1} (line ${cell.line}): ${message}`, { cause });
}
