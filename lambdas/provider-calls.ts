import { z } from "zod";
import type { Json } from "../core/effects/json.ts";
import { failureSchema } from "../core/records/schemas.ts";
import { FailureError, toFailure } from "../core/errors/failure.ts";
import type {
  Capabilities,
  EnsureOutcome,
  Intent,
  MachineShape,
  Place,
  Provider,
  QuotaUse,
  ResourceState,
  SweepScope,
  TaggedResource,
} from "../core/ports/provider.ts";

/**
 * A provider as a function of its own: each call of the interface is one invocation. So a cloud's permissions and
 * credentials are held by one small function, and its SDK is loaded by nobody else.
 */
export type InvokeCloud = (payload: Json) => Promise<unknown>;

const place = z.object({ region: z.string(), zone: z.string().optional() });
const at = { deployment: z.string(), place };
const scope = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("deployment"), deployment: z.string() }),
  z.object({ kind: z.literal("expired"), now: z.number() }),
  z.object({ kind: z.literal("all") }),
]);
const text = z.string().optional();
const tagged = z.object({
  resourceKind: z.string(),
  id: z.string(),
  place,
  deployment: text,
  runId: text,
  owner: text,
  createdAt: z.number().optional(),
  expiresAt: z.number().optional(),
  name: text,
  machineType: text,
  spot: z.boolean().optional(),
});
const callSchema = z.discriminatedUnion("call", [
  // An intent is ours from end to end; what a cloud needs of it is checked where it is used.
  z.object({
    call: z.literal("ensure"),
    intents: z.array(z.looseObject({ name: z.string(), deployment: z.string() })),
  }),
  z.object({ call: z.literal("observe"), ...at }),
  z.object({ call: z.literal("connect"), ...at, peers: z.array(z.string()) }),
  z.object({ call: z.literal("extend"), ...at, expiresAt: z.number() }),
  z.object({ call: z.literal("beginDestroy"), ...at }),
  z.object({ call: z.literal("sweep"), scope }),
  z.object({ call: z.literal("destroyResource"), resource: tagged }),
  z.object({
    call: z.literal("resolveImage"),
    place,
    image: z.string(),
    architecture: z.enum(["x86_64", "arm64"]),
  }),
  z.object({ call: z.literal("quota"), place, shapes: z.array(z.looseObject({ type: z.string() })) }),
]);
const answerSchema = z.union([z.object({ ok: z.unknown() }), z.object({ failure: failureSchema })]);

/** A call must be over before its function is. */
const callMs = 50_000;
/** A sweep gives so many resources at most: more is an account that isn't ours alone. */
const mostSwept = 5_000;

/** Answers one call on the cloud's side. What goes wrong is an answer too: the class must survive the way back. */
export async function serveProviderCall(event: unknown, provider: Provider): Promise<Json> {
  const input = callSchema.parse(event);
  try {
    return asJson({ ok: await answerCall(input, provider) });
  } catch (error) {
    return asJson({ failure: toFailure(error) });
  }
}

async function answerCall(input: z.output<typeof callSchema>, provider: Provider): Promise<unknown> {
  switch (input.call) {
    case "ensure":
      // Written by `RemoteProvider` of the same version: an `Intent[]`.
      return provider.ensure(input.intents as unknown as readonly Intent[], AbortSignal.timeout(callMs));
    case "observe":
      return provider.observe(input.deployment, toPlace(input.place));
    case "connect":
      await provider.connect(input.deployment, toPlace(input.place), input.peers);
      return null;
    case "extend":
      await provider.extend(input.deployment, toPlace(input.place), input.expiresAt);
      return null;
    case "beginDestroy":
      await provider.beginDestroy(input.deployment, toPlace(input.place));
      return null;
    case "sweep": {
      const found: TaggedResource[] = [];
      for await (const resource of provider.sweep(input.scope)) {
        found.push(resource);
        if (found.length > mostSwept)
          throw new FailureError({ class: "defect", message: `more than ${mostSwept} resources of ours` });
      }
      return found;
    }
    case "destroyResource":
      await provider.destroyResource(toTagged(input.resource));
      return null;
    case "resolveImage":
      return provider.resolveImage?.(toPlace(input.place), input.image, input.architecture) ?? input.image;
    case "quota":
      // As the intents: `MachineShape[]` of the plan.
      return provider.quota?.(toPlace(input.place), input.shapes as unknown as readonly MachineShape[]) ?? [];
    default:
      return input satisfies never;
  }
}

/** The other side: a provider whose every call goes to its cloud's function. */
export class RemoteProvider implements Provider {
  readonly name: string;
  readonly capabilities: Capabilities;
  private readonly invoke: InvokeCloud;

  constructor(options: { readonly name: string; readonly capabilities: Capabilities; readonly invoke: InvokeCloud }) {
    this.name = options.name;
    this.capabilities = options.capabilities;
    this.invoke = options.invoke;
  }

  ensure(intents: readonly Intent[]): Promise<readonly EnsureOutcome[]> {
    return this.ask<readonly EnsureOutcome[]>({ call: "ensure", intents });
  }

  observe(deployment: string, at: Place): Promise<readonly ResourceState[]> {
    return this.ask<readonly ResourceState[]>({ call: "observe", deployment, place: at });
  }

  async connect(deployment: string, at: Place, peers: readonly string[]): Promise<void> {
    await this.ask({ call: "connect", deployment, place: at, peers });
  }

  async extend(deployment: string, at: Place, expiresAt: number): Promise<void> {
    await this.ask({ call: "extend", deployment, place: at, expiresAt });
  }

  async beginDestroy(deployment: string, at: Place): Promise<void> {
    await this.ask({ call: "beginDestroy", deployment, place: at });
  }

  async *sweep(of: SweepScope): AsyncGenerator<TaggedResource> {
    yield* await this.ask<readonly TaggedResource[]>({ call: "sweep", scope: of });
  }

  async destroyResource(resource: TaggedResource): Promise<void> {
    await this.ask({ call: "destroyResource", resource });
  }

  resolveImage(at: Place, image: string, architecture: MachineShape["architecture"]): Promise<string> {
    return this.ask<string>({ call: "resolveImage", place: at, image, architecture });
  }

  quota(at: Place, shapes: readonly MachineShape[]): Promise<readonly QuotaUse[]> {
    return this.ask<readonly QuotaUse[]>({ call: "quota", place: at, shapes });
  }

  /** The cloud's function is of the same version and gives what `Provider` says. */
  private async ask<T>(input: object): Promise<T> {
    const answer = answerSchema.safeParse(await this.invoke(asJson(input)));
    if (!answer.success) {
      throw new FailureError({ class: "defect", message: `the function for ${this.name} gave no answer of ours` });
    }
    if ("failure" in answer.data) throw new FailureError(answer.data.failure);
    return answer.data.ok as T; // see above
  }
}

/** Without the `undefined`s, for which JSON has no word. */
const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

const toPlace = ({ region, zone }: z.output<typeof place>): Place => ({
  region,
  ...(zone === undefined ? {} : { zone }),
});

const toTagged = ({ place: at, ...rest }: z.output<typeof tagged>): TaggedResource => ({
  resourceKind: rest.resourceKind,
  id: rest.id,
  place: toPlace(at),
  deployment: rest.deployment,
  runId: rest.runId,
  owner: rest.owner,
  createdAt: rest.createdAt,
  expiresAt: rest.expiresAt,
  name: rest.name,
  machineType: rest.machineType,
  spot: rest.spot,
});
