/** The page in a real browser (`chromium` from Debian): what its script does, without a network. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { renderGallery } from "../../../analysis/gallery/index.ts";
import { pageFixture } from "./page-fixture.ts";

/** Runs a script on the page and gives back what it returned. */
async function inBrowser(script: string, flags: readonly string[] = []): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "gallery-"));
  try {
    const page = renderGallery(await pageFixture());
    const probe = `<script>document.body.dataset.result = JSON.stringify((() => { ${script} })());</script></body>`;
    await writeFile(join(folder, "page.html"), page.replace("</body>", probe));
    const args = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${folder}/profile`,
      "--dump-dom",
      ...flags,
    ];
    const { stdout } = await promisify(execFile)("chromium", [...args, `file://${folder}/page.html`], {
      timeout: 60_000,
      maxBuffer: 64 << 20,
    });
    const result = /<body data-result="([^"]*)"/.exec(stdout)?.[1] ?? "null";
    return JSON.parse(result.replaceAll("&quot;", '"').replaceAll("&gt;", ">").replaceAll("&lt;", "<"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

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
    ["light", [], [true, false, "rgb(255, 255, 255)"]],
    ["dark", ["--blink-settings=preferredColorScheme=0"], [false, true, "rgb(20, 24, 29)"]],
  ])("shows the figures for a %s screen", async (_, flags, expected) => {
    const shown = await inBrowser(
      `const isShown = (name) => document.querySelector("#figure-cdf ." + name).getClientRects().length > 0;
       return [isShown("for-light"), isShown("for-dark"), getComputedStyle(document.documentElement).backgroundColor];`,
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
});
