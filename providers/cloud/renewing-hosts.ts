import { FailureError } from "../../core/errors/failure.ts";
import { forEachBounded } from "../../core/flow/fan-out.ts";
import type { DeploymentId, Place, Provider } from "../../core/ports/provider.ts";
import type { Transport } from "../../core/ports/transport.ts";
import { renewExpiry } from "./expiry-keeper.ts";

/**
 * A provider whose cloud can't tell its hosts that they live longer: `extend` tells each host too.
 *
 * Hosts end themselves by their own timers, so a lease that doesn't reach one of them isn't renewed, and `extend` says so.
 */
export function renewingHosts<P extends Provider>(provider: P, hosts: Pick<Transport, "run">): P {
  const extend = async (deployment: DeploymentId, place: Place, expiresAt: number): Promise<void> => {
    await provider.extend(deployment, place, expiresAt);
    const states = await provider.observe(deployment, place);
    const addresses = states.flatMap((s) => (s.state === "ready" && s.address !== undefined ? [s.address] : []));
    await forEachBounded(addresses, 16, async (host) => {
      const { outcome, exitCode, stderr } = await hosts.run(host, renewExpiry(expiresAt));
      if (outcome === "exited" && exitCode === 0) return;
      throw new FailureError({
        class: "transport",
        message:
          `${host.host} of ${deployment} didn't hear of its longer life: ${outcome} ${stderr.slice(-300)}`.trim(),
        hint: "it ends itself when its old one is over",
        host: host.host,
      });
    });
  };
  return new Proxy(provider, {
    get: (target, property) => {
      if (property === "extend") return extend;
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member; // a method keeps its object
    },
  });
}
