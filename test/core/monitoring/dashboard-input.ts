import type { DashboardInput } from "../../../core/monitoring/dashboards.ts";
import { ownDashboards } from "../../../core/monitoring/own-dashboards.ts";
import { definitionText, loadText } from "../definition/load.ts";

export const monitoredText = (monitoring: string): string =>
  definitionText({
    trial:
      "{ services: { log: { on: server, ports: [metrics], run: exec log } }, jobs: { load: { on: client, run: 'true' } } }",
    monitoring,
  });

/** A run of two trials, the second of which failed at its second attempt. */
export function dashboardInput(
  monitoring = `
  on: server
  dashboards:
    log:
      - title: Appends
        unit: ops
        queries:
          "{{unit}}": |
            sum by (unit) (
              rate(appends_total[1s])
            )`,
): DashboardInput {
  const definition = loadText(monitoredText(monitoring));
  const at = (minutes: number, seconds = 0): number => Date.UTC(2026, 0, 2, 3, minutes, seconds);
  return {
    runId: "small-1",
    title: "Small",
    hasNodes: definition.spec.monitoring?.nodes === true,
    own: ownDashboards(definition),
    trials: [
      {
        ...{ pointKey: "load.clients=1", trialIndex: 0, attempt: 1, outcome: "valid" },
        ...{ startedAtMs: at(0), endedAtMs: at(0, 50) },
      },
      {
        ...{ pointKey: "load.clients=2", trialIndex: 1, attempt: 2, outcome: "failed" },
        ...{ startedAtMs: at(1), endedAtMs: at(2, 30) },
      },
    ],
  };
}
