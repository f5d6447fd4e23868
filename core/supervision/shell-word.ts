import { FailureError } from "../errors/failure.ts";

/**
 * One single-quoted word of a step's text. Transports quote what they put on a command line; this is for the text that
 * travels on stdin and that the supervisor reads as shell assignments.
 *
 * @throws {FailureError} class invalid for a NUL character, which no shell variable can hold
 */
export function shellWord(text: string): string {
  if (text.includes("\0")) {
    throw new FailureError({ class: "invalid", message: `a host can't take a NUL character: ${JSON.stringify(text)}` });
  }
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
