import { z } from "zod";
import type { Failure } from "../errors/failure.ts";
import { deploymentKeys } from "../names/keys.ts";
import type { PlacementChoice } from "../plan/placement.ts";
import { describeChoice, providerOfSlot } from "../plan/placement.ts";
import type { Place, ResourceState } from "../ports/provider.ts";
import type { RoundRecord } from "../records/schemas.ts";
import { failureSchema, roundRecordSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { listKeys, readRecord, requireRecord } from "./effects.ts";

/** A round of placement with what came of it. */
export interface Round {
  readonly record: RoundRecord;
  readonly choice: PlacementChoice;
  readonly refused: { readonly failure: Failure; readonly at: number } | undefined;
}

const refusedSchema = z.object({ failure: failureSchema, at: z.number() });

/** All rounds of a deployment, in order. */
export async function readRounds(
  runId: string,
  deploymentId: string,
  fx: Pick<FlowEffects, "store">,
): Promise<Round[]> {
  const keys = deploymentKeys(runId, deploymentId);
  const rounds: Round[] = [];
  for (const key of await listKeys(fx.store, keys.intents)) {
    const record = await requireRecord(fx.store, key, roundRecordSchema);
    const refused = await readRecord(fx.store, keys.refused(record.round), refusedSchema);
    rounds.push({ record, choice: choiceOf(record), refused: refused?.value });
  }
  return rounds;
}

export const choiceOf = (record: RoundRecord): PlacementChoice => ({
  alternative: record.alternative ?? 0,
  market: record.market ?? "asPlanned",
  places: record.places,
});

/** In words, for the feed, errors and receipts. */
export const describeRound = ({ record }: Pick<Round, "record">): string =>
  describeChoice(choiceOf(record), record.spot);

/** Each provider and place that a round asks, once. */
export function askedPlaces(record: RoundRecord): { readonly provider: string; readonly place: Place }[] {
  const asked = new Map<string, { readonly provider: string; readonly place: Place }>();
  for (const [slot, place] of Object.entries(record.places)) {
    const provider = providerOfSlot(slot);
    asked.set(`${provider} ${JSON.stringify(place)}`, { provider, place });
  }
  return [...asked.values()];
}

/** What the providers list for a round's places, each resource once; of other rounds too where they went there. */
export async function observeRound(
  deploymentId: string,
  round: RoundRecord,
  fx: FlowEffects,
): Promise<ResourceState[]> {
  const states = new Map<string, ResourceState>();
  for (const { provider, place } of askedPlaces(round)) {
    for (const state of await fx.provider(provider).observe(deploymentId, place))
      states.set(`${provider} ${state.id}`, state);
  }
  return [...states.values()];
}
