export { DefinitionError, formatProblem } from "./problem.ts";
export type { Problem } from "./problem.ts";
export type { LoadedDefinition } from "./program.ts";
export { providerNames, readDefinition } from "./read-definition.ts";
export type { ReadResult } from "./read-definition.ts";
export { definitionSchema } from "./schema.ts";
export type { Definition } from "./schema.ts";
