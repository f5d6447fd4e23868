import { FailureError } from "../../../core/errors/failure.ts";
import type { Cloud } from "../machine-type.ts";
import type { PriceTable } from "../price-table.ts";
import { readAwsPrices } from "./aws-offer.ts";
import { readAzurePrices } from "./azure-retail.ts";
import { readGcpPrices } from "./gcp-skus.ts";
import type { Web } from "./web.ts";

export interface RefreshOptions {
  readonly regions: readonly string[];
  /** Today, `2026-11-21`. */
  readonly today: string;
  /** For Google's billing catalogue. */
  readonly googleKey: string | undefined;
}

/**
 * A cloud's prices as its own price API tells them now.
 *
 * @throws FailureError class transport where it can't be reached, integrity where it has no price of what we know
 */
export async function refreshPrices(cloud: Cloud, options: RefreshOptions, web: Web): Promise<PriceTable> {
  const table = await readTable(cloud, options, web);
  if (table.entries.length > 0) return table;
  throw new FailureError({
    class: "integrity",
    message: `${cloud}'s price list has no known machine type in ${options.regions.join(", ")}`,
    hint: "are these its regions?",
  });
}

async function readTable(cloud: Cloud, options: RefreshOptions, web: Web): Promise<PriceTable> {
  const { regions, today, googleKey } = options;
  const confirmed = { schema: "reprise/prices@1", cloud, status: "confirmed" } as const;
  switch (cloud) {
    case "aws": {
      const { entries, published } = await readAwsPrices(regions, web);
      return { ...confirmed, source: "AWS price list (bulk)", date: published ?? today, entries: [...entries] };
    }
    case "azure":
      return {
        ...confirmed,
        source: "Azure retail prices API",
        date: today,
        entries: await readAzurePrices(regions, web),
      };
    case "gcp":
      if (googleKey === undefined)
        throw new FailureError({
          class: "auth",
          message: "Google's billing catalogue asks for an API key",
          hint: "set GOOGLE_API_KEY; any project's key with the Cloud Billing API enabled will do",
        });
      return {
        ...confirmed,
        source: "Google Cloud Billing catalogue",
        date: today,
        entries: await readGcpPrices(regions, googleKey, web),
      };
    default:
      return cloud satisfies never;
  }
}
