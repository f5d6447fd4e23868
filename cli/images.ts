import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import type { FrozenImage } from "../core/plan/images.ts";
import { imagesOf } from "../core/plan/images.ts";
import type { Plan } from "../core/plan/types.ts";
import type { Provider } from "../core/ports/provider.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { homePaths } from "../engines/embedded/home.ts";
import { parseHome } from "./deployed/place.ts";

/**
 * What families of images stood for when a run last asked. `run` asks the clouds, and what they say is frozen into its
 * plan; `plan` and `explain`, which ask nobody, take it that it is still so.
 */
const imagesSchema = z.object({
  schema: z.literal("reprise/images@1"),
  images: z.array(
    z.object({
      provider: z.string(),
      image: z.string(),
      architecture: z.enum(["x86_64", "arm64"]),
      frozen: z.string(),
      at: z.number(),
    }),
  ),
});

const imagesFile = (home: string): string => {
  const place = parseHome(home, process.env);
  return join(homePaths(place.kind === "folder" ? place.path : ".reprise").root, "images.json");
};

export function readImages(home: string): FrozenImage[] {
  const file = imagesFile(home);
  try {
    return imagesSchema.parse(JSON.parse(readFileSync(file, "utf8"))).images;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []; // node:fs errors carry a code
    throw new FailureError({
      class: "invalid",
      message: `${file} is not a list of images: ${messageOf(error).slice(0, 300)}`,
      hint: "without the file, the next run asks the clouds",
    });
  }
}

/**
 * Asks the clouds what a plan's images stand for now, and keeps their answers.
 *
 * @param plan with images as the definition names them
 * @param providers of others nothing is asked
 * @returns the answers, and which of them are new since a run last asked
 * @throws FailureError class invalid, where a place has no such image
 */
export async function askForImages(
  plan: Plan,
  providers: readonly Provider[],
  home: string,
): Promise<{ readonly images: readonly FrozenImage[]; readonly changed: readonly FrozenImage[] }> {
  const before = readImages(home);
  const images = (
    await Promise.all(
      imagesOf(plan).map(async ({ provider, image, architecture, places }): Promise<FrozenImage[]> => {
        const cloud = providers.find(({ name }) => name === provider);
        if (cloud?.resolveImage === undefined) return [];
        const resolve = cloud.resolveImage.bind(cloud);
        const found = await Promise.all(places.map((place) => resolve(place, image, architecture)));
        // A new version reaches one region after another: the oldest of what they say is in all of them.
        const [frozen] = found.sort();
        return frozen === undefined ? [] : [{ provider, image, architecture, frozen, at: systemClock.now() }];
      }),
    )
  ).flat();
  const isSame = (a: FrozenImage, b: FrozenImage): boolean =>
    a.provider === b.provider && a.image === b.image && a.architecture === b.architecture;
  keep(imagesFile(home), [...images, ...before.filter((old) => !images.some((one) => isSame(one, old)))]);
  const wasSo = (one: FrozenImage): boolean => before.some((old) => isSame(one, old) && old.frozen === one.frozen);
  return { images, changed: images.filter((one) => one.frozen !== one.image && !wasSo(one)) };
}

function keep(file: string, images: readonly FrozenImage[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ schema: "reprise/images@1", images }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
