import type { GalleryFigure, GalleryPage, GalleryReceipt, GalleryTrial } from "../analysis/gallery/index.ts";
import { renderGallery } from "../analysis/gallery/index.ts";
import { figureFolder } from "../analysis/figure-folder.ts";
import type { DrawnFigure } from "../analysis/write-figure.ts";
import { readProvenance } from "../analysis/write-figure.ts";
import type { Definition } from "../core/definition/schema.ts";
import { resultRows } from "../core/evidence/result-rows.ts";
import { buildResultTable } from "../core/evidence/result-table.ts";
import type { ResultRow } from "../core/evidence/result-rows.ts";
import { readRunManifest } from "../core/evidence/run-manifest.ts";
import { listKeys, readRecord, requireRecord } from "../core/flow/effects.ts";
import { deploymentKeys, runKeys, runPrefix } from "../core/names/keys.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";
import type { Receipt } from "../core/records/schemas.ts";
import { hostFactsSchema, receiptSchema, runRecordSchema } from "../core/records/schemas.ts";
import { readProgress } from "./read-progress.ts";

/** Columns of the results that a reader of the gallery looks for first; the rest is in `reprise results`. */
const hiddenColumns = new Set([
  "runId",
  "experiment",
  "trialKey",
  "manifestKey",
  "deploymentId",
  "reusedFrom",
  "failureMessage",
]);

/** Writes `index.html` beside the figures: one self-contained page of the run. */
export async function writeGallery(
  what: {
    readonly runId: string;
    readonly spec: Definition;
    readonly drawn: readonly DrawnFigure[];
    readonly target: string;
  },
  store: ObjectStore,
): Promise<void> {
  const { runId, spec, drawn, target } = what;
  const files = figureFolder(target);
  const record = await requireRecord(store, runKeys(runId).run, runRecordSchema);
  const progress = await readProgress(store, runId);
  const rows: ResultRow[] = [];
  for await (const row of resultRows(store, runId)) rows.push(row);
  const root = await readRunManifest(store, runId);
  const receipts = await readReceipts(store, runId);
  const page: GalleryPage = {
    title: spec.title ?? spec.name,
    experiment: spec.name,
    runId,
    ...(spec.question === undefined ? {} : { question: spec.question }),
    state: progress.outcome === undefined ? "running" : progress.outcomeClass === undefined ? "complete" : "incomplete",
    facts: [
      { label: "started", value: record.createdAt },
      { label: "outcome", value: progress.outcome ?? progress.phase },
      ...(await hostFacts(store, runId)),
      { label: "definition", value: record.definitionDigest.slice(0, 16) },
      { label: "evidence root", value: root.kind === "sealed" ? root.manifest.rootDigest : "not sealed yet" },
      { label: "reprise", value: record.repriseVersion },
    ],
    figures: await Promise.all(drawn.map((figure) => galleryFigure(figure, files))),
    claims: [],
    trials: trialTable(rows),
    files: [],
    ...(receipts.length === 0 ? {} : { receipt: receiptOf(receipts) }),
    generatedAt: new Date(progress.lastAtMs ?? Date.parse(record.createdAt)).toISOString(),
  };
  await files.write("index.html", new TextEncoder().encode(renderGallery(page)));
}

async function galleryFigure(figure: DrawnFigure, files: ReturnType<typeof figureFolder>): Promise<GalleryFigure> {
  const provenance = await readProvenance(figure.name, files);
  const text = async (path: string): Promise<string | undefined> => {
    const bytes = await files.read(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  const svgDark = await text(`${figure.name}.screen-dark.svg`);
  return {
    name: figure.name,
    ...(provenance?.title === undefined ? {} : { title: provenance.title }),
    caption: figure.caption,
    estimator: provenance?.estimator ?? "",
    svg: (await text(`${figure.name}.screen.svg`)) ?? "<svg xmlns='http://www.w3.org/2000/svg'/>",
    ...(svgDark === undefined ? {} : { svgDark }),
    downloads: figure.paths
      .filter((path) => !path.includes(".screen"))
      .map((path) => ({ label: path.slice(figure.name.length + 1), href: path })),
    warnings: figure.warnings,
    missing: figure.missing,
  };
}

function trialTable(rows: readonly ResultRow[]): GalleryPage["trials"] {
  const table = buildResultTable(rows);
  const shown = table.columns.flatMap((column, index) => (hiddenColumns.has(column.name) ? [] : [{ column, index }]));
  return {
    columns: shown.map(({ column }) => ({
      key: column.name,
      label: column.name,
      isNumber: column.type === "number",
    })),
    rows: table.rows.map((cells, n): GalleryTrial => {
      const row = rows[n];
      return {
        id: `trial-${n}`,
        outcome: row?.outcome ?? "failed",
        cells: Object.fromEntries(
          shown.flatMap(({ column, index }) => {
            const cell = cells[index];
            return cell === null || cell === undefined ? [] : [[column.name, cell]];
          }),
        ),
        ...(row?.failureMessage === undefined ? {} : { note: row.failureMessage }),
      };
    }),
  };
}

async function hostFacts(
  store: ObjectStore,
  runId: string,
): Promise<{ readonly label: string; readonly value: string }[]> {
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

function receiptOf(receipts: readonly Receipt[]): GalleryReceipt {
  const left = receipts.flatMap((r) => r.resources).filter((r) => r.outcome === "still there");
  return {
    isClosed: left.length === 0,
    lines: receipts.flatMap((r) => [
      { label: r.deploymentId, value: `${r.resources.length} resources: ${countOutcomes(r)}` },
      { label: "host hours", value: r.hostHours.toFixed(3) },
      { label: "cost", value: r.dollars === "unknown" ? "unknown" : `$${r.dollars.toFixed(2)}` },
      { label: "closed", value: r.closedAt },
    ]),
    note: left.length === 0 ? "nothing is left" : `STILL THERE: ${left.map((r) => r.name).join(", ")}`,
  };
}

const countOutcomes = (receipt: Receipt): string => {
  const counts = new Map<string, number>();
  for (const { outcome } of receipt.resources) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
};
