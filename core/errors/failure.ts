import { RepriseError } from "./reprise-error.ts";

/**
 * Why something failed, in the one vocabulary that decides what happens next (design decision 9).
 *
 * capacity, quota, throttled, auth, invalid, preempted, boot: the cloud's side. transport: the way to a host.
 * command, timeout: the experiment's own commands. collect, integrity: its evidence. budget, cancelled: the user's
 * limits and wishes. defect: ours.
 */
export const failureClasses = [
  "capacity",
  "quota",
  "throttled",
  "auth",
  "invalid",
  "preempted",
  "boot",
  "transport",
  "command",
  "timeout",
  "collect",
  "integrity",
  "budget",
  "cancelled",
  "defect",
] as const;
export type FailureClass = (typeof failureClasses)[number];

/** A failure as data: what is stored, printed and put into a state machine's `Cause`. */
export interface Failure {
  readonly class: FailureClass;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly host?: string | undefined;
  /** Where to look: keys of logs, a request id. At most a few hundred characters. */
  readonly evidence?: string | undefined;
}

/** The names that appear in the `Error` field of states and in `ErrorEquals`; one a class, built and read here alone. */
export const failureErrorName = (failureClass: FailureClass): string =>
  `${failureClass.charAt(0).toUpperCase()}${failureClass.slice(1)}Failure`;

export function parseFailureErrorName(name: string): FailureClass | undefined {
  return failureClasses.find((failureClass) => failureErrorName(failureClass) === name);
}

/** A `Failure` that travels as an exception; its `name` is what the state machines' Retry and Catch see. */
export class FailureError extends RepriseError {
  override readonly name: string;
  readonly failure: Failure;
  constructor(failure: Failure, options: { cause?: unknown } = {}) {
    super(failure.message, { hint: failure.hint, cause: options.cause });
    this.name = failureErrorName(failure.class);
    this.failure = failure;
  }
}

/** Reads any thrown value as a failure; what isn't ours is a defect. */
export function toFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  if (error instanceof RepriseError) return { class: "defect", message: error.message, hint: error.hint };
  return { class: "defect", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** Exit codes of the command line, one a class, so that a script can tell "try again later" from "mend your file". */
export const exitCodes: Readonly<Record<FailureClass, number>> = {
  invalid: 2,
  command: 10,
  timeout: 11,
  integrity: 12,
  collect: 13,
  transport: 20,
  boot: 21,
  capacity: 22,
  quota: 23,
  throttled: 24,
  preempted: 25,
  auth: 26,
  budget: 30,
  cancelled: 130,
  defect: 70,
};
