import type { MachineShape, Place } from "../ports/provider.ts";
import { isCloudProvider } from "./place.ts";
import { buysSpot, describeChoice, placementChoices } from "./placement.ts";
import type { Plan, PlannedDeployment, PlannedHost, PlannedTrial } from "./types.ts";

/** What is known of prices, dated; asked before, so that it answers at once. */
export interface PriceList {
  hostDollarsPerHour(host: {
    readonly provider: string;
    readonly place: Place;
    readonly shape: MachineShape;
  }): HostPrice;
  /** The control plane's own cost for so many trials; 0 where it runs on this machine. */
  controlDollars(trials: number): number | "unknown";
  /** The day that these prices are of, `2026-11-01`. */
  readonly asOf: string;
}

export interface HostPrice {
  readonly onDemand: number | "unknown";
  /** undefined: not offered. */
  readonly spot: number | "unknown" | undefined;
  /** Whether the cloud itself said so, and where and when. @default "confirmed" */
  readonly status?: "confirmed" | "unconfirmed" | "unknown" | undefined;
  readonly source?: string | undefined;
  readonly date?: string | undefined;
}

/** Times that are nobody's to choose, for estimates. */
export interface QuoteAssumptions {
  /** From the first create to the last host that answers, by provider. */
  readonly bootMs: (provider: string) => number;
  /** What the control side adds to each trial. */
  readonly overheadMsPerTrial: number;
  readonly teardownMs: (provider: string) => number;
}

export const usualAssumptions: QuoteAssumptions = {
  bootMs: (provider) => (isCloudProvider(provider) ? 150_000 : 2_000),
  overheadMsPerTrial: 2_000,
  teardownMs: (provider) => (isCloudProvider(provider) ? 180_000 : 1_000),
};

/** What a plan will take; "unknown" wherever a price is, never 0. */
export interface Quote {
  readonly asOf: string;
  readonly trials: { readonly planned: number; readonly skipped: number; readonly remaining: number };
  readonly points: number;
  /** With deployments after one another and lanes side by side. */
  readonly expectedMs: number;
  /** Whether every point says how long it takes; else timeouts stand in, and the estimate is an upper bound. */
  readonly isUpperBound: boolean;
  readonly deployments: readonly DeploymentQuote[];
  readonly sweeps: readonly SweepQuote[];
  readonly controlDollars: number | "unknown";
  readonly onDemandDollars: number | "unknown";
  readonly spotDollars: number | "unknown";
  readonly warnings: readonly string[];
}

export interface DeploymentQuote {
  readonly name: string;
  readonly hosts: number;
  readonly lanes: number;
  readonly trials: number;
  readonly expectedMs: number;
  readonly machines: readonly MachineQuote[];
  readonly dollarsPerHour: number | "unknown";
  readonly onDemandDollars: number | "unknown";
  /** With spot prices for the hosts that ask for spot, on-demand for the others. */
  readonly spotDollars: number | "unknown";
  /** What the account must allow at one time. */
  readonly quota: readonly {
    readonly provider: string;
    readonly region: string;
    readonly spot: boolean;
    readonly vcpus: number;
  }[];
  /** Where it goes, in the order in which places are tried; empty where there is nothing to choose. */
  readonly order: readonly string[];
}

export interface MachineQuote {
  readonly provider: string;
  readonly region: string;
  readonly type: string;
  readonly count: number;
  readonly vcpus: number;
  readonly onDemandDollarsPerHour: number | "unknown";
  readonly spotDollarsPerHour: number | "unknown" | undefined;
  readonly spot: boolean;
  readonly priceStatus: "confirmed" | "unconfirmed" | "unknown";
}

export interface SweepQuote {
  readonly sweep: string;
  readonly points: number;
  readonly trials: number;
  readonly skipped: number;
  readonly expectedMs: number;
  /** Its share of its deployment's hours. */
  readonly onDemandDollars: number | "unknown";
}

type Dollars = number | "unknown";
const addDollars = (a: Dollars, b: Dollars): Dollars => (a === "unknown" || b === "unknown" ? "unknown" : a + b);
const timesDollars = (a: Dollars, factor: number): Dollars => (a === "unknown" ? a : a * factor);
const hourMs = 3_600_000;

/** Trials without a valid result, in plan order. */
export const remainingTrials = (plan: Plan, validResults: ReadonlySet<string>): PlannedTrial[] =>
  plan.blocks.flatMap(({ trials }) => trials.filter(({ trialKey }) => !validResults.has(trialKey)));

/** What a plan will take in time, machines and money, less what has a valid result already. */
export function quotePlan(
  plan: Plan,
  prices: PriceList,
  options: {
    readonly validResults?: ReadonlySet<string> | undefined;
    readonly assumptions?: QuoteAssumptions | undefined;
  } = {},
): Quote {
  const valid = options.validResults ?? new Set<string>();
  const assumptions = options.assumptions ?? usualAssumptions;
  const deployments = plan.deployments.flatMap((deployment) => {
    const quoted = quoteDeployment(plan, deployment, prices, valid, assumptions);
    return quoted.trials === 0 ? [] : [quoted];
  });
  const planned = plan.blocks.reduce((sum, block) => sum + block.trials.length, 0);
  const remaining = remainingTrials(plan, valid).length;
  const controlDollars = prices.controlDollars(remaining);
  const total = (of: (deployment: DeploymentQuote) => Dollars): Dollars =>
    deployments.map(of).reduce(addDollars, controlDollars);
  const onDemandDollars = total((deployment) => deployment.onDemandDollars);
  const quote = {
    asOf: prices.asOf,
    trials: { planned, skipped: planned - remaining, remaining },
    points: plan.points.length,
    expectedMs: deployments.reduce((sum, deployment) => sum + deployment.expectedMs, 0),
    isUpperBound: plan.points.some((point) => point.expectedMs === point.timeoutMs),
    deployments,
    sweeps: quoteSweeps(plan, deployments, valid, assumptions),
    controlDollars,
    onDemandDollars,
    spotDollars: total((deployment) => deployment.spotDollars),
  };
  return { ...quote, warnings: warningsOf(plan, quote) };
}

function quoteDeployment(
  plan: Plan,
  deployment: PlannedDeployment,
  prices: PriceList,
  valid: ReadonlySet<string>,
  assumptions: QuoteAssumptions,
): DeploymentQuote {
  const open = plan.blocks
    .filter((block) => block.deployment === deployment.name)
    .map((block) => block.trials.filter(({ trialKey }) => !valid.has(trialKey)))
    .filter((trials) => trials.length > 0);
  const blockMs = open.map((trials) => trials.reduce((sum, trial) => sum + trialMs(plan, trial, assumptions), 0));
  const providers = [...new Set(deployment.hosts.map((host) => host.provider))];
  const longest = (of: (provider: string) => number): number => Math.max(0, ...providers.map(of));
  // A fifth of the limit is a guess at set-up, but nothing where there is none.
  const setupMs = deployment.setupStages === 0 ? 0 : deployment.setupTimeoutMs / 5;
  const expectedMs =
    longest(assumptions.bootMs) +
    setupMs +
    spreadOverLanes(blockMs, deployment.lanes) +
    longest(assumptions.teardownMs);
  const priced = deployment.hosts.map((host) => ({ host, price: priceOf(host, deployment, prices) }));
  const perHour = priced.reduce<Dollars>((sum, { price }) => addDollars(sum, price.onDemand), 0);
  const spotPerHour = priced.reduce<Dollars>(
    (sum, { host, price }) => addDollars(sum, host.shape.spot ? (price.spot ?? price.onDemand) : price.onDemand),
    0,
  );
  const hours = expectedMs / hourMs;
  return {
    name: deployment.name,
    hosts: deployment.hosts.length,
    lanes: deployment.lanes,
    trials: open.reduce((sum, trials) => sum + trials.length, 0),
    expectedMs,
    machines: machinesOf(deployment, priced),
    dollarsPerHour: spotPerHour,
    onDemandDollars: timesDollars(perHour, hours),
    spotDollars: timesDollars(spotPerHour, hours),
    quota: quotaOf(deployment),
    order: orderOf(deployment),
  };
}

function orderOf(deployment: PlannedDeployment): string[] {
  if (!deployment.hosts.some((host) => isCloudProvider(host.provider))) return [];
  return placementChoices(deployment).map((choice) => describeChoice(choice, buysSpot(deployment, choice)));
}

const trialMs = (plan: Plan, trial: PlannedTrial, assumptions: QuoteAssumptions): number =>
  (plan.points[trial.point]?.expectedMs ?? 0) + assumptions.overheadMsPerTrial;

/** Lanes take the next block as they get free. */
function spreadOverLanes(blockMs: readonly number[], lanes: number): number {
  const busyMs = Array.from({ length: lanes }, () => 0);
  for (const ms of blockMs) {
    let first = 0;
    for (let lane = 1; lane < lanes; lane++) if ((busyMs[lane] ?? 0) < (busyMs[first] ?? 0)) first = lane;
    busyMs[first] = (busyMs[first] ?? 0) + ms;
  }
  return Math.max(0, ...busyMs);
}

const placeOf = (host: PlannedHost, deployment: PlannedDeployment): Place =>
  host.places?.[0] ?? deployment.places[host.provider]?.[0] ?? { region: "unknown" };

const priceOf = (host: PlannedHost, deployment: PlannedDeployment, prices: PriceList): HostPrice =>
  prices.hostDollarsPerHour({ provider: host.provider, place: placeOf(host, deployment), shape: host.shape });

function machinesOf(
  deployment: PlannedDeployment,
  priced: readonly { readonly host: PlannedHost; readonly price: HostPrice }[],
): MachineQuote[] {
  const machines = new Map<string, MachineQuote>();
  for (const { host, price } of priced) {
    const { region } = placeOf(host, deployment);
    const key = `${host.provider} ${region} ${host.shape.type} ${host.shape.spot}`;
    machines.set(key, {
      provider: host.provider,
      region,
      type: host.shape.type,
      count: (machines.get(key)?.count ?? 0) + 1,
      vcpus: host.shape.vcpus,
      onDemandDollarsPerHour: price.onDemand,
      spotDollarsPerHour: price.spot,
      spot: host.shape.spot,
      priceStatus: price.status ?? (price.onDemand === "unknown" ? "unknown" : "confirmed"),
    });
  }
  return [...machines.values()];
}

function quotaOf(deployment: PlannedDeployment): DeploymentQuote["quota"] {
  const needs = new Map<string, { provider: string; region: string; spot: boolean; vcpus: number }>();
  for (const host of deployment.hosts) {
    if (!isCloudProvider(host.provider)) continue;
    const { region } = placeOf(host, deployment);
    const { spot, vcpus } = host.shape;
    const key = `${host.provider} ${region} ${spot}`;
    const known = needs.get(key) ?? { provider: host.provider, region, spot, vcpus: 0 };
    needs.set(key, { ...known, vcpus: known.vcpus + vcpus });
  }
  return [...needs.values()];
}

function quoteSweeps(
  plan: Plan,
  deployments: readonly DeploymentQuote[],
  valid: ReadonlySet<string>,
  assumptions: QuoteAssumptions,
): SweepQuote[] {
  interface Sum {
    deployment: string;
    readonly points: Set<number>;
    trials: number;
    skipped: number;
    expectedMs: number;
  }
  const sums = new Map<string, Sum>();
  for (const block of plan.blocks) {
    for (const trial of block.trials) {
      const sweep = plan.points[trial.point]?.sweep ?? "";
      const sum = sums.get(sweep) ?? {
        deployment: block.deployment,
        points: new Set(),
        trials: 0,
        skipped: 0,
        expectedMs: 0,
      };
      sums.set(sweep, sum);
      sum.points.add(trial.point);
      sum.trials++;
      if (valid.has(trial.trialKey)) sum.skipped++;
      else sum.expectedMs += trialMs(plan, trial, assumptions);
    }
  }
  return [...sums].map(([sweep, sum]) => {
    const deployment = deployments.find(({ name }) => name === sum.deployment);
    const together = [...sums.values()]
      .filter((other) => other.deployment === sum.deployment)
      .reduce((total, other) => total + other.expectedMs, 0);
    const share = together === 0 ? 0 : sum.expectedMs / together;
    return {
      sweep,
      points: sum.points.size,
      trials: sum.trials,
      skipped: sum.skipped,
      expectedMs: sum.expectedMs / (deployment?.lanes ?? 1),
      onDemandDollars: deployment === undefined ? 0 : timesDollars(deployment.onDemandDollars, share),
    };
  });
}

function warningsOf(plan: Plan, quote: Pick<Quote, "deployments" | "spotDollars">): string[] {
  const warnings: string[] = [];
  const { budgetDollars, maxDollarsPerHour } = plan;
  for (const deployment of quote.deployments) {
    if (maxDollarsPerHour !== undefined && deployment.dollarsPerHour === "unknown") {
      warnings.push(`${deployment.name}: whether it stays below $${maxDollarsPerHour} an hour is unknown`);
    } else if (maxDollarsPerHour !== undefined && Number(deployment.dollarsPerHour) > maxDollarsPerHour) {
      warnings.push(
        `${deployment.name} costs $${Number(deployment.dollarsPerHour).toFixed(2)} an hour, more than the allowed $${maxDollarsPerHour}`,
      );
    }
  }
  if (budgetDollars !== undefined && quote.spotDollars === "unknown") {
    warnings.push(`whether it stays within the budget of $${budgetDollars} is unknown: a price is missing`);
  } else if (budgetDollars !== undefined && Number(quote.spotDollars) > budgetDollars) {
    warnings.push(
      `$${Number(quote.spotDollars).toFixed(2)} expected, more than the budget of $${budgetDollars}: not all trials will run`,
    );
  }
  return warnings;
}
