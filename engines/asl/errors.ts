import { RepriseError } from "../../core/errors/reprise-error.ts";

/**
 * What a state reports and Retry and Catch match on: an error name and a cause, as in the Amazon States Language.
 *
 * Both may be absent (a Fail state without fields, SendTaskFailure without arguments).
 */
export class StatesError extends Error {
  override readonly name = "StatesError";
  readonly error: string | undefined;
  readonly errorCause: string | undefined;
  /** A timeout is reported as States.Timeout whichever clock ran out; only matching tells the two apart. */
  readonly isHeartbeatTimeout: boolean;
  constructor(
    error: string | undefined,
    errorCause: string | undefined,
    options: { isHeartbeatTimeout?: boolean } = {},
  ) {
    super(`${error ?? "no error name"}: ${errorCause ?? "no cause"}`);
    this.error = error;
    this.errorCause = errorCause;
    this.isHeartbeatTimeout = options.isHeartbeatTimeout ?? false;
  }
}

/** What a state or task reports whose data is larger than a payload may be. */
export const tooLarge = (what: string): StatesError =>
  new StatesError(
    "States.DataLimitExceeded",
    `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );

/** A path, template, intrinsic or rule that can't be evaluated on this input; the interpreter adds the state's name. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
  readonly error: string;
  constructor(message: string, error = "States.Runtime") {
    super(message);
    this.error = error;
  }
}

/** Text of a definition that doesn't parse as a path, intrinsic or rule; lint and parser add the place. */
export class ExpressionSyntaxError extends Error {
  override readonly name = "ExpressionSyntaxError";
}

/** Thrown inside a branch, iteration or task whose surroundings ended: unwinds it, is never an outcome. */
export class AbortedError extends Error {
  override readonly name = "AbortedError";
}

/** One thing wrong in a definition. */
export interface DefinitionProblem {
  /** Where, as a JSON path from the top of the definition: `$.States['Run trial'].Catch[0]`. */
  readonly path: string;
  readonly message: string;
}

export class InvalidDefinitionError extends RepriseError {
  override readonly name = "InvalidDefinition";
  readonly problems: readonly DefinitionProblem[];
  constructor(problems: readonly DefinitionProblem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"), {
      hint: "the embedded engine runs a subset of the Amazon States Language, described in engines/asl/definition.ts",
    });
    this.problems = problems;
  }
}

/** The names below are those of Step Functions' own API errors, so that callers treat both engines alike. */
export class StateMachineDoesNotExistError extends RepriseError {
  override readonly name = "StateMachineDoesNotExist";
}
export class ExecutionDoesNotExistError extends RepriseError {
  override readonly name = "ExecutionDoesNotExist";
}
export class ExecutionAlreadyExistsError extends RepriseError {
  override readonly name = "ExecutionAlreadyExists";
}
export class InvalidNameError extends RepriseError {
  override readonly name = "InvalidName";
}
export class InvalidExecutionInputError extends RepriseError {
  override readonly name = "InvalidExecutionInput";
}
/** An output or failure handed to `wake` that Step Functions would refuse: the task goes on waiting. */
export class InvalidOutputError extends RepriseError {
  override readonly name = "InvalidOutput";
}
