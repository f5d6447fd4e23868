import type { Place } from "../ports/provider.ts";
import type { ImageRequest, MachineCatalogue } from "./catalogue.ts";
import { isCloudProvider } from "./place.ts";
import type { Plan } from "./types.ts";

/** What it stood for when somebody asked the cloud. */
export interface FrozenImage extends ImageRequest {
  /** Under the name that means the same in all of the cloud's regions. */
  readonly frozen: string;
  /** ms since the epoch. */
  readonly at: number;
}

/** The images of a plan's machines on clouds, each once, with a place in each region where it may be needed. */
export function imagesOf(plan: Plan): (ImageRequest & { readonly places: readonly Place[] })[] {
  const found = new Map<string, ImageRequest & { readonly places: Map<string, Place> }>();
  for (const deployment of plan.deployments) {
    for (const there of [deployment, ...(deployment.alternatives ?? [])]) {
      for (const { provider, shape, places } of there.hosts) {
        if (!isCloudProvider(provider)) continue;
        const request = { provider, image: shape.image, architecture: shape.architecture };
        const known = found.get(keyOf(request)) ?? { ...request, places: new Map<string, Place>() };
        found.set(keyOf(request), known);
        for (const place of places ?? there.places[provider] ?? [])
          if (!known.places.has(place.region)) known.places.set(place.region, place);
      }
    }
  }
  return [...found.values()].map((one) => ({ ...one, places: [...one.places.values()] }));
}

/** The catalogue with exact images in place of those that are known: they, and no family, are part of a trial's key. */
export function withFrozenImages(catalogue: MachineCatalogue, images: readonly FrozenImage[]): MachineCatalogue {
  const known = new Map(images.map((image) => [keyOf(image), image.frozen]));
  return {
    ...catalogue,
    resolve(request) {
      const answer = catalogue.resolve(request);
      if ("refused" in answer) return answer;
      const frozen = known.get(keyOf({ ...answer, provider: request.provider }));
      return frozen === undefined ? answer : { ...answer, image: frozen };
    },
  };
}

const keyOf = ({ provider, image, architecture }: ImageRequest): string => `${provider} ${architecture} ${image}`;
