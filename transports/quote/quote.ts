/**
 * POSIX shell quoting, in one place: whatever reaches a shell on a host went through here.
 *
 * @see POSIX.1-2017, Shell Command Language, 2.2.2: inside single quotes every character stands for itself.
 */
import { RepriseError } from "../../core/errors/reprise-error.ts";

/** A text that no quoting can carry to a shell. */
export class QuoteError extends RepriseError {
  override readonly name = "QuoteError";
}

// No `=` (an assignment in front of a command), `~`, glob or brace characters; `%` and `^` mean something to old shells.
const plain = /^[A-Za-z0-9_/:.,@+-]+$/;

// As a command's first word these are grammar, not names; quoting any of their characters takes that away.
const reserved = new Set(
  "case coproc do done elif else end esac fi for foreach function if in select then time until while".split(" "),
);

/**
 * One word that a POSIX shell reads back as exactly `text`.
 *
 * @throws {QuoteError} for a NUL character (no argument can hold one) or half a surrogate pair (UTF-8 can't)
 */
export function quoteWord(text: string): string {
  if (text.includes("\0")) throw new QuoteError(`an argument can't hold a NUL character: ${JSON.stringify(text)}`);
  if (/\p{Surrogate}/u.test(text)) throw new QuoteError(`not text that UTF-8 can carry: ${JSON.stringify(text)}`);
  if (plain.test(text) && !reserved.has(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A simple command: its name and arguments, each quoted. */
export const quoteArgv = (argv: readonly [string, ...string[]]): string => argv.map(quoteWord).join(" ");

/**
 * `export A='b'` lines, sorted by name, one for each variable.
 *
 * @throws {QuoteError} for a name that a shell can't assign to
 */
export function quoteEnv(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new QuoteError(`not a shell variable's name: "${name}"`);
      return `export ${name}=${quoteWord(value)}\n`;
    })
    .join("");
}
