import { z } from "zod";
import type { RemoteTask } from "../../core/ports/transport.ts";

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

/** The first question turns the service on for a machine, and is answered after up to two minutes: hence the long wait. */
export const scheduledEvents: RemoteTask<readonly ScheduledEvent[]> = {
  argv: [
    "curl",
    "--silent",
    "--fail",
    "--noproxy",
    "*",
    "--max-time",
    "130",
    "--header",
    "Metadata: true",
    "http://169.254.169.254/metadata/scheduledevents?api-version=2020-07-01",
  ],
  timeoutMs: 140_000,
  idempotent: true,
  parse: parseScheduledEvents,
};

/** The announcement that a spot machine goes, if there is one. */
export const evictionIn = (events: readonly ScheduledEvent[]): ScheduledEvent | undefined =>
  events.find(({ kind }) => kind === "Preempt");
