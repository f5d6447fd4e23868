import type { Failure } from "../errors/failure.ts";
import { messageOf } from "../errors/reprise-error.ts";
import type { MachineShape, Place, Provider, QuotaUse } from "../ports/provider.ts";

/** The machines that one provider is asked for in one place. */
export interface QuotaDemand {
  readonly provider: Provider;
  readonly place: Place;
  readonly shapes: readonly MachineShape[];
}

/** What asking for quotas told: the first that is too small, and what couldn't be asked. */
export interface QuotaVerdict {
  readonly failure: Failure | undefined;
  readonly unknown: readonly string[];
}

/**
 * Compares what is needed with what is left, before anything is created: half a deployment that is refused for quota
 * costs minutes and money.
 *
 * A cloud that doesn't tell is no reason to stay: it refuses by itself if it must.
 */
export async function checkQuota(demands: readonly QuotaDemand[]): Promise<QuotaVerdict> {
  const unknown: string[] = [];
  for (const { provider, place, shapes } of demands) {
    if (provider.quota === undefined) continue;
    let quotas: readonly QuotaUse[];
    try {
      quotas = await provider.quota(place, shapes);
    } catch (error) {
      unknown.push(`${provider.name} ${place.region}: ${messageOf(error).slice(0, 300)}`);
      continue;
    }
    const small = quotas.find(({ used, limit, needed }) => needed !== undefined && needed > 0 && used + needed > limit);
    if (small !== undefined) return { failure: tooSmall(provider.name, place, small), unknown };
  }
  return { failure: undefined, unknown };
}

const tooSmall = (provider: string, place: Place, { metric, used, limit, needed }: QuotaUse): Failure => ({
  class: "quota",
  message: `${provider} ${place.region}: ${metric}: ${needed ?? "?"} needed, ${Math.max(0, limit - used)} left of ${limit}`,
  hint: "ask the cloud for a larger quota, list another region, or ask for less",
});
