/**
 * Draws figures into files: `<name>.svg`, `.png`, `.pdf`, `.csv` of the rows that are drawn, `.annotations.csv` of what is
 * drawn beside them (events, limits, reference lines), and `.provenance.json`. The last says what everything was made from
 * and is the redraw cache as well: when its key and the files' digests still agree, nothing is drawn again, and Vega isn't
 * even loaded.
 */
import { z } from "zod";
import { sha256Hex } from "../core/evidence/sha256.ts";
import { drawnData, drawnRows } from "./drawn-data.ts";
import type { Annotation } from "./drawn-data.ts";
import { captionOf, checkRows, missingTrials, trialsFor } from "./figure.ts";
import type { Figure, PlannedTrial } from "./figure.ts";
import { linkMarks, marksOf } from "./mark-links.ts";
import type { FigureSpec } from "./render/layout-hints.ts";
import { renderFigure, rendererVersion } from "./render/render-figure.ts";
import type { FigureFormat, RenderOptions } from "./render/render-figure.ts";
import { renderScreens } from "./render/render-screens.ts";
import { toCsv } from "./to-csv.ts";
import { trialInputs, watchReads } from "./trials.ts";
import type { Trial } from "./trials.ts";

/** Where figures go. Paths are relative, with forward slashes. */
export interface FigureFiles {
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
  /** All or nothing: a reader sees the old file or the new one. */
  readonly write: (path: string, bytes: Uint8Array) => Promise<void>;
}

/** What a figure rests on; whoever collected the rows says it. */
export interface FigureOrigin {
  readonly trials: readonly {
    readonly runId: string;
    readonly pointKey: string;
    readonly trialIndex: number;
    readonly trialKey: string;
    readonly attempt: number;
  }[];
  readonly artifacts: readonly { readonly key: string; readonly sha256: string; readonly bytes: number }[];
  /** What it was drawn without: planned trials, and of files the lines or points. */
  readonly missing: readonly string[];
  /** Version and commit of this package and of the experiment, as far as known. */
  readonly codeVersion: string;
  /** Digest of the module that defines the figure. */
  readonly figureSourceSha256?: string | undefined;
}

export interface DrawOptions extends Pick<RenderOptions, "theme" | "family" | "width" | "aspect"> {
  /** @default ["svg", "png", "pdf"] */
  readonly formats?: readonly FigureFormat[];
  /**
   * Also `<name>.screen.svg` and `<name>.screen-dark.svg`, without fonts, for pages that have them; their marks are links,
   * and `<name>.marks.json` says what stands behind each. @default false
   */
  readonly forScreen?: boolean;
}

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** The provenance file. */
export const FigureProvenance = z.object({
  figure: z.string(),
  title: z.string().optional(),
  caption: z.string(),
  estimator: z.string(),
  rows: z.object({ count: z.int(), sha256: Sha256 }),
  origin: z.object({
    trials: z.array(
      z.object({
        runId: z.string(),
        pointKey: z.string(),
        trialIndex: z.int(),
        trialKey: z.string(),
        attempt: z.int(),
      }),
    ),
    artifacts: z.array(z.object({ key: z.string(), sha256: z.string(), bytes: z.number() })),
    missing: z.array(z.string()),
    codeVersion: z.string(),
    figureSourceSha256: z.string().optional(),
  }),
  /** Digest of all that decides the files' bytes. */
  drawKey: Sha256,
  /** Digest of all that decides the rows, where the code is known. */
  inputKey: Sha256.optional(),
  rendererVersion: z.string(),
  widthIn: z.number(),
  heightIn: z.number(),
  warnings: z.array(z.string()),
  files: z.record(z.string(), Sha256),
});
export type FigureProvenance = z.infer<typeof FigureProvenance>;

export interface DrawnFigure {
  readonly name: string;
  readonly caption: string;
  /** Paths of all its files, the provenance last. */
  readonly paths: readonly string[];
  readonly isFromCache: boolean;
  readonly warnings: readonly string[];
  readonly missing: readonly string[];
}

/**
 * Checks and draws rows that are at hand.
 *
 * @param files a folder of their own: other figures' files stay as they are
 * @throws {FigureRowsError, FigureSpecError}
 */
export async function writeFigure<Row extends object>(
  figure: Figure<Row>,
  rows: readonly Row[],
  request: {
    readonly origin: FigureOrigin;
    readonly files: FigureFiles;
    readonly options?: DrawOptions;
    /** From `inputKeyOf`: `findDrawn` knows the figure by it. */
    readonly inputKey?: string;
    /** Those that marks may lead to. @default none */
    readonly trials?: readonly Trial[];
  },
): Promise<DrawnFigure> {
  const { inputKey, trials = [] } = request;
  const { provenance, isFromCache } = await drawInto(figure, rows, { ...request, trials, inputKey });
  return toDrawn(provenance, isFromCache);
}

/** Digest of all that decides a figure's rows and how they are drawn. */
export const inputKeyOf = (inputs: {
  readonly artifacts: readonly { readonly key: string; readonly sha256: string | undefined }[];
  readonly codeVersion: string;
  readonly figureSourceSha256: string;
  readonly options: DrawOptions;
}): string => digestOf({ ...inputs, rendererVersion });

/** A figure that was drawn from these very inputs and whose files are as they were written; nothing is parsed or drawn. */
export async function findDrawn(
  name: string,
  inputKey: string,
  files: Pick<FigureFiles, "read">,
): Promise<DrawnFigure | undefined> {
  const before = await readProvenance(name, files);
  return before?.inputKey === inputKey && (await areIntact(before, files)) ? toDrawn(before, true) : undefined;
}

export interface DrawFromTrials {
  /** All there are; the figure takes those it needs. */
  readonly trials: readonly Trial[];
  /** All there should be. @default those there are */
  readonly planned?: readonly PlannedTrial[];
  readonly codeVersion: string;
  /** Digests of the modules that turn artifacts into rows; without it rows are collected again each time. */
  readonly figureSourceSha256?: string;
  readonly files: FigureFiles;
  readonly options?: DrawOptions;
}

/**
 * Collects a figure's rows from trials and draws them. While trials, artifacts, code and options are what they were and
 * the files are as they were written, no artifact is read.
 */
export async function drawFigure<Row extends object>(
  figure: Figure<Row>,
  request: DrawFromTrials,
): Promise<DrawnFigure> {
  const { codeVersion, figureSourceSha256, files, options = {} } = request;
  const own = trialsFor(figure, request.trials);
  const missing = missingTrials(figure, request.planned ?? [], own);
  const inputKey =
    figureSourceSha256 === undefined
      ? undefined
      : digestOf({ own: own.map(trialInputs), missing, codeVersion, figureSourceSha256, options, rendererVersion });
  const before = inputKey === undefined ? undefined : await findDrawn(figure.name, inputKey, files);
  if (before) return before;

  const watched = watchReads(own);
  const rows = figure.rows ? await figure.rows(watched.trials) : [];
  const origin: FigureOrigin = {
    trials: own.map(({ runId, pointKey, trialIndex, trialKey, attempt }) => ({
      runId,
      pointKey,
      trialIndex,
      trialKey,
      attempt,
    })),
    artifacts: watched.opened().map(({ key, sha256, bytes }) => ({ key, sha256, bytes })),
    missing,
    codeVersion,
    figureSourceSha256,
  };
  const { provenance, isFromCache } = await drawInto(figure, rows, { origin, files, options, inputKey, trials: own });
  return toDrawn(provenance, isFromCache);
}

interface DrawRequest {
  readonly origin: FigureOrigin;
  readonly files: FigureFiles;
  readonly options?: DrawOptions;
  readonly inputKey: string | undefined;
  /** Those that marks may lead to. */
  readonly trials: readonly Trial[];
}

async function drawInto<Row extends object>(
  figure: Figure<Row>,
  rows: readonly Row[],
  { origin, files, options = {}, inputKey, trials }: DrawRequest,
): Promise<{ provenance: FigureProvenance; isFromCache: boolean }> {
  const checked = checkRows(figure, rows);
  const spec = figure.spec(checked);
  const { name, title, estimator } = figure;
  const screen = options.forScreen === true ? linkMarks(spec) : undefined;
  const marks = screen && marksOf(figure, { links: screen.links, rows: drawnRows(spec), trials });
  const drawKey = digestOf({ spec, options, title, rendererVersion, marks });
  const about = {
    figure: name,
    ...(title !== undefined && { title }),
    caption: captionOf(figure, checked),
    estimator,
    rows: { count: checked.length, sha256: digestOf(checked) },
    origin: {
      ...origin,
      trials: origin.trials.map((trial) => ({ ...trial })),
      artifacts: origin.artifacts.map((artifact) => ({ ...artifact })),
      missing: [...origin.missing],
    },
    drawKey,
    ...(inputKey !== undefined && { inputKey }),
    rendererVersion,
  };
  const before = await readProvenance(name, files);
  if (before && before.drawKey === drawKey && (await areIntact(before, files))) {
    const { widthIn, heightIn, warnings, files: digests } = before;
    const provenance = { ...about, widthIn, heightIn, warnings, files: digests };
    await writeProvenance(provenance, before, files);
    return { provenance, isFromCache: true };
  }
  const drawn = await renderAll(figure, spec, { options, screen: screen?.spec, marks });
  await Promise.all(drawn.files.map(([path, bytes]) => files.write(path, bytes)));
  const { widthIn, heightIn, warnings } = drawn;
  const digests = Object.fromEntries(drawn.files.map(([path, bytes]) => [path, sha256Hex(bytes)]));
  const provenance = { ...about, widthIn, heightIn, warnings: [...warnings], files: digests };
  // Last: whoever finds it finds the files that it names.
  await writeProvenance(provenance, undefined, files);
  return { provenance, isFromCache: false };
}

async function renderAll<Row extends object>(
  figure: Figure<Row>,
  spec: FigureSpec,
  { options, screen, marks }: { options: DrawOptions; screen: FigureSpec | undefined; marks: object | undefined },
) {
  const { forScreen: _, ...render } = options;
  const title = figure.title ?? figure.name;
  const { svg, png, pdf, widthIn, heightIn, warnings } = await renderFigure(spec, { ...render, title });
  const screens = screen ? await renderScreens(screen, title) : [];
  const { name } = figure;
  const { rows, annotations } = drawnData(spec);
  const files = [
    [`${name}.svg`, svg],
    [`${name}.png`, png],
    [`${name}.pdf`, pdf],
    ...screens.map((screen) => [`${name}.${screen.theme}.svg`, screen.svg] as const),
    [`${name}.marks.json`, marks && JSON.stringify(marks)],
    [`${name}.csv`, toCsv(rows)],
    [`${name}.annotations.csv`, annotations.length === 0 ? undefined : toCsv(annotations.map(toRow))],
  ].flatMap(([path, content]): [string, Uint8Array][] => {
    if (typeof path !== "string" || content === undefined) return [];
    return [[path, typeof content === "string" ? Buffer.from(content) : content]];
  });
  return { files, widthIn, heightIn, warnings: [...new Set([...warnings, ...screens.flatMap((s) => s.warnings)])] };
}

const toRow = ({ panel, mark, values }: Annotation): object => ({
  ...(panel !== undefined && { panel }),
  mark,
  ...values,
});

const provenancePath = (name: string): string => `${name}.provenance.json`;

/** The provenance of a figure drawn before; undefined when there is none or it can't be understood. */
export async function readProvenance(
  name: string,
  files: Pick<FigureFiles, "read">,
): Promise<FigureProvenance | undefined> {
  const bytes = await files.read(provenancePath(name));
  if (!bytes) return undefined;
  try {
    return FigureProvenance.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    // An older version's, or cut short: the figure is drawn again.
    return undefined;
  }
}

async function areIntact(provenance: FigureProvenance, files: Pick<FigureFiles, "read">): Promise<boolean> {
  for (const [path, sha256] of Object.entries(provenance.files)) {
    const bytes = await files.read(path);
    if (!bytes || sha256Hex(bytes) !== sha256) return false;
  }
  return true;
}

async function writeProvenance(
  provenance: FigureProvenance,
  before: FigureProvenance | undefined,
  files: FigureFiles,
): Promise<void> {
  const text = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  if (before && text(before) === text(FigureProvenance.parse(provenance))) return;
  await files.write(provenancePath(provenance.figure), Buffer.from(text(FigureProvenance.parse(provenance))));
}

const toDrawn = (provenance: FigureProvenance, isFromCache: boolean): DrawnFigure => ({
  name: provenance.figure,
  caption: provenance.caption,
  paths: [...Object.keys(provenance.files), provenancePath(provenance.figure)],
  isFromCache,
  warnings: provenance.warnings,
  missing: provenance.origin.missing,
});

/** Digest of a value's JSON, telling NaN and the infinities from null. */
const digestOf = (value: unknown): string =>
  sha256Hex(isFiniteThroughout(value) ? JSON.stringify(value) : JSON.stringify(value, namedNonFinite));

const namedNonFinite = (_: string, item: unknown): unknown =>
  typeof item === "number" && !Number.isFinite(item) ? { number: String(item) } : item;

/** Looking for what a replacer is needed for takes a tenth of the time that calling it for every value takes. */
function isFiniteThroughout(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(isFiniteThroughout);
}
