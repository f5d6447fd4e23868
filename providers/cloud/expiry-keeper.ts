/**
 * The killer on the host itself: a loop that shuts the machine down at an absolute time, whoever else is dead by then.
 *
 * What a shutdown means is the cloud's matter: EC2 terminates (shutdown behaviour), Google stops, and its termination
 * time deletes; Azure stops, and goes on to bill. The time stands in a file, so that a lease is renewed by rewriting it.
 */
import type { RemoteTask } from "../../core/ports/transport.ts";
import { hostPaths } from "./host-paths.ts";

/** How long after its time a host may still be there, seconds; the file is looked at so often. */
export const expiryTickSec = 30;

/** For `bootcmd`: at every boot, before the network. A file that is there already was renewed, and stays. */
export function keepExpiry(expiresAt: number): string {
  const seconds = Math.ceil(expiresAt / 1000);
  return [
    "mkdir -p /var/lib/reprise",
    `[ -s ${hostPaths.expiresAt} ] || echo ${seconds} > ${hostPaths.expiresAt}`,
    `cat > ${hostPaths.expiryKeeper} <<'END'`,
    "#!/bin/sh",
    "while :; do",
    `  at=$(cat ${hostPaths.expiresAt} 2>/dev/null)`,
    // Emptied or torn: the time of birth holds.
    `  case $at in '' | *[!0-9]*) at=${seconds} ;; esac`,
    "  left=$((at - $(date +%s)))",
    `  [ "$left" -gt 0 ] || break`,
    `  sleep $((left < ${expiryTickSec} ? left : ${expiryTickSec}))`,
    "done",
    "shutdown -h now",
    // A service that refuses to end must not keep the bill running.
    "sleep 120",
    "poweroff -f",
    "END",
    "if [ -d /run/systemd/system ]; then",
    // Not waited for, and without the usual dependencies: this early, waiting for either would wait for ourselves.
    `  systemd-run --no-block --unit=reprise-expiry -p DefaultDependencies=no -p Restart=always /bin/sh ${hostPaths.expiryKeeper}`,
    "else",
    `  setsid /bin/sh ${hostPaths.expiryKeeper} < /dev/null > /dev/null 2>&1 &`,
    "fi",
  ].join("\n");
}

/** Renews (or shortens) a host's life; the keeper hears of it within `expiryTickSec`. */
export const renewExpiry = (expiresAt: number): RemoteTask<undefined> => ({
  argv: [
    "sh",
    "-c",
    `as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
printf '%s\\n' "$1" | as_root tee ${hostPaths.expiresAt}.new > /dev/null && as_root mv ${hostPaths.expiresAt}.new ${hostPaths.expiresAt}`,
    "renew",
    String(Math.ceil(expiresAt / 1000)),
  ],
  timeoutMs: 30_000,
  idempotent: true,
  parse: () => undefined,
});
