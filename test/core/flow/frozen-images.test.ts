import { frozenShape } from "../../../core/flow/frozen-images.ts";
import { runKeys } from "../../../core/names/keys.ts";
import type { MachineShape } from "../../../core/ports/provider.ts";
import { flowWorld, runId } from "./flow-world.ts";

const shape: MachineShape = {
  type: "m2",
  image: "line-*",
  architecture: "x86_64",
  vcpus: 2,
  memoryBytes: 1,
  spot: false,
  disks: [],
  options: {},
};
const at = { runId, provider: "gcp", place: { region: "r1" } };
const plan = { movingImages: [{ provider: "gcp", image: "line-*", architecture: "x86_64" as const }] };

describe("frozenShape", () => {
  it("asks once what a family is, and goes on with that for the rest of the run, though the family moves", async () => {
    const world = await flowWorld();
    const asked: string[] = [];
    const provider = {
      ...world.fx.provider("gcp"),
      resolveImage: async (place: { readonly region: string }, image: string) => {
        asked.push(`${image} in ${place.region}`);
        return `line-${asked.length}`;
      },
    };
    const fx = { store: world.store, provider: () => provider };
    expect(await frozenShape(shape, at, plan, fx)).toEqual({ ...shape, image: "line-1" });
    expect(await frozenShape(shape, { ...at, place: { region: "r2" } }, plan, fx)).toMatchObject({ image: "line-1" });
    expect(asked).toEqual(["line-* in r1"]);
    expect(await world.keys(runKeys(runId).image("").replace(".json", ""))).toHaveLength(1);
    // Another architecture's image, and another run, are another matter.
    const arm = { ...plan, movingImages: [{ provider: "gcp", image: "line-*", architecture: "arm64" as const }] };
    expect(await frozenShape({ ...shape, architecture: "arm64" }, at, arm, fx)).toMatchObject({ image: "line-2" });
    expect(await frozenShape(shape, { ...at, runId: "other" }, plan, fx)).toMatchObject({ image: "line-3" });
  });

  it("asks nothing about images that the plan has frozen, or of a provider that has none", async () => {
    const { fx } = await flowWorld();
    expect(await frozenShape(shape, at, {}, fx)).toBe(shape);
    expect(await frozenShape(shape, { ...at, provider: "aws" }, plan, fx)).toBe(shape);
    expect(await frozenShape(shape, at, plan, fx)).toBe(shape);
  });
});
