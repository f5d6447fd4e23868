import type { PriceList } from "../../core/plan/quote.ts";
import type { Cloud } from "./machine-type.ts";
import { clouds, isCloud } from "./machine-type.ts";
import type { Prices } from "./price-table.ts";

/** Prices for quotes: clouds by their tables, machines of our own for nothing. */
export const cloudPrices = (prices: Prices, controlDollars: PriceList["controlDollars"] = () => 0): PriceList => ({
  hostDollarsPerHour({ provider, place, shape }) {
    if (["local", "hosts", "sim"].includes(provider)) return { onDemand: 0, spot: undefined };
    if (!isCloud(provider)) return { onDemand: "unknown", spot: undefined };
    const price = prices.find(provider, place.region, shape.type);
    return { onDemand: price.onDemand, spot: price.spot, status: price.status, source: price.source, date: price.date };
  },
  controlDollars,
  asOf: oldest(prices),
});

/** A quote is as old as its oldest table. */
function oldest(prices: Prices): string {
  const dates = clouds.map((cloud: Cloud) => prices.dateOf(cloud));
  return dates.includes("unknown") ? "unknown" : (dates.sort()[0] ?? "unknown");
}
