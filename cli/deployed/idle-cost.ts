import type { Reach } from "../../core/names/reach.ts";
import type { DeployedProvider } from "../../core/names/stack.ts";
import { counted } from "../output.ts";

/** One thing that costs while nothing runs. */
export interface IdleCost {
  readonly what: string;
  readonly dollarsPerMonth: number;
}

/** Read from AWS's public pricing pages (us-east-1), not confirmed on a bill. */
export const idlePricesAsOf = "2026-11";
const secretDollars = 0.4;
const alarmDollars = 0.1;
/** As the template makes them; a test counts. */
export const alarmCount = 9;
/** An hour of a NAT gateway, and of its public IPv4 address. */
const natDollars = 0.045;
const addressDollars = 0.005;
const requestDollars = 0.2 / 1_000_000;
const gbSecondDollars = 0.0000133334; // arm64
const hoursPerMonth = 730;

/**
 * What a deployed control plane costs a month without a single run: nothing but a fixed address is paid by the hour. Free tiers are left
 * out, and so is what evidence costs to keep ($0.023 a GB and month).
 */
export function idleCosts(stack: {
  readonly providers: readonly DeployedProvider[];
  readonly reaperMinutes: number;
  /** @default "ssm" */
  readonly reach?: Reach;
}): readonly IdleCost[] {
  const secrets = 1 + stack.providers.filter((name) => name === "azure" || name === "gcp").length;
  const looks = (hoursPerMonth * 60) / stack.reaperMinutes;
  const clouds = stack.providers.filter((name) => name !== "local").length;
  // A look lasts about two seconds, at 1 GB, and asks each cloud's function, at half of it.
  const reaper = looks * (1 + clouds) * requestDollars + looks * 2 * (1 + clouds / 2) * gbSecondDollars;
  return [
    {
      what: `${counted(secrets, "secret")} in Secrets Manager`,
      dollarsPerMonth: secrets * secretDollars,
    },
    { what: `${alarmCount} CloudWatch alarms`, dollarsPerMonth: alarmCount * alarmDollars },
    { what: `the reaper, every ${stack.reaperMinutes} minutes`, dollarsPerMonth: reaper },
    ...(stack.reach === "nat"
      ? [
          {
            what: "a NAT gateway and its address, from which SSH goes to hosts",
            dollarsPerMonth: hoursPerMonth * (natDollars + addressDollars),
          },
        ]
      : []),
  ];
}

export const sumOf = (costs: readonly IdleCost[]): number =>
  costs.reduce((sum, { dollarsPerMonth }) => sum + dollarsPerMonth, 0);
