import { z } from "zod";
import { isoTime } from "../../core/effects/clock.ts";
import { forEachBounded } from "../../core/flow/fan-out.ts";
import type { ResourceState } from "../../core/ports/provider.ts";
import type { HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";

/**
 * What Azure announces to a machine before it happens: `Preempt` thirty seconds ahead of an eviction, by best effort.
 *
 * The control plane tells nothing until the machine is deallocated, so whoever has a connection to the host may ask.
 * @see https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events
 */
export interface ScheduledEvent {
  readonly kind: "Preempt" | "Terminate" | "Reboot" | "Redeploy" | "Freeze";
  /** ms since the epoch; undefined once it has begun. */
  readonly notBefore: number | undefined;
}

const Answer = z.object({
  Events: z.array(
    z.object({
      EventType: z.enum(["Preempt", "Terminate", "Reboot", "Redeploy", "Freeze"]),
      NotBefore: z.string().optional(),
    }),
  ),
});

/** A machine hears of events of its whole scale set; outside of one, of its own alone. */
export function parseScheduledEvents(json: string): readonly ScheduledEvent[] {
  const { Events } = Answer.parse(JSON.parse(json));
  return Events.map(({ EventType, NotBefore }) => {
    const at = NotBefore === undefined || NotBefore === "" ? Number.NaN : Date.parse(NotBefore);
    return { kind: EventType, notBefore: Number.isNaN(at) ? undefined : at };
  });
}

const url = "http://169.254.169.254/metadata/scheduledevents?api-version=2020-07-01";

/**
 * Asks a host what is announced for it.
 *
 * The first question turns the service on, and may be answered after up to two minutes: it isn't waited for.
 */
export const scheduledEvents: RemoteTask<readonly ScheduledEvent[]> = {
  argv: [
    "sh",
    "-c",
    // Debian's images have no curl; proxies of the experiment's must not be asked.
    `curl -sf --noproxy '*' -m 4 -H Metadata:true "$1" || wget -qO- --no-proxy -T 4 --header Metadata:true "$1"`,
    "events",
    url,
  ],
  timeoutMs: 10_000,
  idempotent: true,
  parse: parseScheduledEvents,
};

/** The announcement that a spot machine goes, if there is one. */
export const evictionIn = (events: readonly ScheduledEvent[]): ScheduledEvent | undefined =>
  events.find(({ kind }) => kind === "Preempt");

/**
 * Spot machines that still run, and know that they won't for long, are failed as preempted.
 *
 * @param states those of other resources are left as they are
 * @param hosts the way to hosts; one that doesn't answer has announced nothing
 */
export async function noticeEvictions(
  states: readonly ResourceState[],
  hosts: Pick<Transport, "run">,
): Promise<readonly ResourceState[]> {
  const noticed = new Map<ResourceState, ScheduledEvent>();
  const asked = states.filter((state) => state.state === "ready" && state.facts?.["lifecycle"] === "spot");
  await forEachBounded(asked, 16, async (state) => {
    const event = state.state === "ready" && state.address !== undefined ? await ask(state.address, hosts) : undefined;
    if (event !== undefined) noticed.set(state, event);
  });
  return states.map((state) => {
    const event = noticed.get(state);
    return event === undefined || state.state !== "ready" ? state : evicted(state, event);
  });
}

async function ask(host: HostAddress, hosts: Pick<Transport, "run">): Promise<ScheduledEvent | undefined> {
  try {
    const { outcome, exitCode, stdout } = await hosts.run(host, scheduledEvents);
    return outcome === "exited" && exitCode === 0 ? evictionIn(scheduledEvents.parse(stdout)) : undefined;
  } catch {
    // Booting, cut off or gone already: Azure's own state tells that, this is only about what comes.
    return undefined;
  }
}

function evicted({ name, resourceKind, id, ...rest }: ReadyState, { notBefore }: ScheduledEvent): ResourceState {
  const host = rest.address?.host ?? name;
  const when = notBefore === undefined ? "now" : `at ${isoTime(notBefore)}`;
  const failure = {
    class: "preempted",
    message: `Azure evicts the spot machine ${host} ${when} (scheduled event Preempt)`,
    hint: "spot machines go when Azure needs the room or the price passes `maxPrice`; on-demand ones stay",
    host,
  } as const;
  return { name, resourceKind, id, state: "failed", failure };
}

type ReadyState = ResourceState & { readonly state: "ready" };
