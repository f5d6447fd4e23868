import { record } from "../handlers.ts";
import { openProviders } from "../parts/providers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("record", record, { providers: openProviders });
