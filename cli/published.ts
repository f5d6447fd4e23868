import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { AnyFigure, Figure } from "../analysis/figure.ts";
import { figureFolder } from "../analysis/figure-folder.ts";
import type { FigureFormat } from "../analysis/render/render-figure.ts";
import type { Trial } from "../analysis/trials.ts";
import type { DrawnFigure, DrawOptions } from "../analysis/write-figure.ts";
import { findDrawn, inputKeyOf, writeFigure } from "../analysis/write-figure.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { sha256Hex } from "../core/evidence/sha256.ts";
import { version } from "../engines/embedded/version.ts";
import { loadExperimentModule } from "./figures-module.ts";
import { cacheFolder } from "./home.ts";
import type { CommandContext } from "./context.ts";

/** A file of published results by its path, or undefined. */
export type ReadPublished = (path: string) => Promise<Uint8Array | undefined>;

/** What `published.ts` of an experiment exports: its figures' rows from a folder of published results. */
type CollectPublished = (
  read: ReadPublished,
  options: { readonly names: readonly string[] },
) => AsyncIterable<{
  readonly figure: AnyFigure;
  readonly rows: readonly object[];
  readonly artifacts: readonly { readonly key: string; readonly sha256: string; readonly bytes: number }[];
  readonly missing: readonly string[];
}>;

interface PublishedToDraw {
  /** The experiment's `published.ts`. */
  readonly module: string;
  readonly read: ReadPublished;
  readonly target: string;
  readonly home: string;
  readonly options: DrawOptions;
  /** Those that marks may lead to. */
  readonly trials: readonly Trial[];
  /** Whether figures that rest on no file are drawn, too. */
  readonly hasFormulas: boolean;
}

/** A figure, and whether there was anything to draw it from. */
export type PublishedOutcome =
  /** `isFormula`: it rests on no file. */
  | { readonly kind: "drawn"; readonly figure: DrawnFigure; readonly isFormula: boolean }
  | { readonly kind: "no data"; readonly name: string; readonly inputs: readonly string[] }
  | { readonly kind: "failed"; readonly name: string; readonly reason: string };

/** Draws a paper's figures; those whose input files are what they were are found, not drawn. */
export async function* drawPublishedFigures(what: PublishedToDraw): AsyncGenerator<PublishedOutcome> {
  const { module: file, target, home, options, trials } = what;
  const { exports, sourceSha256 } = await loadExperimentModule(file, join(cacheFolder(home), "figures"));
  const collect = exports["collectPublished"] as CollectPublished | undefined; // the experiment's contract
  const all = exports["publishedFigures"] as
    readonly { readonly figure: AnyFigure; readonly inputs: readonly string[] }[] | undefined; // as above
  if (collect === undefined || all === undefined)
    throw new FailureError({ class: "invalid", message: `${file} has no collectPublished and publishedFigures` });
  const files = figureFolder(target);
  const read = once(what.read);
  const digests = new Map<string, string | undefined>();
  const digestOf = async (path: string): Promise<string | undefined> => {
    if (!digests.has(path)) {
      const bytes = (await read(path)) ?? (await read(`benchmarks/${path}`));
      digests.set(path, bytes && sha256Hex(bytes));
    }
    return digests.get(path);
  };
  for (const { figure, inputs } of all) {
    const isFormula = inputs.length === 0;
    if (isFormula && !what.hasFormulas) continue;
    const artifacts = [];
    for (const path of inputs) artifacts.push({ key: path, sha256: await digestOf(path) });
    const { name } = figure;
    const inputKey = inputKeyOf({ artifacts, codeVersion: version, figureSourceSha256: sourceSha256, options });
    const known = await findDrawn(name, inputKey, files);
    if (known !== undefined) {
      yield { kind: "drawn", figure: known, isFormula };
      continue;
    }
    try {
      for await (const { rows, artifacts: used, missing } of collect(read, { names: [name] })) {
        if (rows.length === 0) {
          yield { kind: "no data", name, inputs };
          continue;
        }
        // Figures differ in their rows, which only they know and check.
        // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- AnyFigure is Figure<any>
        const own: Figure<object> = figure;
        const origin = { trials: [], artifacts: used, missing, codeVersion: version, figureSourceSha256: sourceSha256 };
        // A row of a paper's own table names no parameter of ours: only a figure that says so knows its trials.
        const drawing = { origin, files, options, inputKey, trials: own.isFrom === undefined ? [] : trials };
        yield { kind: "drawn", figure: await writeFigure(own, rows, drawing), isFormula };
      }
    } catch (error) {
      yield { kind: "failed", name, reason: messageOf(error) };
    }
  }
}

/** Files that several figures share are read once; together they are some megabytes. */
function once(read: ReadPublished): ReadPublished {
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  return (path) => {
    const found = known.get(path) ?? read(path);
    known.set(path, found);
    return found;
  };
}

/** Draws a paper's figures again from its own published results, without a run. */
export async function drawPublished(
  { output, home }: Pick<CommandContext, "output" | "home">,
  name: string | undefined,
  folder: string,
  { target, formats }: { readonly target: string; readonly formats: readonly FigureFormat[] },
): Promise<number> {
  const experiment = name ?? "";
  const module = await findModule(experiment);
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true) {
    throw new FailureError({ class: "invalid", message: `there is no folder ${folder}` });
  }
  const into = join(target, experiment.split("/").filter(Boolean).at(-1) ?? "published");
  const drawn: DrawnFigure[] = [];
  const failed: string[] = [];
  let hasResults = false;
  let wanted: string | undefined;
  for await (const outcome of drawPublishedFigures({
    ...{ module, target: into, home, options: { formats }, trials: [], hasFormulas: true },
    read: (path) => readOrNothing(join(folder, path)),
  })) {
    if (outcome.kind === "no data") {
      output.note(`${outcome.name}: not drawn, its data is not there`);
      wanted ??= outcome.inputs[0];
      continue;
    }
    if (outcome.kind === "failed") {
      failed.push(`not drawn: ${outcome.name}: ${outcome.reason}`);
      continue;
    }
    const { figure } = outcome;
    hasResults ||= !outcome.isFormula;
    drawn.push(figure);
    output.line(
      `${join(into, figure.name)}.{${[...formats, "csv"].join()}}${figure.isFromCache ? "  (unchanged)" : ""}`,
    );
    if (figure.missing.length > 0) output.note(drawnWithout(figure.missing));
  }
  output.result(drawn);
  if (failed.length > 0) throw new FailureError({ class: "integrity", message: failed.join("\n") });
  if (!hasResults && wanted !== undefined)
    throw new FailureError({
      class: "invalid",
      message: `${folder} has none of the files that figures of ${experiment} are drawn from`,
      hint: `such as ${wanted}, in it or in its folder benchmarks`,
    });
  return 0;
}

/** What a figure lacks: trials, files, lines and points. */
export const drawnWithout = (missing: readonly string[]): string =>
  `  drawn without: ${missing.slice(0, 3).join("; ")}${missing.length > 3 ? `; and ${missing.length - 3} more` : ""}`;

async function findModule(experiment: string): Promise<string> {
  for (const candidate of [join(experiment, "published.ts"), join("experiments", experiment, "published.ts")]) {
    if ((await stat(candidate).catch(() => undefined))?.isFile() === true) return candidate;
  }
  throw new FailureError({
    class: "invalid",
    message: `"${experiment}" can't read published results: it has no published.ts`,
    hint: "frankenpaxos can",
  });
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // node:fs errors carry a code
    throw error;
  }
}
