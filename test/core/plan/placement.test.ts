import type { KillerConditions } from "../../../core/plan/killers.ts";
import { killersOf, latestEnd } from "../../../core/plan/killers.ts";
import { spotBid, whyRefused } from "../../../core/plan/limits.ts";
import {
  buysSpot,
  choiceDollars,
  describeChoice,
  hostDollars,
  placementChoices,
  slotsOf,
} from "../../../core/plan/placement.ts";
import { describeOverspend, overspendOf } from "../../../core/plan/overspend.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { Plan, PlannedDeployment } from "../../../core/plan/types.ts";
import { isFailure, readOptions } from "../../../providers/gcp/options.ts";
import { catalogue, definitionText, loadText, planInputs } from "../definition/load.ts";

/** Two vCPUs a dollar, spot a tenth; nobody knows the prices of `mars`. */
const priced = {
  ...catalogue,
  rates: (_provider: string, regions: readonly string[]) =>
    regions.map((region) =>
      region === "mars"
        ? ({ region, onDemand: "unknown", spot: "unknown" } as const)
        : { region, onDemand: 1, spot: 0.1 },
    ),
};

function planOf(deployment: string, budget = "{}"): Plan {
  const definition = loadText(definitionText({ deployments: `{ cluster: ${deployment} }`, budget }));
  return planExperiment(definition, planInputs(definition, { catalogue: priced }));
}
const deploymentOf = (deployment: string): PlannedDeployment => {
  const [only] = planOf(deployment).deployments;
  if (only === undefined) throw new Error("no deployment");
  return only;
};
const orderOf = (deployment: PlannedDeployment): string[] =>
  placementChoices(deployment).map((choice) => describeChoice(choice, buysSpot(deployment, choice)));

const roles = "roles: { server: {}, client: { count: 2 } }";

describe("placementChoices", () => {
  it("tries the listed places in order, then the same on demand, then the next cloud", () => {
    const deployment = deploymentOf(
      `{ on: aws, fallback: [gcp, azure], spot: true, places: { aws: [us-east-1a, us-east-1b, eu-west-1a], gcp: [us-west1-b], azure: [westus2/2] }, ${roles} }`,
    );
    expect(orderOf(deployment)).toEqual([
      "aws us-east-1a, spot",
      "aws us-east-1b, spot",
      "aws eu-west-1a, spot",
      "aws us-east-1a, on demand",
      "aws us-east-1b, on demand",
      "aws eu-west-1a, on demand",
      "gcp us-west1-b, spot",
      "gcp us-west1-b, on demand",
      "azure westus2/2, spot",
      "azure westus2/2, on demand",
    ]);
    expect(deployment.alternatives?.map((a) => a.hosts.map((host) => [host.name, host.provider]))).toEqual([
      [
        ["server-0", "gcp"],
        ["client-0", "gcp"],
        ["client-1", "gcp"],
      ],
      [
        ["server-0", "azure"],
        ["client-0", "azure"],
        ["client-1", "azure"],
      ],
    ]);
  });

  it("walks the lists of several clouds in step, the last of the shorter standing for the rest", () => {
    const deployment = deploymentOf(
      "{ places: { aws: [us-east-1a, us-east-1b], gcp: [us-west1-b] }, roles: { server: { on: aws }, client: { on: gcp } } }",
    );
    expect(orderOf(deployment)).toEqual(["aws us-east-1a + gcp us-west1-b", "aws us-east-1b + gcp us-west1-b"]);
  });

  it("gives hosts with places of their own a slot of their own", () => {
    const deployment = deploymentOf(
      "{ on: gcp, places: [us-west1-b], roles: { server: {}, client: { places: [us-east4-b, us-east4-c] } } }",
    );
    expect(slotsOf(deployment).map(({ name, hosts }) => [name, hosts.map((host) => host.name)])).toEqual([
      ["gcp", ["server-0"]],
      ["gcp#1", ["client-0"]],
    ]);
    expect(orderOf(deployment)).toEqual(["gcp us-west1-b + gcp us-east4-b", "gcp us-west1-b + gcp us-east4-c"]);
  });
});

describe("hostDollars and choiceDollars", () => {
  it("take spot's price for spot alone, the region's own, and on demand's where the most is asked", () => {
    const deployment = deploymentOf(`{ on: aws, spot: true, places: [us-east-1a], ${roles} }`);
    const [spot, onDemand] = placementChoices(deployment);
    if (spot === undefined || onDemand === undefined) throw new Error("two choices were expected");
    expect(choiceDollars(deployment, spot, "likely")).toBeCloseTo(0.3);
    expect(choiceDollars(deployment, onDemand, "likely")).toBe(3);
    const [host] = deployment.hosts;
    if (host === undefined) throw new Error("no host");
    const secret = { ...host, rates: [{ region: "us-east-1", onDemand: 2, spot: "unknown" }] } as const;
    expect(hostDollars(secret, "us-east-1", "asPlanned", "likely")).toBe("unknown");
    expect(hostDollars(secret, "us-east-1", "asPlanned", "most")).toBe(2);
    expect(hostDollars(secret, "eu-west-1", "asPlanned", "most")).toBe("unknown");
  });
});

describe("whyRefused", () => {
  const three = `{ on: aws, places: [us-east-1a], ${roles} }`;
  it("refuses what costs more an hour than is allowed, wherever it goes", () => {
    expect(whyRefused(planOf(three, "{ dollarsPerHour: 3 }"))).toBeUndefined();
    expect(whyRefused(planOf(three, "{ dollarsPerHour: 2.99 }"))).toMatchObject({
      class: "budget",
      message: "cluster costs $3.00 an hour, more than the allowed $2.99",
    });
  });

  it("lets spot machines through whose likely price fits, though on demand would not", () => {
    const spot = `{ on: aws, spot: true, places: [us-east-1a], ${roles} }`;
    expect(whyRefused(planOf(spot, "{ dollarsPerHour: 1 }"))).toBeUndefined();
  });

  it("refuses a limit on what nobody knows the price of", () => {
    expect(whyRefused(planOf(`{ on: aws, places: [mars], ${roles} }`))).toBeUndefined();
    expect(whyRefused(planOf(`{ on: aws, places: [mars], ${roles} }`, "{ dollars: 5 }"))?.message).toBe(
      "cluster: a machine's price isn't known, so no limit on money can be kept",
    );
  });
});

describe("spotBid", () => {
  const host = (spot: boolean, onDemand: number) => ({ spot, onDemand });
  it("shares what on-demand hosts leave of the limit among the spot hosts", () => {
    const hosts = [host(false, 1), host(true, 2), host(true, 4)];
    const bids = hosts.slice(1).map((h) => spotBid({ maxDollarsPerHour: 4 }, hosts, h));
    expect(bids).toEqual([1, 2]);
  });
  it("leaves the cloud's own cap where the limit is higher or there is none", () => {
    expect(spotBid({ maxDollarsPerHour: 100 }, [host(true, 2)], host(true, 2))).toBeUndefined();
    expect(spotBid({}, [host(true, 2)], host(true, 2))).toBeUndefined();
  });
});

describe("killersOf", () => {
  const on = (provider: string): Plan => planOf(`{ on: ${provider}, roles: { server: {}, client: {} } }`);
  it("asks for consent where a cloud ends nothing by itself and no reaper looks", () => {
    const reaper = { periodMs: 900_000, providers: ["azure"] };
    const endedBy = (plan: Plan, conditions: KillerConditions = { reaper: undefined }): string[] =>
      killersOf(plan, conditions).map((killers) => killers.endedBy);
    expect(["local", "aws", "gcp", "azure"].flatMap((provider) => endedBy(on(provider)))).toEqual([
      "timer",
      "timer",
      "timer",
      "nobody",
    ]);
    expect(endedBy(on("azure"), { reaper })).toEqual(["reaper"]);
    expect(endedBy(on("azure"), { reaper: { ...reaper, providers: ["aws"] } })).toEqual(["nobody"]);
    expect(killersOf(on("azure"), { reaper })[0]?.active).toEqual(["teardown", "the reaper, every 15 min"]);
    expect(endedBy(on("azure"), { reaper: undefined, selfDeleting: ["azure"] })).toEqual(["timer"]);
  });

  it("says when Google deletes what its own timer has stopped", () => {
    const active = (options: string): string =>
      killersOf(planOf(`{ on: gcp, machine: { options: ${options} }, roles: { server: {}, client: {} } }`), {
        reaper: undefined,
      })[0]?.active.join("; ") ?? "";
    const usual = readOptions({});
    if (isFailure(usual)) throw new Error(usual.message);
    expect(active("{}")).toContain(`Google deletes it ${usual.maxLifetimeHours} h after`);
    expect(active("{ gcp: { maxLifetimeHours: 24 } }")).toContain("Google deletes it 24 h after");
  });

  it("tells the latest end of machines that nobody looks after, the reaper's period included", () => {
    const end = (plan: Plan, conditions: KillerConditions): number | undefined =>
      latestEnd(killersOf(plan, conditions), 5_000_000, conditions);
    const reaper = { periodMs: 900_000, providers: ["azure"] };
    expect(end(on("aws"), { reaper })).toBe(5_000_000);
    expect(end(on("azure"), { reaper })).toBe(5_900_000);
    expect(end(on("azure"), { reaper: undefined })).toBeUndefined();
  });

  it("speaks of the clouds that a deployment may fall back to, too", () => {
    const plan = planOf(`{ on: aws, fallback: [azure], ${roles} }`);
    expect(killersOf(plan, { reaper: undefined }).map(({ provider }) => provider)).toEqual(["aws", "azure"]);
  });
});

describe("overspendOf", () => {
  const none = { reaper: undefined };
  const over = (deployment: string, conditions: KillerConditions = none) =>
    overspendOf(planOf(deployment, "{ dollars: 5 }"), conditions);

  it("is what hosts cost that end themselves a little late: three at a dollar, two minutes and a half", () => {
    expect(over(`{ on: aws, places: [us-east-1a], ${roles} }`)).toMatchObject({ kind: "atMost", dollars: 0.125 });
  });

  it("adds places that may grant some hosts before they refuse the rest", () => {
    const dollars = (places: string): number => {
      const found = over(`{ on: aws, places: [${places}], ${roles} }`);
      return found?.kind === "atMost" ? found.dollars : Number.NaN;
    };
    expect(dollars("us-east-1a, us-east-1b") - dollars("us-east-1a")).toBeCloseTo(0.25);
  });

  it("waits for the reaper's next look where only that ends hosts, and has no limit where nothing does", () => {
    const azure = `{ on: azure, places: [westus2/2], ${roles} }`;
    const reaper = { periodMs: 900_000, providers: ["azure"] };
    expect(over(azure, { reaper })).toMatchObject({ kind: "atMost", dollars: expect.closeTo(0.9) as number });
    expect(over(azure)).toEqual({ kind: "unbounded", providers: ["azure"] });
    expect(over(azure, { ...none, selfDeleting: ["azure"] })).toMatchObject({ kind: "atMost" });
  });

  it("knows nothing without prices, and is nothing where nothing is paid for", () => {
    expect(over(`{ on: aws, places: [mars], ${roles} }`)).toEqual({ kind: "unknown" });
    expect(over(`{ on: local, ${roles} }`)).toEqual({ kind: "none", dollars: 0 });
    expect(overspendOf(planOf(`{ on: aws, ${roles} }`), none)).toBeUndefined();
    for (const one of [over(`{ on: local, ${roles} }`), over(`{ on: aws, places: [us-east-1a], ${roles} }`)])
      expect(one === undefined ? "" : describeOverspend(one)).toMatch(/^(nothing|at most \$\d)/);
  });
});
