import { z } from "zod";
import { FailureError } from "../../../core/errors/failure.ts";
import { azureMachines } from "../azure-machines.ts";
import type { PriceEntry } from "../price-table.ts";
import type { Web } from "./web.ts";

/**
 * Azure's retail prices: public, without credentials.
 *
 * @see https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
 */
const itemSchema = z.object({
  currencyCode: z.string(),
  retailPrice: z.number(),
  armRegionName: z.string(),
  armSkuName: z.string(),
  productName: z.string(),
  skuName: z.string(),
  unitOfMeasure: z.string(),
  type: z.string(),
});
const pageSchema = z.object({ Items: z.array(itemSchema), NextPageLink: z.string().nullish() });
type Item = z.infer<typeof itemSchema>;

const endpoint = "https://prices.azure.com/api/retail/prices";
/** A region has some four thousand prices of machines, a hundred a page. */
const mostPages = 300;

export async function readAzurePrices(regions: readonly string[], web: Web): Promise<PriceEntry[]> {
  const entries: PriceEntry[] = [];
  for (const region of regions) {
    const filter = `serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and armRegionName eq '${region}'`;
    const items: Item[] = [];
    let url: string | undefined = `${endpoint}?currencyCode=USD&$filter=${encodeURIComponent(filter)}`;
    for (let page = 0; url !== undefined; page++) {
      if (page >= mostPages)
        throw new FailureError({ class: "transport", message: `more than ${mostPages} pages of prices of ${region}` });
      const read: z.infer<typeof pageSchema> = pageSchema.parse(await web.json(url));
      items.push(...read.Items);
      url = nextPage(read.NextPageLink);
    }
    entries.push(...azureEntriesOf(items));
  }
  return entries;
}

/** Only Azure itself may send us on. */
const nextPage = (link: string | null | undefined): string | undefined =>
  link === null || link === undefined || link === "" || !link.startsWith("https://prices.azure.com/")
    ? undefined
    : link;

const known = new Set(azureMachines.map(({ type }) => type.toLowerCase()));

/** Linux, by the hour, of the types that are in the table; Windows, low priority and reservations are left out. */
export function azureEntriesOf(items: readonly Item[]): PriceEntry[] {
  const prices = new Map<string, { region: string; type: string; onDemand?: number; spot?: number }>();
  for (const item of items) {
    if (!known.has(item.armSkuName.toLowerCase()) || item.currencyCode !== "USD" || item.retailPrice <= 0) continue;
    if (item.unitOfMeasure !== "1 Hour" || item.type !== "Consumption") continue;
    if (/Windows/.test(item.productName) || /Low Priority/.test(item.skuName) || /CloudServices/.test(item.productName))
      continue;
    const key = `${item.armRegionName} ${item.armSkuName}`;
    const price = prices.get(key) ?? { region: item.armRegionName, type: item.armSkuName };
    if (/ Spot$/.test(item.skuName)) price.spot = item.retailPrice;
    else price.onDemand = item.retailPrice;
    prices.set(key, price);
  }
  return [...prices.values()].map((price) => ({ cloud: "azure", ...price }));
}
