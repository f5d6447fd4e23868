import { spawn } from "node:child_process";
import { FailureError } from "../../core/errors/failure.ts";
import type { CommandResult, Exchange, HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";

/** Runs a host's commands as processes of this machine, each the leader of a group that `cut` can kill like a lost SSH session. */
export class LocalTransport implements Transport {
  /** The commands of all calls, in order. */
  readonly started: (readonly string[])[] = [];
  protected readonly pids = new Set<number>();
  private readonly env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.env = env;
  }

  /** Kills all running commands, as when the connection and its session go. */
  cut(): void {
    for (const pid of this.pids) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // ended meanwhile
      }
    }
  }

  run(host: HostAddress, task: RemoteTask<unknown>, stdin?: Uint8Array): Promise<CommandResult> {
    const startedAt = Date.now();
    const child = this.start(task);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    return new Promise((resolve) => {
      let outcome: CommandResult["outcome"] = "exited";
      const timer = setTimeout(() => {
        outcome = "timedOut";
        process.kill(-child.pid!, "SIGKILL");
      }, task.timeoutMs);
      child.on("close", (code) => {
        clearTimeout(timer);
        this.pids.delete(child.pid!);
        resolve({
          host: host.host,
          command: task.argv.join(" "),
          outcome: outcome === "exited" && code === null ? "connectionLost" : outcome,
          exitCode: code ?? undefined,
          stdout: Buffer.concat(out).toString("utf8"),
          stderr: Buffer.concat(err).toString("utf8"),
          durationMs: Date.now() - startedAt,
        });
      });
    });
  }

  async *stream(host: HostAddress, task: RemoteTask<unknown>): AsyncGenerator<Uint8Array> {
    const child = this.start(task);
    child.stdin.end();
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    const code = new Promise<number | null>((resolve) => child.on("close", resolve));
    for await (const chunk of child.stdout) yield chunk as Uint8Array; // a stream without encoding gives buffers
    const exitCode = await code;
    this.pids.delete(child.pid!);
    if (exitCode === null) throw new FailureError({ class: "transport", message: "cut", host: host.host });
    if (exitCode !== 0) throw new FailureError({ class: "command", message: `exit code ${exitCode}`, hint: stderr });
  }

  async close(): Promise<void> {
    this.cut();
  }

  protected start(task: RemoteTask<unknown>) {
    this.started.push(task.argv);
    const [command, ...args] = task.argv;
    const child = spawn(command, args, { detached: true, env: this.env, cwd: "/" });
    if (child.pid !== undefined) this.pids.add(child.pid);
    return child;
  }
}

/** As `LocalTransport`, and a command's stdin may stay open. */
export class SessionTransport extends LocalTransport {
  follow(host: HostAddress, task: RemoteTask<unknown>, exchange: Exchange): Promise<CommandResult> {
    const { stdin, signal, onStdout } = exchange;
    if (stdin === undefined || stdin instanceof Uint8Array) throw new Error("not a session");
    const startedAt = Date.now();
    const child = this.start(task);
    child.stdout.on("data", onStdout);
    child.stdin.on("error", () => undefined);
    signal?.addEventListener("abort", () => process.kill(-child.pid!, "SIGKILL"));
    void (async () => {
      for await (const chunk of stdin) child.stdin.write(chunk);
      child.stdin.end();
    })();
    return new Promise((resolve) => {
      child.on("close", (code) => {
        this.pids.delete(child.pid!);
        resolve({
          host: host.host,
          command: task.argv.join(" "),
          outcome: code === null ? "connectionLost" : "exited",
          exitCode: code ?? undefined,
          stdout: "",
          stderr: "",
          durationMs: Date.now() - startedAt,
        });
      });
    });
  }
}
