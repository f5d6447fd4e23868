import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { ParseError, readColumns } from "../../../analysis/parse/index.ts";
import type { ColumnKind } from "../../../analysis/parse/index.ts";

/** The bytes in chunks of a size, so that lines and numbers are cut anywhere. */
async function* chunks(data: string | Buffer, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(data);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll<Name extends string>(
  data: string | Buffer,
  columns: Record<Name, ColumnKind>,
  more: { size?: number; batchRows?: number; empty?: "nan" } = {},
) {
  const { size, ...options } = more;
  const reader = readColumns(chunks(data, size), { columns, file: "r.csv", ...options });
  const rows: Record<string, number>[] = [];
  for await (const batch of reader.batches)
    for (let i = 0; i < batch.count; i++)
      rows.push(
        Object.fromEntries(Object.entries<Float64Array>(batch.columns).map(([name, values]) => [name, values[i]!])),
      );
  return { rows, reader };
}

describe("readColumns", () => {
  it("reads the columns asked for, in any order, past others", async () => {
    const { rows, reader } = await readAll("host,b,a\nx,1.5,-20\ny,2e3,0.1\n", { a: "number", b: "number" });
    expect(rows).toEqual([
      { a: -20, b: 1.5 },
      { a: 0.1, b: 2000 },
    ]);
    expect([reader.rowCount, reader.skippedCount]).toEqual([2, 0]);
  });

  it("reads any number as JavaScript does, wherever chunks and batches are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 8 }),
        async (values, size, batchRows) => {
          const text = `v,w\n${values.map((value, i) => `${value},${i}`).join("\r\n")}`;
          const { rows, reader } = await readAll(text, { v: "number", w: "number" }, { size, batchRows });
          expect(reader.skipped).toEqual([]);
          // Minus zero is written as zero.
          expect(rows).toEqual(values.map((value, i) => ({ v: value === 0 ? 0 : value, w: i })));
        },
      ),
      { seed: 9, numRuns: 200 },
    );
  });

  it.each([
    ["2020-02-25 04:08:59.522000+00:00", Date.UTC(2020, 1, 25, 4, 8, 59, 522)],
    ["2020-02-25T04:08:59Z", Date.UTC(2020, 1, 25, 4, 8, 59)],
    ["2020-02-25 04:08:59", Date.UTC(2020, 1, 25, 4, 8, 59)],
    ["2020-02-25T04:08:59.5+0130", Date.UTC(2020, 1, 25, 2, 38, 59, 500)],
    ["2020-02-25T04:08:59.123456789-08:00", Date.UTC(2020, 1, 25, 12, 8, 59, 123) + 0.456789],
  ])("reads the time %s", async (text, ms) => {
    const { rows } = await readAll(`t\n${text}\n`, { t: "timestamp" });
    expect(rows[0]!["t"]).toBeCloseTo(ms, 3);
  });

  it.each([
    "2020-02-30 00:00:00",
    "2020-13-01 00:00:00",
    "2020-01-01 25:00:00",
    "yesterday",
    "",
    "2020-01-01 00:00:00 UTC",
  ])("skips the time %j", async (text) => {
    const { reader } = await readAll(`t,x\n${text},1\n`, { t: "timestamp" });
    expect(reader.skipped).toEqual([{ lineNumber: 2, line: `${text},1`, reason: `"${text}" is not a timestamp` }]);
  });

  it("codes categories by appearance and reads booleans", async () => {
    const { rows, reader } = await readAll("host,ok\nb,true\na,0\nb,OK\n", { host: "category", ok: "boolean" });
    expect(rows).toEqual([
      { host: 0, ok: 1 },
      { host: 1, ok: 0 },
      { host: 0, ok: 1 },
    ]);
    expect(reader.categories("host")).toEqual(["b", "a"]);
  });

  it("reads quoted fields, and says which lines it can't", async () => {
    const text = 'name,v\n"a,b",1\n"c ""d""",2\n"open\nclosed",3\nx,4\n';
    const { rows, reader } = await readAll(text, { name: "category", v: "number" });
    expect(rows.map(({ v }) => v)).toEqual([1, 2, 4]);
    expect(reader.categories("name")).toEqual(["a,b", 'c "d"', "x"]);
    expect(reader.skipped.map(({ lineNumber }) => lineNumber)).toEqual([4, 5]);
    expect(reader.skipped[0]?.reason).toContain("line break");
  });

  it.each([
    ["NaN", "1,NaN", '"NaN" is not a number'],
    ["an empty number", "1,", '"" is not a number'],
    ["hexadecimal", "1,0x10", '"0x10" is not a number'],
    ["too few fields", "1", "1 fields where the header has 2"],
    ["too many fields", "1,2,3", "3 fields where the header has 2"],
  ])("skips a line with %s, with its number", async (_, line, reason) => {
    const { rows, reader } = await readAll(`a,b\n1,2\n${line}\n3,4\n`, { a: "number", b: "number" });
    expect(rows).toHaveLength(2);
    expect(reader.skipped).toEqual([{ lineNumber: 3, line, reason }]);
  });

  it("takes an empty number for NaN when asked", async () => {
    const { rows } = await readAll("a,b\n1,\n", { a: "number", b: "number" }, { empty: "nan" });
    expect(rows).toEqual([{ a: 1, b: NaN }]);
  });

  it("reads gzip by its magic number, whatever the file's name", async () => {
    const { rows } = await readAll(gzipSync("a\n1\n2\n"), { a: "number" });
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it("refuses a gzip stream that is cut short, and names the file", async () => {
    const whole = gzipSync(`a\n${Array.from({ length: 5000 }, (_, i) => i * 7919).join("\n")}\n`);
    const cut = readAll(whole.subarray(0, whole.length - 20), { a: "number" }, { size: 1000 });
    await expect(cut).rejects.toThrow(ParseError);
    await expect(cut).rejects.toThrow(/^r\.csv:1: the gzip stream is broken or cut short/);
  });

  it("names the columns that a file has when one is missing", async () => {
    await expect(readAll("a,b\n1,2\n", { latency: "number" })).rejects.toMatchObject({
      message: "r.csv:1: no column named latency",
      hint: "its columns are a, b",
    });
    await expect(readAll("", { latency: "number" })).rejects.toMatchObject({ hint: "the file is empty" });
  });
});
