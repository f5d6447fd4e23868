import type { Clock } from "../effects/clock.ts";
import { messageOf } from "../errors/reprise-error.ts";
import type { Provider, SweepScope, TaggedResource } from "../ports/provider.ts";

/**
 * The reaper: deletes what outlived its expiry, whoever made it.
 *
 * It trusts only what the clouds' own listings say (tags, names, expiry), never a store, so it serves runs that it has
 * never heard of, and works when everything else of ours is gone.
 */
export interface FoundResource {
  readonly provider: string;
  readonly resource: TaggedResource;
}

/** What one cloud lists; a cloud that doesn't answer keeps nobody from the others. */
export interface Inventory {
  readonly resources: readonly FoundResource[];
  /** What could not be looked at, in words. */
  readonly problems: readonly string[];
}

/** More than this in one look is left to the next. */
const mostResources = 5_000;

/** Everything of ours that the clouds list in this scope. */
export async function takeInventory(providers: readonly Provider[], scope: SweepScope): Promise<Inventory> {
  const found = await Promise.all(
    providers.map(async (provider): Promise<Inventory> => {
      const resources: FoundResource[] = [];
      try {
        for await (const resource of provider.sweep(scope)) {
          if (resources.length >= mostResources) {
            return {
              resources,
              problems: [`${provider.name}: more than ${mostResources} resources, the rest is left`],
            };
          }
          resources.push({ provider: provider.name, resource });
        }
        return { resources, problems: [] };
      } catch (error) {
        return { resources, problems: [`${provider.name}: ${messageOf(error)}`] };
      }
    }),
  );
  return {
    resources: found.flatMap(({ resources }) => resources),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** What the reaper acts on. */
export type ReapTarget =
  /** Whatever outlived its expiry. */
  | { readonly kind: "expired" }
  /** Everything that is tagged with this run, expired or not. */
  | { readonly kind: "run"; readonly runId: string };

/** What one look of the reaper would delete. */
export async function findReapable(
  providers: readonly Provider[],
  target: ReapTarget,
  { clock }: { readonly clock: Clock },
): Promise<Inventory> {
  if (target.kind === "run") {
    const all = await takeInventory(providers, { kind: "all" });
    return { ...all, resources: all.resources.filter(({ resource }) => resource.runId === target.runId) };
  }
  const now = clock.now();
  const expired = await takeInventory(providers, { kind: "expired", now });
  // Said twice on purpose: what has no expiry, or one to come, is never taken down by a listing's mistake.
  const isOver = ({ resource }: FoundResource): boolean =>
    resource.expiresAt !== undefined && resource.expiresAt <= now;
  return { ...expired, resources: expired.resources.filter(isOver) };
}

export interface Reaped {
  readonly found: number;
  readonly deleted: number;
  /** What could not be looked at or deleted, in words. */
  readonly problems: readonly string[];
}

/** One look deletes so many at most; the next one goes on. */
const mostDeletions = 500;
const deletionsAtOnce = 8;

/** One look: asks the clouds to delete all that it finds, machines first, since networks and disks hang on them. */
export async function reapExpired(
  providers: readonly Provider[],
  fx: { readonly clock: Clock },
  target: ReapTarget = { kind: "expired" },
): Promise<Reaped> {
  const { resources, problems } = await findReapable(providers, target, fx);
  const failed: string[] = [];
  let deleted = 0;
  const destroy = async ({ provider: name, resource }: FoundResource): Promise<void> => {
    const provider = providers.find((one) => one.name === name);
    try {
      await provider?.destroyResource(resource);
      deleted++;
    } catch (error) {
      failed.push(`${name} ${resource.resourceKind} ${resource.id}: ${messageOf(error)}`);
    }
  };
  const some = resources.slice(0, mostDeletions);
  const isMachine = ({ resource }: FoundResource): boolean => resource.machineType !== undefined;
  for (const kind of [some.filter(isMachine), some.filter((one) => !isMachine(one))])
    for (let at = 0; at < kind.length; at += deletionsAtOnce)
      await Promise.all(kind.slice(at, at + deletionsAtOnce).map(destroy));
  return { found: resources.length, deleted, problems: [...problems, ...failed] };
}

/** Each look waits longer, up to this. */
const longestWaitMs = 30_000;

/**
 * Looks again until nothing is found any more: what hangs on something else goes after it.
 *
 * @param limitMs gives up after so long, with what is still there
 */
export async function reapUntilGone(
  providers: readonly Provider[],
  target: ReapTarget,
  limitMs: number,
  fx: { readonly clock: Clock; readonly onLook?: ((look: Reaped) => void) | undefined },
): Promise<{
  readonly looks: number;
  readonly stillThere: readonly FoundResource[];
  readonly problems: readonly string[];
}> {
  const endAt = fx.clock.now() + limitMs;
  for (let looks = 1; ; looks++) {
    const look = await reapExpired(providers, fx, target);
    fx.onLook?.(look);
    const left = await findReapable(providers, target, fx);
    if (left.resources.length === 0 && left.problems.length === 0) return { looks, stillThere: [], problems: [] };
    const waitMs = Math.min(longestWaitMs, 2_000 * looks);
    if (fx.clock.now() + waitMs > endAt)
      return { looks, stillThere: left.resources, problems: [...new Set([...look.problems, ...left.problems])] };
    await fx.clock.sleep(waitMs);
  }
}
