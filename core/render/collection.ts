import type { TopologyHost } from "../plan/types.ts";
import type { CollectRule, Unit } from "../ports/host-agent.ts";
import type { Scope } from "../definition/expression/values.ts";
import { imageFile } from "./container.ts";
import { hostsOn } from "./known-hosts.ts";
import { selfOfProcess } from "./scope.ts";
import type { TrialLayout } from "./trial-layout.ts";

/** Where command checks leave their exit codes and output, in the attempt's folder. */
export const checksFolder = "checks";

const checkTimeoutMs = 600_000;

/** What is collected from a host, and the command checks that run there first. */
export function collectionOf(
  layout: TrialLayout,
  host: TopologyHost,
): { readonly units: Unit[]; readonly collect: CollectRule[] } {
  const { program } = layout.definition;
  const rules: CollectRule[] = layout.processes
    .filter((process) => process.host === host)
    .flatMap((process) => {
      const scope: Scope = { ...layout.scope(host, process.arm), self: selfOfProcess(process, host) };
      return [
        ...process.program.collect.map((glob) => ({ glob: `${process.unit}/${glob(scope)}`, required: true })),
        ...(process.program.container === undefined ? [] : [{ glob: `${process.unit}/${imageFile}`, required: true }]),
      ];
    });
  for (const rule of program.collect) {
    if (!hostsOn([host], rule.on).includes(host)) continue;
    const scope = layout.scope(host, undefined);
    rules.push(...rule.globs.map((glob) => ({ glob: glob(scope), required: rule.required })));
  }
  const units = program.checks.flatMap((check): Unit[] => {
    const on = check.spec.on === undefined ? [] : [check.spec.on].flat();
    if (check.command === undefined || !hostsOn([host], on).includes(host)) return [];
    if (!check.when(layout.pointScope)) return [];
    const name = `check-${check.spec.name}`;
    return [checkUnit(layout, host, name, check.spec.name, check.command(layout.hostScope(host, name, on)))];
  });
  if (units.length > 0) rules.push({ glob: `${checksFolder}/*`, required: true });
  return { units, collect: rules };
}

/** A check that fails is no failed command: its exit code and output are evidence, judged with the others. */
function checkUnit(layout: TrialLayout, host: TopologyHost, name: string, check: string, command: string): Unit {
  const file = `${checksFolder}/${check}.run`;
  const run = command.startsWith("#!") ? `./${file}` : `sh -e ./${file}`;
  return layout.command(host, {
    name,
    workDir: ".",
    files: [{ path: file, mode: "755", content: command }],
    script: `${run} >${checksFolder}/${check}.txt 2>&1; echo $? >${checksFolder}/${check}.exit`,
    timeoutMs: checkTimeoutMs,
  });
}
