import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { PlanInputs } from "../../../core/plan/plan-experiment.ts";
import type { Plan } from "../../../core/plan/types.ts";
import { catalogue, fixtureText, loadText, planInputs } from "../definition/load.ts";

const quickstart = fixtureText("quickstart/quickstart");

function plan(text = quickstart, over: Partial<PlanInputs> = {}): Plan {
  const definition = loadText(text);
  return planExperiment(definition, planInputs(definition, over));
}

/** Keys by `pointKey.trialIndex`. */
function keysOf(of: Plan): Map<string, string> {
  const keys = new Map<string, string>();
  for (const block of of.blocks) {
    for (const trial of block.trials)
      keys.set(`${of.points[trial.point]?.pointKey ?? ""}.${trial.trialIndex}`, trial.trialKey);
  }
  return keys;
}

const base = keysOf(plan());
const kept = (after: Map<string, string>): number => [...base].filter(([name, key]) => after.get(name) === key).length;
const edited = (from: string, to: string): string => {
  expect(quickstart).toContain(from);
  return quickstart.replace(from, to);
};

describe("trial keys", () => {
  it("are all different, and the same each time", () => {
    expect(base.size).toBe(12);
    expect(new Set(base.values()).size).toBe(12);
    expect(keysOf(plan())).toEqual(base);
    for (const key of base.values()) expect(key).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<readonly [string, string, string]>([
    ["a point is added", "[2, 4, 8, 16]", "[1, 2, 3, 4, 8, 16, 32]"],
    ["the order changes", "trials: 3", "trials: 3\n    order: random\n    repeat: adjacent"],
    ["trials are added", "trials: 3", "trials: 5"],
    ["a sweep is added", "sweeps:\n", "sweeps:\n  more: { cross: { valueBytes: [1, 2] } }\n"],
    ["a figure is added", "figures:\n", "figures:\n  another: { module: figures/x.ts, needs: [load] }\n"],
    [
      "a claim is added",
      "figures:\n",
      "claims: [{ name: c, metric: p99Ms, of: { sweep: load }, paper: 1 }]\nfigures:\n",
    ],
    [
      "a metric is added",
      "  summary:\n",
      "  summary:\n    countOps: { from: load, file: requests.csv, csv: { column: latencyMs }, stat: count }\n",
    ],
    [
      "a check of files is added",
      "  checks:\n",
      "  checks:\n    - { name: more, from: load, file: requests.csv, exists: true }\n",
    ],
    ["titles and words change", "title: An append log over TCP", "title: Another title"],
    ["timeouts change", "params.durationSec + 30", "params.durationSec + 300"],
    ["a deployment is added that isn't used", "deployments:\n", "deployments:\n  other: { roles: { server: {} } }\n"],
    ["a budget is set", "figures:\n", "budget: { dollars: 5 }\nfigures:\n"],
    ["lanes are added", "    on: local\n", "    on: local\n    lanes: 3\n"],
    [
      "a parameter gets a description",
      "valueBytes: { default: 128, unit: bytes }",
      "valueBytes: { default: 128, unit: bytes, description: x }",
    ],
    ["the YAML is written otherwise", "server: { count: 1 }", "server:\n        count: 1"],
  ])("stay when %s", (name, from, to) => {
    const text = edited(from, to);
    const withDeployment = name.startsWith("a deployment")
      ? text.replace("  load:\n    cross", "  load:\n    deployment: cluster\n    cross")
      : text;
    expect(kept(keysOf(plan(withDeployment)))).toBe(12);
  });

  it.each<readonly [string, string, string]>([
    ["a command", "--file log.bin", "--file log.bin --sync"],
    ["a job's command", "--output requests.csv", "--output requests.csv --verbose"],
    ["a parameter's default", "default: 128", "default: 256"],
    ["the parameters there are", "parameters:\n", "parameters:\n  fsync: false\n"],
    ["the number of hosts", "client: { count: 2 }", "client: { count: 3 }"],
    ["a machine", "vcpu: 1", "vcpu: 2"],
    ["a kernel setting", "    on: local\n", "    on: local\n    sysctl: { net.core.somaxconn: 1024 }\n"],
    ["a package", "    on: local\n", "    on: local\n    packages: [jq]\n"],
    ["a limit", "server: { count: 1 }", "server: { count: 1, limits: { memory: 1GiB } }"],
    ["an environment variable", "trial:\n", "trial:\n  env: { NODE_OPTIONS: --jitless }\n"],
    ["a reset command", "trial:\n", "trial:\n  reset: [{ on: server, run: sync }]\n"],
    ["an event", "trial:\n", "trial:\n  events: [{ name: k, at: 1s, pause: server }]\n"],
    ["a set-up step", "trial:\n", "setup: { steps: [{ name: s, on: server, run: make }] }\ntrial:\n"],
    ["a variable", "trial:\n", "variables: { x: 1 }\ntrial:\n"],
    ["the seed", "trial:\n", "seed: 2\ntrial:\n"],
    ["what is collected", "collect: [requests.csv]", "collect: [requests.csv, more.csv]"],
  ])("change with %s", (_, from, to) => {
    expect(kept(keysOf(plan(edited(from, to))))).toBe(0);
  });

  it("change with the bundle, the image and a source's commit or diff", () => {
    expect(kept(keysOf(plan(quickstart, { bundle: { sha256: "a".repeat(64), bytes: 1 } })))).toBe(0);
    const otherImage = {
      ...catalogue,
      resolve: (request: Parameters<typeof catalogue.resolve>[0]) => ({
        ...catalogue.resolve(request),
        image: "other",
      }),
    };
    expect(kept(keysOf(plan(quickstart, { catalogue: otherImage })))).toBe(0);
    const text = quickstart.replace("trial:\n", "sources: { log: { path: ../log } }\ntrial:\n");
    const source = (commit: string, diffDigest: string | undefined) =>
      keysOf(plan(text, { sources: { log: { repository: undefined, commit, diffDigest } } }));
    const clean = source("c1", undefined);
    expect(clean.get("load.clients=2.0")).not.toBe(source("c2", undefined).get("load.clients=2.0"));
    expect(clean.get("load.clients=2.0")).not.toBe(source("c1", "d").get("load.clients=2.0"));
  });

  it("do not depend on where hosts are or what they cost", () => {
    const cloud = edited("    on: local\n", "    on: aws\n    places: [eu-west-1a]\n");
    const elsewhere = cloud
      .replace("eu-west-1a", "us-east-1b")
      .replace("on: aws\n", "on: aws\n    spot: true\n    user: me\n    lease: 1h\n");
    expect(keysOf(plan(elsewhere))).toEqual(keysOf(plan(cloud)));
  });

  it("tell both sides of a comparison apart, even when they are the same", () => {
    const text = edited("    trials: 3", "    trials: 2\n    compare: {}");
    const keys = [...keysOf(plan(text)).values()];
    expect(keys).toHaveLength(16);
    expect(new Set(keys).size).toBe(16);
  });

  it("change with either side of a duet", () => {
    const duet = (b: number) =>
      keysOf(
        plan(
          edited("    trials: 3", `    trials: 1\n    compare: { B: { valueBytes: ${b} }, mode: duet, place: same }`),
        ),
      );
    expect(duet(1).get("load.clients=2.0")).toBe(duet(1).get("load.clients=2.0"));
    expect(duet(1).get("load.clients=2.0")).not.toBe(duet(2).get("load.clients=2.0"));
  });

  it("name the same measurement the same in two sweeps", () => {
    const text = edited("sweeps:\n", "sweeps:\n  again: { cross: { clients: [4] }, trials: 1 }\n");
    const keys = keysOf(plan(text));
    expect(keys.get("again.clients=4.0")).toBe(keys.get("load.clients=4.0"));
  });

  it("come with seeds that are the same for the n-th trial of every point", () => {
    const seeds = new Map<number, Set<number>>();
    for (const trial of plan().blocks.flatMap((block) => block.trials)) {
      seeds.set(trial.trialIndex, (seeds.get(trial.trialIndex) ?? new Set()).add(trial.seed));
    }
    expect([...seeds.values()].map((set) => set.size)).toEqual([1, 1, 1]);
    expect(new Set([...seeds.values()].flatMap((set) => [...set])).size).toBe(3);
  });
});
