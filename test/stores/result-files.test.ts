import { parquetMetadata, parquetReadObjects } from "hyparquet";
import type { ResultTable } from "../../core/evidence/result-table.ts";
import { toCsv, toJson, toParquet } from "../../stores/export/result-files.ts";

const table: ResultTable = {
  columns: [
    { name: "point", type: "string" },
    { name: "p99Ms", type: "number" },
    { name: "durable", type: "boolean" },
  ],
  rows: [
    ["a", 1.5, true],
    ['quote " and, comma', 3, null],
    ["two\nlines", null, false],
    ["", 0.1, null],
    [null, 0, true],
  ],
};

describe("toCsv", () => {
  it("quotes what needs it, and tells null from an empty string", () => {
    expect(toCsv(table)).toBe(
      'point,p99Ms,durable\na,1.5,true\n"quote "" and, comma",3,\n"two\nlines",,false\n"",0.1,\n,0,true\n',
    );
  });
});

describe("toJson", () => {
  it("gives objects in column order", () => {
    expect(JSON.parse(toJson(table))).toEqual(table.rows.map(([point, p99Ms, durable]) => ({ point, p99Ms, durable })));
    expect(toJson(table).split("\n")[1]).toBe('{"point":"a","p99Ms":1.5,"durable":true},');
    expect(JSON.parse(toJson({ ...table, rows: [] }))).toEqual([]);
  });
});

describe("toParquet", () => {
  const buffer = (bytes: Uint8Array): ArrayBuffer => {
    const copy = new ArrayBuffer(bytes.byteLength);
    new Uint8Array(copy).set(bytes);
    return copy;
  };

  it("is read back as it was, with types and nulls", async () => {
    const file = buffer(toParquet(table));
    expect(await parquetReadObjects({ file })).toEqual(
      table.rows.map(([point, p99Ms, durable]) => ({ point, p99Ms, durable })),
    );
    const leaves = parquetMetadata(file).schema.slice(1);
    expect(leaves.map(({ name, type }) => [name, type])).toEqual([
      ["point", "BYTE_ARRAY"],
      ["p99Ms", "DOUBLE"],
      ["durable", "BOOLEAN"],
    ]);
  });

  it("keeps columns that are null throughout, and tables without rows", async () => {
    const empty = { ...table, rows: [[null, null, null]] };
    expect(await parquetReadObjects({ file: buffer(toParquet(empty)) })).toEqual([
      { point: null, p99Ms: null, durable: null },
    ]);
    expect(await parquetReadObjects({ file: buffer(toParquet({ ...table, rows: [] })) })).toEqual([]);
  });

  it("gives the same bytes for the same table", () => {
    expect(toParquet(table)).toEqual(toParquet(table));
  });
});
