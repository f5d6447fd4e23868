import { ensure } from "../handlers.ts";
import { openHosts } from "../parts/hosts.ts";
import { openProviders } from "../parts/providers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("ensure", ensure, { hosts: openHosts, providers: openProviders });
