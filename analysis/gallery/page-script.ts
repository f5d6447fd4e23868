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
const markQuery = "a[data-mark], .mark-symbol [aria-label], .mark-rect [aria-label]";
const wordsFor = (field) => field.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
const short = (value) => typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);

function setUpPlot(plot) {
  const figure = plot.closest("figure");
  const behind = figure ? blockOf("marks-" + figure.id.slice("figure-".length)) : undefined;
  const tip = plot.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));
  tip.setAttribute("role", "status");
  const isShown = (svg) => svg.getClientRects().length > 0;
  const isPoint = (mark) => (mark.dataset.mark ?? "row").startsWith("row");
  const marks = () => byQuery("svg", plot).filter(isShown).flatMap((svg) => byQuery(markQuery, svg))
    .filter((mark) => mark.dataset.mark !== undefined || !mark.closest("a[data-mark]"));
  const walked = () => { const all = marks(), points = all.filter(isPoint); return points.length > 0 ? points : all; };
  let current;
  const trialsOf = (mark) => {
    const known = behind && behind.marks[mark.dataset.mark];
    return known ? behind.sets[known.set] : [];
  };
  const textOf = (mark) => {
    const known = behind && behind.marks[mark.dataset.mark];
    const label = mark.getAttribute("aria-label") ?? mark.querySelector("[aria-label]")?.getAttribute("aria-label") ?? "";
    const lines = known && known.row
      ? Object.entries(known.row).map(([field, value]) => wordsFor(field) + ": " + short(value))
      : label.split("; ").filter(Boolean);
    const count = trialsOf(mark).length;
    return [...lines, ...(count > 0 ? [count === 1 ? "1 trial: Enter or click shows it" : count + " trials: Enter or click lists them"] : [])];
  };
  const show = (mark) => {
    const lines = textOf(mark);
    if (lines.length === 0) return hide();
    if (current !== mark) { current?.classList.remove("current"); mark.classList.add("current"); }
    current = mark;
    const box = mark.getBoundingClientRect(), frame = plot.getBoundingClientRect();
    tip.textContent = lines.join("\\n");
    tip.hidden = false;
    const left = box.left - frame.left + plot.scrollLeft + (isPoint(mark) ? box.width + 8 : box.width / 2);
    const room = plot.clientWidth + plot.scrollLeft - tip.offsetWidth;
    tip.style.left = (left > room ? Math.max(0, box.left - frame.left + plot.scrollLeft - tip.offsetWidth - 8) : left) + "px";
    tip.style.top = Math.max(0, box.top - frame.top - tip.offsetHeight / 2) + "px";
  };
  const hide = () => { tip.hidden = true; current?.classList.remove("current"); current = undefined; };
  const open = (mark) => {
    const trials = trialsOf(mark);
    if (trials.length === 0) return false;
    const table = document.querySelector("#trials-table");
    const only = trials.length === 1 ? table?.hrefOf(trials[0]) : undefined;
    if (only !== undefined) { location.href = only; return true; }
    if (!table) return false;
    table.dispatchEvent(new CustomEvent("showtrials", { detail: trials }));
    return true;
  };
  plot.addEventListener("pointerover", (event) => {
    const mark = event.target.closest && event.target.closest(markQuery);
    if (mark) show(mark.closest("a[data-mark]") ?? mark); else hide();
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("click", (event) => {
    const mark = event.target.closest && event.target.closest("a[data-mark]");
    if (mark) { event.preventDefault(); open(mark); }
  });
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (event.key === "Enter" && current && open(current)) event.preventDefault();
    const all = step ? walked() : [];
    if (all.length === 0) return;
    event.preventDefault();
    const at = current ? all.indexOf(current) : -1;
    show(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length]);
  });
}

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
