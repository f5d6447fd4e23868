import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const installMs = 900_000;

/**
 * Words: environment, requirement. Who comes second waits for the first and finds the work done; the system itself lets go
 * of the lock of one that was killed, and what that one left is begun anew.
 */
const installer = `
import fcntl, os, shutil, subprocess, sys
environment, requirement = sys.argv[1:]
with open(environment + ".lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = os.path.join(environment, "installed")
    if not os.path.exists(done):
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.check_call([sys.executable, "-m", "venv", environment])
        python = os.path.join(environment, "bin", "python")
        subprocess.check_call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement])
        open(done, "w").close()
`;

/**
 * A program from PyPI in an environment of its own, kept under the OS's temp folder for the next run. Any number of
 * processes may ask for it at once.
 */
export function pythonProgram(what: {
  readonly name: string;
  readonly version: string;
  /** What pip is asked for: `moto[server,all]`. */
  readonly requirement: string;
  readonly program: string;
}): string {
  const cache = join(tmpdir(), "reprise-cache");
  const environment = join(cache, `${what.name}-${what.version}`);
  const program = join(environment, "bin", what.program);
  if (existsSync(join(environment, "installed"))) return program;
  mkdirSync(cache, { recursive: true });
  execFileSync("python3", ["-c", installer, environment, `${what.requirement}==${what.version}`], {
    timeout: installMs,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return program;
}

export const ministackProgram = (): string =>
  pythonProgram({ name: "ministack", version: "1.4.21", requirement: "ministack", program: "ministack" });

export const motoProgram = (): string =>
  pythonProgram({ name: "moto", version: "5.2.4", requirement: "moto[server,all]", program: "moto_server" });
