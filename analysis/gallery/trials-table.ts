import { dataBlock } from "./document.ts";
import type { GalleryColumn, GalleryPage, GalleryTrial } from "./gallery-page.ts";
import type { Html } from "./markup.ts";
import { checkHref, markup } from "./markup.ts";
import { packTrials } from "./pack-trials.ts";

/** Tables up to that are markup as a whole. Of longer ones all rows are data, which the page's script shows in pages. */
const mostInOne = 200;
const pageRows = 100;
/** More values than that are found faster by typing. */
const mostChoices = 40;

/** The sweep as a table: sorted by its heads, filtered by words, by values of parameters, and by the marks of figures. */
export function renderTrials({ columns, rows }: GalleryPage["trials"]): Html {
  const head = ({ label, isNumber }: { label: string; isNumber?: boolean }): Html =>
    markup`<th scope="col" class="${isNumber ? "number" : ""}"><button type="button">${label}</button></th>`;
  const outcomes = [...new Set(rows.map((row) => row.outcome))];
  const choices = [
    ...columns.flatMap((column, index) => {
      const values = column.isFilter === true ? [...new Set(rows.map((row) => cellText(row.cells[column.key])))] : [];
      return values.length > 1 && values.length <= mostChoices ? [choice(column.label, index + 1, values)] : [];
    }),
    ...(outcomes.length > 1 ? [choice("outcome", columns.length + 1, outcomes)] : []),
  ];
  const count = rows.length.toLocaleString("en-US");
  const isPaged = rows.length > mostInOne;
  return markup`<div class="filter"><label>Filter <input type="search" data-filters="trials-table" placeholder="words in any column"></label>${choices}<span class="over" data-counts="trials-table" aria-live="polite">${count} trials</span> <button type="button" class="plain" data-clears="trials-table" hidden>show all</button></div>
<div class="scroll"><table class="sortable" id="trials-table"><thead><tr>${head({ label: "trial" })}${columns.map(head)}${head({ label: "outcome" })}</tr></thead><tbody>
${(isPaged ? rows.slice(0, pageRows) : rows).map((row) => renderTrial(row, columns))}</tbody></table></div>${isPaged ? renderOthers({ columns, rows }, count) : undefined}`;
}

function renderOthers(trials: GalleryPage["trials"], count: string): Html {
  for (const { href } of trials.rows) if (href !== undefined) checkHref(href);
  return markup`
<p class="pages" data-pages="trials-table" hidden><button type="button" class="plain">previous</button> <span aria-live="polite"></span> <button type="button" class="plain">next</button></p>
<noscript><p class="note">These are the first ${pageRows} of ${count} trials: the others need this page’s script.</p></noscript>
${dataBlock("rows-trials-table", packTrials(trials, { pageRows, tones: outcomeTone }))}`;
}

const cellText = (value: string | number | boolean | undefined): string => (value === undefined ? "" : String(value));

/** @param column of the table, counted from 0 */
const choice = (label: string, column: number, values: readonly string[]): Html =>
  markup`<label>${label} <select data-chooses="trials-table" data-column="${column}"><option value="">any</option>${[
    ...values,
  ]
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((value) => markup`<option value="=${value}">${value === "" ? "none" : value}</option>`)}</select></label>`;

const outcomeTone: Readonly<Record<GalleryTrial["outcome"], string>> = {
  valid: "good",
  invalid: "unsure",
  failed: "bad",
  running: "plain",
  planned: "plain",
};

/** The page's script makes the same of packed rows: `rowElement` in `table-script.ts`. */
function renderTrial(
  { id, label = id, outcome, cells, href, note }: GalleryTrial,
  columns: readonly GalleryColumn[],
): Html {
  const name = href === undefined ? markup`${label}` : markup`<a href="${checkHref(href)}">${label}</a>`;
  const cell = ({ key, isNumber }: GalleryColumn): Html => {
    const value = cells[key];
    if (value === undefined) return markup`<td></td>`;
    if (!isNumber || typeof value !== "number") return markup`<td data-value="${String(value)}">${String(value)}</td>`;
    return markup`<td class="number" data-value="${value}">${formatNumber(value)}</td>`;
  };
  return markup`<tr id="trial-${id}" data-trial="${id}"><td>${name}</td>${columns.map(cell)}<td data-value="${outcome}"><span class="badge ${outcomeTone[outcome]}">${outcome}</span>${note === undefined ? undefined : markup` <span class="over">${note}</span>`}</td></tr>\n`;
}

/** Four significant digits, thousands apart: enough to compare, few enough to read. */
function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumSignificantDigits: 4 });
}
