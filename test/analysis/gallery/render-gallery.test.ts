import { GalleryContentError, renderGallery } from "../../../analysis/gallery/index.ts";
import { manyTrials, pageFixture } from "./page-fixture.ts";

const page = await pageFixture();
const text = renderGallery(page);

describe("renderGallery", () => {
  it("is one page that needs no network", () => {
    const addresses = [...text.matchAll(/(?:src|href)="([^"#][^"]*)"|url\(([^)#]+)\)/g)].map((m) => m[1] ?? m[2] ?? "");
    const fetched = addresses.filter((address) => /^(https?:)?\/\//.test(address));
    expect(fetched).toEqual([]);
    expect(text).toContain("default-src 'none'");
    expect(text).not.toContain("<link");
  });

  it("gives the same bytes for the same data", async () => {
    expect(renderGallery(await pageFixture())).toBe(text);
  });

  it("keeps every id of every figure apart", () => {
    const ids = [...text.matchAll(/\bid="([^"]+)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = [...text.matchAll(/url\(#([^)]+)\)|href="#([^"]+)"/g)].map((m) => m[1] ?? m[2]);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
  });

  it("draws each figure for light and dark, and says which trials it lacks", () => {
    // A heat map's colours are blends, the others' are changed by the page's style.
    expect(text.match(/class="for-dark"/g)).toHaveLength(1);
    expect(text.match(/class="recolored"/g)).toHaveLength(page.figures.length - 1);
    expect(text).toContain("Drawn without: clients=64 trial 1; clients=64 trial 2.");
  });

  it("names figures that couldn't be drawn, also where there are no others", () => {
    const undrawn = [{ name: "chaos", reason: "data.csv:7: not a number" }];
    expect(renderGallery({ ...page, undrawn })).toContain("Not drawn: chaos: data.csv:7: not a number");
    expect(renderGallery({ ...page, figures: [], undrawn })).toContain('aria-labelledby="figures"');
  });

  it("shows verdicts by word and sign, trials with outcome and note, and the receipt", () => {
    expect(text).toContain("✓ holds");
    expect(text).toContain("? cannot tell");
    expect(text).toContain("timeout: load ran longer than 60 s");
    expect(text).toContain("Nothing of this run is left.");
  });

  it("leaves out sections with nothing in them", () => {
    const bare = renderGallery({ ...page, claims: [], files: [] });
    expect(bare).not.toContain('id="comparisons"');
    expect(bare).not.toContain('id="claims"');
    expect(bare).not.toContain('href="#files"');
  });

  it("holds a long table's rows as data, a tenth of their markup, and its first page to read without scripts", () => {
    const rows = manyTrials(2_352);
    const long = renderGallery({ ...page, trials: { ...page.trials, rows } });
    expect(long.match(/<tr id="trial-/g)).toHaveLength(100);
    expect(long).toContain("These are the first 100 of 2,352 trials");
    const perTrial = (long.length - text.length) / rows.length;
    const markupPerTrial =
      (renderGallery({ ...page, trials: { ...page.trials, rows: rows.slice(0, 200) } }).length - text.length) /
      (200 - 18);
    expect(perTrial).toBeLessThan(0.25 * markupPerTrial);
    expect(renderGallery({ ...page, trials: { ...page.trials, rows: rows.slice(0, 200) } })).not.toContain("noscript");
  });

  it("refuses a bad link of a row that isn't on the first page", () => {
    const [first, ...rest] = manyTrials(300).reverse();
    const rows = [...rest, { ...first!, href: "javascript:alert(1)" }];
    expect(() => renderGallery({ ...page, trials: { ...page.trials, rows } })).toThrow(GalleryContentError);
  });

  it("escapes whatever a definition or log may hold", () => {
    const evil = '<img src=x onerror="alert(1)">';
    const evilPage = renderGallery({ ...page, title: evil, facts: [{ label: evil, value: evil }] });
    expect(evilPage).not.toContain("<img");
    expect(evilPage).toContain("&#60;img");
  });

  it.each(["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "file:///etc/passwd"])(
    "refuses the link %j",
    (href) => {
      const bad = { ...page, files: [{ label: "x", href }] };
      expect(() => renderGallery(bad)).toThrow(GalleryContentError);
    },
  );

  it.each(["<svg><script>1</script></svg>", '<svg onload="x"></svg>', '<svg><image href="http://x/"/></svg>'])(
    "refuses the SVG %j",
    (svg) => {
      const figures = [{ ...page.figures[0]!, svg }];
      expect(() => renderGallery({ ...page, figures })).toThrow("scripts or links");
    },
  );

  it("shows what the sweeps compare, with the verdict in a word, a sign and a sentence", () => {
    const compared = renderGallery({
      ...page,
      comparisons: [
        {
          point: "words.default",
          metric: "p99Ms",
          change: "+5 % (+4 % to +6 %)",
          verdict: "different",
          note: "B is 5 % slower than A.",
        },
      ],
    });
    expect(compared).toContain("≠ different");
    expect(compared).toContain("B is 5 % slower than A.");
    expect(compared).toContain('href="#comparisons"');
  });
});
