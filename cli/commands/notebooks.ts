import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { NotebookDataError, parseNotebook, renderNotebook, runNotebook } from "../../analysis/notebook/index.ts";
import type { CellTools, NotebookEffects, Scope } from "../../analysis/notebook/index.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { readRecord } from "../../core/flow/effects.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { runRecordSchema } from "../../core/records/schemas.ts";
import { loadTextModule } from "../figures-module.ts";
import { cacheFolder, listRuns, openStore } from "../home.ts";
import { importedPrefix } from "../imported-run.ts";
import type { CommandContext } from "../context.ts";

interface Options {
  readonly output: string;
  readonly data?: string;
}

/** Runs notebooks, all of them or those named, and writes each as a page; cells that nothing changed for aren't run. */
export async function notebooks(
  { output, home }: CommandContext,
  names: readonly string[],
  options: Options,
): Promise<number> {
  const files = await findNotebooks(names);
  const written = [];
  const failed: string[] = [];
  const waiting: string[] = [];
  for (const { file, system } of files) {
    const text = await readFile(file, "utf8");
    const notebook = parseNotebook(text);
    const folder = dirname(file);
    const effects: NotebookEffects = {
      transform: async (source) => (await (await import("esbuild")).transform(source, cellOptions)).code,
      load: async (source) => {
        const modules = join(cacheFolder(home), "notebooks");
        const { exports, sourceSha256 } = await loadTextModule(source, { folder, name: file, cacheFolder: modules });
        const run = exports["default"] as (scope: Scope, tools: CellTools) => Promise<Scope>; // as runNotebook wrote it
        return { run, sha256: sourceSha256 };
      },
      read: readerOf([folder, ...(options.data === undefined ? [] : [options.data, join(options.data, system)])], () =>
        newestImports(openStore(home), system),
      ),
      cache: {
        get: (key) => readOrNothing(join(cacheFolder(home), "notebooks", `${key}.json`)),
        put: async (key, body) => {
          await mkdir(join(cacheFolder(home), "notebooks"), { recursive: true });
          await writeFile(join(cacheFolder(home), "notebooks", `${key}.json`), body);
        },
      },
    };
    // One that can't be built keeps nobody from the others.
    const ran = await runNotebook(notebook, effects).catch((error: unknown) => {
      (error instanceof NotebookDataError ? waiting : failed).push(`${file}: ${messageOf(error)}`);
      return undefined;
    });
    if (ran === undefined) continue;
    const page = join(
      options.output,
      relative("notebooks", file)
        .replace(/^(?:\.\.\/)+/, "")
        .replace(/\.md$/, ".html"),
    );
    await mkdir(dirname(page), { recursive: true });
    await writeFile(page, renderNotebook(notebook, ran, file));
    const fresh = ran.filter(({ isFromCache }) => !isFromCache).length;
    output.line(`${page}  ${fresh === 0 ? "(unchanged)" : `${fresh} of ${ran.length} cells run`}`);
    written.push({ page, cells: ran.length, ran: fresh });
  }
  output.result(written);
  // All there are is what there is data for; those that were asked for by name must be built.
  for (const one of names.length === 0 ? waiting : []) output.note(`not built, its data isn't here: ${one}`);
  const unbuilt = names.length === 0 ? failed : [...failed, ...waiting];
  if (waiting.length > 0) output.note(hint);
  if (unbuilt.length > 0) throw new FailureError({ class: "invalid", message: unbuilt.join("\n") });
  if (files.length === 0) output.line("there are no notebooks: Markdown files in folders of notebooks/");
  return 0;
}

/** The file of the first place that has it. */
function readerOf(
  folders: readonly string[],
  imported: () => Promise<(path: string) => Promise<Uint8Array | undefined>>,
): NotebookEffects["read"] {
  let fromStore: ReturnType<typeof imported> | undefined;
  return async (path) => {
    for (const folder of folders) {
      const found = await readOrNothing(join(folder, path));
      if (found !== undefined) return found;
    }
    return (await (fromStore ??= imported()))(path);
  };
}

/** The files that the newest imported runs of a system's definitions came from: `frankenpaxos`, `frankenpaxos-nsdi` and so on. */
async function newestImports(
  store: ObjectStore,
  system: string,
): Promise<(path: string) => Promise<Uint8Array | undefined>> {
  const newest = new Map<string, string>();
  for (const runId of (await listRuns(store)).reverse()) {
    const experiment = (await readRecord(store, runKeys(runId).run, runRecordSchema))?.value.experiment ?? "";
    if ((experiment !== system && !experiment.startsWith(`${system}-`)) || newest.has(experiment)) continue;
    for await (const _ of store.list(importedPrefix(runId))) {
      newest.set(experiment, runId);
      break;
    }
  }
  return async (path) => {
    for (const runId of newest.values()) {
      const found = await store.get(`${importedPrefix(runId)}${path}`);
      if (found !== undefined) return found.body;
    }
    return undefined;
  };
}

/** What a cell imports stays, though only cells below may use it. */
const cellOptions = {
  loader: "ts",
  target: "node20",
  format: "esm",
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
} as const;

const hint =
  "data that isn't beside a notebook comes from --data FOLDER, from a folder in it of the system's name, or from imported runs";

/** Markdown files of `notebooks/{system}/`, or those named by file, folder or system. */
async function findNotebooks(names: readonly string[]): Promise<{ file: string; system: string }[]> {
  const found: { file: string; system: string }[] = [];
  const addFolder = async (folder: string): Promise<void> => {
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1)))
      if (entry.isFile() && entry.name.endsWith(".md") && entry.name !== "README.md")
        found.push({ file: join(folder, entry.name), system: folder.split("/").at(-1) ?? "" });
  };
  const isFolder = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (names.length === 0) {
    for (const entry of await readdir("notebooks", { withFileTypes: true }).catch(() => []))
      if (entry.isDirectory()) await addFolder(join("notebooks", entry.name));
    return found;
  }
  for (const name of names) {
    if (name.endsWith(".md")) found.push({ file: name, system: dirname(name).split("/").at(-1) ?? "" });
    else if (await isFolder(name)) await addFolder(name);
    else if (await isFolder(join("notebooks", name))) await addFolder(join("notebooks", name));
    else throw new FailureError({ class: "invalid", message: `there is no notebook "${name}"` });
  }
  return found;
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (["ENOENT", "EISDIR", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined; // node:fs errors carry a code
    throw error;
  }
}
