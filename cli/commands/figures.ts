import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { figureFolder } from "../../analysis/figure-folder.ts";
import type { Figure } from "../../analysis/figure.ts";
import { trialsFor } from "../../analysis/figure.ts";
import type { DrawnFigure } from "../../analysis/write-figure.ts";
import { drawFigure } from "../../analysis/write-figure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { readRecord } from "../../core/flow/effects.ts";
import { runKeys } from "../../core/names/keys.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { runRecordSchema } from "../../core/records/schemas.ts";
import { homePaths } from "../../engines/embedded/home.ts";
import { version } from "../../engines/embedded/version.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { loadFiguresModule } from "../figures-module.ts";
import { drawPublished } from "../published.ts";
import { writeGallery } from "../gallery.ts";
import { findRun, listRuns, openStore } from "../home.ts";
import { loadDefinition } from "../load.ts";
import { loadTrials, plannedTrials } from "../load-trials.ts";
import type { CommandContext } from "../main.ts";

interface Options {
  readonly run?: string;
  readonly output: string;
  readonly gallery?: true;
  readonly from?: string;
}

/** Draws an experiment's figures from its newest run with results, or those of every experiment that has any. */
export async function figures(context: CommandContext, name: string | undefined, options: Options): Promise<number> {
  const { output, home } = context;
  if (options.from !== undefined) return drawPublished(context, name, options.from, options.output);
  const store = openStore(home);
  const experiments = name === undefined ? await experimentsHere() : [name];
  const drawn: { readonly experiment: string; readonly runId: string; readonly figures: readonly DrawnFigure[] }[] = [];
  for (const experiment of experiments) {
    const { folder, definition } = await loadDefinition(experiment);
    const modules = new Set(Object.values(definition.spec.figures).map((figure) => figure.module));
    if (modules.size === 0) continue;
    const runId =
      options.run === undefined ? await newestRun(store, definition.spec.name) : await findRun(store, options.run);
    if (runId === undefined) {
      if (name === undefined) continue;
      throw new FailureError({
        class: "invalid",
        message: `${definition.spec.name} has no results in ${home}`,
        hint: `\`reprise run ${name}\` makes some`,
      });
    }
    const target = join(options.output, definition.spec.name);
    const made = await drawExperiment(
      { folder: folder.folder, modules: [...modules], runId, target, home, note: (text) => output.note(text) },
      store,
    );
    drawn.push({ experiment: definition.spec.name, runId, figures: made });
    if (options.gallery === true) {
      await writeGallery({ runId, spec: definition.spec, drawn: made, target }, store);
      output.line(join(target, "index.html"));
    }
    for (const figure of made) {
      output.line(`${join(target, figure.name)}.{svg,png,pdf,csv}${figure.isFromCache ? "  (unchanged)" : ""}`);
      if (figure.missing.length > 0)
        output.line(
          `  drawn without ${figure.missing.length} trials: ${figure.missing.slice(0, 3).join(", ")}${figure.missing.length > 3 ? ", …" : ""}`,
        );
      for (const warning of figure.warnings) output.line(`  ${warning}`);
    }
  }
  output.result(drawn);
  if (drawn.length === 0) output.line("nothing to draw: `reprise run experiments/quickstart` makes results");
  return 0;
}

async function drawExperiment(
  what: {
    readonly folder: string;
    readonly modules: readonly string[];
    readonly runId: string;
    readonly target: string;
    readonly home: string;
    readonly note: (text: string) => void;
  },
  store: ObjectStore,
): Promise<DrawnFigure[]> {
  const { plan } = await openStoredRun(what.runId, store);
  const trials = await loadTrials(store, what.runId, plan);
  if (trials.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${what.runId} has no valid trial`,
      hint: `\`reprise status ${what.runId}\` and its logs say why`,
    });
  }
  const planned = plannedTrials(plan);
  const drawn: DrawnFigure[] = [];
  for (const file of what.modules) {
    const module = await loadFiguresModule(
      join(what.folder, file),
      join(homePaths(what.home).root, "cache", "figures"),
    );
    for (const figure of module.figures) {
      if (trialsFor(figure, trials).length === 0) {
        what.note(`${figure.name}: not drawn, ${what.runId} has none of its trials`);
        continue;
      }
      // A module's figures differ in their rows, which only they know and check.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- AnyFigure is Figure<any>
      const own: Figure<object> = figure;
      try {
        drawn.push(
          await drawFigure(own, {
            trials,
            planned,
            codeVersion: version,
            figureSourceSha256: module.sourceSha256,
            files: figureFolder(what.target),
            options: { forScreen: true },
          }),
        );
      } catch (error) {
        throw new FailureError(
          {
            class: "integrity",
            message: `figure ${figure.name} (${relative(".", join(what.folder, file))}): ${messageOf(error)}`,
          },
          { cause: error },
        );
      }
    }
  }
  return drawn;
}

/** Folders of `experiments/` with a definition. */
async function experimentsHere(): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir("experiments", { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    const files = await readdir(join("experiments", entry.name));
    if (files.includes("experiment.yaml")) found.push(join("experiments", entry.name));
  }
  return found.sort();
}

async function newestRun(store: ObjectStore, experiment: string): Promise<string | undefined> {
  for (const runId of (await listRuns(store)).reverse()) {
    const record = await readRecord(store, runKeys(runId).run, runRecordSchema);
    if (record?.value.experiment !== experiment) continue;
    for await (const _ of store.list(runKeys(runId).outcomes)) return runId;
  }
  return undefined;
}
