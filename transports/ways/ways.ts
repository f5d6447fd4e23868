import { FailureError } from "../../core/errors/failure.ts";
import type { HostAddress, Transport } from "../../core/ports/transport.ts";

/** The way to each host: Systems Manager where its address says so, else SSH. */
export interface Ways extends Omit<Transport, "follow"> {
  /** One host's own way, with all that this way can do. */
  readonly to: (host: HostAddress) => Transport;
}

/**
 * @param ssm left out where this process has no way to AWS: then a host that needs it is an error of class invalid
 */
export function openWays(ssh: Transport, ssm: Transport | undefined): Ways {
  const to = (host: HostAddress): Transport => {
    if (host.ssm === undefined) return ssh;
    if (ssm !== undefined) return ssm;
    throw new FailureError({
      class: "invalid",
      message: `${host.host} is reached by Systems Manager, and this process doesn't know who it is on AWS`,
      hint: "`aws configure sso`, or set AWS_PROFILE",
      host: host.host,
    });
  };
  return {
    to,
    run: async (host, task, stdin, signal) => to(host).run(host, task, stdin, signal),
    stream: (host, task, signal) => to(host).stream(host, task, signal),
    close: async () => {
      await Promise.all([ssh.close(), ssm?.close()]);
    },
  };
}
