import { parsePartPath, partBytes, partPath, splitIntoParts } from "../../../core/evidence/parts.ts";

describe("partPath", () => {
  it("goes round, and keeps order", () => {
    expect(parsePartPath(partPath("a/b.log", 7))).toEqual({ path: "a/b.log", part: 7 });
    expect(parsePartPath("a/b.log")).toBeUndefined();
    expect(partPath("a", 12)).toBe("a.part0012"); // as the supervisor names them
    expect(parsePartPath(".part0001")).toBeUndefined();
    const paths = [0, 1, 9, 10, 100].map((n) => partPath("f", n));
    expect([...paths].sort()).toEqual(paths);
  });
});

describe("splitIntoParts", () => {
  it.each([
    [0, [0]],
    [5, [5]],
    [partBytes, [partBytes]],
    [partBytes + 1, [partBytes, 1]],
    [3 * partBytes, [partBytes, partBytes, partBytes]],
  ])("cuts %d bytes", (bytes, expected) => {
    const parts = splitIntoParts(bytes);
    expect(parts.map((part) => part.bytes)).toEqual(expected);
    expect(parts.map((part) => part.from)).toEqual(expected.map((_, i) => i * partBytes));
  });
});
