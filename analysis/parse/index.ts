export { fileBytes, readText, unpacked } from "./byte-source.ts";
export type { ByteSource } from "./byte-source.ts";
export { csvRecords, parseCsv, parseJsonLines, parseMatchingLines } from "./lines.ts";
export type { CsvOptions, CsvRecord } from "./lines.ts";
export { expectRows, ParseError } from "./parsed.ts";
export type { Parsed, ParseOptions, SkippedLine } from "./parsed.ts";
export { readColumns } from "./read-columns.ts";
export type { ColumnBatch, ColumnKind, ColumnReader, ReadColumnsOptions } from "./read-columns.ts";
