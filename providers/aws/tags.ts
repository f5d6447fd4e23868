import type { Filter, ResourceType, Tag, TagSpecification } from "@aws-sdk/client-ec2";
import type { Intent } from "../../core/ports/provider.ts";
import { deploymentTags, fromTags, tagKeys, toTags } from "../cloud/identity-tags.ts";

/** What EC2's resources say of themselves beside the identity that all clouds' have. */
export const ec2TagKeys = {
  /** `server-0`: the host's name in its deployment. */
  host: "reprise-host",
  user: "reprise-user",
  /** `SHA256:…` of the host key that was given to it. */
  hostKey: "reprise-host-key",
  /** `ssm`: it is reached by Systems Manager; nothing otherwise. */
  reach: "reprise-reach",
  /** On the security group: the zone that was chosen where the place names none. */
  zone: "reprise-zone",
  /** On the security group: its round is being destroyed, nothing is launched into it any more. */
  closing: "reprise-closing",
  /** What the console shows. */
  name: "Name",
} as const;

export type Tags = Readonly<Record<string, string | undefined>>;

export const toTagList = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

export const readTagList = (tags: readonly Tag[] | undefined): Tags =>
  Object.fromEntries((tags ?? []).flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? ""]])));

/** The same pairs on each of these kinds. */
export const tagSpecifications = (
  kinds: readonly ResourceType[],
  tags: Readonly<Record<string, string>>,
): TagSpecification[] => kinds.map((ResourceType) => ({ ResourceType, Tags: toTagList(tags) }));

/** Identity of what an intent makes; `createdAt` must be the same at each try, or a token's second use is refused. */
export const intentTags = (intent: Intent, createdAt: number): Record<string, string> => ({
  ...toTags({
    deployment: intent.deployment,
    runId: intent.runId,
    owner: intent.owner,
    name: intent.name,
    round: intent.round,
    ...(intent.host === undefined ? {} : { role: intent.host.role }),
    createdAt,
    expiresAt: intent.expiresAt,
  }),
  [ec2TagKeys.name]: intent.name,
});

/** Every resource of ours, or those of one deployment. */
export const ourFilters = (deployment: string | undefined): Filter[] =>
  deployment === undefined
    ? [{ Name: "tag-key", Values: [tagKeys.deployment] }]
    : Object.entries(deploymentTags(deployment)).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }));

/** A filter on the first part of a long name finds longer ones as well. */
export const isOf = (deployment: string | undefined, tags: readonly Tag[] | undefined): boolean => {
  const identity = fromTags(readTagList(tags));
  return identity !== undefined && (deployment ?? identity.deployment) === identity.deployment;
};
