import { randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { exitCodes, FailureError } from "../../core/errors/failure.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { version } from "../../engines/embedded/version.ts";
import { loadExperimentModule } from "../figures-module.ts";
import { definitionsIn } from "../definitions-here.ts";
import { cacheFolder, openStore } from "../home.ts";
import type { FoundResults, ImportedRun } from "../imported-run.ts";
import { writeImportedRun } from "../imported-run.ts";
import { loadDefinition } from "../load.ts";
import type { CommandContext } from "../context.ts";
import type { ImportOptions } from "../importer.ts";
import { counted } from "../output.ts";

/** Each thing that was found belongs to a definition of the folder. */
type OfExperiment<T> = T & { readonly experiment: string };

/** What `import-results.ts` of the experiment exports. */
type CollectResults = (
  folder: { readonly paths: readonly string[]; readonly read: (path: string) => Promise<Uint8Array> },
  options: { readonly includesTuning: boolean },
) => Promise<{
  readonly trials: readonly OfExperiment<FoundResults["trials"][number]>[];
  readonly files: readonly OfExperiment<FoundResults["files"][number]>[];
  readonly problems: readonly string[];
}>;

/** Problems that are printed; the run keeps all of them. */
const mostPrinted = 20;

/** Suites of the FrankenPaxos harness, its `results.csv` files and recordings, as a run of each definition that they belong to. */
export async function importFrankenpaxos(
  { output, home }: CommandContext,
  folder: string,
  options: ImportOptions,
): Promise<number> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true)
    throw new FailureError({ class: "invalid", message: `there is no folder ${folder}` });
  const { folder: experiment } = await loadDefinition("frankenpaxos");
  const module = join(experiment.folder, "import-results.ts");
  const { exports } = await loadExperimentModule(module, join(cacheFolder(home), "figures"));
  const collect = exports["collectResults"] as CollectResults; // the experiment's contract
  const paths: string[] = [];
  for await (const path of walk(folder, "")) paths.push(path);
  const found = await collect(
    { paths, read: (path) => readFile(join(folder, path)) },
    { includesTuning: options.all === true },
  );
  if (found.trials.length === 0) {
    throw new FailureError({
      class: "invalid",
      message: `${folder} holds no results of FrankenPaxos${found.problems[0] === undefined ? "" : `: ${found.problems[0]}`}`,
      hint: "a suite directory, a folder of results.csv files, or a checkout of the upstream repository",
    });
  }
  for (const problem of found.problems.slice(0, mostPrinted)) output.note(problem);
  if (found.problems.length > mostPrinted) output.note(`… ${found.problems.length - mostPrinted} more`);
  const store = openStore(home);
  const runs: (ImportedRun & { readonly experiment: string })[] = [];
  // Of the folder's first definition last: it is what `last` means then.
  for (const file of [...(await definitionsIn(experiment.folder))].reverse()) {
    const { definition } = await loadDefinition(file);
    const { name } = definition.spec;
    const [trials, files] = [found.trials.filter(isOf(name)), found.files.filter(isOf(name))];
    if (trials.length === 0) continue;
    const suffix = Array.from(randomBytes(4), (byte) => "abcdefghijkmnpqrstuvwxyz23456789"[byte % 32]).join("");
    const run = await writeImportedRun(
      definition,
      { trials, files, problems: found.problems },
      { store, clock: systemClock, owner: userInfo().username, version, suffix },
    );
    runs.push({ ...run, experiment: name });
    output.line(run.runId);
    output.note(
      `${counted(run.trials, "trial")} of ${counted(run.points, "point")}${run.failed === 0 ? "" : `, ${run.failed} of them not usable`}; sealed, root ${run.rootDigest.slice(0, 16)}…`,
    );
  }
  output.result({ runs, problems: found.problems });
  return options.strict === true && runs.some(({ failed }) => failed > 0) ? exitCodes.integrity : 0;
}

const isOf =
  (name: string) =>
  ({ experiment }: OfExperiment<object>): boolean =>
    experiment === name;

const passedOver = new Set([".git", "node_modules", "js", "jvm", "shared", "target"]);

async function* walk(root: string, below: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory() && !passedOver.has(entry.name)) yield* walk(root, path);
    // A checkout keeps some results once and links to them.
    else if (
      entry.isFile() ||
      (entry.isSymbolicLink() && (await stat(join(root, path)).catch(() => undefined))?.isFile())
    )
      yield path;
  }
}
