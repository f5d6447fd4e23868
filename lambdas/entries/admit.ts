import { environmentSchema } from "../environment.ts";
import { admit } from "../handlers.ts";
import { withinLimits } from "../limits.ts";
import { asTask } from "../task.ts";

export const handler = asTask(
  "admit",
  withinLimits(admit, () => environmentSchema.parse(process.env).limits),
);
