import { FailureError } from "../errors/failure.ts";
import type { PlacementChoice } from "../plan/placement.ts";
import type { ResourceState } from "../ports/provider.ts";
import type { RoundRecord } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import type { Round } from "./rounds.ts";
import { askedPlaces, describeRound, observeRound } from "./rounds.ts";
import type { DeploymentState } from "./states.ts";

/** Rounds that were refused: the end of what they left, and what is told of them. */

/** What a refused round left in a region still counts against its quota: the next one there waits this long at most. */
const clearingLimitMs = 180_000;

export const sharesRegion = (a: PlacementChoice, b: PlacementChoice): boolean =>
  a.alternative === b.alternative &&
  Object.entries(a.places).some(([slot, place]) => b.places[slot]?.region === place.region);

/** Whether the refused round's machines are still going in a region where the next round will ask. */
export async function isClearing(
  state: DeploymentState,
  last: Round,
  next: PlacementChoice,
  fx: FlowEffects,
): Promise<boolean> {
  // Again, for whoever wrote the refusal may have died before it asked for the end.
  await destroyRound(state, last.record, fx);
  if (last.refused === undefined || !sharesRegion(last.choice, next)) return false;
  if (fx.clock.now() - last.refused.at > clearingLimitMs) return false;
  const hosts = new Set(last.record.intents.filter(({ kind }) => kind === "host").map(({ name }) => name));
  const states = await observeRound(state.deploymentId, last.record, fx);
  return states.some((s) => hosts.has(s.name) && s.state !== "gone" && s.state !== "failed");
}

export const destroyRound = async (state: DeploymentState, record: RoundRecord, fx: FlowEffects): Promise<void> => {
  for (const { provider, place } of askedPlaces(record))
    await fx.provider(provider).beginDestroy(state.deploymentId, place);
};

/** The last refusal, with all that was tried and what was said there. */
export function failureWithTrail(rounds: readonly Round[], otherwise: string): FailureError {
  const last = rounds.findLast(({ refused }) => refused !== undefined)?.refused?.failure;
  const trail = rounds.map(describeRound).join(", then ");
  return new FailureError({
    ...(last ?? { class: "capacity" }),
    message: `${last?.message ?? otherwise} (tried ${trail})`.slice(0, 4_000),
  });
}

/**
 * Ends what an earlier, refused round still has: creations that took effect after its end was asked for. The whole place
 * can't be asked to end any more, for this round's hosts may be there too.
 */
export async function destroyStragglers(
  state: DeploymentState,
  rounds: readonly Round[],
  listed: readonly ResourceState[],
  fx: FlowEffects,
): Promise<void> {
  for (const { record } of rounds.slice(0, -1)) {
    const names = new Set(record.intents.filter(({ kind }) => kind === "host").map(({ name }) => name));
    const places = askedPlaces(record);
    const isHere = places.every(({ provider, place }) =>
      askedPlaces(rounds.at(-1)?.record ?? record).some(
        (p) => p.provider === provider && p.place.region === place.region,
      ),
    );
    const states = isHere ? listed : await observeRound(state.deploymentId, record, fx);
    const left = states.filter((s) => names.has(s.name) && (s.state === "ready" || s.state === "pending"));
    for (const { id, name, resourceKind } of left) {
      const intent = record.intents.find((one) => one.name === name);
      const asked = places.find(({ provider }) => provider === intent?.provider);
      if (asked === undefined) continue;
      await fx.provider(asked.provider).destroyResource({
        id,
        name,
        resourceKind,
        place: asked.place,
        deployment: state.deploymentId,
        runId: state.runId,
        owner: undefined,
        createdAt: undefined,
        expiresAt: undefined,
      });
    }
  }
}
