import { DescribeInstancesCommand } from "@aws-sdk/client-ec2";
import type { EC2Client } from "@aws-sdk/client-ec2";
import type { HostAddress } from "../../core/ports/transport.ts";
import { ec2TagKeys } from "./tags.ts";

/**
 * Finds the running instance of a host, for ways to it that need its id (Systems Manager).
 *
 * By the host key that it was tagged with at its launch, then by its address: an address alone may be another machine's
 * by now.
 *
 * @param regions looked into in this order
 */
export const instanceFinder =
  (ec2: (region: string) => EC2Client, regions: readonly string[]) =>
  async (
    host: HostAddress,
    abortSignal: AbortSignal,
  ): Promise<{ readonly region: string; readonly instanceId: string } | undefined> => {
    for (const region of regions) {
      const { Reservations = [] } = await ec2(region).send(
        new DescribeInstancesCommand({
          Filters: [
            { Name: `tag:${ec2TagKeys.hostKey}`, Values: [host.hostKey] },
            { Name: "instance-state-name", Values: ["running"] },
          ],
        }),
        { abortSignal },
      );
      const found = Reservations.flatMap(({ Instances = [] }) => Instances).find(
        ({ PublicIpAddress, PrivateIpAddress }) =>
          PublicIpAddress === host.address || PrivateIpAddress === host.address,
      );
      if (found?.InstanceId !== undefined) return { region, instanceId: found.InstanceId };
    }
    return undefined;
  };
