/**
 * A run as a site: one page of the run, one of each trial, figures and tables to download. Pages are made when they are asked
 * for, so that the same code writes a folder of them and answers a browser while the run goes on.
 */
import { join } from "node:path";
import { comparisonsOfRun } from "../../analysis/compare/every-metric.ts";
import type { JudgedClaim } from "../../analysis/claims/index.ts";
import type { GalleryFigure, GalleryLink } from "../../analysis/gallery/index.ts";
import { renderGallery } from "../../analysis/gallery/index.ts";
import { renderTrialPage, siteFonts } from "../../analysis/report/index.ts";
import type { DrawnFigure } from "../../analysis/write-figure.ts";
import { buildResultTable } from "../../core/evidence/result-table.ts";
import type { Clock } from "../../core/effects/clock.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { toCsv, toJson } from "../../stores/export/result-files.ts";
import { drawExperiment, importsOf } from "../draw-experiment.ts";
import type { UndrawnFigure } from "../draw-experiment.ts";
import { findExperimentOf } from "../experiment-of-run.ts";
import { judgeRun } from "../judge-run.ts";
import type { UnreadTrial } from "../judge-run.ts";
import { loadTrials, plannedTrials } from "../load-trials.ts";
import { spendOf } from "../spend.ts";
import { readStoredRun } from "../stored-definition.ts";
import { attemptsOf } from "./attempts.ts";
import type { RunContent } from "./run-page.ts";
import { galleryFigures, readRun, runPage, trialHref, trialId, trialPath } from "./run-page.ts";
import { readTrial } from "./trial-content.ts";

export interface SiteOptions {
  readonly runId: string;
  /** Where figures are drawn; the site's own folder for a written one. */
  readonly folder: string;
  /** The experiment's folder, where it isn't below `experiments/`. */
  readonly experiment: string | undefined;
  readonly home: string;
  readonly note: (text: string) => void;
  /** A page above, in a site of several runs. */
  readonly up?: GalleryLink;
  /** Pages of a run that goes on look for newer ones this often. */
  readonly refreshSec?: number;
  readonly clock: Clock;
}

/** A site at one moment. */
export interface Site {
  readonly content: RunContent;
  readonly drawn: readonly DrawnFigure[];
  readonly undrawn: readonly UndrawnFigure[];
  readonly claims: readonly JudgedClaim[];
  /** What claims were judged without. */
  readonly unread: readonly UnreadTrial[];
  /** Every page and table; figures are in the folder already. */
  readonly paths: readonly string[];
  /** @returns undefined for a path that isn't the site's */
  readonly file: (path: string) => Promise<string | Uint8Array | undefined>;
}

/** Reads the run as it stands, draws its figures and judges its claims. */
export async function openSite(store: ObjectStore, options: SiteOptions): Promise<Site> {
  const { runId, folder, home, note, clock } = options;
  const stored = await readStoredRun(store, runId);
  const { plan } = stored;
  const now = await findExperimentOf(plan.experiment, options.experiment);
  const spec = now?.definition.spec ?? stored.definition.spec;
  const content = await readRun(store, runId, { spec, plan });
  const trials = await loadTrials(store, runId, plan);
  const figureFolder = join(folder, "figures");
  let drawn: readonly DrawnFigure[] = [];
  let undrawn: readonly UndrawnFigure[] = [];
  if (now === undefined)
    note(`${runId}: no figures, the experiment ${plan.experiment} is not here (--experiment FOLDER)`);
  else if (trials.length > 0) {
    const modules = [...new Set(Object.values(spec.figures).map((figure) => figure.module))];
    const planned = plannedTrials(plan);
    ({ drawn, undrawn } = await drawExperiment({
      ...{ runId, folder: now.folder, modules, trials, planned, target: figureFolder, home, note },
      ...(await importsOf(store, runId)),
    }));
  }
  const figures: readonly GalleryFigure[] = await galleryFigures(drawn, figureFolder, "figures/");
  const { claims, unread } = await judgeRun({ runId, spec, plan, trials, folder: now?.folder, home });
  const comparisons = comparisonsOfRun(trials);
  const table = buildResultTable(content.rows);

  const pages = trialPages(content);
  const tables: Readonly<Record<string, () => string | Uint8Array>> = {
    "results.csv": () => toCsv(table),
    "results.json": () => toJson(table),
    "claims.json": () => `${JSON.stringify(claims, undefined, 2)}\n`,
    ...(comparisons.length === 0 ? {} : { "comparisons.json": () => `${JSON.stringify(comparisons, undefined, 2)}\n` }),
    "receipts.json": () => `${JSON.stringify(content.receipts, undefined, 2)}\n`,
    "events.jsonl": () => content.events.map((event) => `${JSON.stringify(event)}\n`).join(""),
    "plan.json": () => `${JSON.stringify(plan)}\n`,
  };
  const isRunning = content.progress.outcome === undefined;
  const spend = isRunning
    ? { spentDollars: await spendOf(runId, { store, clock }, () => Promise.resolve(plan))() }
    : {};
  const refresh = options.refreshSec === undefined || !isRunning ? {} : { refreshSec: options.refreshSec };
  return {
    content,
    drawn,
    undrawn,
    claims,
    unread,
    paths: ["index.html", "fonts.css", ...Object.keys(tables), ...pages.map(({ id }) => trialPath(id))],
    file: async (path) => {
      if (path === "index.html")
        return renderGallery(
          runPage(content, {
            figures,
            undrawn,
            claims,
            comparisons,
            files: Object.keys(tables).map((name) => ({ label: name, href: name })),
            hasTrialPages: true,
            ...(options.up === undefined ? {} : { up: options.up }),
            fontsHref: "fonts.css",
            ...refresh,
            ...spend,
            nowMs: clock.now(),
          }),
        );
      if (path === "fonts.css") return siteFonts();
      const made = Object.hasOwn(tables, path) ? tables[path] : undefined;
      if (made !== undefined) return made();
      const index = pages.findIndex(({ id }) => trialPath(id) === path);
      const page = pages[index];
      if (page === undefined) return undefined;
      const neighbour = (other: PlannedPage | undefined): GalleryLink | undefined =>
        other && { label: `${other.pointKey} trial ${other.trialIndex}`, href: `../${trialHref(other.id)}` };
      const previous = neighbour(pages[index - 1]);
      const next = neighbour(pages[index + 1]);
      return renderTrialPage({
        ...{ runId, experiment: plan.experiment, pointKey: page.pointKey, trialIndex: page.trialIndex },
        parameters: page.parameters,
        isRunning: content.progress.running.some((one) => trialId(one) === page.id),
        ...(await readTrial(store, { runId, ...page })),
        links: { up: "../index.html", ...(previous && { previous }), ...(next && { next }) },
        fontsHref: "../fonts.css",
        ...refresh,
      });
    },
  };
}

interface PlannedPage {
  readonly id: string;
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly trialKey: string;
  readonly parameters: RunContent["plan"]["points"][number]["parameters"];
}

/** Trials that were tried, in the plan's order of points. */
function trialPages({ plan, rows, events }: RunContent): PlannedPage[] {
  const known = new Set([...rows.map(trialId), ...attemptsOf(events).map(trialId)]);
  return plan.blocks
    .flatMap(({ trials }) => trials)
    .sort((a, b) => a.point - b.point || a.trialIndex - b.trialIndex)
    .flatMap(({ point: index, trialIndex, trialKey }) => {
      const point = plan.points[index];
      if (point === undefined) return [];
      const { pointKey, parameters } = point;
      const id = trialId({ pointKey, trialIndex });
      return known.has(id) ? [{ id, pointKey, trialIndex, trialKey, parameters }] : [];
    });
}
