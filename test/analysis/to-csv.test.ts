import { csvRecords } from "../../analysis/parse/index.ts";
import { toCsv } from "../../analysis/to-csv.ts";

describe("toCsv", () => {
  it("quotes what must be, leaves NaN empty, and reads back", () => {
    const csv = toCsv([
      { a: 'say "hi", twice', b: 0.1 },
      { b: NaN, c: [1, 2], d: true },
    ]);
    expect([...csvRecords(csv)].map(({ fields }) => fields)).toEqual([
      ["a", "b", "c", "d"],
      ['say "hi", twice', "0.1", "", ""],
      ["", "", "[1,2]", "true"],
    ]);
  });
});
