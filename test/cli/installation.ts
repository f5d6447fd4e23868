import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const repository = join(import.meta.dirname, "../..");
export const fixture = (name: string): string => join(repository, "test/fixtures/experiments", name);

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly done: Promise<Finished>;
  readonly stderr: () => string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when stderr matches. @throws Error when the command ends without */
  saw(pattern: RegExp): Promise<void>;
}

/**
 * The build of this very source, beside links to what it needs: others may be building into dist/ meanwhile. Made once
 * for all installations that are there at one time.
 */
class BuiltPackage {
  private folder: string | undefined;
  private users = 0;

  take(): string {
    this.folder ??= build();
    this.users += 1;
    return this.folder;
  }

  giveBack(): void {
    this.users -= 1;
    if (this.users > 0 || this.folder === undefined) return;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    this.folder = undefined;
  }
}

const builtPackage = new BuiltPackage();

function build(): string {
  const folder = mkdtempSync(join(tmpdir(), "reprise-package-"));
  mkdirSync(join(folder, "bin"));
  for (const name of readdirSync(repository)) {
    if (name !== "dist" && name !== "bin" && !name.startsWith("."))
      symlinkSync(join(repository, name), join(folder, name));
  }
  cpSync(join(repository, "bin/reprise.mjs"), join(folder, "bin/reprise.mjs"));
  const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: folder, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  return folder;
}

/** A built command line with a home and a temporary folder of its own, so that what it leaves is seen. */
export class Installation {
  readonly root = mkdtempSync(join(tmpdir(), "reprise-cli-"));
  readonly home = join(this.root, "home");
  private readonly bin: string;
  private readonly temp = join(this.root, "tmp");
  private env: NodeJS.ProcessEnv;
  private isRemoved = false;

  constructor(env: Readonly<Record<string, string>> = {}) {
    mkdirSync(this.temp);
    this.bin = join(builtPackage.take(), "bin/reprise.mjs");
    this.env = { ...process.env, REPRISE_HOME: this.home, TMPDIR: this.temp, ...env };
  }

  /** Variables for the commands from here on, beside those that they have. */
  setEnv(env: Readonly<Record<string, string>>): void {
    this.env = { ...this.env, ...env };
  }

  /** Starts a command; it is killed after `timeoutSec`, before jest gives its test up, so that nothing hangs. */
  start(args: readonly string[], options: { readonly timeoutSec?: number; readonly cwd?: string } = {}): Running {
    const child = spawn(process.execPath, [this.bin, ...args], {
      env: this.env,
      cwd: options.cwd ?? this.root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    const looks = new Set<() => void>();
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      for (const look of looks) look();
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), (options.timeoutSec ?? 540) * 1000);
    const done = new Promise<Finished>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stdout, stderr });
      });
    });
    return {
      pid: child.pid ?? 0,
      done,
      stderr: () => stderr,
      kill: (signal) => void child.kill(signal),
      saw: (pattern) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            if (!pattern.test(stderr)) return;
            looks.delete(look);
            resolve();
          };
          looks.add(look);
          look();
          void done.then(() => {
            if (!pattern.test(stderr)) reject(new Error(`ended without ${String(pattern)}: ${stderr}`));
          });
        }),
    };
  }

  run(
    args: readonly string[],
    options: { readonly timeoutSec?: number; readonly cwd?: string } = {},
  ): Promise<Finished> {
    return this.start(args, options).done;
  }

  /** As `run`, of a command that must succeed: else all that it said is told, and the end of the run's engine's log. */
  async succeed(args: readonly string[], options: { readonly timeoutSec?: number } = {}): Promise<Finished> {
    const finished = await this.run(args, options);
    if (finished.code === 0) return finished;
    const logs = this.logs().map(([name, log]) => `${name}:\n${log.slice(-4_000)}`);
    const said = `${finished.stdout.slice(-2_000)}\n${finished.stderr.slice(-4_000)}`;
    throw new Error([`${args.join(" ")}: ${String(finished.code ?? finished.signal)}`, said, ...logs].join("\n"));
  }

  /** As `run --json`: the parsed answer of a command that must succeed. */
  async json<T>(args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(["--json", ...args]);
    if (code !== 0) throw new Error(`${args.join(" ")}: exit ${String(code)}: ${stderr}`);
    return JSON.parse(stdout) as T; // the test says what it expects
  }

  /** The process that drives a run, or undefined. */
  enginePid(runId: string): number | undefined {
    try {
      const state = JSON.parse(readFileSync(join(this.home, "engines", `${runId}.json`), "utf8")) as { pid: number };
      process.kill(state.pid, 0);
      return state.pid;
    } catch {
      return undefined;
    }
  }

  /** Engines that say that they drive a run, dead or alive. */
  engines(): readonly { readonly runId: string; readonly pid: number }[] {
    const folder = join(this.home, "engines");
    return orNone(() => readdirSync(folder))
      .filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as { runId: string; pid: number });
  }

  /** What engines wrote, by the names of their files. */
  private logs(): readonly (readonly [string, string])[] {
    const folder = join(this.home, "engines");
    return orNone(() => readdirSync(folder))
      .filter((name) => name.endsWith(".log"))
      .map((name) => [name, readFileSync(join(folder, name), "utf8")] as const);
  }

  engineLog(runId: string): string {
    return readFileSync(join(this.home, "engines", `${runId}.log`), "utf8");
  }

  /** What lives or lies around that shouldn't, once every run is done: processes, hosts' folders, temporary files. */
  leftovers(): string[] {
    const hosts = ["hosts", "networks"].flatMap((kind) =>
      orNone(() => readdirSync(join(this.home, "hosts", kind))).map((name) => `${kind}/${name}`),
    );
    return [...this.processes(), ...hosts, ...readdirSync(this.temp).map((name) => `tmp/${name}`)];
  }

  /** Every process that has this installation's folder in its command, environment or working folder. */
  processes(): string[] {
    const found: string[] = [];
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
      const read = (file: string): string => orEmpty(() => readFileSync(`/proc/${pid}/${file}`, "utf8"));
      if (/^State:\s+Z/m.test(read("status"))) continue;
      const command = read("cmdline").replaceAll("\0", " ").trim();
      const cwd = orEmpty(() => readlinkSync(`/proc/${pid}/cwd`));
      if ([command, read("environ"), cwd].some((text) => text.includes(this.root)))
        found.push(`${pid} ${command.slice(0, 120)}`);
    }
    return found;
  }

  /** As `leftovers`, after what is just ending has had some seconds. */
  async settled(): Promise<string[]> {
    for (let tries = 0; tries < 600; tries++) {
      if (this.leftovers().length === 0) return [];
      await sleep(100);
    }
    return this.leftovers();
  }

  /** Ends what is left, by its id, and removes the folder. */
  remove(): void {
    for (const line of this.processes()) {
      try {
        process.kill(Number(line.split(" ")[0]), "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
    if (!this.isRemoved) builtPackage.giveBack();
    this.isRemoved = true;
  }
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return ""; // it has ended, or isn't ours to look at
  }
}

function orNone(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** The run id that a command printed. */
export const runIdIn = (stderr: string): string => /^run (\S+)$/m.exec(stderr)?.[1] ?? "";
