import { close } from "../handlers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("close", close);
