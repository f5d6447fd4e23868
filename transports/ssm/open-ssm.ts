import { randomUUID } from "node:crypto";
import { SSMClient } from "@aws-sdk/client-ssm";
import type { SSMClientConfig } from "@aws-sdk/client-ssm";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import type { SsmBucket } from "./s3-bucket.ts";
import { SsmTransport } from "./ssm-transport.ts";

export interface OpenSsmDeps {
  readonly clock: Clock;
  /** Spreads repeated calls; no secret is drawn from it. */
  readonly random: Random;
  /** Carries what Systems Manager doesn't. @default none: large output comes in pieces, secret stdin is refused */
  readonly bucket?: SsmBucket | undefined;
  /** @default the SDK's own, by its rules for the environment */
  readonly client?: Omit<SSMClientConfig, "region">;
}

/** Systems Manager as the environment's credentials allow it, to hosts that name their instance. */
export function openSsm({ clock, random, bucket, client }: OpenSsmDeps): SsmTransport {
  const clients = new Map<string, SSMClient>();
  const clientOf = (region: string): SSMClient => {
    const known = clients.get(region);
    if (known !== undefined) return known;
    const requestHandler = { connectionTimeout: 5_000, requestTimeout: 30_000 };
    // One attempt a call: what is repeated, and when, is decided in `SsmApi`.
    const made = new SSMClient({ requestHandler, ...client, region, maxAttempts: 1 });
    clients.set(region, made);
    return made;
  };
  const effects = {
    ssm: clientOf,
    clock,
    random,
    newId: randomUUID,
    findInstance: async (host: WithInstance) => host.ssm,
  };
  return new SsmTransport(
    {},
    { ...effects, ...(bucket === undefined ? {} : { bucket: bucket.output, offer: bucket.offer }) },
  );
}

type WithInstance = Parameters<SsmTransport["run"]>[0];
