import { isClusterProblems, readClusterFile } from "../../../core/definition/cluster-file.ts";
import { formatProblem } from "../../../core/definition/problem.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import { definitionText, loadText, planInputs } from "./load.ts";

const machinesOf = (text: string): string[] => {
  const read = readClusterFile(text, "cluster.json");
  return isClusterProblems(read) ? read.map(formatProblem) : read.map(({ role, address }) => `${role} ${address}`);
};

describe("readClusterFile", () => {
  it("reads roles with addresses or machines", () => {
    const text = "leaders: [10.0.0.1, { address: 10.0.0.2, user: ubuntu, port: 2222 }]\nclients: [10.0.0.3]";
    expect(machinesOf(text)).toEqual(["leaders 10.0.0.1", "leaders 10.0.0.2", "clients 10.0.0.3"]);
    expect(readClusterFile(text, "cluster.yaml")[1]).toMatchObject({ user: "ubuntu", port: 2222 });
  });

  it("reads FrankenPaxos' own: a mapping for each number of failures, roles with underscores", () => {
    const text = JSON.stringify({
      "1": { clients: ["c0"], proxy_leaders: ["p0", "p1"] },
      "2": { clients: ["c0"], proxy_leaders: ["p0", "p1", "p2"], matchmakers: ["m0"] },
    });
    expect(machinesOf(text)).toEqual([
      "clients c0",
      "proxy-leaders p0",
      "proxy-leaders p1",
      "proxy-leaders p2",
      "matchmakers m0",
    ]);
  });

  it("refuses lists for two numbers of failures that don't begin alike", () => {
    const text = '{ "1": { "leaders": ["a"] },\n  "2": { "leaders": ["b", "a"] } }';
    expect(machinesOf(text)).toEqual([
      expect.stringMatching(
        /cluster\.json:1:\d+: \["1"\]\.leaders: other machines than for another number of failures/,
      ),
    ]);
  });

  it.each([
    ["a role without a list", '{ "1": { "leaders": "a" } }', /cluster\.json:1:\d+: \["1"\]\.leaders: /],
    ["an address that is no text", '{ "1": { "leaders": [7] } }', /cluster\.json:1:\d+: \["1"\]\.leaders/],
    ["an empty list", "leaders: []", /cluster\.json:1:\d+: leaders: /],
  ])("names the place of %s", (_, text, message) => {
    expect(machinesOf(text)[0]).toMatch(message);
  });
});

describe("a deployment's cluster file", () => {
  const definition = (over: Readonly<Record<string, string>>): string =>
    definitionText({
      deployments: "{ cluster: { clusterFile: cluster.json, roles: { server: { count: 3 }, client: { count: 2 } } } }",
      ...over,
    });
  const file = '{ "1": { "server": ["10.0.0.1", "10.0.0.2"], "client": ["10.0.0.3"] } }';
  const readCluster = (path: string): string | undefined => (path === "cluster.json" ? file : undefined);
  const plan = (readFile?: (path: string) => string | undefined, on?: string) => {
    const loaded = loadText(definition({}), readFile);
    return planExperiment(loaded, planInputs(loaded, { on })).deployments[0]?.hosts ?? [];
  };

  it("says how many hosts a role has, and where", () => {
    expect(plan(readCluster, "hosts").map(({ name, given }) => `${name} ${given?.address ?? ""}`)).toEqual([
      "server-0 10.0.0.1",
      "server-1 10.0.0.2",
      "client-0 10.0.0.3",
    ]);
  });

  it("isn't needed elsewhere than on given machines", () => {
    expect(plan().map(({ name }) => name)).toEqual(["server-0", "server-1", "server-2", "client-0", "client-1"]);
  });

  it("is missed where it is needed", () => {
    expect(() => plan(undefined, "hosts")).toThrow(/needs 3 machines in lane 0, and 0 are given/);
    const onHosts = definition({
      deployments: "{ cluster: { on: hosts, clusterFile: cluster.json, roles: { server: {}, client: {} } } }",
    });
    expect(() => loadText(onHosts)).toThrow(/no such file beside the definition/);
  });
});
