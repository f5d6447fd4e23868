import { admit } from "../handlers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("admit", admit);
