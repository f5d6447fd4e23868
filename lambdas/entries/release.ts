import { release } from "../handlers.ts";
import { openProviders } from "../parts/providers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("release", release, { providers: openProviders });
