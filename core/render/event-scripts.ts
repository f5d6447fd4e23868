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
 * Shapes what this host sends to some others, and nothing else: a fourth band below the usual three, with a filter for
 * each address.
 *
 * Delay and loss need the kernel's netem, which not every machine has: the event then fails and says so. A rate alone
 * needs only tbf. One shaping holds for a device at a time; a later one takes its place.
 *
 * @see tc-prio(8), tc-tbf(8), tc-netem(8), tc-u32(8)
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
  // A bucket of 10 ms at the rate, at least one full segment of the local device.
  const burst = Math.max(65_536, Math.ceil((shape.rateBitsPerSec ?? 0) / 8 / 100));
  const tbf =
    shape.rateBitsPerSec === undefined ? "" : `tbf rate ${shape.rateBitsPerSec}bit burst ${burst} latency 400ms`;
  const attach = [
    netem === "" ? "" : `    tc qdisc add dev "$device" parent 7e57:4 handle 7e58: netem${netem}\n`,
    tbf === ""
      ? ""
      : `    tc qdisc add dev "$device" parent ${netem === "" ? "7e57:4" : "7e58:1"} handle 7e59: ${tbf}\n`,
  ].join("");
  return {
    script: `set -e
seen=" "
for peer in ${addresses}; do
  ${findDevice}
  case "$seen" in *" $device "*) ;; *)
    seen="$seen$device "
    tc qdisc del dev "$device" root 2>/dev/null || :
    tc qdisc add dev "$device" root handle 7e57: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
${attach}  esac
  case "$peer" in
    *:*) tc filter add dev "$device" parent 7e57: protocol ipv6 prio 2 u32 match ip6 dst "$peer" flowid 7e57:4 ;;
    *) tc filter add dev "$device" parent 7e57: protocol ip prio 1 u32 match ip dst "$peer" flowid 7e57:4 ;;
  esac
done`,
    undo: `for peer in ${addresses}; do
  ${findDevice}
  tc qdisc show dev "$device" | grep -q 'prio 7e57:' && tc qdisc del dev "$device" root || :
done`,
  };
}
