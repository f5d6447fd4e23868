import { awsMachines } from "./aws-machines.ts";
import { azureMachines } from "./azure-machines.ts";
import { gcpFamilies } from "./gcp-machines.ts";
import type { PriceEntry, PriceTable } from "./price-table.ts";

/**
 * Prices that ship with the code, so that a plan on a laptop without credentials has a figure at all.
 *
 * None was read from a cloud's price API, so every one is unconfirmed; `reprise prices` reads those and puts them first.
 * What isn't here is "unknown". Within a family prices grow with processors (and memory), which is how they are kept.
 */
const awsSource = "AWS's public on-demand price page, as commonly cited; not checked against the price list API";
const azureSource =
  "SkyPilot's catalogue v6 for Azure (skypilot-org/skypilot-catalog at 098741e), which reads Azure's retail prices";
const gcpSource = "Google's public VM price pages, as commonly cited; not checked against the billing catalogue";

/** Dollars an hour for one vCPU, by family, in us-east-1; the three regions of the first list share them. */
const awsPerVcpu: Readonly<Record<string, number>> = {
  c5: 0.0425,
  c5d: 0.048,
  c6i: 0.0425,
  c6a: 0.03825,
  c6id: 0.0504,
  c7g: 0.03625,
  m5: 0.048,
  m6i: 0.048,
  m6a: 0.0432,
  m6id: 0.059325,
  m7g: 0.0408,
  r5: 0.063,
  r6i: 0.063,
  i4i: 0.0858,
};
const awsSmall: Readonly<Record<string, number>> = {
  "t3.micro": 0.0104,
  "t3.small": 0.0208,
  "t3.medium": 0.0416,
  "t3.large": 0.0832,
  "t4g.micro": 0.0084,
  "t4g.small": 0.0168,
  "t4g.medium": 0.0336,
};
const awsElsewhere: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "eu-west-1": { c5: 0.048, c5d: 0.0545, c6i: 0.0456, m5: 0.0535, m6i: 0.0535, r5: 0.0705, r6i: 0.0705 },
  "eu-central-1": { c5: 0.0485, c5d: 0.0555, c6i: 0.0485, m5: 0.0575, m6i: 0.0575, r5: 0.076, r6i: 0.076 },
  "ap-northeast-1": { c5: 0.0535, c5d: 0.061, c6i: 0.0535, m5: 0.062, m6i: 0.062, r5: 0.076, r6i: 0.076 },
};

function awsEntries(): PriceEntry[] {
  const regions = [
    ...["us-east-1", "us-east-2", "us-west-2"].map((region) => [region, awsPerVcpu, awsSmall] as const),
    ...Object.entries(awsElsewhere).map(([region, perVcpu]) => [region, perVcpu, {}] as const),
  ];
  return regions.flatMap(([region, perVcpu, small]: (typeof regions)[number]) =>
    awsMachines.flatMap(({ type, vcpus }): PriceEntry[] => {
      const family = type.split(".")[0] ?? "";
      const rate = perVcpu[family];
      const fixed: Readonly<Record<string, number>> = small;
      const onDemand = fixed[type] ?? (rate === undefined ? undefined : vcpus * rate);
      return onDemand === undefined ? [] : [{ cloud: "aws", region, type, onDemand: round(onDemand) }];
    }),
  );
}

/** Dollars an hour for one vCPU: on demand, spot. */
type Rates = Readonly<Record<string, readonly [onDemand: number, spot?: number]>>;
const azureFamilies: readonly { readonly pattern: RegExp; readonly rates: Rates }[] = [
  {
    pattern: /^Standard_D\d+s_v5$/,
    rates: {
      eastus: [0.048, 0.00528],
      eastus2: [0.048, 0.00624],
      westus2: [0.048, 0.00624],
      westus3: [0.048, 0.00528],
      westus: [0.056, 0.0062],
      centralus: [0.05425, 0.00597],
    },
  },
  {
    pattern: /^Standard_D\d+as_v5$/,
    rates: {
      eastus: [0.043, 0.00473],
      eastus2: [0.043, 0.0059],
      westus2: [0.043, 0.00559],
      westus3: [0.043, 0.00473],
      westus: [0.0505, 0.00556],
      centralus: [0.0486, 0.00535],
    },
  },
  {
    pattern: /^Standard_D\d+ads_v5$/,
    rates: {
      eastus: [0.0515, 0.005665],
      eastus2: [0.0515, 0.00707],
      westus2: [0.0515, 0.006695],
      westus3: [0.0515, 0.005665],
      westus: [0.061, 0.00671],
      centralus: [0.0582, 0.0064],
    },
  },
  {
    pattern: /^Standard_D\d+d(?:s?_v4|s_v5)$/,
    rates: {
      eastus: [0.0565, 0.006215],
      eastus2: [0.0565, 0.007345],
      westus2: [0.0565, 0.007345],
      westus3: [0.0565, 0.006215],
      westus: [0.0665, 0.00732],
      centralus: [0.06385, 0.00702],
    },
  },
  {
    pattern: /^Standard_D\d+ps_v5$/,
    rates: {
      eastus: [0.0385, 0.004235],
      eastus2: [0.0385, 0.004235],
      westus2: [0.0385, 0.004235],
      westus3: [0.0385, 0.004235],
      westus: [0.0448, 0.00493],
      centralus: [0.0435, 0.004785],
    },
  },
  { pattern: /^Standard_DC\d+ads_v5$/, rates: { eastus: [0.0515, 0.03605], westus: [0.061, 0.0427] } },
  { pattern: /^Standard_DC\d+as_v5$/, rates: { eastus: [0.043, 0.0301], westus: [0.0505, 0.03535] } },
  { pattern: /^Standard_DC\d+eds_v5$/, rates: { eastus2: [0.0565, 0.014125], centralus: [0.063875, 0.01597] } },
  { pattern: /^Standard_DC\d+es_v5$/, rates: { eastus2: [0.048, 0.012], centralus: [0.05425, 0.01356] } },
];

const azureEntries = (): PriceEntry[] =>
  azureMachines.flatMap(({ type, vcpus }) => {
    const family = azureFamilies.find(({ pattern }) => pattern.test(type));
    return Object.entries(family?.rates ?? {}).map(([region, [onDemand, spot]]) => ({
      cloud: "azure" as const,
      region,
      type,
      onDemand: round(onDemand * vcpus),
      ...(spot === undefined ? {} : { spot: round(spot * vcpus) }),
    }));
  });

/** Dollars an hour for one vCPU and one GiB: what Google's predefined types are made of. */
const gcpRates: Readonly<Record<string, Readonly<Record<string, readonly [core: number, ram: number]>>>> = {
  E2: { "us-central1": [0.021811, 0.002923], "us-east1": [0.021811, 0.002923], "us-west1": [0.021811, 0.002923] },
  N2: {
    "us-central1": [0.031611, 0.004237],
    "us-east1": [0.031611, 0.004237],
    "us-west1": [0.031611, 0.004237],
    "us-east4": [0.035602, 0.004772],
  },
  "N2D AMD": {
    "us-central1": [0.027502, 0.003686],
    "us-east1": [0.027502, 0.003686],
    "us-west1": [0.027502, 0.003686],
  },
  "Compute optimized": {
    "us-central1": [0.03398, 0.00455],
    "us-east1": [0.03398, 0.00455],
    "us-west1": [0.03398, 0.00455],
  },
};
const gcpShared: Readonly<Record<string, number>> = {
  "e2-micro": 0.008376,
  "e2-small": 0.016751,
  "e2-medium": 0.033503,
};

const gcpEntries = (): PriceEntry[] => [
  ...["us-central1", "us-east1", "us-west1"].flatMap((region) =>
    Object.entries(gcpShared).map(([type, onDemand]) => ({ cloud: "gcp" as const, region, type, onDemand })),
  ),
  ...gcpFamilies.flatMap((family) =>
    Object.entries(gcpRates[family.series] ?? {}).flatMap(([region, [core, ram]]) =>
      family.vcpus.map((vcpus) => ({
        cloud: "gcp" as const,
        region,
        type: `${family.name}-${vcpus}`,
        onDemand: round(vcpus * core + vcpus * family.gibPerVcpu * ram),
      })),
    ),
  ),
];

/** To a thousandth of a cent: what is left is the arithmetic's. */
const round = (dollars: number): number => Number(dollars.toFixed(5));

const table = (cloud: PriceTable["cloud"], source: string, entries: readonly PriceEntry[]): PriceTable => ({
  schema: "reprise/prices@1",
  cloud,
  status: "unconfirmed",
  source,
  date: "unknown",
  entries: [...entries],
});

export const knownPrices = (): PriceTable[] => [
  table("aws", awsSource, awsEntries()),
  table("azure", azureSource, azureEntries()),
  table("gcp", gcpSource, gcpEntries()),
];
