import { z } from "zod";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import { FilterInput, matchesFilters, pageInput, pageOf } from "./filters.ts";
import { Texts } from "./inputs.ts";
import { LaunchInput } from "./launch.ts";
import { ec2Operation } from "./operation.ts";
import type { Ec2Operation } from "./operation.ts";
import { accountId } from "./region.ts";
import type { Ec2Region, LaunchTemplate } from "./region.ts";
import { tagsFor, tagSet, TagSpecificationInput } from "./tags.ts";

/** A launch template by id or name; only first versions exist here. */
export const TemplateReference = z.strictObject({
  LaunchTemplateId: z.string().optional(),
  LaunchTemplateName: z.string().optional(),
  Version: z.enum(["1", "$Default", "$Latest"]).optional(),
});
export type TemplateReference = z.infer<typeof TemplateReference>;

export function needTemplate(region: Ec2Region, reference: TemplateReference): LaunchTemplate {
  const { LaunchTemplateId: id, LaunchTemplateName: name } = reference;
  const found = region.visible(region.launchTemplates).find((t) => (id === undefined ? t.name === name : t.id === id));
  if (found !== undefined) return found;
  throw id === undefined
    ? new CloudError(
        400,
        "InvalidLaunchTemplateName.NotFoundException",
        `The specified launch template, with template name ${name ?? ""}, does not exist.`,
      )
    : new CloudError(
        400,
        "InvalidLaunchTemplateId.NotFound",
        `The specified launch template, with template ID ${id}, does not exist.`,
      );
}

/** A launch's own fields over its template's; a list that is given replaces the template's. */
export function mergedWithTemplate(
  region: Ec2Region,
  reference: TemplateReference | undefined,
  own: LaunchInput,
): LaunchInput {
  if (reference === undefined) return own;
  const given = Object.fromEntries(
    Object.entries(own).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );
  return { ...needTemplate(region, reference).data, ...given };
}

const createLaunchTemplate = ec2Operation(
  z.strictObject({
    LaunchTemplateName: z.string().regex(/^[a-zA-Z0-9().\-/_]{3,128}$/, "not a template name"),
    LaunchTemplateData: LaunchInput,
    VersionDescription: z.string().optional(),
    ClientToken: z.string().max(128).optional(),
    TagSpecification: TagSpecificationInput,
  }),
  (region, input, call) => {
    const { LaunchTemplateName: name, ClientToken: token = "", LaunchTemplateData: data } = input;
    const parameters = JSON.stringify(input);
    const earlier = token === "" ? undefined : region.tokens.get(`CreateLaunchTemplate/${token}`);
    const existing = [...region.launchTemplates.values()].find((t) => t.name === name);
    if (existing !== undefined) {
      if (earlier?.parameters === parameters) return { launchTemplate: describe(existing) };
      throw new CloudError(
        400,
        "InvalidLaunchTemplateName.AlreadyExistsException",
        `Launch template name already in use.`,
      );
    }
    const template: LaunchTemplate = {
      id: region.newId("lt"),
      name,
      data,
      createdAtMs: region.world.now(),
      tags: tagsFor(input.TagSpecification, "launch-template", ["launch-template"]),
      visibleAtMs: region.visibleAt(),
    };
    region.launchTemplates.set(template.id, template);
    if (token !== "")
      region.tokens.set(`CreateLaunchTemplate/${token}`, { parameters, reservationId: template.id, fleet: undefined });
    call.mutations.push(`created ${template.id}`);
    return { launchTemplate: describe(template) };
  },
);

const deleteLaunchTemplate = ec2Operation(
  z.strictObject({ LaunchTemplateId: z.string().optional(), LaunchTemplateName: z.string().optional() }),
  (region, input, call) => {
    const template = needTemplate(region, input);
    region.launchTemplates.delete(template.id);
    call.mutations.push(`deleted ${template.id}`);
    return { launchTemplate: describe(template) };
  },
);

const describeLaunchTemplates = ec2Operation(
  z.strictObject({ LaunchTemplateId: Texts, LaunchTemplateName: Texts, Filter: FilterInput, ...pageInput }),
  (region, input) => {
    const asked = [
      ...input.LaunchTemplateId.map((id) => needTemplate(region, { LaunchTemplateId: id })),
      ...input.LaunchTemplateName.map((name) => needTemplate(region, { LaunchTemplateName: name })),
    ];
    const page = pageOf(
      (asked.length > 0 ? asked : region.visible(region.launchTemplates)).filter((t) =>
        matchesFilters(input.Filter, { tags: t.tags, values: { "launch-template-name": t.name } }),
      ),
      input,
      200,
    );
    return { launchTemplates: page.items.map(describe), nextToken: page.nextToken };
  },
);

const describe = (template: LaunchTemplate): WireObject => ({
  launchTemplateId: template.id,
  launchTemplateName: template.name,
  createTime: new Date(template.createdAtMs).toISOString(),
  createdBy: `arn:aws:iam::${accountId}:user/reprise`,
  defaultVersionNumber: 1,
  latestVersionNumber: 1,
  tagSet: tagSet(template.tags),
});

export const templateOperations: Readonly<Record<string, Ec2Operation>> = {
  CreateLaunchTemplate: createLaunchTemplate,
  DeleteLaunchTemplate: deleteLaunchTemplate,
  DescribeLaunchTemplates: describeLaunchTemplates,
};
