import { renderDocument } from "../gallery/document.ts";
import type { Html } from "../gallery/markup.ts";
import { inlineFigure } from "../gallery/inline-figure.ts";
import { markup } from "../gallery/markup.ts";
import { pageScript } from "../gallery/page-script.ts";
import { renderMarkdown } from "./markdown.ts";
import type { CellOutput } from "./outputs.ts";
import type { Notebook } from "./parse-notebook.ts";
import type { RanCell } from "./run-notebook.ts";

/** One self-contained page: prose, cells, and what each showed. The same notebook with the same results is the same bytes. */
export function renderNotebook(notebook: Notebook, ran: readonly RanCell[], source: string): string {
  const byIndex = new Map(ran.map((one) => [one.cell.index, one]));
  const parts = notebook.parts.map((part) => {
    if (part.kind === "prose") return renderMarkdown(part.text);
    const outputs = byIndex.get(part.index)?.outputs ?? [];
    return markup`<div class="cell"><pre class="code" tabindex="0" aria-label="Cell ${part.index + 1}"><code>${part.source}</code></pre>
${outputs.map((output, n) => renderOutput(output, `c${part.index}-${n}`))}</div>\n`;
  });
  return renderDocument({
    title: notebook.title,
    script: pageScript,
    header: markup``,
    main: markup`<div class="notebook">${parts}</div>`,
    footer: markup`Made by reprise from <span class="mono">${source}</span>.`,
  });
}

function renderOutput(output: CellOutput, id: string): Html {
  switch (output.kind) {
    case "text":
      return markup`<pre class="log" tabindex="0">${output.text}</pre>`;
    case "table":
      return markup`<div class="scroll" tabindex="0"><table><thead><tr>${output.columns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead><tbody>${output.rows.map(
        (row) => markup`<tr>${row.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`,
      )}</tbody></table></div>${output.moreRows === 0 ? undefined : markup`<p class="over">and ${output.moreRows} more rows</p>`}`;
    case "figure":
      return markup`<figure id="figure-${id}"><div class="plot" tabindex="0" role="group" aria-label="${output.caption}. Arrow keys read the marks.">
${inlineFigure(output, id)}</div>
<figcaption><p>${output.caption}</p><p class="estimator">${output.estimator}</p>${output.warnings.map((warning) => markup`<p class="note">${warning}</p>`)}</figcaption></figure>\n`;
    default:
      return output satisfies never;
  }
}
