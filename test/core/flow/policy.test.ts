import type { FailureClass } from "../../../core/errors/failure.ts";
import type { PlacementRules, TriedChoice } from "../../../core/flow/policy.ts";
import { allowedChoices, nextChoice } from "../../../core/flow/policy.ts";
import { checkQuota } from "../../../core/flow/quota.ts";
import { buysSpot, describeChoice, placementChoices } from "../../../core/plan/placement.ts";
import type { PlannedDeployment, PlannedHost } from "../../../core/plan/types.ts";
import type { Provider, QuotaUse } from "../../../core/ports/provider.ts";
import { simExperiment } from "../../engines/embedded/sim-run.ts";

const [host] = simExperiment({ points: 1, trials: 1, lanes: 1 }).plan.deployments[0]?.hosts ?? [];
if (host === undefined) throw new Error("no host");
const spotHost: PlannedHost = { ...host, provider: "aws", shape: { ...host.shape, spot: true } };

const zone = (name: string) => ({ region: name.slice(0, -1), zone: name });
const deployment = (over: Partial<PlannedDeployment> = {}): PlannedDeployment => ({
  name: "main",
  lanes: 1,
  places: { aws: ["east-1a", "east-1b", "west-1a", "east-1c"].map(zone) },
  hosts: [spotHost],
  setupStages: 0,
  setupTimeoutMs: 0,
  leaseMs: 3_600_000,
  alternatives: [{ provider: "gcp", places: { gcp: [zone("us-1b")] }, hosts: [{ ...spotHost, provider: "gcp" }] }],
  ...over,
});

const all = (d: PlannedDeployment, rules: PlacementRules = {}) => allowedChoices({}, d, rules);
const names = (d: PlannedDeployment, rules: PlacementRules = {}): string[] =>
  all(d, rules).choices.map((choice) => describeChoice(choice, buysSpot(d, choice)));

/** Walks the choices as clouds refuse them, each with the class given for it. */
function walk(d: PlannedDeployment, refusals: Readonly<Record<string, FailureClass>>): string[] {
  const { choices } = all(d);
  const tried: TriedChoice[] = [];
  const order: string[] = [];
  for (let next = nextChoice(choices, tried); next !== undefined; next = nextChoice(choices, tried)) {
    const name = describeChoice(next, buysSpot(d, next));
    order.push(name);
    const failureClass = refusals[name];
    if (failureClass === undefined) break;
    tried.push({ choice: next, failure: { class: failureClass, message: "no" } });
  }
  return order;
}

describe("nextChoice", () => {
  it("goes through zones in order, then on demand, then the next cloud, and stops where it is taken", () => {
    const refusals = Object.fromEntries(names(deployment()).map((name) => [name, "capacity" as const]));
    expect(walk(deployment(), refusals)).toEqual([
      "aws east-1a, spot",
      "aws east-1b, spot",
      "aws west-1a, spot",
      "aws east-1c, spot",
      "aws east-1a, on demand",
      "aws east-1b, on demand",
      "aws west-1a, on demand",
      "aws east-1c, on demand",
      "gcp us-1b, spot",
      "gcp us-1b, on demand",
    ]);
    expect(walk(deployment(), { "aws east-1a, spot": "capacity" })).toEqual(["aws east-1a, spot", "aws east-1b, spot"]);
  });

  it("after a quota leaves out the region's other zones bought the same way, wherever they stand in the list", () => {
    expect(
      walk(deployment(), {
        "aws east-1a, spot": "quota",
        "aws west-1a, spot": "capacity",
        "aws east-1a, on demand": "quota",
      }),
    ).toEqual(["aws east-1a, spot", "aws west-1a, spot", "aws east-1a, on demand", "aws west-1a, on demand"]);
  });
});

describe("allowedChoices", () => {
  const measured = { alternative: 0, places: { aws: zone("east-1b") } };

  it.each([
    ["nowhere", ["aws east-1b, spot", "aws east-1b, on demand"]],
    [
      "zones",
      [
        "aws east-1a, spot",
        "aws east-1b, spot",
        "aws east-1c, spot",
        "aws east-1a, on demand",
        "aws east-1b, on demand",
        "aws east-1c, on demand",
      ],
    ],
  ] as const)("keeps one comparison together: results may straddle %s", (straddle, expected) => {
    expect(names(deployment({ straddle }), { measured })).toEqual(expected);
  });

  it("lets results straddle regions and clouds where that is allowed", () => {
    expect(names(deployment({ straddle: "regions" }), { measured })).toHaveLength(8);
    expect(names(deployment({ straddle: "clouds" }), { measured })).toHaveLength(10);
    expect(names(deployment())).toHaveLength(10);
  });

  it("says how to allow what is barred", () => {
    const gone = { alternative: 0, places: { aws: zone("moon-1a") } };
    const { choices, barred } = all(deployment(), { measured: gone });
    expect(choices).toEqual([]);
    expect(barred).toMatchObject({ class: "capacity", hint: expect.stringContaining("straddle: zones") as unknown });
  });

  it("buys on demand once spot machines were taken away", () => {
    expect(names(deployment(), { onDemandOnly: true }).every((name) => name.endsWith("on demand"))).toBe(true);
    const plain = deployment({ hosts: [host], places: { sim: [{ region: "sim" }] }, alternatives: [] });
    expect(names(plain, { onDemandOnly: true })).toEqual(["sim sim"]);
  });

  it("leaves out what is too dear: on demand, where only spot fits", () => {
    const rates = [{ region: "east-1", onDemand: 5, spot: 1 }];
    const d = deployment({
      hosts: [{ ...spotHost, rates }],
      places: { aws: [zone("east-1a")] },
      alternatives: [],
    });
    expect(placementChoices(d)).toHaveLength(2);
    const { choices, barred } = allowedChoices({ maxDollarsPerHour: 2 }, d, {});
    expect(choices.map(({ market }) => market)).toEqual(["asPlanned"]);
    expect(barred?.message).toContain("$5.00 an hour");
  });
});

describe("checkQuota", () => {
  const provider = (quota: () => Promise<readonly QuotaUse[]>): Provider => ({
    name: "aws",
    capabilities: {
      spot: true,
      hostKiller: true,
      createsHosts: true,
      reachesControl: false,
      nameLimit: 100,
      visibilityDelayMs: 0,
    },
    ensure: async () => [],
    observe: async () => [],
    connect: async () => undefined,
    extend: async () => undefined,
    beginDestroy: async () => undefined,
    sweep: async function* () {
      // nothing is there
    },
    destroyResource: async () => undefined,
    quota,
  });
  const check = (quota: () => Promise<readonly QuotaUse[]>) =>
    checkQuota([{ provider: provider(quota), place: { region: "east-1" }, shapes: [host.shape] }]);

  it("refuses what doesn't fit in what is left, and says how much is", async () => {
    const { failure } = await check(async () => [
      { metric: "addresses", used: 1, limit: 10, needed: 9 },
      { metric: "vCPUs", used: 30, limit: 32, needed: 4 },
    ]);
    expect(failure).toMatchObject({ class: "quota", message: "aws east-1: vCPUs: 4 needed, 2 left of 32" });
  });

  it("lets pass what fits exactly, what isn't needed, and what nobody can say", async () => {
    const passes = async (use: QuotaUse): Promise<unknown> => (await check(async () => [use])).failure;
    expect(await passes({ metric: "vCPUs", used: 28, limit: 32, needed: 4 })).toBeUndefined();
    expect(await passes({ metric: "other", used: 40, limit: 32, needed: 0 })).toBeUndefined();
    expect(await passes({ metric: "vCPUs", used: 32, limit: 32 })).toBeUndefined();
    const { failure, unknown } = await check(async () => Promise.reject(new Error("not authorised")));
    expect([failure, unknown]).toEqual([undefined, ["aws east-1: not authorised"]]);
  });
});
