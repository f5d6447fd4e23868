import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { monitorPanelsSchema } from "../../../core/definition/schema-monitoring.ts";
import { buildDashboards } from "../../../core/monitoring/dashboards.ts";
import { formatPromQl, withoutVariables } from "../../../core/monitoring/queries.ts";
import { dashboardInput } from "./dashboard-input.ts";
import { dashboardSchema } from "./dashboard-schema.ts";

/** Prometheus' own promtool reads every query that Grafana will send. */
describe("queries of the dashboards", () => {
  const folder = mkdtempSync(join(tmpdir(), "reprise-queries-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const check = (queries: readonly string[]): string => {
    const rules = queries.map((expr, index) => ({ record: `q${index}`, expr }));
    const file = join(folder, "rules.yml");
    writeFileSync(file, stringify({ groups: [{ name: "dashboards", rules }] }));
    try {
      return execFileSync("promtool", ["check", "rules", file], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  it("are PromQL once values stand for variables", () => {
    const queries = Object.values(buildDashboards(dashboardInput())).flatMap((made) =>
      dashboardSchema
        .parse(JSON.parse(JSON.stringify(made)))
        .panels.flatMap((panel) => (panel.type === "timeseries" ? panel.targets.map(({ expr }) => expr) : [])),
    );
    expect(queries.length).toBeGreaterThan(12);
    expect(check(queries.map(withoutVariables))).toContain(`SUCCESS: ${queries.length} rules found`);
  });

  it("are PromQL in FrankenPaxos' dashboard, too", () => {
    const text = readFileSync(new URL("../../../experiments/frankenpaxos/dashboard.yaml", import.meta.url), "utf8");
    const queries = monitorPanelsSchema
      .parse(parse(text))
      .flatMap(({ queries: own }) => Object.values(own).map(formatPromQl));
    expect(check(queries.map(withoutVariables))).toContain(`SUCCESS: ${queries.length} rules found`);
  });

  it("would be told if they weren't", () => {
    expect(check(["rate(up[1s]"])).toContain("FAILED");
  });
});
