import { explainTrial } from "../../../core/plan/explain.ts";
import type { FrozenImage } from "../../../core/plan/images.ts";
import { imagesOf, withFrozenImages } from "../../../core/plan/images.ts";
import { planExperiment } from "../../../core/plan/plan-experiment.ts";
import type { Plan } from "../../../core/plan/types.ts";
import { catalogue, definitionText, loadText, planInputs } from "../definition/load.ts";

const deployments =
  "{ cluster: { on: aws, places: [eu-west-1a, eu-west-1b, us-east-1a], image: line-*, fallback: [azure], roles: { server: {}, client: { machine: { arch: arm64 } }, here: { on: local } } } }";

const planOf = (images: readonly FrozenImage[] = [], over = deployments): Plan => {
  const definition = loadText(
    definitionText({ deployments: over, trial: "{ jobs: { load: { on: client, run: x } } }" }),
  );
  return planExperiment(definition, planInputs(definition, { catalogue: withFrozenImages(catalogue, images) }));
};
const frozen = (date: string): FrozenImage[] =>
  (["x86_64", "arm64"] as const).map((architecture) => ({
    provider: "aws",
    image: "line-*",
    architecture,
    frozen: `line-${architecture}-${date}`,
    at: 0,
  }));
const keysOf = (plan: Plan): string[] => plan.blocks.flatMap(({ trials }) => trials.map(({ trialKey }) => trialKey));

describe("imagesOf", () => {
  it("names each image of a cloud once for an architecture, with a place in each region, fallbacks included", () => {
    const asked = imagesOf(planOf()).map(({ provider, image, architecture, places }) => [
      provider,
      image,
      architecture,
      places.map(({ region }) => region),
    ]);
    expect(asked).toEqual([
      ["aws", "line-*", "x86_64", ["eu-west-1", "us-east-1"]],
      ["aws", "line-*", "arm64", ["eu-west-1", "us-east-1"]],
      ["azure", "line-*", "x86_64", ["azure-1"]],
      ["azure", "line-*", "arm64", ["azure-1"]],
    ]);
  });

  it("has nothing to ask of this machine", () => {
    expect(imagesOf(planOf([], "{ cluster: { roles: { server: {}, client: {} } } }"))).toEqual([]);
  });
});

describe("withFrozenImages", () => {
  it("puts the exact image into the machines of its own cloud and architecture, and into nobody else's", () => {
    const [deployment] = planOf(frozen("0901")).deployments;
    expect(deployment?.hosts.map(({ shape }) => shape.image)).toEqual([
      "line-x86_64-0901",
      "line-arm64-0901",
      "line-*",
    ]);
    expect(deployment?.alternatives?.[0]?.hosts.map(({ shape }) => shape.image)).toEqual([
      "line-*",
      "line-*",
      "line-*",
    ]);
  });

  it("gives a trial another key when the family means another image, and the reason in words", () => {
    const before = planOf(frozen("0901"));
    const now = planOf(frozen("1103"));
    expect(keysOf(planOf(frozen("0901")))).toEqual(keysOf(before));
    expect(keysOf(now).filter((key) => keysOf(before).includes(key))).toEqual([]);
    const [trial] = now.blocks[0]?.trials ?? [];
    if (trial === undefined) throw new Error("no trial");
    const why = explainTrial(now, trial, { validResults: new Set(), earlier: [{ runId: "r", plan: before }] });
    expect(why).toMatchObject({ kind: "changed", changes: ["hosts client changed", "hosts server changed"] });
  });
});
