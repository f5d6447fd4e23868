import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const installMs = 600_000;

/** A program from PyPI in an environment of its own, kept under the OS's temp folder for the next run. */
export function pythonProgram(what: {
  readonly name: string;
  readonly version: string;
  /** What pip is asked for: `moto[server,all]`. */
  readonly requirement: string;
  readonly program: string;
}): string {
  const environment = join(tmpdir(), "reprise-cache", `${what.name}-${what.version}`);
  const program = join(environment, "bin", what.program);
  const done = join(environment, "installed");
  if (existsSync(done)) return program;
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(environment, { recursive: true });
  execFileSync("python3", ["-m", "venv", environment], { timeout: installMs });
  const pip = ["-m", "pip", "install", "--quiet", `${what.requirement}==${what.version}`];
  execFileSync(join(environment, "bin", "python"), pip, { timeout: installMs });
  writeFileSync(done, "");
  return program;
}

export const ministackProgram = (): string =>
  pythonProgram({ name: "ministack", version: "1.4.21", requirement: "ministack", program: "ministack" });

export const motoProgram = (): string =>
  pythonProgram({ name: "moto", version: "5.2.4", requirement: "moto[server,all]", program: "moto_server" });
