import { FailureError } from "../../../core/errors/failure.ts";
import { awsMachines } from "../aws-machines.ts";
import type { PriceEntry } from "../price-table.ts";
import type { Web } from "./web.ts";

/**
 * AWS's bulk price list of EC2, a region at a time: public, without credentials, and hundreds of megabytes, so it is read
 * as the CSV that comes line by line rather than as one JSON document. Spot prices aren't in it.
 *
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html
 */
const urlOf = (region: string): string =>
  `https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/current/${region}/index.csv`;

export interface AwsOffer {
  readonly entries: readonly PriceEntry[];
  /** The day that the list says it was published; undefined where it doesn't. */
  readonly published: string | undefined;
}

export async function readAwsPrices(regions: readonly string[], web: Web): Promise<AwsOffer> {
  const entries: PriceEntry[] = [];
  let published: string | undefined;
  for (const region of regions) {
    const offer = await parseAwsOffer(region, web.lines(urlOf(region)));
    entries.push(...offer.entries);
    if (published === undefined || (offer.published !== undefined && offer.published < published))
      published = offer.published;
  }
  return { entries, published };
}

const columns = [
  "TermType",
  "Unit",
  "PricePerUnit",
  "Currency",
  "Instance Type",
  "Tenancy",
  "Operating System",
  "Pre Installed S/W",
  "CapacityStatus",
] as const;
type Column = (typeof columns)[number];

/** Wanted of each column; a row that has anything else is of another product. */
const wanted: Partial<Record<Column, string>> = {
  TermType: "OnDemand",
  Unit: "Hrs",
  Currency: "USD",
  Tenancy: "Shared",
  "Operating System": "Linux",
  "Pre Installed S/W": "NA",
  CapacityStatus: "Used",
};

const known = new Set(awsMachines.map(({ type }) => type));

/**
 * Linux on shared machines, on demand, of the types that are in the table.
 *
 * @throws FailureError class integrity where the list lacks a column: a changed format is no empty price list
 */
export async function parseAwsOffer(region: string, lines: AsyncIterable<string>): Promise<AwsOffer> {
  let at: ReadonlyMap<Column, number> | undefined;
  let published: string | undefined;
  const entries: PriceEntry[] = [];
  for await (const line of lines) {
    if (line === "") continue;
    if (at === undefined) {
      const fields = splitCsv(line);
      if (fields[0] === "Publication Date") published = fields[1]?.slice(0, 10);
      if (fields[0] === "SKU") at = findColumns(fields);
      continue;
    }
    if (!line.includes('"OnDemand"')) continue; // most rows are reservations: not worth splitting
    const fields = splitCsv(line);
    const get = (column: Column): string => fields[at?.get(column) ?? -1] ?? "";
    if (!known.has(get("Instance Type"))) continue;
    if (Object.entries(wanted).some(([column, value]) => get(column as Column) !== value)) continue; // keys of `wanted`
    const dollars = Number(get("PricePerUnit"));
    if (dollars > 0) entries.push({ cloud: "aws", region, type: get("Instance Type"), onDemand: dollars });
  }
  if (at === undefined)
    throw new FailureError({ class: "integrity", message: `the price list of ${region} has no row of column names` });
  return { entries, published };
}

function findColumns(header: readonly string[]): ReadonlyMap<Column, number> {
  return new Map(
    columns.map((column) => {
      const index = header.indexOf(column);
      if (index < 0)
        throw new FailureError({ class: "integrity", message: `AWS's price list has no column "${column}" any more` });
      return [column, index];
    }),
  );
}

/** One line of CSV: fields in quotes, quotes in them doubled; none of the list's fields spans lines. */
export function splitCsv(line: string): string[] {
  const fields: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
  return fields;
}
