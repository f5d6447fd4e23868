import { DescribeImagesCommand } from "@aws-sdk/client-ec2";
import type { Filter, Image } from "@aws-sdk/client-ec2";
import { FailureError } from "../../core/errors/failure.ts";
import type { MachineShape } from "../../core/ports/provider.ts";
import { findImage as findNeutral, neutralImageNames } from "../catalogue/images.ts";
import type { Ec2Api, Work } from "./api.ts";

type Architecture = MachineShape["architecture"];

/** An image found in one region. */
export interface AwsImage {
  /** `ami-…`: of this region alone. */
  readonly id: string;
  /** `{owner}/{name}`: the same image in every region that its owner published it in; what a plan freezes. */
  readonly reference: string;
  readonly architecture: Architecture;
  readonly rootDevice: string;
  readonly rootBytes: number;
}

/**
 * Finds an image by id (`ami-…`), by owner and name (`099720109477/ubuntu/images/…`, the name with `*` for the newest of
 * a family), or by a cloud-neutral name (`ubuntu-24.04`).
 *
 * @throws {FailureError} class invalid where the region has none of that architecture
 */
export async function findImage(
  api: Ec2Api,
  asked: { readonly region: string; readonly image: string; readonly architecture: Architecture },
  work: Work,
): Promise<AwsImage> {
  const { region, image, architecture } = asked;
  const { Images = [] } = await api.call(
    region,
    "DescribeImages",
    (ec2, options) => ec2.send(new DescribeImagesCommand(queryOf(image, architecture)), options),
    work,
  );
  const found = Images.filter((each) => each.State === "available" || each.State === undefined).sort(newestFirst)[0];
  if (found?.ImageId === undefined)
    throw new FailureError({
      class: "invalid",
      message: `no image "${image}" for ${architecture} in ${region}`,
      hint: `name one of ${neutralImageNames.join(", ")}, or \`{owner}/{name}\` of an image published there`,
    });
  if (found.Architecture !== architecture)
    throw new FailureError({
      class: "invalid",
      message: `image "${image}" is for ${found.Architecture ?? "an unknown architecture"}, the machine is ${architecture}`,
    });
  const root = found.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === found.RootDeviceName);
  return {
    id: found.ImageId,
    reference: `${found.OwnerId ?? "self"}/${found.Name ?? found.ImageId}`,
    architecture,
    rootDevice: found.RootDeviceName ?? "/dev/xvda",
    rootBytes: (root?.Ebs?.VolumeSize ?? 8) * 1024 ** 3,
  };
}

function queryOf(
  image: string,
  architecture: Architecture,
): { ImageIds: string[] } | { Owners: string[]; Filters: Filter[] } {
  if (image.startsWith("ami-")) return { ImageIds: [image] };
  const named = /^(\d{12}|amazon|self|aws-marketplace)\/(.+)$/.exec(findNeutral(image, "aws", architecture) ?? image);
  const [, owner, name] = named ?? [];
  if (owner === undefined || name === undefined)
    throw new FailureError({
      class: "invalid",
      message: `not an image of AWS: "${image}"`,
      hint: `name one of ${neutralImageNames.join(", ")}, an id (ami-…), or \`{owner}/{name}\``,
    });
  return {
    Owners: [owner],
    Filters: [
      { Name: "name", Values: [name] },
      { Name: "architecture", Values: [architecture] },
      { Name: "state", Values: ["available"] },
    ],
  };
}

const newestFirst = (a: Image, b: Image): number => (b.CreationDate ?? "").localeCompare(a.CreationDate ?? "");
