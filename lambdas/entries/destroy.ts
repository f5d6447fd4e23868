import { destroy } from "../handlers.ts";
import { openHosts } from "../parts/hosts.ts";
import { openProviders } from "../parts/providers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("destroy", destroy, { hosts: openHosts, providers: openProviders });
