import { finish } from "../handlers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("finish", finish);
