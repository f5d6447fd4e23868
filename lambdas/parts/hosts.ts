import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createWorld } from "../../engines/embedded/world.ts";
import { createS3Client } from "../../stores/s3/s3-store.ts";
import { readSupervisorFiles } from "../../transports/agent/index.ts";
import { openSsm } from "../../transports/ssm/index.ts";
import { openSsmBucket } from "../../transports/ssm/s3-bucket.ts";
import type { Parts } from "../effects.ts";

/** Below this prefix of the store's bucket nothing lives longer than a day: it is on its way to a host, or from one. */
export const ssmPrefix = "ssm";

/** Reaches hosts over SSH, with keys derived from the master secret, or by Systems Manager. */
export const openHosts: NonNullable<Parts["hosts"]> = async ({ environment, store, clock, secret, version }) => {
  const { bucket, region } = environment;
  const handover = openSsmBucket({
    client: createS3Client({ region }),
    name: bucket,
    prefix: ssmPrefix,
    newId: randomUUID,
  });
  const world = createWorld({
    runId: "", // a run's hosts are addressed by the run that each call names
    store,
    clock,
    secret,
    // The bundle has the supervisor's two files beside it.
    supervisor: await readSupervisorFiles(fileURLToPath(new URL(".", import.meta.url))),
    providers: [],
    ssm: openSsm({ clock, random: { next: () => Math.random() }, bucket: handover }),
    version,
  });
  return { agent: world.effects.agent, hostSetup: world.effects.hostSetup, close: () => world.close() };
};
