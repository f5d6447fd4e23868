import type { HostSetup, Intent } from "../../core/ports/provider.ts";
import type { ResourceIdentity } from "../cloud/identity-tags.ts";
import { toTags } from "../cloud/identity-tags.ts";

/** What only hosts have: how they are reached, so that who never saw the intent can tell. Azure's values take any character. */
const hostTagKeys = { user: "reprise-user", hostKey: "reprise-host-key" } as const;

export const identityOf = (intent: Intent, now: number): ResourceIdentity => ({
  deployment: intent.deployment,
  runId: intent.runId,
  owner: intent.owner,
  name: intent.name,
  round: intent.round,
  ...(intent.host === undefined ? {} : { role: intent.host.role }),
  createdAt: now,
  expiresAt: intent.expiresAt,
});

export const intentTags = (intent: Intent, now: number): Record<string, string> => toTags(identityOf(intent, now));

export const hostTags = (intent: Intent, setup: HostSetup, now: number): Record<string, string> => ({
  ...intentTags(intent, now),
  [hostTagKeys.user]: setup.user,
  [hostTagKeys.hostKey]: setup.hostKey,
});

export interface HostAccess {
  readonly user: string;
  readonly hostKey: string;
}

/** Undefined where the tags aren't ours, or were changed to something else. */
export function readHostAccess(tags: Readonly<Record<string, string>> | undefined): HostAccess | undefined {
  const user = tags?.[hostTagKeys.user];
  const hostKey = tags?.[hostTagKeys.hostKey];
  return user !== undefined && hostKey?.startsWith("SHA256:") === true ? { user, hostKey } : undefined;
}
