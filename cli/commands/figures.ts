import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { comparisonsOfRun } from "../../analysis/compare/every-metric.ts";
import { renderGallery } from "../../analysis/gallery/index.ts";
import type { FigureFormat } from "../../analysis/render/render-figure.ts";
import type { DrawnFigure } from "../../analysis/write-figure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { readRecord, requireRecord } from "../../core/flow/effects.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { runRecordSchema } from "../../core/records/schemas.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { drawExperiment, importsOf, undrawnFailure } from "../draw-experiment.ts";
import type { UndrawnFigure } from "../draw-experiment.ts";
import { experimentsHere } from "../definitions-here.ts";
import type { FoundExperiment } from "../experiment-of-run.ts";
import { findExperimentOf } from "../experiment-of-run.ts";
import { findRun, listRuns, openStore } from "../home.ts";
import { judgeRun } from "../judge-run.ts";
import type { UnreadTrial } from "../judge-run.ts";
import { loadDefinition } from "../load.ts";
import { loadTrials, plannedTrials } from "../load-trials.ts";
import type { CommandContext } from "../context.ts";
import { drawnWithout } from "../published.ts";
import { galleryFigures, readRun, runPage } from "../report/run-page.ts";
import { readStoredRun } from "../stored-definition.ts";

export interface StoredFiguresOptions {
  readonly run?: string;
  readonly output: string;
  readonly gallery?: true;
  readonly formats: readonly FigureFormat[];
}

/** Draws an experiment's figures from its newest run with results, or those of every experiment that has any. */
export async function figures(
  context: CommandContext,
  name: string | undefined,
  options: StoredFiguresOptions,
): Promise<number> {
  const { home, output } = context;
  const { formats } = options;
  const store = openStore(home);
  const undrawn: UndrawnFigure[] = [];
  const experiments = await experimentsFor(store, name, { run: options.run, undrawn });
  const drawn: { readonly experiment: string; readonly runId: string; readonly figures: readonly DrawnFigure[] }[] = [];
  const unread: UnreadTrial[] = [];
  const chosen = options.run === undefined ? undefined : await findRun(store, options.run);
  const newest =
    chosen === undefined
      ? await newestRuns(store, new Set(experiments.map(({ definition }) => definition.spec.name)))
      : new Map<string, string>();
  for (const { folder, definition } of experiments) {
    const modules = new Set(Object.values(definition.spec.figures).map((figure) => figure.module));
    if (modules.size === 0) {
      if (name !== undefined || chosen !== undefined) output.note(`${definition.spec.name} defines no figures`);
      continue;
    }
    const runId = chosen ?? newest.get(definition.spec.name);
    if (runId === undefined) {
      if (name === undefined) continue;
      throw new FailureError({
        class: "invalid",
        message: `${definition.spec.name} has no results in ${home}`,
        hint: `\`reprise run ${name}\` makes some`,
      });
    }
    const target = join(options.output, definition.spec.name);
    const { plan } = await readStoredRun(store, runId);
    const trials = await loadTrials(store, runId, plan);
    if (trials.length === 0) {
      // Of several experiments one without results keeps no other from its figures.
      if (name === undefined) {
        undrawn.push({ name: definition.spec.name, reason: `${runId} has no valid trial` });
        continue;
      }
      throw new FailureError({
        class: "invalid",
        message: `${runId} has no valid trial`,
        hint: `\`reprise status ${runId}\` and its logs say why`,
      });
    }
    const { drawn: made, undrawn: not } = await drawExperiment({
      ...{ runId, folder, modules: [...modules], trials, planned: plannedTrials(plan), target, home },
      ...(await importsOf(store, runId)),
      formats,
      note: (text) => output.note(text),
    });
    undrawn.push(...not);
    drawn.push({ experiment: definition.spec.name, runId, figures: made });
    if (options.gallery === true) {
      const { spec } = definition;
      const content = await readRun(store, runId, { spec, plan });
      const { claims, unread: own } = await judgeRun({ runId, spec, plan, trials, folder, home });
      unread.push(...own);
      const page = runPage(content, {
        figures: await galleryFigures(made, target, ""),
        undrawn: not,
        claims,
        comparisons: comparisonsOfRun(trials),
        files: [],
        hasTrialPages: false,
        nowMs: systemClock.now(),
      });
      await writeFile(join(target, "index.html"), renderGallery(page));
      output.line(join(target, "index.html"));
    }
    for (const figure of made) {
      output.line(
        `${join(target, figure.name)}.{${[...formats, "csv"].join()}}${figure.isFromCache ? "  (unchanged)" : ""}`,
      );
      if (figure.missing.length > 0) output.line(drawnWithout(figure.missing));
      for (const warning of figure.warnings) output.line(`  ${warning}`);
    }
  }
  output.result(drawn);
  const failure = undrawnFailure(undrawn, unread);
  if (failure !== undefined) throw failure;
  if (drawn.length === 0) output.line("nothing to draw: `reprise run experiments/quickstart` makes results");
  return 0;
}

/** What is to be drawn. Of all that are here, one whose definition can't be read keeps no other from its figures. */
export async function experimentsFor(
  store: ObjectStore,
  name: string | undefined,
  { run, undrawn }: { readonly run: string | undefined; readonly undrawn: UndrawnFigure[] },
): Promise<readonly FoundExperiment[]> {
  if (run !== undefined) {
    const runId = await findRun(store, run);
    const { experiment } = await requireRecord(store, runKeys(runId).run, runRecordSchema);
    const found = await findExperimentOf(experiment, name);
    if (found !== undefined) return [found];
    throw new FailureError({
      class: "invalid",
      message: `${experiment}, whose run ${runId} is, is not among the experiments here`,
      hint: `name its folder: \`reprise figures FOLDER --run ${runId}\``,
    });
  }
  if (name !== undefined) {
    const { folder, definition } = await loadDefinition(name);
    return [{ folder: folder.folder, definition }];
  }
  const found: FoundExperiment[] = [];
  for (const file of await experimentsHere()) {
    try {
      const { folder, definition } = await loadDefinition(file);
      found.push({ folder: folder.folder, definition });
    } catch (error) {
      undrawn.push({ name: file, reason: messageOf(error) });
    }
  }
  return found;
}

/** The newest run with results of each experiment; the store's list is read once for all of them. */
async function newestRuns(store: ObjectStore, experiments: ReadonlySet<string>): Promise<Map<string, string>> {
  const newest = new Map<string, string>();
  for (const runId of (await listRuns(store)).reverse()) {
    if (newest.size === experiments.size) break;
    const experiment = (await readRecord(store, runKeys(runId).run, runRecordSchema))?.value.experiment;
    if (experiment === undefined || !experiments.has(experiment) || newest.has(experiment)) continue;
    for await (const _ of store.list(runKeys(runId).outcomes)) {
      newest.set(experiment, runId);
      break;
    }
  }
  return newest;
}
