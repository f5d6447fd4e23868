import type { EventProgram, TargetProgram } from "../definition/program.ts";
import type { TopologyHost } from "../plan/types.ts";
import type { EventTrigger, Unit } from "../ports/host-agent.ts";
import type { EventScript } from "./event-scripts.ts";
import { shapeScript, unitScript } from "./event-scripts.ts";
import { hostsOn } from "./known-hosts.ts";
import type { Process } from "./processes.ts";
import { addressOf } from "./scope.ts";
import { withPrelude } from "./script.ts";
import type { TrialLayout } from "./trial-layout.ts";

/** Longest time that an event's own script may take. */
const eventTimeoutMs = 60_000;

/** The events of a stage of jobs that act on a host. */
export function eventUnits(layout: TrialLayout, stage: number, host: TopologyHost): Unit[] {
  return layout.definition.program.events.flatMap((event) => {
    if (event.stage !== stage || !event.when(layout.pointScope)) return [];
    return eventScripts(layout, event, host).map(({ suffix, script, undo }) =>
      layout.command(host, {
        name: `event-${event.name}${suffix}`,
        kind: "event",
        script,
        timeoutMs: eventTimeoutMs,
        trigger: triggerOf(layout, event, host),
        ...(undo === undefined ? {} : { undo }),
      }),
    );
  });
}

function eventScripts(
  layout: TrialLayout,
  event: EventProgram,
  host: TopologyHost,
): readonly (EventScript & { readonly suffix: string })[] {
  const { action } = event;
  const scope = layout.scope(host, undefined);
  switch (action.kind) {
    case "kill":
    case "pause":
    case "resume":
    case "restart": {
      const own = targetsOf(layout, action.target, event).filter((process) => process.host === host);
      return own.map((process) => ({
        ...unitScript(action.kind, process.unit),
        suffix: own.length === 1 ? "" : process.unit.slice(process.program.name.length),
      }));
    }
    case "shape": {
      if (!hostsOn([host], action.from).includes(host)) return [];
      const peers = hostsOn(layout.hosts, action.to).filter((peer) => peer !== host);
      if (peers.length === 0) return [];
      const shape = shapeScript({
        addresses: [...new Set(peers.map((peer) => addressOf(peer, host)))],
        rateBitsPerSec: action.rateBitsPerSec?.(scope),
        delayMs: action.delayMs?.(scope),
        loss: action.loss?.(scope),
      });
      return [{ ...shape, suffix: "" }];
    }
    case "run": {
      if (!hostsOn([host], action.on).includes(host)) return [];
      const self = layout.hostScope(host, `event-${event.name}`, action.on);
      const undo = action.undo?.(self);
      return [
        {
          script: withPrelude(action.script(self)),
          undo: undo === undefined ? undefined : withPrelude(undo),
          suffix: "",
        },
      ];
    }
    default:
      return action satisfies never;
  }
}

/** The processes that an event names; all of them where it names no index. */
function targetsOf(layout: TrialLayout, target: TargetProgram, event: EventProgram): readonly Process[] {
  const all = layout.processes.filter((process) => process.program.name === target.name);
  if (target.index === undefined) return all;
  const index = target.index(layout.scope(undefined, undefined));
  const chosen = all.filter((process) => process.index === index);
  if (chosen.length === 0) {
    layout.definition.fail(event.path, `${target.name} has no process ${index} at this point, only ${all.length}`);
  }
  return chosen;
}

function triggerOf(layout: TrialLayout, event: EventProgram, host: TopologyHost): EventTrigger {
  const scope = layout.scope(host, undefined);
  if (event.onLog === undefined) return { kind: "at", offsetMs: event.at?.(scope) ?? 0 };
  const watched = targetsOf(layout, event.onLog.of, event).find((process) => process.host === host);
  if (watched === undefined) {
    layout.definition.fail(
      [...event.path, "onLog", "of"],
      `${event.onLog.of.name} doesn't run on ${host.name}, where the event acts`,
      "an event can only watch the output of its own host",
    );
  }
  return { kind: "logLine", unit: watched.unit, pattern: event.onLog.pattern(scope) };
}
