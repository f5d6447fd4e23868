import { verify } from "../handlers.ts";
import { asTask } from "../task.ts";

export const handler = asTask("verify", verify);
