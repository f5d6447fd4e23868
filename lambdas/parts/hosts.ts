import { fileURLToPath } from "node:url";
import { createWorld } from "../../engines/embedded/world.ts";
import { readSupervisorFiles } from "../../transports/agent/index.ts";
import type { Parts } from "../effects.ts";

/** Logs in to hosts over SSH, with keys derived from the master secret. */
export const openHosts: NonNullable<Parts["hosts"]> = async ({ store, clock, secret, version }) => {
  const world = createWorld({
    runId: "", // a run's hosts are addressed by the run that each call names
    store,
    clock,
    secret,
    // The bundle has the supervisor's two files beside it.
    supervisor: await readSupervisorFiles(fileURLToPath(new URL(".", import.meta.url))),
    providers: [],
    version,
  });
  return { agent: world.effects.agent, hostSetup: world.effects.hostSetup, close: () => world.close() };
};
