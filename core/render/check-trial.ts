import type { Scope } from "../definition/expression/values.ts";
import type { CheckProgram, Program, RangeProgram } from "../definition/program.ts";
import type { CheckVerdict, LandedFiles } from "../plan/types.ts";
import type { LandedFile } from "./landed.ts";
import { filesOf } from "./landed.ts";
import { linesOf, textOfFile } from "./text-stream.ts";
import { checksFolder } from "./collection.ts";

const maxShownChars = 200;

/** Judges a trial's landed files by `checks:`; each verdict says what was found. */
export async function checkTrial(
  program: Program,
  scope: Scope,
  files: LandedFiles,
  /** The units of each service and job at this point. */
  unitsOf: (name: string) => readonly string[],
): Promise<readonly CheckVerdict[]> {
  const verdicts: CheckVerdict[] = [];
  for (const check of program.checks) {
    if (!check.when(scope)) continue;
    const outcome =
      check.command === undefined ? await checkFiles(check, scope, files, unitsOf) : await checkCommand(check, files);
    verdicts.push({ name: check.spec.name, ...outcome });
  }
  return verdicts;
}

type Outcome = Omit<CheckVerdict, "name">;
const failed = (detail: string): Outcome => ({ passed: false, detail });

async function checkCommand(check: CheckProgram, files: LandedFiles): Promise<Outcome> {
  const name = `${checksFolder}/${check.spec.name}`;
  const exits = files.list().filter(({ path }) => path === `${name}.exit`);
  if (exits.length === 0) return failed("its command left no exit code");
  for (const { host } of exits) {
    const code = (await textOfFile(files.read(host, `${name}.exit`), 100))?.trim();
    if (code === "0") continue;
    const output = (await textOfFile(files.read(host, `${name}.txt`), 1 << 20)) ?? "";
    return failed(
      `exit code ${code ?? "unknown"} on ${host}${output === "" ? "" : `: ${cut(output.trim().split("\n").at(-1) ?? "")}`}`,
    );
  }
  return { passed: true, detail: `exit code 0 on ${exits.map(({ host }) => host).join(", ")}` };
}

async function checkFiles(
  check: CheckProgram,
  scope: Scope,
  files: LandedFiles,
  unitsOf: (name: string) => readonly string[],
): Promise<Outcome> {
  const { spec } = check;
  const from = spec.from ?? "";
  const landed = filesOf(files, from, spec.file ?? "");
  const units = unitsOf(from);
  if (units.length === 0) return { passed: true, detail: `${from} has no process at this point` };
  const missing = units.filter((unit) => !landed.some((file) => file.unit === unit));
  if (missing.length > 0)
    return failed(`no ${spec.file ?? ""} of ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ", …" : ""}`);
  if (spec.exists === true) return { passed: true, detail: `${landed.length} files` };
  if (check.bytes !== undefined) return inRange(check.bytes, scope, "bytes", landed, async (file) => file.bytes);
  if (check.rows !== undefined) return inRange(check.rows, scope, "rows", landed, (file) => countRows(file, files));
  if (spec.mustMatch !== undefined) return mustMatch(new RegExp(spec.mustMatch, "u"), landed, files);
  return mustNotMatch(new RegExp(spec.mustNotMatch ?? "(?!)", "u"), landed, files);
}

async function inRange(
  range: RangeProgram,
  scope: Scope,
  what: string,
  landed: readonly LandedFile[],
  measure: (file: LandedFile) => Promise<number>,
): Promise<Outcome> {
  const least = range.min?.(scope);
  const most = range.max?.(scope);
  let smallest = Infinity;
  let largest = -Infinity;
  for (const file of landed) {
    const found = await measure(file);
    if (least !== undefined && found < least)
      return failed(`${found} ${what} in ${nameOf(file)}, at least ${least} wanted`);
    if (most !== undefined && found > most)
      return failed(`${found} ${what} in ${nameOf(file)}, at most ${most} wanted`);
    smallest = Math.min(smallest, found);
    largest = Math.max(largest, found);
  }
  return { passed: true, detail: smallest === largest ? `${smallest} ${what}` : `${smallest} to ${largest} ${what}` };
}

async function countRows(file: LandedFile, files: LandedFiles): Promise<number> {
  let rows = 0;
  for await (const line of linesOf(files.read(file.host, file.path))) if (line !== "") rows++;
  return file.path.endsWith(".csv") ? Math.max(0, rows - 1) : rows;
}

async function mustMatch(pattern: RegExp, landed: readonly LandedFile[], files: LandedFiles): Promise<Outcome> {
  for (const file of landed) {
    if ((await firstMatch(pattern, file, files)) === undefined) return failed(`no line of ${nameOf(file)} matches`);
  }
  return { passed: true, detail: `found in ${landed.length} files` };
}

async function mustNotMatch(pattern: RegExp, landed: readonly LandedFile[], files: LandedFiles): Promise<Outcome> {
  for (const file of landed) {
    const found = await firstMatch(pattern, file, files);
    if (found !== undefined) return failed(`${nameOf(file)}:${found.lineNumber}: ${cut(found.line)}`);
  }
  return { passed: true, detail: `not found in ${landed.length} files` };
}

async function firstMatch(
  pattern: RegExp,
  file: LandedFile,
  files: LandedFiles,
): Promise<{ readonly line: string; readonly lineNumber: number } | undefined> {
  let lineNumber = 0;
  for await (const line of linesOf(files.read(file.host, file.path))) {
    lineNumber++;
    if (pattern.test(line)) return { line, lineNumber };
  }
  return undefined;
}

const nameOf = (file: LandedFile): string => `${file.host}/${file.path}`;
const cut = (text: string): string => (text.length > maxShownChars ? `${text.slice(0, maxShownChars)}…` : text);
