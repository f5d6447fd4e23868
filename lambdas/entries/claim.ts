import { claim } from "../handlers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("claim", claim);
