import {
  parseDurationMs,
  parseRateBitsPerSec,
  parseShare,
  parseSizeBytes,
  QuantityError,
} from "../../../core/definition/quantities.ts";

describe("amounts with their units", () => {
  it.each([
    ["500ms", 500],
    ["90s", 90_000],
    ["1.5h", 5_400_000],
    [" 5 m ", 300_000],
    ["3d", 259_200_000],
  ])("%j is %d ms", (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it.each([
    ["0B", 0],
    ["512MiB", 536_870_912],
    ["4 GiB", 4_294_967_296],
    ["2TB", 2e12],
    ["64kB", 64_000],
  ])("%j is %d bytes", (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes));

  it("reads rates and shares", () => {
    expect(parseRateBitsPerSec("10mbit")).toBe(1e7);
    expect(parseShare("0.5%")).toBe(0.005);
  });

  it.each(["", "5", "5 minutes", "-1s", "s", "1e3s", "5Gib", "101%", "1,5s"])("%j is refused with a hint", (text) => {
    for (const parse of [parseDurationMs, parseSizeBytes, parseRateBitsPerSec, parseShare]) {
      try {
        parse(text);
        throw new Error("parsed");
      } catch (error) {
        expect(error).toBeInstanceOf(QuantityError);
        if (error instanceof QuantityError) expect(error.hint).toMatch(/write/);
      }
    }
  });
});
