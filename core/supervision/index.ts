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
export { defaultStepSettings, encodeStep, metadataUrl, noticingClouds } from "./step-text.ts";
export type { NoticingCloud, StepSettings } from "./step-text.ts";
