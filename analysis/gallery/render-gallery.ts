/**
 * One HTML page about one run: figures, claims, trials, files and receipt. It needs no network and no server, reads
 * without scripts, and is the same bytes for the same data.
 */
import { pageFontFace } from "../render/svg-document.ts";
import { checkHref, Html, inlineSvg, markup } from "./markup.ts";
import type {
  ClaimVerdictWord,
  GalleryClaim,
  GalleryColumn,
  GalleryFigure,
  GalleryLink,
  GalleryPage,
  GalleryReceipt,
  GalleryTrial,
  RunState,
} from "./gallery-page.ts";
import { pageScript } from "./page-script.ts";
import { styleSheet } from "./style-sheet.ts";

/** @throws {GalleryContentError} when a link or an SVG isn't safe to put into a page */
export function renderGallery(page: GalleryPage): string {
  const sections = [
    section(
      "Figures",
      page.figures.length,
      () => markup`<div class="figures">${page.figures.map(renderFigureCard)}</div>`,
    ),
    section("Claims", page.claims.length, () => renderClaims(page.claims)),
    section("Trials", page.trials.rows.length, () => renderTrials(page.trials)),
    section("Receipt", page.receipt ? 1 : 0, () => (page.receipt ? renderReceipt(page.receipt) : markup``)),
    section("Files", page.files.length, () => renderLinks(page.files)),
  ].filter((part) => part !== undefined);
  const fonts = pageFontFace("sans", "regular") + pageFontFace("sans", "bold");
  const document = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:">
<title>${page.title} · ${page.runId}</title>
<style>${new Html(fonts + styleSheet)}</style>
</head>
<body>
<a class="skip" href="#content">To the figures</a>
<header>
<p class="over">${page.experiment} · <span class="mono">${page.runId}</span> ${renderState(page.state)}</p>
<h1>${page.title}</h1>
${page.question === undefined ? undefined : markup`<p class="question">${page.question}</p>`}
<dl class="facts">${page.facts.map(({ label, value }) => markup`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
<nav aria-label="Sections">${sections.map(({ id, title }) => markup`<a href="#${id}">${title}</a>`)}</nav>
</header>
<main id="content">
${sections.map(({ id, title, body }) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>\n`)}
</main>
<footer>Made by reprise from the run’s own records at <time datetime="${page.generatedAt}">${page.generatedAt}</time>.</footer>
<script>${new Html(pageScript)}</script>
</body>
</html>
`;
  return document.text;
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

/** A section, unless there is nothing in it. */
const section = (title: string, count: number, body: () => Html): Section | undefined =>
  count === 0 ? undefined : { id: title.toLowerCase(), title, body: body() };

function renderState(state: RunState): Html {
  const tone = { complete: "good", running: "plain", incomplete: "unsure", failed: "bad" }[state];
  return markup`<span class="badge ${tone}">${state}</span>`;
}

function renderFigureCard(figure: GalleryFigure): Html {
  const label = figure.title ?? figure.caption;
  const dark = figure.svgDark;
  const light = dark === undefined ? "for-light light-only" : "for-light has-dark";
  const missing = figure.missing ?? [];
  const notes = [
    ...(missing.length > 0 ? [`Drawn without ${missing.length} planned trials: ${listOf(missing, 6)}.`] : []),
    ...(figure.warnings ?? []),
  ];
  return markup`<figure id="figure-${figure.name}">
<h3>${figure.title ?? figure.name}</h3>
<div class="plot" tabindex="0" role="group" aria-label="${label}. Arrow keys read the marks.">
<div class="${light}">${inlineSvg(figure.svg, figure.name)}</div>
${dark === undefined ? undefined : markup`<div class="for-dark">${inlineSvg(dark, `${figure.name}-dark`)}</div>`}
</div>
<figcaption><p>${figure.caption}</p><p class="estimator">${figure.estimator}</p>
${notes.map((note) => markup`<p class="note">${note}</p>`)}
${renderLinks(figure.downloads)}</figcaption>
</figure>
`;
}

const listOf = (names: readonly string[], limit: number): string =>
  names.slice(0, limit).join(", ") + (names.length > limit ? ` and ${names.length - limit} more` : "");

const renderLinks = (links: readonly GalleryLink[]): Html =>
  markup`<ul class="links">${links.map(
    ({ label, href, bytes }) =>
      markup`<li><a href="${checkHref(href)}">${label}</a>${bytes === undefined ? undefined : markup` <span class="over">${formatBytes(bytes)}</span>`}</li>`,
  )}</ul>`;

const verdictTone: Readonly<Record<ClaimVerdictWord, string>> = {
  holds: "good",
  fails: "bad",
  "cannot tell": "unsure",
};
/** A sign beside the word and the colour: three ways to tell them apart. */
const verdictSign: Readonly<Record<ClaimVerdictWord, string>> = { holds: "✓", fails: "✗", "cannot tell": "?" };

const renderClaims = (claims: readonly GalleryClaim[]): Html =>
  markup`<div class="scroll"><table><thead><tr><th>claim</th><th>published</th><th>measured</th><th>verdict</th></tr></thead><tbody>${claims.map(
    ({ statement, paper, measured, verdict, wouldTake }) =>
      markup`<tr><td>${statement}${wouldTake === undefined ? undefined : markup`<br><span class="over">${wouldTake}</span>`}</td><td>${paper}</td><td>${measured}</td><td><span class="badge ${verdictTone[verdict]}">${verdictSign[verdict]} ${verdict}</span></td></tr>\n`,
  )}</tbody></table></div>`;

function renderTrials({ columns, rows }: { columns: readonly GalleryColumn[]; rows: readonly GalleryTrial[] }): Html {
  const head = ({ label, isNumber }: { label: string; isNumber?: boolean }): Html =>
    markup`<th scope="col" class="${isNumber ? "number" : ""}"><button type="button">${label}</button></th>`;
  return markup`<div class="filter"><label>Filter <input type="search" data-filters="trials-table" placeholder="words in any column"></label><span class="over" data-counts="trials-table" aria-live="polite">${rows.length} trials</span></div>
<div class="scroll"><table class="sortable" id="trials-table"><thead><tr>${head({ label: "trial" })}${columns.map(head)}${head({ label: "outcome" })}</tr></thead><tbody>
${rows.map((row) => renderTrial(row, columns))}</tbody></table></div>`;
}

const outcomeTone: Readonly<Record<GalleryTrial["outcome"], string>> = {
  valid: "good",
  invalid: "unsure",
  failed: "bad",
  running: "plain",
  planned: "plain",
};

function renderTrial({ id, outcome, cells, href, note }: GalleryTrial, columns: readonly GalleryColumn[]): Html {
  const name = href === undefined ? markup`${id}` : markup`<a href="${checkHref(href)}">${id}</a>`;
  const cell = ({ key, isNumber }: GalleryColumn): Html => {
    const value = cells[key];
    if (value === undefined) return markup`<td></td>`;
    if (!isNumber || typeof value !== "number") return markup`<td>${String(value)}</td>`;
    return markup`<td class="number" data-value="${value}">${formatNumber(value)}</td>`;
  };
  return markup`<tr id="trial-${id}"><td>${name}</td>${columns.map(cell)}<td><span class="badge ${outcomeTone[outcome]}">${outcome}</span>${note === undefined ? undefined : markup` <span class="over">${note}</span>`}</td></tr>\n`;
}

const renderReceipt = ({ isClosed, lines, note }: GalleryReceipt): Html =>
  markup`<p><span class="badge ${isClosed ? "good" : "unsure"}">${isClosed ? "closed" : "open"}</span> ${isClosed ? "Nothing of this run is left." : "Something may still be running or billed."}</p>
<dl class="facts">${lines.map(({ label, value }) => markup`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>${note === undefined ? undefined : markup`<p class="note">${note}</p>`}`;

/** Four significant digits, thousands apart: enough to compare, few enough to read. */
function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power] ?? "B"}`;
}
