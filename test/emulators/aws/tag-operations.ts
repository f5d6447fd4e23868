import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Texts } from "./inputs.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import type { Ec2Region, Resource } from "./region.ts";
import { TagInput, withTags } from "./tags.ts";

const createTags = ec2Operation(
  z.strictObject({ ResourceId: Texts, Tag: z.array(TagInput).default([]) }),
  (region, input, call) => {
    const changed = input.ResourceId.map((id) => {
      const resource = needAny(region, id);
      return { resource, tags: withTags(resource.tags, input.Tag) };
    });
    for (const { resource, tags } of changed) resource.tags = tags;
    call.mutations.push(`tagged ${input.ResourceId.join(" ")}`);
    return { return: true };
  },
);

/** A tag without a value goes whatever its value; with one, only when it still has that value. */
const deleteTags = ec2Operation(
  z.strictObject({
    ResourceId: Texts,
    Tag: z.array(z.strictObject({ Key: z.string(), Value: z.string().optional() })).default([]),
  }),
  (region, input, call) => {
    for (const resource of input.ResourceId.map((id) => needAny(region, id))) {
      const rest = [...resource.tags].filter(
        ([key, value]) => !input.Tag.some((tag) => tag.Key === key && (tag.Value ?? value) === value),
      );
      resource.tags = new Map(rest);
    }
    call.mutations.push(`untagged ${input.ResourceId.join(" ")}`);
    return { return: true };
  },
);

function needAny(region: Ec2Region, id: string): Resource {
  const found = region.anyResource(id);
  if (found !== undefined && region.isVisible(found.resource)) return found.resource;
  const missing = region.taggable().find(([prefix]) => id.startsWith(`${prefix}-`))?.[2];
  throw new CloudError(400, missing ?? "InvalidID", `The ID '${id}' does not exist`);
}

const describeTags = ec2Operation(z.strictObject({ Filter: FilterInput, ...pageInput }), (region, input) => {
  const rows = region.taggable().flatMap(([, resourceType, , resources]) =>
    region.visible(resources).flatMap((resource) =>
      [...resource.tags]
        .map(([key, value]) => ({ resourceId: resource.id, resourceType, key, value }))
        .filter((row) =>
          matchesFilters(input.Filter, {
            tags: new Map([[row.key, row.value]]),
            values: {
              key: row.key,
              value: row.value,
              "resource-id": row.resourceId,
              "resource-type": row.resourceType,
            },
          }),
        ),
    ),
  );
  const page = pageOf(rows, input);
  return { tagSet: page.items, nextToken: page.nextToken };
});

export const tagOperations: Readonly<Record<string, Ec2Operation>> = {
  CreateTags: createTags,
  DeleteTags: deleteTags,
  DescribeTags: describeTags,
};
