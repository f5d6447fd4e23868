import { FailureError } from "../../../../core/errors/failure.ts";
import { priceTableSchema } from "../../../../providers/catalogue/index.ts";
import { parseAwsOffer, splitCsv } from "../../../../providers/catalogue/refresh/aws-offer.ts";
import { azureEntriesOf } from "../../../../providers/catalogue/refresh/azure-retail.ts";
import { gcpEntriesOf } from "../../../../providers/catalogue/refresh/gcp-skus.ts";
import type { RefreshOptions } from "../../../../providers/catalogue/refresh/refresh-prices.ts";
import { refreshPrices } from "../../../../providers/catalogue/refresh/refresh-prices.ts";
import type { Web } from "../../../../providers/catalogue/refresh/web.ts";
import { createWeb } from "../../../../providers/catalogue/refresh/web.ts";

// The samples are written by hand after the documented formats; their prices are made up.

async function* linesOf(text: string): AsyncGenerator<string> {
  for (const line of text.split("\n")) yield line;
}

const awsHeader =
  '"SKU","OfferTermCode","TermType","PriceDescription","Unit","PricePerUnit","Currency","Instance Type","vCPU","Tenancy","Operating System","CapacityStatus","Pre Installed S/W"';
const awsRow = (
  over: Partial<Record<"term" | "price" | "type" | "tenancy" | "os" | "status" | "software", string>> = {},
) => {
  const v = {
    term: "OnDemand",
    price: "0.3840000000",
    type: "c5d.2xlarge",
    tenancy: "Shared",
    os: "Linux",
    status: "Used",
    software: "NA",
    ...over,
  };
  return `"ABC","JRTCKXETXF","${v.term}","$${v.price} per ""On Demand"" hour, Linux","Hrs","${v.price}","USD","${v.type}","8","${v.tenancy}","${v.os}","${v.status}","${v.software}"`;
};
const awsFile = (rows: readonly string[]): string =>
  [
    '"FormatVersion","v1.0"',
    '"Disclaimer","This pricing list is for informational purposes only."',
    '"Publication Date","2026-11-05T17:02:11Z"',
    '"OfferCode","AmazonEC2"',
    awsHeader,
    ...rows,
  ].join("\n");

describe("parseAwsOffer", () => {
  it("takes Linux on shared machines, on demand, and nothing else", async () => {
    const file = awsFile([
      awsRow({ os: "Windows", price: "0.752" }),
      awsRow(),
      awsRow({ tenancy: "Dedicated", price: "0.4" }),
      awsRow({ term: "Reserved", price: "0.2" }),
      awsRow({ software: "SQL Web", price: "0.9" }),
      awsRow({ status: "UnusedCapacityReservation", price: "0.384" }),
      awsRow({ type: "u-24tb1.112xlarge", price: "218.4" }),
      awsRow({ type: "m5.xlarge", price: "0.1920000000" }),
      awsRow({ type: "c5.large", price: "0.0000000000" }),
    ]);
    expect(await parseAwsOffer("us-east-1", linesOf(file))).toEqual({
      published: "2026-11-05",
      entries: [
        { cloud: "aws", region: "us-east-1", type: "c5d.2xlarge", onDemand: 0.384 },
        { cloud: "aws", region: "us-east-1", type: "m5.xlarge", onDemand: 0.192 },
      ],
    });
  });

  it("says so when the format has changed, instead of finding no prices", async () => {
    const changed = awsFile([]).replace('"Tenancy"', '"Tenure"');
    await expect(parseAwsOffer("us-east-1", linesOf(changed))).rejects.toThrow('no column "Tenancy" any more');
    await expect(parseAwsOffer("us-east-1", linesOf("<html>"))).rejects.toThrow("no row of column names");
  });
});

describe("splitCsv", () => {
  it.each([
    ['"a","b,c","d ""e"""', ["a", "b,c", 'd "e"']],
    ['a,,"",b', ["a", "", "", "b"]],
    ['"x"', ["x"]],
  ])("splits %s", (line, fields) => {
    expect(splitCsv(line)).toEqual(fields);
  });
});

const azureItem = (over: Record<string, unknown> = {}) => ({
  currencyCode: "USD",
  retailPrice: 0.172,
  armRegionName: "eastus",
  armSkuName: "Standard_D4as_v5",
  productName: "Virtual Machines Dasv5 Series",
  skuName: "D4as v5",
  unitOfMeasure: "1 Hour",
  type: "Consumption",
  ...over,
});

describe("azureEntriesOf", () => {
  it("puts on-demand and spot prices of Linux machines together", () => {
    expect(
      azureEntriesOf([
        azureItem({ productName: "Virtual Machines Dasv5 Series Windows", retailPrice: 0.356 }),
        azureItem({ skuName: "D4as v5 Spot", retailPrice: 0.0189 }),
        azureItem({ skuName: "D4as v5 Low Priority", retailPrice: 0.0344 }),
        azureItem(),
        azureItem({ type: "Reservation", retailPrice: 887 }),
        azureItem({ armSkuName: "Standard_M832ixs_v2", retailPrice: 90 }),
        azureItem({
          armSkuName: "Standard_D2as_v5",
          armRegionName: "westus2",
          skuName: "D2as v5 Spot",
          retailPrice: 0.01,
        }),
      ]),
    ).toEqual([
      { cloud: "azure", region: "eastus", type: "Standard_D4as_v5", onDemand: 0.172, spot: 0.0189 },
      { cloud: "azure", region: "westus2", type: "Standard_D2as_v5", spot: 0.01 },
    ]);
  });
});

const gcpSku = (description: string, nanos: number, over: Record<string, unknown> = {}) => ({
  description,
  category: {
    resourceFamily: "Compute",
    usageType: description.startsWith("Spot") ? "Preemptible" : "OnDemand",
  },
  serviceRegions: ["us-west1", "us-central1"],
  pricingInfo: [
    {
      pricingExpression: {
        usageUnit: description.includes("Ram") ? "GiBy.h" : "h",
        tieredRates: [{ startUsageAmount: 0, unitPrice: { currencyCode: "USD", units: "0", nanos } }],
      },
    },
  ],
  ...over,
});

describe("gcpEntriesOf", () => {
  it("puts a type's price together from cores and memory, on demand and spot", () => {
    const entries = gcpEntriesOf(
      [
        gcpSku("N2 Instance Core running in Americas", 30_000_000),
        gcpSku("N2 Instance Ram running in Americas", 4_000_000),
        gcpSku("Spot Preemptible N2 Instance Core running in Americas", 3_000_000),
        gcpSku("Spot Preemptible N2 Instance Ram running in Americas", 400_000),
        gcpSku("N2 Custom Instance Core running in Americas", 99_000_000),
        gcpSku("N2 Sole Tenancy Instance Ram running in Americas", 99_000_000),
        gcpSku("Commitment v1: N2 Cpu in Americas for 1 Year", 9_000_000),
        gcpSku("C3 Instance Core running in Americas", 30_000_000), // without its memory there is no price
      ],
      ["us-west1"],
    );
    expect(entries.every(({ type, region }) => type.startsWith("n2-") && region === "us-west1")).toBe(true);
    expect(entries.find(({ type }) => type === "n2-highmem-4")).toEqual({
      cloud: "gcp",
      region: "us-west1",
      type: "n2-highmem-4",
      onDemand: 0.248, // 4 x 0.03 + 32 x 0.004
      spot: 0.0248,
    });
  });
});

describe("refreshPrices", () => {
  const options: RefreshOptions = { regions: ["eastus"], today: "2026-11-21", googleKey: undefined };
  const web = (answers: Readonly<Record<string, unknown>>): Web => ({
    json: async (url) => answers[url] ?? Promise.reject(new Error(`not expected: ${url}`)),
    lines: () => linesOf(awsFile([awsRow()])),
  });

  it("follows Azure's pages, but only to Azure", async () => {
    const asked: string[] = [];
    const pages: Web = {
      lines: () => linesOf(""),
      json: async (url) => {
        asked.push(url);
        return asked.length === 1
          ? { Items: [azureItem()], NextPageLink: "https://prices.azure.com/api/retail/prices?$skip=100" }
          : {
              Items: [azureItem({ skuName: "D4as v5 Spot", retailPrice: 0.02 })],
              NextPageLink: "https://evil.example/",
            };
      },
    };
    const table = await refreshPrices("azure", options, pages);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain("armRegionName%20eq%20'eastus'");
    expect(priceTableSchema.parse(table)).toMatchObject({
      status: "confirmed",
      date: "2026-11-21",
      entries: [{ type: "Standard_D4as_v5", onDemand: 0.172, spot: 0.02 }],
    });
  });

  it("dates AWS's prices by the list's own publication", async () => {
    expect(await refreshPrices("aws", { ...options, regions: ["us-east-1"] }, web({}))).toMatchObject({
      date: "2026-11-05",
      entries: [{ type: "c5d.2xlarge" }],
    });
  });

  it("asks for Google's key before it asks Google, and turns pages with it", async () => {
    await expect(refreshPrices("gcp", options, web({}))).rejects.toMatchObject({ name: "AuthFailure" });
    const start =
      "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus?currencyCode=USD&pageSize=5000&key=k%261";
    const table = await refreshPrices(
      "gcp",
      { ...options, regions: ["us-west1"], googleKey: "k&1" },
      web({
        [start]: { skus: [gcpSku("E2 Instance Core running in Americas", 20_000_000)], nextPageToken: "t/2" },
        [`${start}&pageToken=t%2F2`]: { skus: [gcpSku("E2 Instance Ram running in Americas", 2_500_000)] },
      }),
    );
    expect(table.entries.find(({ type }) => type === "e2-standard-2")?.onDemand).toBe(0.06);
  });

  it("is a failure where the list knows nothing of ours: an empty table is no refresh", async () => {
    const empty: Web = { json: async () => ({ Items: [] }), lines: () => linesOf("") };
    await expect(refreshPrices("azure", options, empty)).rejects.toMatchObject({ name: "IntegrityFailure" });
  });
});

describe("createWeb", () => {
  it("says which host didn't answer, and why", async () => {
    const offline = createWeb(async () => {
      throw new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND prices.azure.com") });
    }, 1_000);
    const failure = await offline.json("https://prices.azure.com/api").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FailureError);
    expect(failure).toMatchObject({
      name: "TransportFailure",
      message: "no prices from prices.azure.com: fetch failed: getaddrinfo ENOTFOUND prices.azure.com",
    });
    const refusing = createWeb(async () => new Response("no such region", { status: 404 }), 1_000);
    await expect(refusing.json("https://prices.azure.com/api")).rejects.toThrow("HTTP 404 no such region");
  });

  it("gives lines whole, wherever the chunks are cut", async () => {
    const bytes = new TextEncoder().encode("één,1\r\ntwo,2\nthree");
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const lines: string[] = [];
    for await (const line of createWeb(async () => new Response(stream), 1_000).lines("https://x.example/"))
      lines.push(line);
    expect(lines).toEqual(["één,1", "two,2", "three"]);
  });
});
