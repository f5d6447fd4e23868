import { isCloudProvider } from "./place.ts";
import type { Plan, PlannedHost } from "./types.ts";

/** What takes a provider's machines down, when all goes well and when nobody is left to do it. */
export interface Killers {
  readonly provider: string;
  readonly active: readonly string[];
  /**
   * Who ends its machines at their expiry when nobody is left who knows of them: a timer of each host, the reaper at its
   * next look, or nobody, and then a person has to say yes to that.
   */
  readonly endedBy: "timer" | "reaper" | "nobody";
}

export interface KillerConditions {
  /** The reaper of a deployed control plane: how often it looks, and at which providers; undefined: none runs. */
  readonly reaper: { readonly periodMs: number; readonly providers: readonly string[] } | undefined;
  /** Clouds whose machines were given an identity that may delete them, and have no other way to end. @default none */
  readonly selfDeleting?: readonly string[] | undefined;
}

/** The killers of each provider that a plan may use. */
export function killersOf(plan: Plan, conditions: KillerConditions): Killers[] {
  const hosts = plan.deployments.flatMap((d) => [d.hosts, ...(d.alternatives ?? []).map((a) => a.hosts)].flat());
  const providers = [...new Set(hosts.map((host) => host.provider))];
  return providers.map((provider) => {
    if (!isCloudProvider(provider)) {
      const own =
        provider === "hosts" ? "given machines are left as they were" : "hosts end by themselves at their expiry";
      return { provider, active: ["teardown", own], endedBy: "timer" };
    }
    const isReaped = conditions.reaper?.providers.includes(provider) === true;
    const everyMin = Math.round((conditions.reaper?.periodMs ?? 0) / 60_000);
    const timer = hostTimer(provider, hosts, conditions);
    return {
      provider,
      active: [
        "teardown",
        ...(timer === undefined ? [] : [timer]),
        ...(isReaped ? [`the reaper, every ${everyMin} min`] : []),
      ],
      endedBy: timer !== undefined ? "timer" : isReaped ? "reaper" : "nobody",
    };
  });
}

/**
 * What ends one machine at its expiry with nobody's help.
 *
 * Azure has nothing of the kind by itself: a machine that shuts itself down is still paid for. One that has an identity
 * which may delete it does that.
 */
function hostTimer(
  provider: string,
  hosts: readonly PlannedHost[],
  { selfDeleting = [] }: KillerConditions,
): string | undefined {
  switch (provider) {
    case "aws":
      return "each host's own timer (a shutdown terminates it)";
    case "gcp": {
      const own = hosts.filter((host) => host.provider === provider);
      const hours = Math.max(...own.map(({ shape }) => Number(shape.options["maxLifetimeHours"] ?? gcpLifetimeHours)));
      return `each host's own timer (it stops, and costs its disks alone), and Google deletes it ${hours} h after it was asked for`;
    }
    default:
      return selfDeleting.includes(provider) ? "each host's own timer (it deletes itself)" : undefined;
  }
}

/** Google's provider takes this where the definition doesn't say `maxLifetimeHours`. */
const gcpLifetimeHours = 168;

/** `aws: teardown, …`: one line a provider. */
export const describeKillers = ({ provider, active, endedBy }: Killers): string =>
  `${provider}: ${active.join(", ")}${endedBy === "nobody" ? "; NO HOST KILLER: if this machine dies, they run until `reprise reap`" : ""}`;

/** When the machines of a deployment are gone at the latest though nobody looks after them; undefined: never. */
export function latestEnd(
  killers: readonly Killers[],
  expiresAt: number,
  conditions: KillerConditions,
): number | undefined {
  if (killers.some(({ endedBy }) => endedBy === "nobody")) return undefined;
  const isReaped = killers.some(({ endedBy }) => endedBy === "reaper");
  return expiresAt + (isReaped ? (conditions.reaper?.periodMs ?? 0) : 0);
}
