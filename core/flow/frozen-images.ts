import { z } from "zod";
import { runKeys } from "../names/keys.ts";
import { digestOf } from "../plan/digest.ts";
import type { Plan } from "../plan/types.ts";
import type { MachineShape, Place } from "../ports/provider.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, requireRecord, toBytes } from "./effects.ts";

const frozenImageSchema = z.object({ image: z.string(), frozen: z.string() });

/**
 * The machine with the image that a family stands for in this run, where its plan couldn't ask: nobody was signed in to
 * the cloud when it was made. The first launch asks; every later one, of whatever round, deployment or epoch, goes on with
 * that answer.
 */
export async function frozenShape(
  shape: MachineShape,
  at: { readonly runId: string; readonly provider: string; readonly place: Place },
  plan: Pick<Plan, "movingImages">,
  fx: Pick<FlowEffects, "store" | "provider">,
): Promise<MachineShape> {
  const { image, architecture } = shape;
  const isMoving = plan.movingImages?.some(
    (one) => one.provider === at.provider && one.image === image && one.architecture === architecture,
  );
  if (isMoving !== true) return shape;
  const key = runKeys(at.runId).image(digestOf([at.provider, image, architecture]).slice(0, 16));
  const known = await readRecord(fx.store, key, frozenImageSchema);
  if (known !== undefined) return { ...shape, image: known.value.frozen };
  const frozen = await fx.provider(at.provider).resolveImage?.(at.place, image, architecture);
  if (frozen === undefined) return shape;
  await fx.store.putIfAbsent(key, toBytes({ image, frozen }), "ensure");
  return { ...shape, image: (await requireRecord(fx.store, key, frozenImageSchema)).frozen }; // a rival's, maybe
}
