import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { AnyFigure, Figure } from "../analysis/figure.ts";
import { figureFolder } from "../analysis/figure-folder.ts";
import { writeFigure } from "../analysis/write-figure.ts";
import { FailureError } from "../core/errors/failure.ts";
import { version } from "../engines/embedded/version.ts";
import { loadExperimentModule } from "./figures-module.ts";
import type { CommandContext } from "./main.ts";
import { cacheFolder } from "./home.ts";

/** What `published.ts` of an experiment exports: its figures' rows from a folder of published results. */
type CollectPublished = (read: (path: string) => Promise<Uint8Array | undefined>) => AsyncIterable<{
  readonly figure: AnyFigure;
  readonly rows: readonly object[];
  readonly artifacts: readonly { readonly key: string; readonly sha256: string; readonly bytes: number }[];
  readonly missing: readonly string[];
}>;

/** Draws a paper's figures again from its own published results, without a run. */
export async function drawPublished(
  { output, home }: CommandContext,
  name: string | undefined,
  folder: string,
  target: string,
): Promise<number> {
  const experiment = name ?? "";
  const file = await findModule(experiment);
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true) {
    throw new FailureError({ class: "invalid", message: `there is no folder ${folder}` });
  }
  const module = await loadExperimentModule(file, join(cacheFolder(home), "figures"));
  const collect = module.exports["collectPublished"] as CollectPublished | undefined; // the experiment's contract
  if (collect === undefined) {
    throw new FailureError({ class: "invalid", message: `${file} has no collectPublished` });
  }
  const into = join(target, experiment.split("/").filter(Boolean).at(-1) ?? "published");
  const files = figureFolder(into);
  const drawn = [];
  for await (const { figure, rows, artifacts, missing } of collect((path) => readOrNothing(join(folder, path)))) {
    if (rows.length === 0) {
      output.note(`${figure.name}: not drawn, its data is not there`);
      continue;
    }
    // Figures differ in their rows, which only they know and check.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- AnyFigure is Figure<any>
    const own: Figure<object> = figure;
    const origin = { trials: [], artifacts, missing, codeVersion: version, figureSourceSha256: module.sourceSha256 };
    const written = await writeFigure(own, rows, { origin, files });
    drawn.push(written);
    output.line(`${join(into, written.name)}.{svg,png,pdf,csv}${written.isFromCache ? "  (unchanged)" : ""}`);
    if (missing.length > 0)
      output.note(`  drawn without: ${missing.slice(0, 3).join("; ")}${missing.length > 3 ? "; …" : ""}`);
  }
  output.result(drawn);
  return 0;
}

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
