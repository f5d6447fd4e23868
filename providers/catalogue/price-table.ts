import { z } from "zod";
import type { Cloud } from "./machine-type.ts";
import { clouds } from "./machine-type.ts";

/**
 * What one machine type costs in one region, Linux, US dollars an hour, without disks and traffic.
 *
 * `confirmed`: read from the cloud's own price API on that day. `unconfirmed`: from somewhere else; `source` says where.
 */
export const priceEntrySchema = z.object({
  cloud: z.enum(clouds),
  region: z.string(),
  type: z.string(),
  onDemand: z.number().positive().optional(),
  spot: z.number().positive().optional(),
});
export type PriceEntry = z.infer<typeof priceEntrySchema>;

export const priceTableSchema = z.object({
  schema: z.literal("reprise/prices@1"),
  cloud: z.enum(clouds),
  status: z.enum(["confirmed", "unconfirmed"]),
  source: z.string(),
  /** The day of the prices, `2026-11-21`; "unknown" where the source doesn't tell. */
  date: z.string(),
  entries: z.array(priceEntrySchema),
});
export type PriceTable = z.infer<typeof priceTableSchema>;

export interface Price {
  readonly onDemand: number | "unknown";
  readonly spot: number | "unknown";
  readonly status: PriceTable["status"] | "unknown";
  readonly source: string | undefined;
  readonly date: string | undefined;
}

const unknownPrice: Price = {
  onDemand: "unknown",
  spot: "unknown",
  status: "unknown",
  source: undefined,
  date: undefined,
};

/** Tables in one; of several that know a price the first counts, so those refreshed stand before those shipped. */
export class Prices {
  readonly tables: readonly PriceTable[];
  readonly #known = new Map<string, Price>();

  constructor(tables: readonly PriceTable[]) {
    this.tables = tables;
    for (const table of tables) {
      for (const entry of table.entries) {
        const key = keyOf(entry.cloud, entry.region, entry.type);
        if (this.#known.has(key)) continue;
        this.#known.set(key, {
          onDemand: entry.onDemand ?? "unknown",
          spot: entry.spot ?? "unknown",
          status: table.status,
          source: table.source,
          date: table.date,
        });
      }
    }
  }

  find(cloud: Cloud, region: string, type: string): Price {
    return this.#known.get(keyOf(cloud, region, type)) ?? unknownPrice;
  }

  /** The newest day of a cloud's tables; "unknown" where none says. */
  dateOf(cloud: Cloud): string {
    const dates = this.tables.filter((table) => table.cloud === cloud && table.date !== "unknown");
    return (
      dates
        .map((table) => table.date)
        .sort()
        .at(-1) ?? "unknown"
    );
  }
}

const keyOf = (cloud: Cloud, region: string, type: string): string => `${cloud} ${region} ${type.toLowerCase()}`;
