import { lookGone } from "../handlers.ts";
import { openProviders } from "../parts/providers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("observeGone", lookGone, { providers: openProviders });
