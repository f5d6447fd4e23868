import { readDefinition } from "../../../core/definition/index.ts";

const definition = (options: { readonly lanes: number; readonly scope: string; readonly on: string }): string => `
reprise: 1
name: shared
deployments:
  main:
    on: local
    lanes: ${options.lanes}
    roles:
      server: { count: 1 }
      helper: { count: 1, scope: ${options.scope}, labels: [monitor] }
trial:
  services:
    watch: { on: ${options.on}, run: sleep 60, ready: { log: up } }
  jobs:
    load: { on: [server, ${options.on}], run: "true" }
sweeps:
  main: {}
`;

const problems = (options: Parameters<typeof definition>[0]): string[] => {
  const read = readDefinition(definition(options), "experiment.yaml");
  return read.ok ? [] : read.problems.map((p) => `${p.line}:${p.column} ${p.path}: ${p.message}`);
};

describe("hosts that several lanes share", () => {
  it.each(["helper", "monitor"])("are no place for a trial's services and jobs, by role or label: %s", (on) => {
    const found = problems({ lanes: 2, scope: "deployment", on });
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(/^13:18 trial\.services\.watch\.on: these hosts serve all lanes of deployment `main`/);
    expect(found[1]).toMatch(/trial\.jobs\.load\.on\[1\]: /);
  });

  it("are fine with one lane, and where each lane has its own", () => {
    expect(problems({ lanes: 1, scope: "deployment", on: "helper" })).toEqual([]);
    expect(problems({ lanes: 2, scope: "lane", on: "helper" })).toEqual([]);
    expect(problems({ lanes: 2, scope: "deployment", on: "server" })).toEqual([]);
  });
});
