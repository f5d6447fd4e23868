import type { Quote } from "../../core/plan/quote.ts";
import { quotePlan } from "../../core/plan/quote.ts";
import type { Plan } from "../../core/plan/types.ts";
import type { SelectionOptions } from "../load.ts";
import { loadExperiment, ownPrices } from "../load.ts";
import type { CommandContext } from "../main.ts";
import type { Output } from "../output.ts";
import { duration, table } from "../output.ts";

export async function plan(
  { output }: CommandContext,
  name: string,
  options: SelectionOptions & { readonly all?: true },
): Promise<number> {
  const loaded = await loadExperiment(name, options);
  const quote = quotePlan(loaded.plan, ownPrices);
  output.result({ plan: loaded.plan, quote });
  printPlan(loaded.plan, quote, output);
  if (options.all === true) printTrials(loaded.plan, output);
  return 0;
}

/** What would be run, on what, for how long and how much. */
export function printPlan(planned: Plan, quote: Quote, output: Output): void {
  const atMost = quote.isUpperBound ? "at most " : "about ";
  output.line(`${planned.experiment}: ${planned.title}`);
  output.line(
    `  ${quote.points} points, ${quote.trials.remaining} trials to run (${quote.trials.skipped} have a valid result), ${atMost}${duration(quote.expectedMs)}`,
  );
  for (const sweep of quote.sweeps) {
    output.line(
      `  sweep ${sweep.sweep}: ${sweep.points} points, ${sweep.trials} trials, ${duration(sweep.expectedMs)}, ${dollars(sweep.onDemandDollars)}`,
    );
  }
  for (const deployment of quote.deployments) {
    output.line(
      `  deployment ${deployment.name}: ${deployment.hosts} hosts, ${deployment.lanes} ${deployment.lanes === 1 ? "lane" : "lanes"}, ${duration(deployment.expectedMs)}, ${dollars(deployment.onDemandDollars)}`,
    );
    const rows = deployment.machines.map((m) => [
      `    ${m.count} x`,
      m.provider,
      m.type,
      `${m.vcpus} vCPU`,
      m.region,
      `${dollars(m.onDemandDollarsPerHour)}/h`,
    ]);
    for (const line of table(rows)) output.line(line);
  }
  output.line(`  killers: teardown, ${killers(planned).join(", ")}`);
}

/** What ends a host when we can't any more. */
const killers = (planned: Plan): string[] => {
  const providers = new Set(planned.deployments.flatMap((d) => d.hosts.map((h) => h.provider)));
  return [...providers].map((provider) => {
    if (provider === "hosts") return "given machines are left as they were";
    return provider === "local" || provider === "sim"
      ? `${provider} hosts end by themselves at their expiry`
      : `no host killer known for ${provider}`;
  });
};

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
