import type { JudgedClaim } from "../../analysis/claims/index.ts";
import { describeMeasured } from "../../analysis/claims/index.ts";
import type { PointComparison } from "../../analysis/compare/compare-trials.ts";
import { describePoint, signedPercent } from "../../analysis/compare/describe.ts";
import type {
  GalleryClaim,
  GalleryComparison,
  GalleryFigure,
  GalleryLink,
  GalleryPage,
  GalleryReceipt,
  GalleryTrial,
} from "../../analysis/gallery/index.ts";
import { figureFolder } from "../../analysis/figure-folder.ts";
import type { FigureMark, FigureMarks } from "../../analysis/mark-links.ts";
import type { DrawnFigure } from "../../analysis/write-figure.ts";
import { readProvenance } from "../../analysis/write-figure.ts";
import type { Definition } from "../../core/definition/schema.ts";
import type { ResultRow } from "../../core/evidence/result-rows.ts";
import { resultRows } from "../../core/evidence/result-rows.ts";
import { buildResultTable } from "../../core/evidence/result-table.ts";
import { readRunManifest } from "../../core/evidence/run-manifest.ts";
import { listKeys, readRecord, requireRecord } from "../../core/flow/effects.ts";
import { deploymentKeys, runKeys, runPrefix } from "../../core/names/keys.ts";
import type { Plan } from "../../core/plan/types.ts";
import type { Key, ObjectStore } from "../../core/ports/object-store.ts";
import type { Progress } from "../../core/progress/progress.ts";
import { foldProgress, noProgress, remainingMs } from "../../core/progress/progress.ts";
import type { EventRecord, Receipt } from "../../core/records/schemas.ts";
import { eventRecordSchema, hostFactsSchema, receiptSchema, runRecordSchema } from "../../core/records/schemas.ts";
import type { UndrawnFigure } from "../draw-experiment.ts";
import { readsAtOnce } from "../load-trials.ts";
import { mapBounded } from "../../core/effects/map-bounded.ts";
import { duration } from "../output.ts";
import { spentText } from "../spend.ts";
import { attemptsOf, timelineOf } from "./attempts.ts";
import { readAhead } from "./read-ahead.ts";

/** Columns of the results that a reader of the page looks for last; `results.csv` has them. */
const hiddenColumns = new Set([
  "runId",
  "experiment",
  "sweep",
  "pointKey",
  "trialIndex",
  "outcome",
  "trialKey",
  "manifestKey",
  "deploymentId",
  "reusedFrom",
  "failureClass",
  "failureMessage",
]);

/** Where a parameter of that name stands under `param.`. */
const ownColumns = new Set(["attempt", "startedAt", "durationSec"]);

/** Everything that the pages of a run are made of, beside its files. */
export interface RunContent {
  readonly runId: string;
  readonly spec: Definition;
  readonly plan: Plan;
  readonly createdAt: string;
  readonly progress: Progress;
  readonly events: readonly EventRecord[];
  readonly rows: readonly ResultRow[];
  readonly receipts: readonly Receipt[];
  readonly facts: readonly { readonly label: string; readonly value: string }[];
}

/** An id of a trial that can stand in a file's name and in a page: `load.clients=4.t0`. */
export const trialId = ({ pointKey, trialIndex }: { readonly pointKey: string; readonly trialIndex: number }): string =>
  `${pointKey}.t${trialIndex}`;
export const trialPath = (id: string): string => `trials/${id}.html`;
export const trialHref = (id: string): string => `trials/${encodeURIComponent(id)}.html`;

/** Reads what is small: records, manifests and the feed; no log. */
export async function readRun(
  store: ObjectStore,
  runId: string,
  { spec, plan }: { readonly spec: Definition; readonly plan: Plan },
): Promise<RunContent> {
  const record = await requireRecord(store, runKeys(runId).run, runRecordSchema);
  const eventKeys: Key[] = [];
  for await (const { key } of store.list(runKeys(runId).events)) eventKeys.push(key);
  const events = (await mapBounded(eventKeys, readsAtOnce, (key) => readRecord(store, key, eventRecordSchema))).flatMap(
    (event) => (event === undefined ? [] : [event.value]),
  );
  const rows: ResultRow[] = [];
  for await (const row of resultRows(await readAhead(store, runId, plan), runId)) rows.push(row);
  const progress = events.reduce(foldProgress, noProgress);
  const root = await readRunManifest(store, runId);
  return {
    runId,
    spec,
    plan,
    createdAt: record.createdAt,
    progress,
    events,
    rows,
    receipts: await readReceipts(store, runId),
    facts: [
      { label: "started", value: record.createdAt },
      { label: "outcome", value: progress.outcome ?? progress.phase },
      ...(await hostFacts(store, runId)),
      ...Object.entries(plan.sources).map(([name, { commit, diffDigest }]) => ({
        label: `source ${name}`,
        value: `${commit?.slice(0, 12) ?? "no commit"}${diffDigest === undefined ? "" : " with local changes"}`,
      })),
      { label: "definition", value: record.definitionDigest.slice(0, 16) },
      { label: "evidence root", value: root.kind === "sealed" ? root.manifest.rootDigest : "not sealed yet" },
      { label: "reprise", value: record.repriseVersion },
    ],
  };
}

export interface RunPageParts {
  readonly figures: readonly GalleryFigure[];
  readonly undrawn: readonly UndrawnFigure[];
  readonly claims: readonly JudgedClaim[];
  readonly comparisons: readonly PointComparison[];
  readonly files: readonly GalleryLink[];
  /** Whether trials have pages. */
  readonly hasTrialPages: boolean;
  readonly up?: GalleryLink;
  readonly fontsHref?: string;
  readonly refreshSec?: number;
  /** The end of bars that still grow. */
  readonly nowMs: number;
  /** What hosts have cost until now, of a run that goes on; the receipts say it later. */
  readonly spentDollars?: number | "unknown";
}

/** The run's page, as data. */
export function runPage(content: RunContent, parts: RunPageParts): GalleryPage {
  const { runId, spec, progress, events, receipts } = content;
  const { nowMs, hasTrialPages } = parts;
  const isRunning = progress.outcome === undefined;
  const left = remainingMs(progress, nowMs);
  const timeline = timelineOf(events, {
    nowMs: isRunning ? nowMs : (progress.lastAtMs ?? nowMs),
    hrefOf: (attempt) => (hasTrialPages ? trialHref(trialId(attempt)) : undefined),
  });
  return {
    title: spec.title ?? spec.name,
    experiment: spec.name,
    runId,
    ...(spec.question === undefined ? {} : { question: spec.question }),
    state: isRunning ? "running" : progress.outcomeClass === undefined ? "complete" : "incomplete",
    facts: content.facts,
    figures: parts.figures,
    undrawn: parts.undrawn,
    claims: parts.claims.map(toGalleryClaim),
    comparisons: parts.comparisons.map(toGalleryComparison),
    trials: trialTable(content, hasTrialPages),
    files: parts.files,
    ...(receipts.length === 0 ? {} : { receipt: receiptOf(receipts, content.plan) }),
    ...(isRunning && {
      progress: {
        done: progress.valid,
        total: progress.total,
        note: [
          progress.phase,
          progress.running.length === 0
            ? ""
            : `now ${progress.running.map((one) => `${one.pointKey} trial ${one.trialIndex} since ${duration(nowMs - one.sinceMs)}`).join(", ")}`,
          progress.failedAttempts > 0 ? `${progress.failedAttempts} attempts failed` : "",
          left === undefined ? "" : `about ${duration(left)} left`,
          parts.spentDollars === undefined ? "" : `${spentText(parts.spentDollars)}${ofBudget(content.plan)}`,
        ]
          .filter((part) => part !== "")
          .join("; "),
      },
    }),
    ...(timeline.rows.length === 0 ? {} : { timeline }),
    events: events.map(({ at, kind, text }) => ({ at, kind, text })),
    ...(parts.up === undefined ? {} : { up: parts.up }),
    ...(parts.fontsHref === undefined ? {} : { fontsHref: parts.fontsHref }),
    ...(parts.refreshSec === undefined || !isRunning ? {} : { refreshSec: parts.refreshSec }),
    generatedAt: new Date(progress.lastAtMs ?? Date.parse(content.createdAt)).toISOString(),
  };
}

const toGalleryClaim = (claim: JudgedClaim): GalleryClaim => ({
  statement: claim.statement,
  paper: claim.paper,
  measured: describeMeasured(claim),
  verdict: claim.verdict,
  wouldTake: claim.wouldTake === undefined ? claim.reason : `${claim.reason}. To tell: ${claim.wouldTake}`,
});

const toGalleryComparison = (found: PointComparison): GalleryComparison => {
  const { point, metric, comparison } = found;
  const { change, interval, verdict } = comparison;
  const ends = interval && ` (${signedPercent(interval.low)} to ${signedPercent(interval.high)})`;
  return { point, metric, verdict, change: `${signedPercent(change)}${ends ?? ""}`, note: describePoint(found) };
};

/** @param hrefPrefix where the figures' files are, from the page: `figures/` */
export async function galleryFigures(
  drawn: readonly DrawnFigure[],
  folder: string,
  hrefPrefix: string,
): Promise<GalleryFigure[]> {
  const files = figureFolder(folder);
  const text = async (path: string): Promise<string | undefined> => {
    const bytes = await files.read(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  return Promise.all(
    drawn.map(async (figure) => {
      const provenance = await readProvenance(figure.name, files);
      const svgDark = await text(`${figure.name}.screen-dark.svg`);
      const marks = await text(`${figure.name}.marks.json`);
      return {
        name: figure.name,
        ...(provenance?.title === undefined ? {} : { title: provenance.title }),
        caption: figure.caption,
        estimator: provenance?.estimator ?? "",
        svg: (await text(`${figure.name}.screen.svg`)) ?? "<svg xmlns='http://www.w3.org/2000/svg'/>",
        ...(svgDark === undefined ? {} : { svgDark }),
        ...(marks === undefined ? {} : { marks: toGalleryMarks(JSON.parse(marks) as FigureMarks) }), // our own writing
        downloads: figure.paths
          .filter((path) => !path.includes(".screen") && !path.endsWith(".marks.json"))
          .map((path) => ({ label: path.slice(figure.name.length + 1), href: `${hrefPrefix}${path}` })),
        warnings: figure.warnings,
        missing: figure.missing,
      };
    }),
  );
}

function toGalleryMarks({ trials, sets, marks }: FigureMarks): NonNullable<GalleryFigure["marks"]> {
  const ids = trials.map(trialId);
  return {
    sets: sets.map((set) => set.map((index) => ids[index] ?? "")),
    marks: Object.fromEntries(Object.entries(marks).map(([id, mark]) => [id, withShortNumbers(mark)])),
  };
}

/** Points of lines with the digits that the page says of them: all of them are half of it. */
const withShortNumbers = (mark: FigureMark): FigureMark =>
  mark.line === undefined
    ? mark
    : {
        ...mark,
        line: {
          fields: mark.line.fields,
          rows: mark.line.rows.map((row) =>
            row.map((value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value)),
          ),
        },
      };

/** Every planned trial: what it gave, or that it runs, or that it hasn't been tried. */
function trialTable({ rows, plan, progress, events }: RunContent, hasPages: boolean): GalleryPage["trials"] {
  const table = buildResultTable(rows);
  const parameters = new Set(plan.points.flatMap((point) => Object.keys(flat(point.parameters))));
  const varied = new Set([...variedParameters(plan)].slice(0, mostParameters));
  const shown = table.columns.flatMap((column, index) => {
    const name = column.name.replace(/^param\./, "");
    const isParameter = column.name.startsWith("param.") || (parameters.has(name) && !ownColumns.has(name));
    return hiddenColumns.has(column.name) || (isParameter && !varied.has(name)) ? [] : [{ column, index }];
  });
  const cellsOf = new Map(rows.map((row, n) => [trialId(row), { row, cells: table.rows[n] ?? [] }]));
  const running = new Set(progress.running.map(trialId));
  const tried = new Set(attemptsOf(events).map(trialId));
  const planned = plan.blocks.flatMap(({ trials }) => trials);
  const inOrder = [...planned].sort((a, b) => a.point - b.point || a.trialIndex - b.trialIndex);
  return {
    columns: shown.map(({ column }) => ({
      key: column.name,
      label: column.name,
      isNumber: column.type === "number",
      isFilter: column.name.startsWith("param.") || (parameters.has(column.name) && !ownColumns.has(column.name)),
    })),
    rows: inOrder.flatMap(({ point: index, trialIndex }): GalleryTrial[] => {
      const point = plan.points[index];
      if (point === undefined) return [];
      const id = trialId({ pointKey: point.pointKey, trialIndex });
      const known = cellsOf.get(id);
      const cells =
        known === undefined
          ? Object.fromEntries(Object.entries(flat(point.parameters)).filter(([name]) => varied.has(name)))
          : Object.fromEntries(
              shown.flatMap(({ column, index: at }) => {
                const cell = known.cells[at];
                return cell === null || cell === undefined ? [] : [[column.name, cell]];
              }),
            );
      const failure = known?.row.failureMessage;
      const hasPage = hasPages && (known !== undefined || running.has(id) || tried.has(id));
      return [
        {
          id,
          label: `${point.pointKey} trial ${trialIndex}`,
          outcome: running.has(id) ? "running" : (known?.row.outcome ?? "planned"),
          cells,
          ...(failure === undefined ? {} : { note: failure }),
          ...(hasPage && { href: trialHref(id) }),
        },
      ];
    }),
  };
}

/** More columns no table has room for. */
const mostParameters = 16;

/** Parameters that some sweep varies: the rest says nothing about one trial against another. */
function variedParameters(plan: Plan): Set<string> {
  const values = new Map<string, Map<string, unknown>>();
  const varied = new Set<string>();
  for (const { sweep, parameters } of plan.points) {
    const own = values.get(sweep) ?? new Map<string, unknown>();
    values.set(sweep, own);
    for (const [name, value] of Object.entries(flat(parameters))) {
      if (!own.has(name)) own.set(name, value);
      else if (own.get(name) !== value) varied.add(name);
    }
  }
  return varied;
}

function flat(value: object, prefix = ""): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
      if (typeof item === "string" || typeof item === "number" || typeof item === "boolean")
        return [[prefix + key, item]];
      return typeof item === "object" && item !== null && !Array.isArray(item)
        ? Object.entries(flat(item, `${prefix}${key}.`))
        : [];
    }),
  );
}

async function hostFacts(store: ObjectStore, runId: string): Promise<{ label: string; value: string }[]> {
  for (const key of await listKeys(store, `${runPrefix(runId)}/deployments/`, 100_000)) {
    if (!/\/facts\/[^/]+\.json$/.test(key)) continue;
    const facts = await readRecord(store, key, hostFactsSchema);
    if (facts === undefined) continue;
    const { cpuModel, cpuCount, memoryBytes, kernel, os } = facts.value;
    return [
      { label: "hosts", value: `${cpuModel}, ${cpuCount} CPUs, ${(memoryBytes / 1024 ** 3).toFixed(1)} GiB` },
      { label: "system", value: `${os}, kernel ${kernel}` },
    ];
  }
  return [];
}

async function readReceipts(store: ObjectStore, runId: string): Promise<Receipt[]> {
  const prefix = `${runPrefix(runId)}/deployments/`;
  const ids = new Set(
    (await listKeys(store, prefix, 100_000)).map((key) => key.slice(prefix.length).split("/")[0] ?? ""),
  );
  const receipts: Receipt[] = [];
  for (const id of ids) {
    const receipt = await readRecord(store, deploymentKeys(runId, id).receipt, receiptSchema);
    if (receipt !== undefined) receipts.push(receipt.value);
  }
  return receipts;
}

/** Receipt and bill: what was made, what became of it, what it cost against what was allowed. */
function receiptOf(receipts: readonly Receipt[], plan: Plan): GalleryReceipt {
  const left = receipts.flatMap((r) => r.resources).filter((r) => r.outcome === "still there");
  const dollars = receipts.map((receipt) => receipt.dollars);
  const total = dollars.reduce<number | "unknown">(
    (sum, one) => (sum === "unknown" || one === "unknown" ? "unknown" : sum + one),
    0,
  );
  const places = (receipt: Receipt): string =>
    [
      ...new Set(
        receipt.rounds.flatMap(({ places: all }) =>
          Object.entries(all).map(([provider, { region, zone }]) => `${provider} ${zone ?? region}`),
        ),
      ),
    ].join(", ");
  return {
    isClosed: left.length === 0,
    lines: [
      ...receipts.flatMap((receipt) => [
        { label: receipt.deploymentId, value: `${receipt.resources.length} resources: ${countOutcomes(receipt)}` },
        { label: "where", value: places(receipt) },
        { label: "host hours", value: receipt.hostHours.toFixed(3) },
        { label: "cost", value: money(receipt.dollars) },
        { label: "closed", value: `${receipt.closedAt}, because ${receipt.reason}` },
      ]),
      {
        label: "bill",
        value: `${money(total)}${ofBudget(plan)}`,
      },
    ],
    note: left.length === 0 ? "nothing is left" : `STILL THERE: ${left.map((r) => r.name).join(", ")}`,
  };
}

const ofBudget = ({ budgetDollars }: Plan): string =>
  budgetDollars === undefined ? "" : ` of a budget of ${money(budgetDollars)}`;

const money = (dollars: number | "unknown"): string => (dollars === "unknown" ? "unknown" : `$${dollars.toFixed(2)}`);

const countOutcomes = (receipt: Receipt): string => {
  const counts = new Map<string, number>();
  for (const { outcome } of receipt.resources) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
};
