import type { Clock } from "../core/effects/clock.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import type { Provider } from "../core/ports/provider.ts";

export interface Reaped {
  readonly found: number;
  readonly deleted: number;
  /** What could not be looked at or deleted, in words. */
  readonly problems: readonly string[];
}

/** One look deletes so many at most; the next one goes on. */
const mostDeletions = 500;

/**
 * Deletes whatever outlived its expiry, whoever made it: only tags, names and expiry are trusted, never the store.
 *
 * One cloud that doesn't answer doesn't keep the others from being swept.
 */
export async function reapExpired(
  providers: readonly Provider[],
  { clock }: { readonly clock: Clock },
): Promise<Reaped> {
  let found = 0;
  let deleted = 0;
  const problems: string[] = [];
  for (const provider of providers) {
    try {
      for await (const resource of provider.sweep({ kind: "expired", now: clock.now() })) {
        found++;
        if (deleted >= mostDeletions) break;
        try {
          await provider.destroyResource(resource);
          deleted++;
        } catch (error) {
          problems.push(`${provider.name} ${resource.resourceKind} ${resource.id}: ${messageOf(error)}`);
        }
      }
    } catch (error) {
      problems.push(`${provider.name}: ${messageOf(error)}`);
    }
  }
  return { found, deleted, problems };
}
