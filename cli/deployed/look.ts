import type { LambdaClient } from "@aws-sdk/client-lambda";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { z } from "zod";
import { FailureError } from "../../core/errors/failure.ts";
import type { Inventory } from "../../core/flow/reap.ts";
import { awsFailure } from "./stack.ts";

const answerSchema = z.object({
  resources: z.array(
    z.object({
      provider: z.string(),
      resource: z.object({
        resourceKind: z.string(),
        id: z.string(),
        place: z.object({ region: z.string(), zone: z.string().optional() }),
        deployment: z.string().optional(),
        runId: z.string().optional(),
        owner: z.string().optional(),
        createdAt: z.number().optional(),
        expiresAt: z.number().optional(),
        name: z.string().optional(),
        machineType: z.string().optional(),
        spot: z.boolean().optional(),
      }),
    }),
  ),
  problems: z.array(z.string()),
});

/**
 * Everything of ours that the stack's own clouds list, seen with its rights and the credentials in its secrets: whoever
 * asks needs none of those clouds' own.
 *
 * @throws FailureError class transport or auth when the function can't be asked, class defect when it breaks off
 */
export async function lookFromStack(
  { reaperFunction }: { readonly reaperFunction: string },
  client: LambdaClient,
): Promise<Inventory> {
  const answer = await client
    .send(new InvokeCommand({ FunctionName: reaperFunction, Payload: JSON.stringify({ look: "all" }) }))
    .catch((error: unknown) => {
      throw awsFailure(reaperFunction, error);
    });
  const text = new TextDecoder().decode(answer.Payload);
  const looked = answer.FunctionError === undefined ? answerSchema.safeParse(parseJson(text)) : undefined;
  if (looked?.success === true) return { ...looked.data, resources: looked.data.resources.map(toFound) };
  throw new FailureError({
    class: "defect",
    message: `${reaperFunction} gave no inventory: ${text.slice(0, 500)}`,
    hint: "its log group says more; `reprise deploy` brings an older stack to this version",
  });
}

const toFound = ({ provider, resource }: z.output<typeof answerSchema>["resources"][number]) => ({
  provider,
  resource: {
    ...resource,
    place: {
      region: resource.place.region,
      ...(resource.place.zone === undefined ? {} : { zone: resource.place.zone }),
    },
    deployment: resource.deployment,
    runId: resource.runId,
    owner: resource.owner,
    createdAt: resource.createdAt,
    expiresAt: resource.expiresAt,
  },
});

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};
