import type { TopologyHost } from "../plan/types.ts";
import type { Unit } from "../ports/host-agent.ts";
import type { Scope } from "../definition/expression/values.ts";
import { prepareContainers } from "./container.ts";
import { hostsOn } from "./known-hosts.ts";
import { selfOfProcess } from "./scope.ts";
import { withPrelude } from "./script.ts";
import { cpuCheck } from "./sides.ts";
import type { TrialLayout } from "./trial-layout.ts";

/** What runs on a host before a trial: our own looks and clean-up, then the definition's `reset:`. */
export function resetUnits(layout: TrialLayout, host: TopologyHost): Unit[] {
  const { compare } = layout.point;
  const check = compare === undefined ? undefined : cpuCheck(compare);
  const isMeasured = layout.processes.some((process) => process.host === host && process.program.arm === "each");
  return [
    ...(check === undefined || !isMeasured
      ? []
      : [layout.command(host, { name: "reset-cpus", script: withPrelude(check) })]),
    ...containerUnits(layout, host),
    ...ownResetUnits(layout, host),
  ];
}

/** Before a trial: what an earlier one's containers left goes, and the disk must do. */
function containerUnits(layout: TrialLayout, host: TopologyHost): Unit[] {
  const needs = new Map<string, number | undefined>();
  for (const process of layout.processes) {
    const { container } = process.program;
    if (container === undefined || process.host !== host) continue;
    const scope: Scope = { ...layout.scope(host, process.arm), self: selfOfProcess(process, host) };
    const engine = container.engine(scope);
    const bytes = container.diskFreeBytes?.(scope);
    needs.set(engine, bytes === undefined ? needs.get(engine) : Math.max(bytes, needs.get(engine) ?? 0));
  }
  return [...needs].map(([engine, bytes], index) =>
    layout.command(host, {
      name: `reset-containers-${index}`,
      script: withPrelude(prepareContainers(engine, layout.containerLabel(host), bytes)),
    }),
  );
}

function ownResetUnits(layout: TrialLayout, host: TopologyHost): Unit[] {
  return layout.definition.program.reset.flatMap((command, index) => {
    const name = `reset-${index}`;
    if (!hostsOn([host], command.on).includes(host) || !command.when(layout.pointScope)) return [];
    const script = withPrelude(command.run(layout.hostScope(host, name, command.on)));
    return [layout.command(host, { name, script })];
  });
}
