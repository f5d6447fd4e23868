import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";

export type Tags = ReadonlyMap<string, string>;

export const TagInput = z.strictObject({ Key: z.string(), Value: z.string().default("") });
export const TagSpecificationInput = z
  .array(z.strictObject({ ResourceType: z.string(), Tag: z.array(TagInput).default([]) }))
  .default([]);

/**
 * Adds tags under EC2's rules: 50 a resource, keys to 128 characters, values to 256, `aws:` is Amazon's. EC2 takes any characters.
 *
 * @throws {CloudError} InvalidParameterValue, TagLimitExceeded
 */
export function withTags(tags: Tags, added: readonly z.infer<typeof TagInput>[]): Tags {
  const result = new Map(tags);
  for (const { Key: key, Value: value } of added) {
    if (key === "" || key.length > 128)
      throw new CloudError(400, "InvalidParameterValue", `Tag key must be 1 to 128 characters, not "${key}"`);
    if (/^aws:/i.test(key))
      throw new CloudError(400, "InvalidParameterValue", `Tag keys starting with 'aws:' are reserved for internal use`);
    if (value.length > 256)
      throw new CloudError(400, "InvalidParameterValue", `Tag value exceeds the maximum length of 256 characters`);
    result.set(key, value);
  }
  const own = [...result.keys()].filter((key) => !key.startsWith("aws:"));
  if (own.length > 50) throw new CloudError(400, "TagLimitExceeded", "The maximum number of tags is 50");
  return result;
}

/** The tags of one resource type out of `TagSpecification`; the last word of a type may be said once only. */
export function tagsFor(
  specifications: z.infer<typeof TagSpecificationInput>,
  resourceType: string,
  allowed: readonly string[],
): Tags {
  const wrong = specifications.find((s) => !allowed.includes(s.ResourceType));
  if (wrong !== undefined)
    throw new CloudError(
      400,
      "InvalidParameterValue",
      `'${wrong.ResourceType}' is not a valid taggable resource type for this operation.`,
    );
  return withTags(
    new Map(),
    specifications.filter((s) => s.ResourceType === resourceType).flatMap((s) => s.Tag),
  );
}

export const tagSet = (tags: Tags): readonly WireObject[] => [...tags].map(([key, value]) => ({ key, value }));
