import { FailureError } from "../errors/failure.ts";

/** Steps from the top of a definition to one value in it. */
export type Path = readonly (string | number)[];

/** One mistake in a definition or in a file it names, where it stands and what could be meant. */
export interface Problem {
  readonly file: string;
  readonly line: number; // from 1
  readonly column: number; // from 1
  readonly path: string; // `trial.services.server.count`
  readonly value: string | undefined; // as JSON, cut
  readonly message: string;
  readonly hint: string | undefined; // the nearest known name, or what to write instead
}

/** `sweeps.load.cross.clients[2]`; names that aren't plain words are quoted. */
export const formatPath = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!/^[A-Za-z_][\w.-]*$/.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");

/** A value as JSON for a message, at most 80 characters of it, without what stands before the `@` of a URL. */
export function formatValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = (typeof value === "function" ? "a function" : JSON.stringify(value)).replaceAll(
    /(https?:\/\/)[^/@"\s]+@/gi,
    "$1…@",
  );
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** `file:line:column: path: message (value …). hint`, the form that editors and terminals turn into links. */
export function formatProblem(problem: Problem): string {
  const value = problem.value === undefined ? "" : ` (${problem.value})`;
  const hint = problem.hint === undefined ? "" : `\n    ${problem.hint}`;
  const path = problem.path === "" ? "" : `${problem.path}: `;
  return `${problem.file}:${problem.line}:${problem.column}: ${path}${problem.message}${value}${hint}`;
}

/** A definition that can't be planned or rendered; class invalid, all problems at once. */
export class DefinitionError extends FailureError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const first = problems[0];
    super({
      class: "invalid",
      message:
        problems.length === 1 && first !== undefined
          ? formatProblem(first)
          : `${problems.length} problems\n${problems.map(formatProblem).join("\n")}`,
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
    });
    this.problems = problems;
  }
}
