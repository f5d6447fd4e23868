import { plotScript } from "./plot-script.ts";
import { tableScript } from "./table-script.ts";

/**
 * What the page does beyond being read: marks say their values under the pointer or the arrow keys and lead to their trials,
 * tables sort and filter, logs are searched, and a page from a server keeps itself up to date. Without it everything is
 * still there.
 */
export const pageScript = `
"use strict";
const byQuery = (query, root = document) => [...root.querySelectorAll(query)];
const blockOf = (name) => {
  const block = document.querySelector("[data-block='" + name + "']");
  return block ? JSON.parse(block.textContent) : undefined;
};
${plotScript}
${tableScript}
function setUpLogs(search) {
  const logs = byQuery("[data-log]").map((log) => ({ log, text: log.textContent, lines: log.textContent.split("\\n"), fold: log.closest("details") }));
  const count = document.querySelector("[data-log-count]");
  let timer;
  const apply = () => {
    const wanted = search.value.toLowerCase();
    let found = 0, files = 0;
    for (const { log, text, lines, fold } of logs) {
      if (wanted === "") { log.textContent = text; fold.hidden = false; continue; }
      const hits = [];
      lines.forEach((line, i) => { if (line.toLowerCase().includes(wanted)) hits.push(String(i + 1).padStart(6) + "  " + line); });
      found += hits.length; files += hits.length > 0;
      fold.hidden = hits.length === 0; fold.open = hits.length > 0;
      log.textContent = hits.slice(0, 2000).join("\\n") + (hits.length > 2000 ? "\\n" + (hits.length - 2000) + " more" : "");
    }
    count.textContent = wanted === "" ? "" : found + " lines in " + files + " logs";
  };
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 80); });
}

function setUp(root) {
  byQuery(".plot", root).forEach(setUpPlot);
  byQuery("table.sortable", root).forEach(setUpTable);
  byQuery("[data-searches-logs]", root).forEach(setUpLogs);
}
setUp(document);

/* A page that a server gave looks for its newer self; what the reader typed, opened and scrolled to stays. */
const refreshSec = Number(document.body.dataset.refresh ?? 0);
if (refreshSec > 0 && location.protocol.startsWith("http")) {
  const look = async () => {
    let again = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      again = Number(fresh.body?.dataset.refresh ?? 0) > 0;
      const header = fresh.querySelector("header");
      if (answer.ok && header) {
        document.querySelector("header").replaceChildren(...document.importNode(header, true).childNodes);
        const filters = new Map(byQuery("table.sortable").filter((t) => t.filterNow).map((t) => [t.id, t.filterNow()]));
        const focused = document.activeElement?.closest("[data-part]")?.dataset.part;
        const old = new Map(byQuery("[data-part]").map((part) => [part.dataset.part, part]));
        let before;
        for (const part of byQuery("[data-part]", fresh)) {
          const known = old.get(part.dataset.part);
          old.delete(part.dataset.part);
          if (known && (known.dataset.text ??= "") === part.innerHTML) { before = known; continue; }
          if (known && focused === part.dataset.part && part.dataset.part !== "progress") { before = known; continue; }
          const next = document.importNode(part, true);
          next.dataset.text = part.innerHTML;
          const wasOpen = known && byQuery("details", known).map((d) => d.open);
          if (known) known.replaceWith(next); else if (before) before.after(next); else document.querySelector("main").prepend(next);
          byQuery("details", next).forEach((d, i) => { if (wasOpen?.[i]) d.open = true; });
          setUp(next);
          before = next;
        }
        for (const gone of old.values()) gone.remove();
        for (const [id, filter] of filters) document.getElementById(id)?.keepFilter?.(filter);
      }
    } catch { /* the server is gone or busy: the page stays as it was */ }
    if (again) setTimeout(look, refreshSec * 1000); else delete document.body.dataset.refresh;
  };
  setTimeout(look, refreshSec * 1000);
}
`;
