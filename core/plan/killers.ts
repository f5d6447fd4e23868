import { isCloudProvider } from "./place.ts";
import type { Plan } from "./types.ts";

/** What takes a provider's machines down, when all goes well and when nobody is left to do it. */
export interface Killers {
  readonly provider: string;
  readonly active: readonly string[];
  /** Nothing would end its machines if the control side died for good: a person has to say yes to that. */
  readonly needsConsent: boolean;
}

export interface KillerConditions {
  /** How often the reaper of a deployed control plane looks; undefined: none runs. */
  readonly reaperPeriodMs: number | undefined;
}

/** The killers of each provider that a plan may use. */
export function killersOf(plan: Plan, conditions: KillerConditions): Killers[] {
  const hosts = plan.deployments.flatMap((d) => [d.hosts, ...(d.alternatives ?? []).map((a) => a.hosts)].flat());
  const providers = [...new Set(hosts.map((host) => host.provider))];
  return providers.map((provider) => {
    if (!isCloudProvider(provider)) {
      const own =
        provider === "hosts" ? "given machines are left as they were" : "hosts end by themselves at their expiry";
      return { provider, active: ["teardown", own], needsConsent: false };
    }
    const reaper =
      conditions.reaperPeriodMs === undefined
        ? []
        : [`the reaper, every ${Math.round(conditions.reaperPeriodMs / 60_000)} min`];
    const timers = hosts.filter((h) => h.provider === provider).map((h) => hostTimer(provider, h.shape.options));
    const timer = timers.includes(undefined) ? undefined : timers[0];
    return {
      provider,
      active: ["teardown", ...(timer === undefined ? [] : [timer]), ...reaper],
      needsConsent: timer === undefined && reaper.length === 0,
    };
  });
}

/**
 * What ends one machine at its expiry with nobody's help.
 *
 * Azure has nothing of the kind: a machine that shuts itself down is still paid for. One that was given an identity
 * which may delete its own resource group ends itself with it.
 */
function hostTimer(provider: string, options: Readonly<Record<string, unknown>>): string | undefined {
  switch (provider) {
    case "aws":
      return "each host's own timer (a shutdown terminates it)";
    case "gcp":
      return "Google itself, at the time that each host was given";
    case "azure":
      return options["identity"] === undefined ? undefined : "each host's own timer (it deletes its group)";
    default:
      return undefined;
  }
}

/** `aws: teardown, …`: one line a provider. */
export const describeKillers = ({ provider, active, needsConsent }: Killers): string =>
  `${provider}: ${active.join(", ")}${needsConsent ? "; NO HOST KILLER: if this machine dies, they run until `reprise reap`" : ""}`;
