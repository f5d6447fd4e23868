/**
 * One HTML page about one run: figures, claims, trials, files and receipt. It needs no network and no server, reads
 * without scripts, and is the same bytes for the same data.
 */
import { dataBlock, factList, renderDocument } from "./document.ts";
import type { Html } from "./markup.ts";
import { inlineFigure } from "./inline-figure.ts";
import { checkHref, markup } from "./markup.ts";
import type {
  ClaimVerdictWord,
  GalleryClaim,
  GalleryComparison,
  GalleryEvent,
  GalleryFigure,
  GalleryLink,
  GalleryPage,
  GalleryProgress,
  GalleryReceipt,
  RunState,
} from "./gallery-page.ts";
import { pageScript } from "./page-script.ts";
import { renderTimeline } from "./timeline.ts";
import { renderTrials } from "./trials-table.ts";

/** @throws {GalleryContentError} when a link or an SVG isn't safe to put into a page */
export function renderGallery(page: GalleryPage): string {
  const { timeline, events = [], comparisons = [], undrawn = [], progress } = page;
  const sections = [
    section("Progress", progress ? 1 : 0, () => (progress ? renderProgress(progress) : markup``)),
    section(
      "Figures",
      page.figures.length + undrawn.length,
      () =>
        markup`<div class="figures">${page.figures.map(renderFigureCard)}</div>${undrawn.map(({ name, reason }) => markup`<p class="note">Not drawn: ${name}: ${reason}</p>\n`)}`,
    ),
    section("Claims", page.claims.length, () => renderClaims(page.claims)),
    section("Comparisons", comparisons.length, () => renderComparisons(comparisons)),
    section("Trials", page.trials.rows.length, () => renderTrials(page.trials)),
    section("Timeline", timeline ? timeline.rows.length : 0, () => (timeline ? renderTimeline(timeline) : markup``)),
    section("Receipt", page.receipt ? 1 : 0, () => (page.receipt ? renderReceipt(page.receipt) : markup``)),
    section("Events", events.length, () => renderEvents(events)),
    section("Files", page.files.length, () => renderLinks(page.files)),
  ].filter((part) => part !== undefined);
  const { up } = page;
  return renderDocument({
    title: `${page.title} · ${page.runId}`,
    script: pageScript,
    skipLabel: "To the figures",
    ...(page.fontsHref === undefined ? {} : { fontsHref: page.fontsHref }),
    ...(page.refreshSec === undefined ? {} : { refreshSec: page.refreshSec }),
    header: markup`
<p class="over">${up === undefined ? undefined : markup`<a href="${checkHref(up.href)}">${up.label}</a> · `}${page.experiment} · <span class="mono">${page.runId}</span> ${renderState(page.state)}</p>
<h1>${page.title}</h1>
${page.question === undefined ? undefined : markup`<p class="question">${page.question}</p>`}
${factList(page.facts)}
<nav aria-label="Sections">${sections.map(({ id, title }) => markup`<a href="#${id}">${title}</a>`)}</nav>
`,
    main: markup`${sections.map(({ id, title, body }) => markup`<section data-part="${id}" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>\n`)}`,
    footer: markup`Made by reprise from the run’s own records at <time datetime="${page.generatedAt}">${page.generatedAt}</time>.`,
  });
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

/** A section, unless there is nothing in it. */
const section = (title: string, count: number, body: () => Html): Section | undefined =>
  count === 0 ? undefined : { id: title.toLowerCase(), title, body: body() };

const renderProgress = ({ done, total, note }: GalleryProgress): Html =>
  markup`<p><progress value="${done}" max="${total}" aria-label="trials done"></progress> ${done} of ${total} trials. ${note}</p>`;

/** Newest last, as they happened; a long feed is folded up. */
function renderEvents(events: readonly GalleryEvent[]): Html {
  const table = markup`<div class="scroll"><table class="plain-table" id="events-table"><thead><tr><th scope="col">time (UTC)</th><th scope="col">event</th><th scope="col">what happened</th></tr></thead><tbody>${events.map(
    ({ at, kind, text }) =>
      markup`<tr><td class="mono"><time datetime="${at}">${at.slice(0, 10)} ${at.slice(11, 19)}</time></td><td>${kind}</td><td>${text}</td></tr>\n`,
  )}</tbody></table></div>`;
  return events.length <= 12 ? table : markup`<details><summary>${events.length} events</summary>${table}</details>`;
}

function renderState(state: RunState): Html {
  const tone = { complete: "good", running: "plain", incomplete: "unsure", failed: "bad" }[state];
  return markup`<span class="badge ${tone}">${state}</span>`;
}

function renderFigureCard(figure: GalleryFigure): Html {
  const label = figure.title ?? figure.caption;
  const missing = figure.missing ?? [];
  const notes = [...(missing.length > 0 ? [`Drawn without: ${listOf(missing, 6)}.`] : []), ...(figure.warnings ?? [])];
  return markup`<figure id="figure-${figure.name}">
<h3>${figure.title ?? figure.name}</h3>
<div class="plot" tabindex="0" role="group" aria-label="${label}. Arrow keys read the marks${figure.marks === undefined ? "" : ", Enter lists their trials"}.">
${inlineFigure(figure, figure.name)}
</div>
${figure.marks === undefined ? undefined : dataBlock(`marks-${figure.name}`, figure.marks)}<figcaption><p>${figure.caption}</p><p class="estimator">${figure.estimator}</p>
${notes.map((note) => markup`<p class="note">${note}</p>`)}
${renderLinks(figure.downloads)}</figcaption>
</figure>
`;
}

const listOf = (names: readonly string[], limit: number): string =>
  names.slice(0, limit).join("; ") + (names.length > limit ? `; and ${names.length - limit} more` : "");

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

const comparisonTone: Readonly<Record<GalleryComparison["verdict"], string>> = {
  different: "plain",
  same: "good",
  "cannot tell": "unsure",
};
const comparisonSign: Readonly<Record<GalleryComparison["verdict"], string>> = {
  different: "≠",
  same: "=",
  "cannot tell": "?",
};

const renderComparisons = (comparisons: readonly GalleryComparison[]): Html =>
  markup`<div class="scroll"><table><thead><tr><th>point</th><th>metric</th><th>B against A</th><th>verdict</th></tr></thead><tbody>${comparisons.map(
    ({ point, metric, change, verdict, note }) =>
      markup`<tr><td>${point}<br><span class="over">${note}</span></td><td>${metric}</td><td>${change}</td><td><span class="badge ${comparisonTone[verdict]}">${comparisonSign[verdict]} ${verdict}</span></td></tr>\n`,
  )}</tbody></table></div>`;

const renderReceipt = ({ isClosed, lines, note }: GalleryReceipt): Html =>
  markup`<p><span class="badge ${isClosed ? "good" : "unsure"}">${isClosed ? "closed" : "open"}</span> ${isClosed ? "Nothing of this run is left." : "Something may still be running or billed."}</p>
${factList(lines)}${note === undefined ? undefined : markup`<p class="note">${note}</p>`}`;

function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power] ?? "B"}`;
}
