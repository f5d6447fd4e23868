/** An error that tells its reader what happened and what to change. `name` is a literal: Retry and Catch match on it. */
export abstract class RepriseError extends Error {
  abstract override readonly name: string;
  readonly hint: string | undefined;
  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, options);
    this.hint = options.hint;
  }
}

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
