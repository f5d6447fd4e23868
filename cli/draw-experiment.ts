import { existsSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { figureFolder } from "../analysis/figure-folder.ts";
import type { Figure, PlannedTrial } from "../analysis/figure.ts";
import { trialsFor } from "../analysis/figure.ts";
import type { Trial } from "../analysis/trials.ts";
import type { FigureFormat } from "../analysis/render/render-figure.ts";
import type { DrawnFigure, DrawOptions } from "../analysis/write-figure.ts";
import { drawFigure } from "../analysis/write-figure.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import { version } from "../engines/embedded/version.ts";
import { importedPrefix } from "./imported-run.ts";
import type { ReadPublished } from "./published.ts";
import { drawPublishedFigures } from "./published.ts";
import { loadFiguresModule } from "./figures-module.ts";
import { cacheFolder } from "./home.ts";
import type { UnreadTrial } from "./judge-run.ts";

export interface ExperimentToDraw {
  readonly runId: string;
  /** Of the experiment, where its figures' modules lie. */
  readonly folder: string;
  /** Modules of figures, relative to the folder. */
  readonly modules: readonly string[];
  readonly trials: readonly Trial[];
  readonly planned: readonly PlannedTrial[];
  /** Where to. */
  readonly target: string;
  readonly home: string;
  /** Files that the run was imported from: a paper's figures are drawn from them, as its own scripts did. */
  readonly imported: ReadPublished;
  readonly hasImports: boolean;
  /** @default all */
  readonly formats?: readonly FigureFormat[];
  readonly note: (text: string) => void;
}

/** A figure, or a whole module of them, that couldn't be drawn. */
export interface UndrawnFigure {
  /** The figure's, or the module's path. */
  readonly name: string;
  readonly reason: string;
}

/** Draws every figure of an experiment that has trials in the run. One that can't be drawn keeps no other from it. */
export async function drawExperiment(
  what: ExperimentToDraw,
): Promise<{ readonly drawn: DrawnFigure[]; readonly undrawn: UndrawnFigure[] }> {
  const options: DrawOptions = { forScreen: true, ...(what.formats === undefined ? {} : { formats: what.formats }) };
  const drawn: DrawnFigure[] = [];
  const undrawn: UndrawnFigure[] = [];
  for (const file of what.modules) {
    const path = join(what.folder, file);
    const module = await loadFiguresModule(path, join(cacheFolder(what.home), "figures")).catch((error: unknown) => {
      undrawn.push({ name: relative(".", path), reason: messageOf(error) });
      return undefined;
    });
    if (module === undefined) continue;
    for (const figure of module.figures) {
      if (trialsFor(figure, what.trials).length === 0) {
        what.note(`${figure.name}: not drawn, ${what.runId} has none of its trials`);
        continue;
      }
      // A module's figures differ in their rows, which only they know and check.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- AnyFigure is Figure<any>
      const own: Figure<object> = figure;
      try {
        drawn.push(
          await drawFigure(own, {
            trials: what.trials,
            planned: what.planned,
            codeVersion: version,
            figureSourceSha256: module.sourceSha256,
            files: figureFolder(what.target),
            options,
          }),
        );
      } catch (error) {
        undrawn.push({ name: figure.name, reason: `${relative(".", path)}: ${messageOf(error)}` });
      }
    }
  }
  const published = join(what.folder, "published.ts");
  if (!what.hasImports || !existsSync(published)) return { drawn, undrawn };
  for await (const outcome of drawPublishedFigures({
    ...{ module: published, read: what.imported, target: what.target, home: what.home, trials: what.trials },
    // Of a folder's several definitions, that with the folder's name has what no results belong to.
    hasFormulas: what.trials.some(({ experiment }) => experiment === basename(resolve(what.folder))),
    options,
  })) {
    if (outcome.kind === "drawn") drawn.push(outcome.figure);
    if (outcome.kind === "failed") undrawn.push({ name: outcome.name, reason: outcome.reason });
  }
  return { drawn, undrawn };
}

/** How an imported run's own files are read; a run that was measured has none. */
export async function importsOf(
  store: ObjectStore,
  runId: string,
): Promise<Pick<ExperimentToDraw, "hasImports" | "imported">> {
  const prefix = importedPrefix(runId);
  let hasImports = false;
  for await (const _ of store.list(prefix)) {
    hasImports = true;
    break;
  }
  return { hasImports, imported: async (path) => (await store.get(`${prefix}${path}`))?.body };
}

/**
 * What a command ends with that couldn't draw or judge all; undefined where it could.
 *
 * @param unread trials that claims were judged without
 */
export function undrawnFailure(
  undrawn: readonly UndrawnFigure[],
  unread: readonly UnreadTrial[] = [],
): FailureError | undefined {
  const lines = [
    ...undrawn.map(({ name, reason }) => `not drawn: ${name}: ${reason}`),
    ...unread.map(({ name, reason }) => `judged without ${name}: ${reason}`),
  ];
  return lines.length === 0 ? undefined : new FailureError({ class: "integrity", message: lines.join("\n") });
}
