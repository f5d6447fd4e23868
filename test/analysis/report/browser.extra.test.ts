/** A trial's page in a real browser (`chromium` from Debian), opened from a file beside its fonts. */
import { renderTrialPage, siteFonts } from "../../../analysis/report/index.ts";
import { darkScreen, inBrowser } from "../gallery/in-browser.ts";
import { trialPageFixture } from "./trial-page-fixture.ts";

const page = renderTrialPage(trialPageFixture({ fontsHref: "fonts.css" }));
const files = { "fonts.css": siteFonts() };

describe("a trial's page", () => {
  it("searches all logs at once, and shows the lines with their numbers", async () => {
    const script = `
      const search = document.querySelector("[data-searches-logs]");
      const logs = [...document.querySelectorAll("[data-log]")];
      const texts = () => logs.map((log) => log.closest("details").hidden ? null : log.textContent);
      const before = texts();
      const wait = window.setTimeout; window.setTimeout = (run) => { run(); return 0; };
      const type = (text) => { search.value = text; search.dispatchEvent(new Event("input")); };
      type("error");
      const found = texts(), count = document.querySelector("[data-log-count]").textContent;
      type("nobody listens"); const one = texts();
      type(""); const after = texts();
      window.setTimeout = wait;
      return [found, count, one, JSON.stringify(before) === JSON.stringify(after)];`;
    expect(await inBrowser(page, script, { files })).toEqual([
      ["     2  error: nobody listens", "     2  ERROR here"],
      "2 lines in 2 logs",
      ["     2  error: nobody listens", null],
      true,
    ]);
  });

  it.each([
    ["light", [], "rgb(255, 255, 255)"],
    ["dark", [darkScreen], "rgb(20, 24, 29)"],
  ])("is legible on a %s screen, with the site's fonts, within the width of a phone", async (_, flags, ground) => {
    const script = `
      const root = document.documentElement;
      return [getComputedStyle(root).backgroundColor, document.fonts.size, root.scrollWidth <= root.clientWidth];`;
    expect(await inBrowser(page, script, { files, flags: [...flags, "--window-size=500,900"] })).toEqual([
      ground,
      2,
      true,
    ]);
  });

  it("can be walked by keys: every link, log and search is a stop, in the order of the page", async () => {
    const script = `
      const stops = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
        .filter((one) => one.tabIndex >= 0 && one.getClientRects().length > 0);
      return stops.map((one) => one.tagName.toLowerCase() + (one.className ? "." + one.className : ""));`;
    const stops = (await inBrowser(page, script, { files })) as string[];
    expect(stops[0]).toBe("a.skip");
    expect(stops).toEqual(expect.arrayContaining(["input", "summary", "pre.log"]));
  });
});
