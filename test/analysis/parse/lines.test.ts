import fc from "fast-check";
import { z } from "zod";
import {
  csvRecords,
  expectRows,
  parseCsv,
  ParseError,
  parseJsonLines,
  parseMatchingLines,
} from "../../../analysis/parse/index.ts";

const Row = z.object({ name: z.string(), ops: z.coerce.number() });

describe("csvRecords", () => {
  it.each([
    [
      "LF",
      "a,b\n1,2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "CRLF and no last line end",
      "a,b\r\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    ["quotes, doubled quotes and delimiters", '"a,b","say ""hi"""\n', [["a,b", 'say "hi"']]],
    [
      "a line break in a field",
      '"one\ntwo",3\n4,5\n',
      [
        ["one\ntwo", "3"],
        ["4", "5"],
      ],
    ],
    [
      "empty fields",
      "a,,\n,,b\n",
      [
        ["a", "", ""],
        ["", "", "b"],
      ],
    ],
    [
      "a byte order mark and empty lines",
      "\ufeffa,b\n\n1,2\n\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
  ])("reads %s", (_, text, records) => {
    expect([...csvRecords(text)].map(({ fields }) => fields)).toEqual(records);
  });

  it("numbers records by the line they start on", () => {
    expect([...csvRecords('h\n"a\nb\nc"\nd\n')].map(({ lineNumber }) => lineNumber)).toEqual([1, 2, 5]);
  });

  it("goes round for any table", () => {
    const table = fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 4 }), { maxLength: 5 });
    fc.assert(
      fc.property(table, fc.constantFrom("\n", "\r\n"), (rows, lineEnd) => {
        const quote = (field: string): string => `"${field.replaceAll('"', '""')}"`;
        const text = rows.map((row) => row.map(quote).join(",") + lineEnd).join("");
        expect([...csvRecords(text)].map(({ fields }) => fields)).toEqual(rows);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it("names the file and line of a quote that is never closed", () => {
    expect(() => [...csvRecords('a,b\n"c,d\n', { file: "x.csv" })]).toThrow("x.csv:2: a quote is opened");
  });
});

describe("parseCsv", () => {
  it("gives rows by schema and keeps what it skipped, with numbers and reasons", () => {
    const parsed = parseCsv("name,ops\nx,5\ny,fast\nz\n", Row);
    expect(parsed.rows).toEqual([{ name: "x", ops: 5 }]);
    expect(parsed.skippedCount).toBe(2);
    expect(parsed.skipped.map(({ lineNumber, line }) => [lineNumber, line])).toEqual([
      [3, "y,fast"],
      [4, "z"],
    ]);
    expect(parsed.skipped[1]?.reason).toBe("1 fields where the header has 2");
    expect(parsed.skipped[0]?.reason).toContain("ops");
  });

  it("keeps a few skipped lines but counts all", () => {
    const parsed = parseCsv(`name,ops\n${"bad\n".repeat(50)}`, Row, { keepSkipped: 3 });
    expect([parsed.skipped.length, parsed.skippedCount]).toEqual([3, 50]);
  });
});

describe("parseJsonLines", () => {
  it("reads one value a line and skips what isn't JSON or isn't a row", () => {
    const parsed = parseJsonLines('{"name":"a","ops":1}\n\nnope\n{"name":3}\n', Row);
    expect(parsed.rows).toEqual([{ name: "a", ops: 1 }]);
    expect(parsed.skipped.map(({ lineNumber }) => lineNumber)).toEqual([3, 4]);
  });
});

describe("parseMatchingLines", () => {
  const Committed = z.object({ sec: z.coerce.number(), ops: z.coerce.number() });
  it("reads named groups, also by a pattern that remembers where it was", () => {
    const parsed = parseMatchingLines(
      "starting\r\n[1s] committed 40\r\n[2s] committed 44\r\n",
      /^\[(?<sec>\d+)s\] committed (?<ops>\d+)$/g,
      Committed,
    );
    expect(parsed.rows).toEqual([
      { sec: 1, ops: 40 },
      { sec: 2, ops: 44 },
    ]);
    expect(parsed.skipped).toEqual([{ lineNumber: 1, line: "starting", reason: "doesn't match" }]);
  });
});

describe("expectRows", () => {
  it("refuses a short table by its first skipped line, with file and number", () => {
    const parsed = parseCsv("name,ops\ny,fast\n", Row);
    expect(() => expectRows(parsed, 0, "r.csv")).toThrow(ParseError);
    expect(() => expectRows(parsed, 0, "r.csv")).toThrow(/^r\.csv:2: ops: .*"y,fast"/);
    expect(expectRows(parsed, 1)).toEqual([]);
  });
});
