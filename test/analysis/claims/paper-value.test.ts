import { describeClaim, readPaperValue } from "../../../analysis/claims/index.ts";

describe("readPaperValue", () => {
  it.each([
    [6, undefined, "between 5.4 and 6.6"],
    [6, 0.5, "between 3 and 9"],
    ["6x", undefined, "between 5.4 and 6.6"],
    ["about 1,200", 0.05, "between 1140 and 1260"],
    ["at least 6×", undefined, "at least 6"],
    [">= 6x", 0.1, "at least 5.4"],
    ["≥ 2.5", undefined, "at least 2.5"],
    ["< 20 ms", undefined, "at most 20"],
    ["at most 35 %", undefined, "at most 0.35"],
    ["4 to 6", undefined, "between 4 and 6"],
    ["between 35 and 40 %", undefined, "between 0.35 and 0.4"],
    ["1.5e3–2e3 commands/s", undefined, "between 1500 and 2000"],
  ])("reads %j with a tolerance of %j", (paper, tolerance, expected) => {
    const claim = readPaperValue(paper, tolerance);
    expect(claim && describeClaim(claim)).toBe(expected);
  });

  it.each(["much faster", "", "6 or 7 times", "v2.1.3"])("takes no value from %j", (paper) => {
    expect(readPaperValue(paper, undefined)).toBeUndefined();
  });
});
