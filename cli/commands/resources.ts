import { LambdaClient } from "@aws-sdk/client-lambda";
import { exitCodes } from "../../core/errors/failure.ts";
import type { FoundResource } from "../../core/flow/reap.ts";
import { takeInventory } from "../../core/flow/reap.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import type { Prices } from "../../providers/catalogue/index.ts";
import { isCloud } from "../../providers/catalogue/index.ts";
import type { CommandContext } from "../context.ts";
import { lookFromStack } from "../deployed/look.ts";
import { readStack } from "../deployed/stack.ts";
import { openOwnProviders } from "../own-providers.ts";
import { duration, table } from "../output.ts";
import { readPrices } from "../prices.ts";
import { dollars } from "./plan.ts";

/**
 * What exists now on every configured cloud and on this machine, whoever made it; with the deployed engine on the stack's
 * clouds, as its own functions see them.
 */
export async function resources(context: CommandContext): Promise<number> {
  const { output, home } = context;
  const { seen, refused, found, problems } = await look(context);
  const prices = readPrices(home);
  const now = systemClock.now();
  const rows = found.map((one) => ({ ...one, costSoFar: costSoFar(one, prices, now) }));
  output.result({ at: new Date(now).toISOString(), resources: rows, problems, refused });
  if (rows.length > 0) {
    const head = ["where", "", "kind", "name", "run", "owner", "age", "expires", "cost so far"];
    const lines = rows.map(({ provider, resource, costSoFar: cost }) => [
      provider,
      resource.place.zone ?? resource.place.region,
      resource.machineType === undefined
        ? resource.resourceKind
        : `${resource.machineType}${resource.spot === true ? " spot" : ""}`,
      resource.name ?? resource.id,
      resource.runId ?? "?",
      resource.owner ?? "?",
      resource.createdAt === undefined ? "?" : duration(now - resource.createdAt),
      expiry(resource.expiresAt, now),
      cost === undefined ? "" : dollars(cost),
    ]);
    for (const line of table([head, ...lines])) output.line(line);
  } else {
    output.line(`nothing of reprise's is on ${seen.length === 0 ? "any configured provider" : seen.join(", ")}`);
  }
  for (const { cloud, failure } of refused) output.note(`${cloud} can't be looked at: ${failure.message}`);
  for (const problem of problems) output.note(`not looked at: ${problem}`);
  return refused.length + problems.length > 0 ? exitCodes.auth : 0;
}

async function look({ home, engine, stack }: CommandContext): Promise<{
  readonly seen: readonly string[];
  readonly refused: Awaited<ReturnType<typeof openOwnProviders>>["refused"];
  readonly found: readonly FoundResource[];
  readonly problems: readonly string[];
}> {
  if (engine === "aws") {
    const outputs = await readStack(stack);
    const { resources: found, problems } = await lookFromStack(outputs, new LambdaClient({ region: stack.region }));
    return { seen: outputs.providers, refused: [], found, problems };
  }
  const { providers, refused } = await openOwnProviders(home);
  const { resources: found, problems } = await takeInventory(providers, { kind: "all" });
  return { seen: providers.map(({ name }) => name), refused, found, problems };
}

const expiry = (expiresAt: number | undefined, now: number): string =>
  expiresAt === undefined
    ? "never: no tag says when"
    : expiresAt <= now
      ? `${duration(now - expiresAt)} ago`
      : `in ${duration(expiresAt - now)}`;

/** By the machine's age and the dated price, without disks and traffic; undefined for what has no price by the hour. */
export function costSoFar(
  { provider, resource }: FoundResource,
  prices: Prices,
  now: number,
): number | "unknown" | undefined {
  if (!isCloud(provider)) return resource.machineType === undefined ? undefined : 0;
  if (resource.machineType === undefined) return undefined;
  const price = prices.find(provider, resource.place.region, resource.machineType);
  const rate = resource.spot === true ? price.spot : price.onDemand;
  if (rate === "unknown" || resource.createdAt === undefined) return "unknown";
  return (rate * Math.max(0, now - resource.createdAt)) / 3_600_000;
}
