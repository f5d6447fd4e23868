import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostStep, StepResult, StepState, Unit } from "../../core/ports/host-agent.ts";
import type { StepSettings } from "../../core/supervision/index.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { ShellAgent, readSupervisorFiles } from "../../transports/agent/index.ts";
import { LocalTransport, SessionTransport } from "./local-transport.ts";

/** A folder of this machine as a host, with real processes; `close` asserts that nothing of it is left running. */
export interface TestHost {
  readonly agent: ShellAgent;
  readonly transport: LocalTransport;
  readonly root: string;
  /** Text of a file below the root. */
  read(path: string): string;
  /** Where the supervisor keeps a step's records, or one of them; fails as long as no such step was armed. */
  ofStep(stepId: string, path?: string): string;
  /** The state of a step once it is done or superseded; fails with the supervisor's log when it takes over 90 s. */
  finished(stepId: string): Promise<StepState>;
  /** Arms and waits for the result. */
  run(step: HostStep): Promise<StepResult>;
  /** How long a step of one command takes on this machine now, in ms: what a test has to leave time for is a multiple. */
  pace(): Promise<number>;
  /** Pids that carry this root's marks, apart from callers. */
  processes(): number[];
  /** The same without a session and what it keeps ready for steps to come. */
  busy(): number[];
  close(): Promise<void>;
}

export const clock = systemClock;

const files = await readSupervisorFiles();

/** How the control side may reach a supervisor: the same has to come of both. */
export const ways = ["calls", "a session"] as const;

/** Long for any machine, and shorter than jest's patience with a test: what fails is named. */
const patienceMs = 90_000;

export async function openTestHost(
  options: {
    settings?: Partial<StepSettings>;
    env?: NodeJS.ProcessEnv;
    prepare?: boolean;
    /** Steps go by a session. @default by a call each */
    session?: boolean;
    /** Where the host's folder goes. @default the temporary folder */
    within?: string;
  } = {},
): Promise<TestHost> {
  // A blank in the path finds every forgotten quote.
  const parent = mkdtempSync(join(options.within ?? tmpdir(), "reprise host-"));
  const root = join(parent, ".reprise/run-1");
  mkdirSync(root, { recursive: true });
  const env = { PATH: process.env["PATH"], HOME: parent, ...options.env };
  const transport = options.session === true ? new SessionTransport(env) : new LocalTransport(env);
  const agent = new ShellAgent(
    {
      host: { host: "server-0", address: "127.0.0.1", port: 22, user: "me", hostKey: "SHA256:none" },
      root,
      settings: { dropsCaches: false, ...options.settings },
    },
    { transport, clock, files },
  );
  const host: TestHost = {
    agent,
    transport,
    root,
    read: (path) => readFileSync(join(root, path), "utf8"),
    ofStep: (stepId, path = "") =>
      join(root, ".state/steps", readFileSync(join(root, ".state/names", stepId), "utf8").split(" ")[0] ?? "", path),
    async finished(stepId) {
      const state = await agent.wait(stepId, patienceMs);
      if (state.kind === "armed" || state.kind === "running") {
        throw new Error(`step ${stepId} is still ${state.kind}: ${readFileSync(join(root, ".state/log"), "utf8")}`);
      }
      return state;
    },
    async run(step) {
      await agent.arm(step);
      const state = await host.finished(step.stepId);
      if (state.kind !== "done") throw new Error(`step ${step.stepId} is ${state.kind}`);
      return state.result;
    },
    async pace() {
      const startedAt = clock.now();
      const [stepId, attemptDir] = [`pace-${startedAt}`, "attempts/pace"];
      await host.run(stepFixture({ stepId, attemptDir, units: [unitFixture({ name: "pace", script: "true" })] }));
      return clock.now() - startedAt;
    },
    processes: () => processesOf(root),
    busy: () => processesOf(root).filter((pid) => !isOfSession(pid)),
    async close() {
      const { left } = await agent.remove();
      await transport.close();
      const running = processesOf(root);
      for (const pid of running) process.kill(pid, "SIGKILL");
      rmSync(parent, { recursive: true, force: true });
      if (left.length > 0 || running.length > 0) {
        throw new Error(`left behind: ${left.join(", ")} ${describe(running)}`);
      }
    },
  };
  if (options.prepare !== false) await agent.prepare({});
  return host;
}

/** By environment, working folder or command line: whatever has anything to do with this root. */
function processesOf(root: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      if (pid === process.pid) return false;
      try {
        const state = /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1];
        if (state === "Z") return false;
        return ["environ", "cmdline"].some((file) => readFileSync(`/proc/${pid}/${file}`, "latin1").includes(root));
      } catch {
        return false;
      }
    });
}

/** Also the runners that it started, since they are forks of its own; what a runner starts is none. */
function isOfSession(pid: number): boolean {
  const commandOf = (one: number | string): string => readFileSync(`/proc/${one}/cmdline`, "latin1");
  const marks = /\0(serve|_spool)\0|\/bin\/launcher\0/;
  try {
    if (marks.test(commandOf(pid))) return true;
    const leader = /\) \S+ \d+ \d+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? "";
    // What outlived its leader was left behind.
    return existsSync(`/proc/${leader}`) && marks.test(commandOf(leader));
  } catch {
    return !existsSync(`/proc/${pid}`);
  }
}

const describe = (pids: readonly number[]): string =>
  pids.length === 0 ? "" : execFileSync("ps", ["-o", "pid,ppid,args", "-p", pids.join(",")], { encoding: "utf8" });

export const unitFixture = (overrides: Partial<Unit> & Pick<Unit, "name" | "script">): Unit => ({
  kind: "command",
  env: {},
  files: [],
  workDir: ".",
  timeoutMs: 80_000,
  limits: {},
  ...overrides,
});

export const stepFixture = (overrides: Partial<HostStep> & Pick<HostStep, "stepId">): HostStep => ({
  fence: { runId: "run-1", epoch: 1, attempt: 1 },
  attemptDir: "attempts/p.t0.a1",
  units: [],
  waitsForGo: false,
  guardsServices: false,
  stops: "none",
  resets: false,
  collect: [],
  deadlineAt: Date.now() + 300_000,
  push: undefined,
  ...overrides,
});

/** Polls a cheap condition; what it reads may not be there yet. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      if (await condition()) return;
    } catch {
      // not yet
    }
    if (Date.now() > until) throw new Error(`never came true: ${condition.toString()}`);
    await clock.sleep(20);
  }
}
