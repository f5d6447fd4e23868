import { quoteWord } from "../definition/shell-template.ts";

/** A script that an event runs, and the one that undoes it when the phase ends. */
export interface EventScript {
  readonly script: string;
  readonly undo: string | undefined;
}

/** Acts on a process through the supervisor's `reprise-unit`, so that its end counts as asked for. */
export function unitScript(kind: "kill" | "pause" | "resume" | "restart", unit: string): EventScript {
  return {
    script: `reprise-unit ${kind} ${quoteWord(unit)}`,
    undo: kind === "pause" ? `reprise-unit resume ${quoteWord(unit)}` : undefined,
  };
}

/**
 * Shapes what this host sends to some others, and nothing else: a class of its own with a filter for each address;
 * what no filter catches passes unshaped.
 *
 * HTB rather than prio, for kernels that are built small have no prio. Delay and loss need the kernel's netem, which
 * not every machine has: the event then fails and says so. One shaping holds for a device at a time; a later one takes
 * its place.
 *
 * @see tc-htb(8) on `default 0`, tc-netem(8), tc-u32(8)
 */
export function shapeScript(shape: {
  readonly addresses: readonly string[];
  readonly rateBitsPerSec: number | undefined;
  readonly delayMs: number | undefined;
  readonly loss: number | undefined;
}): EventScript {
  const addresses = shape.addresses.map(quoteWord).join(" ");
  const findDevice = `device=$(ip -o route get "$peer" | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')`;
  const netem = [
    shape.delayMs === undefined ? "" : ` delay ${shape.delayMs}ms`,
    shape.loss === undefined ? "" : ` loss ${Number((shape.loss * 100).toFixed(4))}%`,
  ].join("");
  const rate = shape.rateBitsPerSec ?? unlimitedBitsPerSec;
  // A bucket of 10 ms at the rate, at least one full segment of the local device.
  const burst = Math.min(16_000_000, Math.max(65_536, Math.ceil(rate / 8 / 100)));
  const leaf = netem === "" ? "" : `    tc qdisc add dev "$device" parent 7e57:4 handle 7e58: netem${netem}\n`;
  return {
    script: `set -e
seen=" "
for peer in ${addresses}; do
  ${findDevice}
  [ "$device" != lo ] || { echo "$peer is this machine itself: its loopback can't be shaped for one host alone" >&2; exit 1; }
  case "$seen" in *" $device "*) ;; *)
    seen="$seen$device "
    tc qdisc del dev "$device" root 2>/dev/null || :
    tc qdisc add dev "$device" root handle 7e57: htb default 0
    tc class add dev "$device" parent 7e57: classid 7e57:4 htb rate ${rate}bit burst ${burst} cburst ${burst} quantum 60000
${leaf}  esac
  case "$peer" in
    *:*) tc filter add dev "$device" parent 7e57: protocol ipv6 prio 2 u32 match ip6 dst "$peer" flowid 7e57:4 ;;
    *) tc filter add dev "$device" parent 7e57: protocol ip prio 1 u32 match ip dst "$peer" flowid 7e57:4 ;;
  esac
done`,
    undo: `for peer in ${addresses}; do
  ${findDevice}
  if tc qdisc show dev "$device" | grep -q 'htb 7e57:'; then tc qdisc del dev "$device" root; fi
done`,
  };
}

/** A rate that no link has: for delay and loss alone. */
const unlimitedBitsPerSec = 100e9;
