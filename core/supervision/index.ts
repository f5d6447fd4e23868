export {
  armAnswerSchema,
  clockSchema,
  factsSchema,
  heardSchema,
  outputsSchema,
  parseAnswer,
  removedSchema,
  stepStateSchema,
} from "./answers.ts";
export { globToPattern } from "./glob.ts";
export { defaultStepSettings, encodeStep } from "./step-text.ts";
export type { StepSettings } from "./step-text.ts";
