import { renderDocument } from "../gallery/document.ts";
import { checkHref, markup } from "../gallery/markup.ts";
import { pageScript } from "../gallery/page-script.ts";

/** One run in the list of a site with several. */
export interface ListedRun {
  readonly runId: string;
  readonly title: string;
  readonly href: string;
  readonly outcome: string;
  readonly startedAt: string;
  readonly figureCount: number;
}

/** The first page of a site with several runs. */
export const renderRunList = (runs: readonly ListedRun[], fontsHref: string): string =>
  renderDocument({
    title: `${runs.length} runs`,
    script: pageScript,
    fontsHref,
    header: markup`<h1>${runs.length} runs</h1>`,
    main: markup`<section><div class="scroll"><table class="sortable" id="runs-table"><thead><tr>${["run", "experiment", "started", "outcome"].map((label) => markup`<th scope="col"><button type="button">${label}</button></th>`)}<th scope="col" class="number"><button type="button">figures</button></th></tr></thead><tbody>${runs.map(
      ({ runId, title, href, outcome, startedAt, figureCount }) =>
        markup`<tr><td><a href="${checkHref(href)}">${runId}</a></td><td>${title}</td><td>${startedAt}</td><td>${outcome}</td><td class="number">${figureCount}</td></tr>\n`,
    )}</tbody></table></div></section>`,
    footer: markup`Made by reprise from the runs’ own records.`,
  });
