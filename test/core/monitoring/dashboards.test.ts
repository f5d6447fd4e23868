import { parse } from "yaml";
import { buildDashboards } from "../../../core/monitoring/dashboards.ts";
import { grafanaEnvironment, provisioningFiles } from "../../../core/monitoring/grafana.ts";
import { withoutVariables } from "../../../core/monitoring/queries.ts";
import { formatProblem } from "../../../core/definition/problem.ts";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import { ownDashboards } from "../../../core/monitoring/own-dashboards.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import { identityOf } from "../../../core/plan/trial-key.ts";
import { planInputs } from "../definition/load.ts";
import type { Dashboard } from "./dashboard-schema.ts";
import { dashboardProvidersSchema, dashboardSchema, dataSourcesSchema } from "./dashboard-schema.ts";
import { dashboardInput, monitoredText } from "./dashboard-input.ts";

const built = (monitoring?: string): Readonly<Record<string, Dashboard>> =>
  Object.fromEntries(
    Object.entries(buildDashboards(dashboardInput(monitoring))).map(([name, value]) => [
      name,
      dashboardSchema.parse(JSON.parse(JSON.stringify(value))),
    ]),
  );

const queriesOf = (dashboard: Dashboard | undefined): string[] =>
  (dashboard?.panels ?? []).flatMap((panel) =>
    panel.type === "timeseries" ? panel.targets.map(({ expr }) => expr) : [],
  );

describe("buildDashboards", () => {
  it("makes what Grafana takes: trials, targets, hosts, any metric, and the definition's own", () => {
    expect(Object.keys(built())).toEqual([
      "reprise-trials",
      "reprise-targets",
      "reprise-hosts",
      "reprise-metric",
      "own-log",
    ]);
    expect(Object.keys(built("{ on: server, nodes: false, targets: [{ of: log }] }"))).toEqual([
      "reprise-trials",
      "reprise-targets",
      "reprise-metric",
    ]);
  });

  it("opens at the time of the run", () => {
    for (const dashboard of Object.values(built())) {
      expect(dashboard.time).toEqual({ from: "2026-01-02T03:00:00.000Z", to: "2026-01-02T03:02:30.000Z" });
    }
  });

  it("has an id of its own for each, however long its name", () => {
    const name = "n".repeat(40);
    const own = built(
      `{ on: server, dashboards: { ${name}: [{ title: A, queries: { a: up } }], b: [{ title: A, queries: { a: up } }] } }`,
    );
    const ids = Object.values(own).map(({ uid }) => uid);
    expect(new Set(ids).size).toBe(6);
    expect(own[`own-${name}`]).toBeDefined();
  });

  it("lays panels out without overlap, in the order that is written", () => {
    for (const [name, { panels }] of Object.entries(built())) {
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      );
      expect([name, new Set(cells).size]).toEqual([name, cells.length]);
      const order = panels.map(({ gridPos: { x, y } }) => y * 24 + x);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  });

  it("knows every variable that its queries name", () => {
    for (const dashboard of Object.values(built())) {
      const known = [...dashboard.templating.list.map(({ name }) => name), "__rate_interval"];
      const used = queriesOf(dashboard).flatMap((query) => [...query.matchAll(/\$(\w+)/g)].map(([, name]) => name));
      expect(used.filter((name) => !known.includes(name ?? ""))).toEqual([]);
    }
  });

  it("links each trial to the time it took", () => {
    const [panel] = built()["reprise-trials"]?.panels ?? [];
    const content = panel?.type === "text" ? panel.options.content.split("\n") : [];
    expect(content).toHaveLength(4);
    expect(content[3]).toContain("| load.clients=2 | 1 | 2 | failed | 2026-01-02T03:01:00.000Z | 90.0 s |");
    const [, query = ""] = /\?([^)]*)\)/.exec(content[3] ?? "") ?? [];
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
      from: String(Date.UTC(2026, 0, 2, 3, 1)),
      to: String(Date.UTC(2026, 0, 2, 3, 2, 30)),
      "var-point": "load.clients=2",
      "var-trial": "1",
    });
  });

  it("shows the definition's own queries as they are, on one line", () => {
    expect(queriesOf(built()["own-log"])).toEqual(["sum by (unit) ( rate(appends_total[1s]) )"]);
  });
});

describe("provisioningFiles", () => {
  const files = provisioningFiles({
    prometheusUrl: "http://127.0.0.1:9090",
    dashboardFolder: "/home/a$b/dashboards",
    interval: "200ms",
    runId: "r-1",
  });

  it("makes what Grafana takes", () => {
    const sources = dataSourcesSchema.parse(parse(files["datasources/reprise.yaml"] ?? ""));
    const [dashboard] = Object.values(built());
    const panel = dashboard?.panels.find(({ type }) => type === "timeseries");
    expect(sources.datasources[0]?.jsonData.timeInterval).toBe("200ms");
    expect(panel?.type === "timeseries" ? panel.datasource.uid : sources.datasources[0]?.uid).toBe("reprise");
    dashboardProvidersSchema.parse(parse(files["dashboards/reprise.yaml"] ?? ""));
  });

  it("keeps a dollar of a path from being taken for a variable", () => {
    const { providers } = dashboardProvidersSchema.parse(parse(files["dashboards/reprise.yaml"] ?? ""));
    expect(providers[0]?.options.path).toBe("/home/a$$b/dashboards");
  });

  it("names no interval that differed between points", () => {
    const without = provisioningFiles({
      prometheusUrl: "http://h:1",
      dashboardFolder: "/d",
      interval: undefined,
      runId: "r",
    });
    const { datasources } = dataSourcesSchema.parse(parse(without["datasources/reprise.yaml"] ?? ""));
    expect(datasources[0]?.jsonData).toEqual({ httpMethod: "POST" });
  });
});

describe("grafanaEnvironment", () => {
  it("listens to this machine alone, and sends nothing home", () => {
    const env = grafanaEnvironment({ port: 3, provisioning: "/p", home: "/h.json", data: "/d" });
    expect(env).toMatchObject({
      GF_SERVER_HTTP_ADDR: "127.0.0.1",
      GF_ANALYTICS_REPORTING_ENABLED: "false",
      GF_PATHS_PROVISIONING: "/p",
    });
    expect(
      Object.entries(env)
        .filter(([name]) => name.startsWith("GF_PATHS_"))
        .every(([, path]) => /^\/[pd]/.test(path)),
    ).toBe(true);
  });
});

describe("withoutVariables", () => {
  it.each([
    ['up{host=~"$host"}', 'up{host=~".*"}'],
    ["rate(x[$__rate_interval])", "rate(x[1m])"],
    ["$function($metric[${window}])", "rate(up[1m])"],
    ['x{a=~"${trial:regex}"}', 'x{a=~".*"}'],
  ])("reads %s as %s", (query, expected) => {
    expect(withoutVariables(query)).toBe(expected);
  });
});

describe("ownDashboards", () => {
  const files: Readonly<Record<string, string>> = {
    "good.yaml": "- { title: Up, queries: { '{{unit}}': up } }",
    "bad.yaml": "- { title: Up, query: up }",
  };
  const read = (dashboards: string) =>
    readDefinition(monitoredText(`{ dashboards: ${dashboards} }`), "experiment.yaml", (path) => files[path]);

  it("takes panels from a file beside the definition", () => {
    const result = read("{ a: good.yaml, b: [{ title: Down, unit: ops, queries: { x: up == 0 } }] }");
    expect(result.ok ? ownDashboards(result.definition) : result.problems).toEqual({
      a: [{ title: "Up", unit: "short", queries: { "{{unit}}": "up" } }],
      b: [{ title: "Down", unit: "ops", queries: { x: "up == 0" } }],
    });
  });

  it("is no part of a trial's identity, in a file or not", () => {
    const identity = (result: ReturnType<typeof read>) => {
      if (!result.ok) throw new Error("can't be read");
      const plan = planExperiment(result.definition, planInputs(result.definition));
      const [deployment] = plan.deployments;
      return deployment === undefined ? {} : identityOf(result.definition, deployment, plan);
    };
    expect(identity(read("{ a: good.yaml }"))).toEqual(identity(read("{}")));
  });

  it.each([
    ["nowhere.yaml", /^experiment\.yaml:\d+:\d+: monitoring\.dashboards\.a: no such file/],
    ["bad.yaml", /^bad\.yaml:1:\d+: .*unknown field `query`/m],
    ["[{ title: A, queries: {} }]", /at least one query/],
  ])("tells what is wrong with %s", (panels, expected) => {
    const result = read(`{ a: ${panels} }`);
    const problems = result.ok ? [] : result.problems.map(formatProblem);
    expect(problems.join("\n")).toMatch(expected);
  });
});
