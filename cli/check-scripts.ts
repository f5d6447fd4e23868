import { spawnSync } from "node:child_process";
import { formatPath } from "../core/definition/problem.ts";
import type { Path } from "../core/definition/problem.ts";
import { ProblemList } from "../core/definition/problem-list.ts";
import type { LoadedDefinition } from "../core/definition/program.ts";
import type { Plan } from "../core/plan/types.ts";
import { rehearse } from "../core/render/rehearse.ts";

/** What a shell says before what is wrong: `sh: 3: Syntax error: …`, `sh: line 3: syntax error …`. */
const shellPrefix = /^[^:]*sh: (?:\d+: |line \d+: )?/;

/**
 * Lets this machine's shell read every script of a definition, as hosts would get it, without running it.
 *
 * @throws {DefinitionError} with each that it can't read
 */
export function requireReadableScripts(definition: LoadedDefinition, plan: Plan): void {
  const scripts = new Map<string, { readonly path: Path; readonly script: string }>();
  rehearse(definition, plan, (path, script) => {
    const place = formatPath(path);
    const isShells = !script.startsWith("#!") || /^#!\s*\/bin\/sh\b/.test(script);
    if (isShells && !scripts.has(place)) scripts.set(place, { path, script });
  });
  const problems = new ProblemList();
  for (const { path, script } of scripts.values()) {
    const { status, stderr } = spawnSync("sh", ["-n"], { input: script, encoding: "utf8", timeout: 10_000 });
    if (status === 0 || stderr === "") continue; // a machine without a shell has no say
    const [said = ""] = stderr.split("\n");
    problems.try(() => definition.fail(path, `the shell can't read its script: ${said.replace(shellPrefix, "")}`));
  }
  problems.throwIfAny();
}
