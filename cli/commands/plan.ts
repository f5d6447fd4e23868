import { imagesOf } from "../../core/plan/images.ts";
import type { KillerConditions } from "../../core/plan/killers.ts";
import { describeKillers, killersOf } from "../../core/plan/killers.ts";
import { describeOverspend, overspendOf } from "../../core/plan/overspend.ts";
import type { DeploymentQuote, MachineQuote, Quote } from "../../core/plan/quote.ts";
import { quotePlan } from "../../core/plan/quote.ts";
import type { Plan } from "../../core/plan/types.ts";
import { unconfiguredClouds } from "../clouds.ts";
import { killerConditions } from "../killers.ts";
import { openStore } from "../home.ts";
import type { SelectionOptions } from "../load.ts";
import { loadExperiment } from "../load.ts";
import type { CommandContext } from "../context.ts";
import type { Output } from "../output.ts";
import { counted, duration, table } from "../output.ts";
import { validResultsIn } from "../valid-results.ts";

export async function plan(
  { output, home }: CommandContext,
  name: string,
  options: SelectionOptions & { readonly all?: true; readonly reuse?: true },
): Promise<number> {
  const loaded = await loadExperiment(name, options, home);
  const validResults = await validResultsIn(openStore(home), loaded.plan);
  const quote = quotePlan(loaded.plan, loaded.prices, options.reuse === true ? { validResults } : {});
  const conditions = await killerConditions(home);
  output.result({
    plan: loaded.plan,
    quote,
    reusableTrials: validResults.size,
    killers: killersOf(loaded.plan, conditions),
    overspend: overspendOf(loaded.plan, conditions),
  });
  printPlan(loaded.plan, quote, output, conditions);
  if (validResults.size > 0 && options.reuse !== true)
    output.line(`  ${validResults.size} of them with a valid result in the store: \`--reuse\` leaves these out`);
  if (options.all === true) printTrials(loaded.plan, output);
  // A plan asks nothing of anybody, and what a run would cost may be asked before there is an account.
  for (const cloud of unconfiguredClouds(loaded.plan))
    output.note(`warning: nothing here says who you are at ${cloud}: \`run\` will ask for it (docs/clouds.md)`);
  return 0;
}

/** What would be run, on what, for how long and how much. */
export function printPlan(planned: Plan, quote: Quote, output: Output, conditions: KillerConditions): void {
  const atMost = quote.isUpperBound ? "at most " : "about ";
  const skipped = quote.trials.skipped === 0 ? "" : ` (${quote.trials.skipped} have a valid result)`;
  output.line(`${planned.experiment}: ${planned.title}`);
  output.line(
    `  ${counted(quote.points, "point")}, ${counted(quote.trials.remaining, "trial")} to run${skipped}, ${atMost}${duration(quote.expectedMs)}`,
  );
  for (const sweep of quote.sweeps) {
    output.line(
      `  sweep ${sweep.sweep}: ${counted(sweep.points, "point")}, ${counted(sweep.trials, "trial")}, ${duration(sweep.expectedMs)}, ${dollars(sweep.onDemandDollars)}`,
    );
  }
  for (const deployment of quote.deployments) {
    output.line(
      `  deployment ${deployment.name}: ${counted(deployment.hosts, "host")}, ${counted(deployment.lanes, "lane")}, ${duration(deployment.expectedMs)}, ${dollars(deployment.onDemandDollars)}`,
    );
    for (const line of table(deployment.machines.map(machineRow))) output.line(line);
    for (const line of moneyLines(deployment)) output.line(line);
  }
  const spends = quote.deployments.some((deployment) => deployment.onDemandDollars !== 0);
  if (spends) {
    output.line(
      `  in all: ${dollars(quote.onDemandDollars)} on demand${usesSpot(quote) ? `, ${dollars(quote.spotDollars)} with spot` : ""}; prices of ${quote.asOf === "unknown" ? "no known day (`reprise prices` reads today's)" : quote.asOf}`,
    );
  }
  for (const { provider, image } of imagesOf(planned)) output.line(`  image: ${provider} ${image}`);
  const overspend = overspendOf(planned, conditions);
  if (overspend !== undefined)
    output.line(`  budget: $${planned.budgetDollars ?? 0}; beyond it: ${describeOverspend(overspend)}`);
  for (const one of killersOf(planned, conditions)) output.line(`  killers: ${describeKillers(one)}`);
  for (const warning of quote.warnings) output.line(`  warning: ${warning}`);
}

const usesSpot = (quote: Quote): boolean => quote.deployments.some((d) => d.machines.some((machine) => machine.spot));

const machineRow = (m: MachineQuote): string[] => [
  `    ${m.count} x`,
  m.provider,
  m.type,
  `${m.vcpus} vCPU`,
  m.region,
  `${dollars(m.onDemandDollarsPerHour)}/h${m.priceStatus === "unconfirmed" ? " (unconfirmed)" : ""}`,
  m.spot ? `spot ${m.spotDollarsPerHour === undefined ? "not offered" : `${dollars(m.spotDollarsPerHour)}/h`}` : "",
];

/** What the account must allow, and where it goes if it is refused. */
function moneyLines(deployment: DeploymentQuote): string[] {
  const quota = deployment.quota.map(
    (q) => `    quota: ${q.vcpus} ${q.spot ? "spot " : ""}vCPUs at ${q.provider} in ${q.region}`,
  );
  return [...quota, ...deployment.order.map((where, n) => `    ${n === 0 ? "goes to" : "else"} ${where}`)];
}

export const dollars = (amount: number | "unknown"): string =>
  amount === "unknown"
    ? "price unknown"
    : amount === 0
      ? "$0"
      : `$${amount < 1 ? amount.toFixed(4) : amount.toFixed(2)}`;

function printTrials(planned: Plan, output: Output): void {
  for (const [index, block] of planned.blocks.entries()) {
    for (const trial of block.trials) {
      output.line(
        `  ${index}  ${planned.points[trial.point]?.pointKey ?? "?"}  trial ${trial.trialIndex}  ${trial.trialKey.slice(0, 16)}`,
      );
    }
  }
}
