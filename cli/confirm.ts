import { createInterface } from "node:readline/promises";
import { FailureError } from "../core/errors/failure.ts";

/**
 * Asks a person at a terminal.
 *
 * @throws FailureError where nobody can answer: a script says `--yes`
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new FailureError({ class: "invalid", message: `${question} Nobody is here to answer.`, hint: "say --yes" });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
