/**
 * Step Functions in this process: an exact interpreter of the subset of the Amazon States Language that we write.
 *
 * A definition is put together from its files (`compose`), checked (`lint`), and compiled (`definition`: paths, templates,
 * intrinsics, rules). The engine starts executions of it; an interpreter walks their threads from state to state, records
 * each step in a history of Step Functions' own shape, and calls handlers in place of Lambda functions. Clock, randomness,
 * ids, handlers, readers and writers are injected. Durability is left to the store, what the handlers do to them.
 */
export { composeDefinition, composeStateMachine } from "./compose.ts";
export type { DefinitionFiles, Substitutions } from "./compose.ts";
export { parseStateMachine } from "./definition.ts";
export type { StateMachine } from "./definition.ts";
export { AslEngine, toEnginePort } from "./engine.ts";
export type { AslEngineOptions } from "./engine.ts";
export { InvalidDefinitionError } from "./errors.ts";
export type { DefinitionProblem } from "./errors.ts";
export type { EndedExecution, ExecutionDescription, ExecutionRef } from "./execution.ts";
export type { HistoryEvent } from "./history.ts";
export { lintDefinition } from "./lint.ts";
export type { ChildResult, MapRun, ResultDestination, ResultSink } from "./map-run.ts";
export { renderHistory } from "./render-history.ts";
export type { HandlerInvoker } from "./task.ts";
