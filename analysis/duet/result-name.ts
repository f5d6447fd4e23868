import { RepriseError } from "../../core/errors/reprise-error.ts";

/** How A and B ran: alone, started together, or together with a barrier before each iteration. */
export const runTypes = ["seqn", "duet", "syncduet"] as const;
export type RunType = (typeof runTypes)[number];

/** The label of one side. */
export type PairLabel = "A" | "B";

/** Who was started first; undefined where each ran alone. */
export type StartOrder = "AB" | "BA" | undefined;

/** What a result's file name says. */
export interface ResultName {
  readonly suite: string;
  readonly benchmark: string;
  readonly runId: number;
  readonly type: RunType;
  readonly order: StartOrder;
  readonly pair: PairLabel;
  /** Base name of the result path inside the container; may be a folder's. */
  readonly file: string;
}

export class ResultNameError extends RepriseError {
  override readonly name = "ResultNameError";
}

const wordPattern = /^[A-Za-z0-9_-]+$/;

/**
 * `{suite}.{benchmark}.{runId}.{type}.{order}.{pair}.{file}`: the original tool's naming, kept on export. Dots in suite and
 * benchmark become underscores, as there: `557.xz_r` is read back as `557_xz_r`.
 *
 * @throws {ResultNameError} for a name that its own reader would refuse
 */
export function buildResultName(name: ResultName): string {
  const [suite, benchmark] = [name.suite, name.benchmark].map((word) => word.replaceAll(".", "_"));
  for (const word of [suite, benchmark]) {
    if (word === undefined || !wordPattern.test(word)) {
      throw new ResultNameError(`"${String(word)}" in a result's name`, {
        hint: "suites and benchmarks have letters, digits, _, - and . in their names",
      });
    }
  }
  if (!Number.isSafeInteger(name.runId) || name.runId < 0 || name.file === "" || name.file.includes("/")) {
    throw new ResultNameError(`run ${name.runId}, file "${name.file}" in a result's name`, {
      hint: "run ids count from 0, and the file is a base name",
    });
  }
  return [suite, benchmark, name.runId, name.type, name.order ?? "None", name.pair, name.file].join(".");
}

const resultNamePattern =
  /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.(\d+)\.(seqn|duet|syncduet)\.(AB|BA|None)\.([AB])\.(.+)$/;

/** Reads a result's file or folder name; undefined when it isn't one (older files lack the suite, artifacts have no such name). */
export function parseResultName(text: string): ResultName | undefined {
  const [, suite, benchmark, runId, type, order, pair, file] = resultNamePattern.exec(text) ?? [];
  if (suite === undefined || benchmark === undefined || file === undefined) return undefined;
  return {
    suite,
    benchmark,
    runId: Number(runId),
    type: type as RunType, // the pattern allows nothing else in these three
    order: order === "None" ? undefined : (order as "AB" | "BA"),
    pair: pair as PairLabel,
    file: file.replace(/\/$/, ""),
  };
}
