import { showLog } from "../../../analysis/report/index.ts";

const show = (text: string, limits?: { headBytes: number; tailBytes: number }): string =>
  showLog(Buffer.from(text), limits).text;

describe("showLog", () => {
  it("leaves a short log whole", () => {
    expect(showLog(Buffer.from("one\ntwo\n"))).toEqual({ text: "one\ntwo\n", leftOutBytes: 0 });
  });

  it("cuts a long one in its middle, at line breaks, and says how much is gone", () => {
    const lines = Array.from({ length: 100 }, (_, i) => `line ${String(i).padStart(3, "0")}`).join("\n");
    const { text, leftOutBytes } = showLog(Buffer.from(lines), { headBytes: 50, tailBytes: 40 });
    expect(text).toMatch(/^line 000\n.*\n… 8\d\d bytes left out here …\nline 09\d\n.*line 099$/s);
    const kept = text.replace(/\n… .* …\n/, "").length;
    expect(kept + leftOutBytes).toBe(lines.length);
    expect(text.split("\n").every((line) => /^(line \d{3}|… .*|)$/.test(line))).toBe(true);
  });

  it("cuts a log without line breaks too", () => {
    expect(showLog(Buffer.from("x".repeat(1000)), { headBytes: 10, tailBytes: 10 }).leftOutBytes).toBe(980);
  });

  it.each([
    ["colours", "\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x", "red x"],
    ["carriage returns", "a\r\nb\rc", "a\nb\u240dc"],
    ["a bell and a null byte", "\u0007\u0000", "\u2407\u2400"],
    ["overrides of the direction of writing", "a\u202eb", "a\ufffdb"],
  ])("makes %s harmless", (_, text, expected) => {
    expect(show(text)).toBe(expected);
  });

  it("shows bytes that aren't UTF-8 as such", () => {
    expect(showLog(Uint8Array.of(0xff, 0x41)).text).toBe("\ufffdA");
  });
});
