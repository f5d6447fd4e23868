import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Failure } from "../../core/errors/failure.ts";
import { exitCodes, toFailure } from "../../core/errors/failure.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import type { Cloud, PriceTable } from "../../providers/catalogue/index.ts";
import { createWeb, knownPrices, refreshPrices } from "../../providers/catalogue/index.ts";
import type { CommandContext } from "../context.ts";
import { table } from "../output.ts";
import { priceFile } from "../prices.ts";
import { cloudsOf } from "./machines.ts";

/** AWS's list of a region is some hundred megabytes. */
const answerMs = 15 * 60_000;

/** Reads today's prices from the clouds' price APIs into dated tables of this home. */
export async function prices(
  { output, home }: CommandContext,
  options: { readonly on?: string; readonly regions?: readonly string[] },
): Promise<number> {
  const web = createWeb(fetch, answerMs);
  const today = new Date(systemClock.now()).toISOString().slice(0, 10);
  const read: PriceTable[] = [];
  const failed: { readonly cloud: Cloud; readonly failure: Failure }[] = [];
  for (const cloud of cloudsOf(options.on)) {
    const regions = options.regions ?? usualRegions(cloud);
    output.note(`${cloud}: reading prices of ${regions.join(", ")}`);
    try {
      const googleKey = process.env["GOOGLE_API_KEY"];
      const prices = await refreshPrices(cloud, { regions, today, googleKey }, web);
      keep(priceFile(home, cloud), prices);
      read.push(prices);
    } catch (error) {
      failed.push({ cloud, failure: toFailure(error) });
    }
  }
  output.result({ read: read.map(({ entries, ...rest }) => ({ ...rest, prices: entries.length })), failed });
  const rows = read.map((one) => [
    one.cloud,
    one.date,
    `${one.entries.length} prices`,
    one.source,
    priceFile(home, one.cloud),
  ]);
  for (const line of table(rows)) output.line(line);
  for (const { cloud, failure } of failed) {
    output.note(`${cloud}: ${failure.message}`);
    if (failure.hint !== undefined) output.note(`  try: ${failure.hint}`);
  }
  const [first] = failed;
  return first === undefined ? 0 : exitCodes[first.failure.class];
}

const usualRegions = (cloud: Cloud): string[] => [
  ...new Set(knownPrices().flatMap((one) => one.entries.filter((e) => e.cloud === cloud).map((e) => e.region))),
];

/** Whole or not at all: a table that was cut off would be taken for all prices. */
function keep(file: string, prices: PriceTable): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(prices)}\n`);
  renameSync(`${file}.new`, file);
}
