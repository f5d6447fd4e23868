import { z } from "zod";
import { FailureError } from "../../../core/errors/failure.ts";
import { gcpFamilies } from "../gcp-machines.ts";
import type { PriceEntry } from "../price-table.ts";
import type { Web } from "./web.ts";

/**
 * Google's billing catalogue: public, but a key is asked for. Predefined types are sold as their parts, so prices are put
 * together from those of a core and of a GiB, by series and region.
 *
 * @see https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list
 */
const rateSchema = z.object({
  startUsageAmount: z.number().optional(),
  unitPrice: z.object({ currencyCode: z.string(), units: z.string().optional(), nanos: z.number().optional() }),
});
const skuSchema = z.object({
  description: z.string(),
  category: z.object({ resourceFamily: z.string(), usageType: z.string() }),
  serviceRegions: z.array(z.string()),
  pricingInfo: z.array(
    z.object({ pricingExpression: z.object({ usageUnit: z.string(), tieredRates: z.array(rateSchema) }) }),
  ),
});
const pageSchema = z.object({ skus: z.array(skuSchema), nextPageToken: z.string().optional() });
type Sku = z.infer<typeof skuSchema>;

/** Compute Engine's id among Google's services. */
const endpoint = "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus";
const mostPages = 50;

export async function readGcpPrices(regions: readonly string[], key: string, web: Web): Promise<PriceEntry[]> {
  const skus: Sku[] = [];
  let token = "";
  for (let page = 0; ; page++) {
    if (page >= mostPages)
      throw new FailureError({ class: "transport", message: `more than ${mostPages} pages of SKUs` });
    const more = token === "" ? "" : `&pageToken=${encodeURIComponent(token)}`;
    const url = `${endpoint}?currencyCode=USD&pageSize=5000&key=${encodeURIComponent(key)}${more}`;
    const read = pageSchema.parse(await web.json(url));
    skus.push(...read.skus);
    token = read.nextPageToken ?? "";
    if (token === "") break;
  }
  return gcpEntriesOf(skus, regions);
}

interface Rates {
  core?: number;
  ram?: number;
}

/** `Spot Preemptible N2 Instance Core running in Americas`; custom types, sole tenants and commitments are others. */
const description = /^(Spot Preemptible )?(.+?)(?: Instance)? (Core|Ram) running in /;

export function gcpEntriesOf(skus: readonly Sku[], regions: readonly string[]): PriceEntry[] {
  const rates = new Map<string, Rates>();
  for (const sku of skus) {
    const [, spot, series, part] = description.exec(sku.description) ?? [];
    if (series === undefined || !gcpFamilies.some((family) => family.series === series)) continue;
    if (sku.category.usageType !== (spot === undefined ? "OnDemand" : "Preemptible")) continue;
    const dollars = hourlyDollars(sku);
    if (dollars === undefined) continue;
    for (const region of sku.serviceRegions) {
      const key = `${series} ${region} ${spot === undefined ? "onDemand" : "spot"}`;
      rates.set(key, { ...rates.get(key), [part === "Core" ? "core" : "ram"]: dollars });
    }
  }
  const price = (series: string, region: string, market: string, vcpus: number, memoryGib: number) => {
    const { core, ram } = rates.get(`${series} ${region} ${market}`) ?? {};
    return core === undefined || ram === undefined ? undefined : Number((core * vcpus + ram * memoryGib).toFixed(6));
  };
  return regions.flatMap((region) =>
    gcpFamilies.flatMap((family) =>
      family.vcpus.flatMap((vcpus): PriceEntry[] => {
        const memoryGib = vcpus * family.gibPerVcpu;
        const onDemand = price(family.series, region, "onDemand", vcpus, memoryGib);
        const spot = price(family.series, region, "spot", vcpus, memoryGib);
        if (onDemand === undefined && spot === undefined) return [];
        return [
          {
            cloud: "gcp",
            region,
            type: `${family.name}-${vcpus}`,
            ...(onDemand === undefined ? {} : { onDemand }),
            ...(spot === undefined ? {} : { spot }),
          },
        ];
      }),
    ),
  );
}

/** The price of the first unit, by the hour. */
function hourlyDollars({ pricingInfo }: Sku): number | undefined {
  const expression = pricingInfo[0]?.pricingExpression;
  if (expression === undefined || !["h", "GiBy.h", "GBy.h"].includes(expression.usageUnit)) return undefined;
  const unit = expression.tieredRates.at(-1)?.unitPrice;
  if (unit?.currencyCode !== "USD") return undefined;
  const dollars = Number(unit.units ?? 0) + (unit.nanos ?? 0) / 1e9;
  return dollars > 0 ? dollars : undefined;
}
