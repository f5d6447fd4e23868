import { parse, stringify } from "yaml";
import { z } from "zod";
import { shellWord } from "../../core/supervision/shell-word.ts";
import { hostPaths } from "../cloud/host-paths.ts";

/**
 * The killer that needs nobody, where machines were given an identity that may delete them.
 *
 * Shut down from inside, a VM stays, and is billed: it has to delete itself through Azure Resource Manager, a minute
 * before the common timer would shut it down. It deletes itself and not its group: a host that missed the renewal of a
 * lease must not end the others. Its disks, interface and address go with it, as their deleteOption says.
 */
export interface SelfDeletion {
  /** Resource id of the VM. */
  readonly vmId: string;
  /** Resource id of the user-assigned managed identity. */
  readonly identity: string;
  /** ms since the epoch; where the host's own file isn't readable. */
  readonly expiresAt: number;
  /** Of Azure Resource Manager. */
  readonly endpoint: string;
}

const scriptPath = "/var/lib/reprise/self-deletion";
const aheadSec = 60;

const CloudConfig = z.looseObject({ bootcmd: z.array(z.unknown()).default([]) });

/** @param userData a `#cloud-config`, as `renderUserData` gives it */
export function withSelfDeletion(userData: string, deletion: SelfDeletion): string {
  const config = CloudConfig.parse(parse(userData));
  const command = [
    `cat > ${scriptPath} <<'END'`,
    selfDeletionScript(deletion),
    "END",
    "if [ -d /run/systemd/system ]; then",
    // As for the timer: this early nothing may be waited for.
    `  systemd-run --no-block --unit=reprise-self-deletion -p DefaultDependencies=no -p Restart=on-failure /bin/sh ${scriptPath} ${hostPaths.expiresAt}`,
    "else",
    `  setsid /bin/sh ${scriptPath} ${hostPaths.expiresAt} < /dev/null > /dev/null 2>&1 &`,
    "fi",
  ].join("\n");
  return `#cloud-config\n${stringify({ ...config, bootcmd: [...config.bootcmd, command] }, { lineWidth: 0 })}`;
}

/**
 * `$1` is the file that says when, in Unix seconds; rewritten, it says another time.
 *
 * @see https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
export function selfDeletionScript({ vmId, identity, expiresAt, endpoint }: SelfDeletion): string {
  const resource = encodeURIComponent(`${endpoint}/`);
  const tokenUrl = `http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}&msi_res_id=${encodeURIComponent(identity)}`;
  const deleteUrl = `${endpoint}${vmId}?api-version=2026-03-01&forceDeletion=true`;
  return [
    "#!/bin/sh",
    "while :; do",
    '  at=$(cat "$1" 2>/dev/null)',
    `  case $at in '' | *[!0-9]*) at=${Math.ceil(expiresAt / 1000)} ;; esac`,
    `  left=$((at - ${aheadSec} - $(date +%s)))`,
    '  [ "$left" -gt 0 ] || break',
    "  sleep $((left < 30 ? left : 30))",
    "done",
    "until",
    `  token=$(curl -sf --noproxy '*' -m 20 -H Metadata:true ${shellWord(tokenUrl)} | sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p')`,
    // By stdin: arguments of processes are readable by everybody on the host.
    `  [ -n "$token" ] && printf 'header = "Authorization: Bearer %s"\\n' "$token" | curl -sf -m 20 -K - -X DELETE ${shellWord(deleteUrl)}`,
    "do",
    "  sleep 10",
    "done",
  ].join("\n");
}
