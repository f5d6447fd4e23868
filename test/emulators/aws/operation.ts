import type { z } from "zod";
import { accept } from "../common/accept.ts";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import type { FormTree } from "./protocol.ts";
import type { Ec2Region } from "./region.ts";

/** Does one action: parameters as they came, what the answer's XML holds. */
export type Ec2Operation = (region: Ec2Region, parameters: FormTree, call: OpenCall) => WireObject;

/** An action with the parameters it knows; any other parameter is refused, and a dry run stops before the effect. */
export function ec2Operation<T extends z.ZodType>(
  schema: T,
  run: (region: Ec2Region, input: z.output<T>, call: OpenCall) => WireObject,
): Ec2Operation {
  return (region, parameters, call) => {
    const { DryRun: dryRun, ...rest } =
      typeof parameters === "string" || Array.isArray(parameters)
        ? {}
        : (parameters as { readonly [key: string]: FormTree }); // neither a text nor a list: a structure
    const input = accept(schema, rest, (message) => new CloudError(400, "InvalidParameterValue", message));
    if (dryRun === "true")
      throw new CloudError(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
    return run(region, input, call);
  };
}
