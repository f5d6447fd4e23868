/** The page in a real browser (`chromium` from Debian): what its script does, without a network. */
import { z } from "zod";
import { timeSeries } from "../../../analysis/charts/index.ts";
import { renderGallery } from "../../../analysis/gallery/index.ts";
import { linkMarks, marksOf } from "../../../analysis/mark-links.ts";
import { renderFigure } from "../../../analysis/render/index.ts";
import { drawnRows } from "../../../analysis/drawn-data.ts";
import { darkScreen, inBrowser as openPage } from "./in-browser.ts";
import { manyTrials, pageFixture } from "./page-fixture.ts";

const inBrowser = async (script: string, flags: readonly string[] = []): Promise<unknown> =>
  openPage(renderGallery(await pageFixture()), script, { flags });

describe("the gallery page", () => {
  it("reads marks by arrow keys, and hides the reading on Escape", async () => {
    const result = await inBrowser(`
      const plot = document.querySelector("#figure-latency-throughput .plot");
      const press = (key) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
      const tip = plot.querySelector(".tip");
      press("ArrowRight"); const first = tip.textContent; press("ArrowRight"); const second = tip.textContent;
      press("Escape");
      return [first, first !== second, tip.hidden];`);
    expect(result).toEqual([expect.stringContaining("throughput (requests/s): "), true, true]);
  });

  it("sorts numbers by size and filters rows by words", async () => {
    const result = await inBrowser(`
      const table = document.querySelector("#trials-table");
      const button = [...table.querySelectorAll("th button")].find((b) => b.textContent.startsWith("throughput"));
      const column = () => [...table.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[2].dataset.value);
      button.click(); button.click();
      const descending = column();
      const input = document.querySelector("[data-filters]");
      input.value = "failed 64"; input.dispatchEvent(new Event("input"));
      return [descending, column().length, document.querySelector("[data-counts]").textContent];`);
    const [column, shown, count] = result as [(string | null)[], number, string];
    expect([shown, count]).toEqual([2, "2 of 18 trials"]);
    const numbers = column.slice(0, 16).map(Number);
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
    // Trials without a value come last, whichever way it is sorted.
    expect(column.slice(16)).toEqual([null, null]);
  });

  it.each([
    ["light", [], [true, false, "rgb(255, 255, 255)", "rgb(32, 38, 45)"]],
    ["dark", [darkScreen], [false, true, "rgb(20, 24, 29)", "rgb(228, 233, 238)"]],
  ])("shows the figures for a %s screen", async (_, flags, expected) => {
    const shown = await inBrowser(
      `const isShown = (name) => document.querySelector("#figure-heatmap ." + name).getClientRects().length > 0;
       const ink = document.querySelector(".recolored text");
       return [isShown("for-light"), isShown("for-dark"), getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(ink).fill];`,
      flags,
    );
    expect(shown).toEqual(expected);
  });

  it("has the shipped fonts at hand and everything within its width on a phone", async () => {
    const result = await inBrowser(
      `return [document.fonts.size, document.documentElement.scrollWidth <= document.documentElement.clientWidth];`,
      ["--window-size=500,900"],
    );
    expect(result).toEqual([2, true]);
  });

  it("leads from a mark to the trials behind it, by pointer and by keys, and back to all", async () => {
    const page = await pageFixture();
    const [first, ...rest] = page.figures;
    const ids = page.trials.rows.map(({ id }) => id);
    const svg = first!.svg
      .replace(/<path aria-label/, '<a xlink:href="#row-0"><path aria-label')
      .replace(/(<a xlink:href="#row-0">.*?\/>)/, "$1</a>");
    const marks = {
      sets: [ids.slice(0, 3)],
      marks: { "row-0": { set: 0, row: { clients: 2, opsPerSec: 1234.5678 } } },
    };
    const html = renderGallery({ ...page, figures: [{ ...first!, svg, svgDark: svg, marks }, ...rest] });
    const result = await openPage(
      html,
      `const plot = document.querySelector("#figure-" + ${JSON.stringify(first!.name)} + " .plot");
       const shown = () => [...document.querySelectorAll("#trials-table tbody tr")].filter((row) => !row.hidden).map((row) => row.dataset.trial);
       const press = (key) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, bubbles: true }));
       plot.querySelector("a[data-mark]").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
       const byPointer = shown();
       document.querySelector("[data-clears]").click();
       const all = shown().length;
       press("ArrowRight");
       const tip = plot.querySelector(".tip").textContent;
       press("Enter");
       return [byPointer, all, tip, shown()];`,
    );
    expect(result).toEqual([
      ids.slice(0, 3),
      18,
      "clients: 2\nops per sec: 1234.57\n3 trials: Enter or click lists them",
      ids.slice(0, 3),
    ]);
  });

  it("says all of a mark, whatever its figure has room for, and stays with it as the page is scrolled", async () => {
    const page = await pageFixture();
    const [first, ...rest] = page.figures;
    const svg = first!.svg
      .replace(/<path aria-label/, '<a xlink:href="#row-0"><path aria-label')
      .replace(/(<a xlink:href="#row-0">.*?\/>)/, "$1</a>");
    const row = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`value${n}`, n]));
    const marks = { sets: [[]], marks: { "row-0": { set: 0, row } } };
    const result = await openPage(
      renderGallery({ ...page, figures: [{ ...first!, svg, svgDark: svg, marks }, ...rest] }),
      `const plot = document.querySelector("#figure-" + ${JSON.stringify(first!.name)} + " .plot"), tip = plot.querySelector(".tip");
       const before = [plot.scrollWidth, plot.scrollHeight, plot.clientWidth].join();
       plot.scrollIntoView({ behavior: "instant" });
       plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", cancelable: true, bubbles: true }));
       const box = tip.getBoundingClientRect(), mark = plot.querySelector(".current").getBoundingClientRect();
       const isWhole = box.height > 200 && box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight + 0.5 && box.right <= innerWidth;
       const isBeside = box.left >= mark.right || box.right <= mark.left;
       scrollBy({ top: 40, behavior: "instant" }); dispatchEvent(new Event("scroll"));
       const moved = tip.getBoundingClientRect(), now = plot.querySelector(".current").getBoundingClientRect();
       const isWith = Math.abs(moved.left - now.left - (box.left - mark.left)) < 1 && moved.top >= 0 && moved.bottom <= innerHeight + 0.5 && now.top !== mark.top;
       return [before === [plot.scrollWidth, plot.scrollHeight, plot.clientWidth].join(), isWhole, isBeside, isWith];`,
    );
    expect(result).toEqual([true, true, true, true]);
  });

  it("pages a long table: rows as the page had them, sorted and filtered over all, and shown for a link", async () => {
    const rows = manyTrials(2_352);
    const page = await pageFixture();
    const result = await openPage(
      renderGallery({ ...page, trials: { ...page.trials, rows } }),
      `const table = document.querySelector("#trials-table"), body = table.tBodies[0];
       const pages = document.querySelector("[data-pages]"), [back, on] = pages.querySelectorAll("button");
       const said = () => pages.querySelector("span").textContent;
       const ids = () => [...body.rows].map((row) => row.dataset.trial);
       const asMarkup = [...body.rows].map((row) => row.outerHTML);
       on.click(); const second = [ids()[0], ids().length, said()];
       back.click();
       const isSame = [...body.rows].every((row, i) => row.outerHTML === asMarkup[i]) && body.rows.length === 100;
       const input = document.querySelector("[data-filters]");
       const type = (text) => { input.value = text; input.dispatchEvent(new Event("input")); };
       type("failed n=32 6_clients"); const found = [ids(), document.querySelector("[data-counts]").textContent, pages.hidden];
       type("");
       const button = [...table.querySelectorAll("th button")].find((b) => b.textContent.startsWith("p99"));
       button.click(); button.click(); const largest = body.rows[0].cells[4].dataset.value;
       table.dispatchEvent(new CustomEvent("showtrials", { detail: ${JSON.stringify([rows[5]?.id, rows[2_000]?.id])} }));
       const chosen = ids();
       document.querySelector("[data-clears]").click();
       location.hash = "#trial-" + ${JSON.stringify(rows[1_234]?.id)};
       dispatchEvent(new HashChangeEvent("hashchange"));
       return [second, isSame, found, largest, chosen, ids().includes(${JSON.stringify(rows[1_234]?.id)}), table.hrefOf(${JSON.stringify(rows[7]?.id)})];`,
    );
    expect(result).toEqual([
      [rows[100]?.id, 100, "101 to 200 of 2,352"],
      true,
      [[rows[96]?.id], "1 of 2,352 trials", true],
      "2351",
      [rows[2_000]?.id, rows[5]?.id],
      true,
      rows[7]?.href,
    ]);
  });

  it("says the exact values of a line's points, by pointer and by keys, and lets other series step back", async () => {
    const rows = ["a", "b"].flatMap((host) =>
      Array.from({ length: 200 }, (_, i) => ({
        host,
        atSec: i / 10,
        opsPerSec: 1000 + (host === "a" ? i : -i) + 1 / 3,
      })),
    );
    const chart = timeSeries(rows, {
      time: { field: "atSec", title: "time (s)" },
      value: { field: "opsPerSec", title: "throughput" },
      series: { field: "host" },
    });
    const { spec, links } = linkMarks(chart);
    const svg = (await renderFigure(spec, { theme: "screen", formats: ["svg"], embedsFonts: false })).svg ?? "";
    const about = { name: "rates", caption: "c", estimator: "e", row: z.any(), spec: () => chart };
    const { marks } = marksOf(about, { links, rows: drawnRows(chart), trials: [] });
    const page = await pageFixture();
    const figure = { ...about, svg, downloads: [], marks: { sets: [[]], marks } };
    const result = await openPage(
      renderGallery({ ...page, figures: [figure] }),
      `const plot = document.querySelector("#figure-rates .plot"), tip = plot.querySelector(".tip"), dot = plot.querySelector(".dot");
       const press = (key, shiftKey = false) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, cancelable: true }));
       press("ArrowDown"); const first = tip.textContent;
       press("ArrowRight"); const second = tip.textContent;
       press("ArrowRight", true); const further = tip.textContent;
       press("ArrowDown"); const other = tip.textContent, stepped = plot.querySelectorAll(".back").length > 0;
       press("Escape"); const ended = [tip.hidden, dot.hidden, plot.querySelectorAll(".back").length];
       const path = plot.querySelector("a[data-mark] path"), points = path.getTotalLength();
       const end = path.getPointAtLength(points).matrixTransform(path.getScreenCTM());
       path.dispatchEvent(new PointerEvent("pointermove", { clientX: end.x, clientY: end.y, bubbles: true }));
       return [first, second, further, other, stepped, ended, tip.textContent, dot.hidden];`,
    );
    expect(result).toEqual([
      "host: a\nat sec: 0\nops per sec: 1000.33",
      "host: a\nat sec: 0.1\nops per sec: 1001.33",
      "host: a\nat sec: 0.5\nops per sec: 1005.33",
      "host: b\nat sec: 0\nops per sec: 1000.33",
      true,
      [true, true, 0],
      "host: a\nat sec: 19.9\nops per sec: 1199.33",
      false,
    ]);
  });

  it("runs nothing that a definition or log smuggled in", async () => {
    const evil = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>";
    const page = await pageFixture({ title: "fine", facts: [{ label: evil, value: evil }] });
    // Even without any escaping the page's policy stands.
    const raw = renderGallery(page).replace("<main", () => `${evil}<main`);
    expect(await openPage(raw, "return document.title;")).toMatch(/^fine/);
  });
});
