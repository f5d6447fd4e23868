import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { renderRunList, siteFonts } from "../../analysis/report/index.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { ObjectStore } from "../../core/ports/object-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { findRun, openStore } from "../home.ts";
import { Interrupts } from "../interrupts.ts";
import type { CommandContext } from "../context.ts";
import { mapBounded } from "../../core/effects/map-bounded.ts";
import { serveSite } from "../report/serve.ts";
import { undrawnFailure } from "../draw-experiment.ts";
import type { UndrawnFigure } from "../draw-experiment.ts";
import type { UnreadTrial } from "../judge-run.ts";
import type { Site } from "../report/site.ts";
import { openSite } from "../report/site.ts";

interface Options {
  readonly output: string;
  readonly experiment?: string;
  readonly serve?: string | true;
}

/** How often a page of a run that goes on looks for news. */
const refreshSec = 3;

/** Writes one site of one or more runs, or serves that of one run while it goes on. */
export async function report(context: CommandContext, names: readonly string[], options: Options): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runs: string[] = [];
  for (const name of names) runs.push(await findRun(store, name));
  if (options.serve !== undefined) return serve(context, { store, runs, options });

  const isOne = runs.length === 1;
  const listed = [];
  const undrawn: UndrawnFigure[] = [];
  const unread: UnreadTrial[] = [];
  for (const runId of new Set(runs)) {
    const folder = isOne ? options.output : join(options.output, runId);
    const site = await openSite(store, {
      ...{ runId, folder, experiment: options.experiment, home, clock: systemClock },
      refreshSec,
      note: (text) => output.note(text),
      ...(isOne ? {} : { up: { label: "all runs", href: "../index.html" } }),
    });
    await writeSite(site, folder);
    undrawn.push(...site.undrawn);
    unread.push(...site.unread);
    const { spec, progress, createdAt } = site.content;
    listed.push({
      runId,
      title: spec.title ?? spec.name,
      href: `${runId}/index.html`,
      outcome: progress.outcome ?? progress.phase,
      startedAt: createdAt,
      figureCount: site.drawn.length,
    });
    output.note(`${runId}: ${site.paths.length} pages and tables, ${site.drawn.length} figures`);
  }
  if (!isOne) {
    await writeFile(join(options.output, "fonts.css"), siteFonts());
    await writeFile(join(options.output, "index.html"), renderRunList(listed, "fonts.css"));
  }
  const index = join(options.output, "index.html");
  output.result({ index, runs: listed });
  output.line(index);
  const failure = undrawnFailure(undrawn, unread);
  if (failure !== undefined) throw failure;
  return 0;
}

/** Each holds a trial's logs. */
const pagesAtOnce = 8;

/** The run's page last: whoever opens it finds what it links to. */
async function writeSite(site: Site, folder: string): Promise<void> {
  const write = async (path: string): Promise<void> => {
    const body = await site.file(path);
    if (body === undefined) return;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), body);
  };
  await mapBounded(
    site.paths.filter((path) => path !== "index.html"),
    pagesAtOnce,
    write,
  );
  await write("index.html");
}

async function serve(
  { output, home }: CommandContext,
  {
    store,
    runs,
    options,
  }: { readonly store: ObjectStore; readonly runs: readonly string[]; readonly options: Options },
): Promise<number> {
  const [runId, ...others] = runs;
  const port = options.serve === true ? 0 : Number(options.serve);
  if (runId === undefined || others.length > 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new FailureError({
      class: "invalid",
      message: runs.length > 1 ? "only one run can be served" : `--serve takes a port, not "${String(options.serve)}"`,
    });
  }
  const folder = await mkdtemp(join(tmpdir(), "reprise-report-"));
  const interrupts = new Interrupts();
  try {
    const note = (text: string): void => output.note(text);
    const open = (): Promise<Site> =>
      openSite(store, {
        runId,
        folder,
        experiment: options.experiment,
        home,
        clock: systemClock,
        refreshSec,
        note: () => undefined,
      });
    await open(); // what is wrong with the run shows here, not in the browser
    const { server, url } = await serveSite({ open, folder, clock: systemClock, note }, port);
    output.result({ url });
    output.line(url);
    note("Ctrl-C ends it");
    await new Promise<void>((resolve) => {
      interrupts.handle(() => {
        resolve();
      });
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return 0;
  } finally {
    interrupts.end();
    await rm(folder, { recursive: true, force: true });
  }
}
