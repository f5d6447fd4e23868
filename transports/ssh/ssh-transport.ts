import { constants } from "node:os";
import type { ClientChannel } from "ssh2";
import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { CommandResult, Exchange, HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";
import { quoteArgv } from "../quote/index.ts";
import { NotStartedError } from "./connection.ts";
import type { Connection, ConnectionEffects } from "./connection.ts";
import { beforeAbort } from "./before-abort.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { Deadline } from "./deadline.ts";
import type { Ended } from "./deadline.ts";
import { OutputTooLongError } from "./errors.ts";
import { HostPool } from "./host-pool.ts";
import { defaultMaxOutputBytes, resolveSsh } from "./options.ts";
import type { ResolvedSsh, SshOptions } from "./options.ts";
import { TailBuffer } from "./tail-buffer.ts";

/** Where a command's bytes come from and go to; its stdout is kept where nobody listens. */
type Wires = Pick<Exchange, "stdin" | "signal"> & { readonly onStdout?: Exchange["onStdout"] | undefined };

/** How one try at a command ended. */
type Try =
  | { readonly kind: "exited"; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "notStarted"; readonly why: string }
  | { readonly kind: "lost"; readonly why: string; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "ended"; readonly stdout: string; readonly stderr: string };

/**
 * Commands on hosts over SSH: connections are kept, host keys pinned, outcomes told apart.
 *
 * `unreachable` means that the command certainly did not start, `connectionLost` that it may have; the first is tried
 * again within the task's time, the second only for an idempotent task. A host that shows another key, or refuses ours,
 * is no outcome of a command: `run` rejects with a `HostKeyError` or an `AuthenticationError`, and with an
 * `OutputTooLongError` where an answer passes its bound.
 */
export class SshTransport implements Transport {
  private readonly pools = new Map<string, HostPool>();
  private readonly options: ResolvedSsh;
  private readonly effects: ConnectionEffects;
  private closed = false;

  constructor(options: SshOptions, effects: ConnectionEffects) {
    this.options = resolveSsh(options);
    this.effects = effects;
  }

  run(host: HostAddress, task: RemoteTask<unknown>, stdin?: Uint8Array, signal?: AbortSignal): Promise<CommandResult> {
    return this.command(host, task, { stdin, signal });
  }

  follow(host: HostAddress, task: RemoteTask<unknown>, exchange: Exchange): Promise<CommandResult> {
    return this.command(host, { ...task, idempotent: false }, exchange);
  }

  private async command(
    host: HostAddress,
    task: RemoteTask<unknown>,
    { stdin, signal, onStdout }: Wires,
  ): Promise<CommandResult> {
    const { clock } = this.effects;
    const startedAt = clock.now();
    const command = quoteArgv(task.argv);
    const deadline = new Deadline(clock, task.timeoutMs, signal);
    const finish = (outcome: CommandResult["outcome"], stdout: string, stderr: string, exitCode?: number) => ({
      host: host.host,
      command: this.options.mask(command),
      outcome,
      exitCode,
      stdout,
      stderr,
      durationMs: clock.now() - startedAt,
    });
    let lost: Extract<Try, { kind: "lost" }> | undefined;
    try {
      for (let attempt = 1; ; attempt++) {
        const last = await this.tryOnce(host, task, command, { stdin, onStdout }, deadline);
        if (last.kind === "exited") return finish("exited", last.stdout, last.stderr, last.exitCode);
        if (last.kind === "lost") lost = last;
        if (last.kind === "ended") {
          return finish(deadline.ended === "canceled" ? "canceled" : "timedOut", last.stdout, last.stderr);
        }
        const mayAskAgain =
          attempt < this.options.attempts &&
          (last.kind === "notStarted" || task.idempotent) &&
          deadline.ended === undefined &&
          (await this.pause(attempt, deadline));
        if (mayAskAgain) continue;
        if (ended(deadline) === "canceled") return finish("canceled", lost?.stdout ?? "", lost?.stderr ?? "");
        // Once any try may have started it, that is the truth about the command, whatever the later tries met.
        if (lost !== undefined) return finish("connectionLost", lost.stdout, joined(lost.stderr, lost.why));
        return finish("unreachable", "", last.why);
      }
    } finally {
      deadline.close();
    }
  }

  async *stream(host: HostAddress, task: RemoteTask<unknown>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const command = quoteArgv(task.argv);
    const deadline = new Deadline(this.effects.clock, task.timeoutMs, signal);
    const fail = (why: string): FailureError => {
      const reason =
        deadline.ended === undefined
          ? why
          : deadline.ended === "canceled"
            ? "canceled"
            : `no end in ${task.timeoutMs} ms`;
      return new FailureError({
        class: deadline.ended === "canceled" ? "cancelled" : "transport",
        message: `${host.host}: ${reason}: ${this.options.mask(command)}`,
        host: host.host,
      });
    };
    try {
      const opened = await this.openWithRetries(host, command, deadline);
      if (opened.kind !== "open") throw fail(opened.why);
      const { use, connection } = opened;
      const { channel } = use;
      const queue = new ChunkQueue(channel);
      try {
        const stderr = new TailBuffer(this.options.stderrBytes);
        channel.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
        void use.exit.then(() => queue.end());
        deadline.signal.addEventListener("abort", () => use.abandon(), { once: true });
        if (ended(deadline) !== undefined) use.abandon(); // it aborted before we listened
        channel.end();
        let bytes = 0;
        for (let chunk = await queue.next(); chunk !== undefined; chunk = await queue.next()) {
          if (ended(deadline) !== undefined) break;
          bytes += chunk.length;
          if (bytes > (task.maxOutputBytes ?? Infinity)) {
            throw new OutputTooLongError(host, this.options.mask(command), task.maxOutputBytes ?? Infinity);
          }
          yield chunk;
        }
        const exitCode = await use.exit;
        if (ended(deadline) !== undefined) throw fail("");
        if (exitCode === undefined) throw fail(connection.isLost ? connection.lossReason : "no exit code came");
        if (exitCode !== 0) {
          throw new FailureError({
            class: "command",
            message: `${host.host}: exit code ${exitCode}: ${this.options.mask(command)}`,
            hint: stderr.text() || undefined,
            host: host.host,
          });
        }
      } finally {
        // Also where the reader stopped reading: whoever queues must let go, or the channel never closes.
        queue.end();
        use.end();
      }
    } finally {
      deadline.close();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const pools = [...this.pools.values()];
    this.pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  private async tryOnce(
    host: HostAddress,
    task: RemoteTask<unknown>,
    command: string,
    { stdin, onStdout }: Pick<Wires, "stdin" | "onStdout">,
    deadline: Deadline,
  ): Promise<Try> {
    const opened = await this.open(host, command, deadline);
    if (opened.kind === "notStarted") return opened;
    if (opened.kind === "lost") {
      return deadline.ended === undefined
        ? { ...opened, stdout: "", stderr: "" }
        : { kind: "ended", stdout: "", stderr: "" };
    }
    const { use, connection } = opened;
    const { channel } = use;
    const maxOutputBytes = task.maxOutputBytes ?? defaultMaxOutputBytes;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stderr = new TailBuffer(this.options.stderrBytes);
    channel.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxOutputBytes) use.abandon();
      else if (onStdout === undefined) chunks.push(chunk);
      else onStdout(chunk);
    });
    channel.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
    const onEnd = (): void => use.abandon();
    deadline.signal.addEventListener("abort", onEnd, { once: true });
    if (ended(deadline) !== undefined) onEnd();
    // Never awaited: a command that exits without reading its stdin leaves ssh2's write unanswered.
    if (stdin === undefined || stdin instanceof Uint8Array) {
      channel.end(stdin === undefined ? undefined : Buffer.from(stdin.buffer, stdin.byteOffset, stdin.byteLength));
    } else void feed(channel, stdin);
    const exitCode = await use.exit;
    deadline.signal.removeEventListener("abort", onEnd);
    use.end();
    const output = (): { stdout: string; stderr: string } => ({
      stdout: Buffer.concat(chunks).toString("utf8"),
      stderr: stderr.text(),
    });
    if (bytes > maxOutputBytes) throw new OutputTooLongError(host, this.options.mask(command), maxOutputBytes);
    if (exitCode !== undefined) return { kind: "exited", exitCode, ...output() };
    if (ended(deadline) !== undefined) return { kind: "ended", ...output() };
    return { kind: "lost", why: connection.isLost ? connection.lossReason : "no exit code came", ...output() };
  }

  /** Opens a channel with the command on it. */
  private async open(host: HostAddress, command: string, deadline: Deadline): Promise<Opened> {
    const pool = this.poolOf(host);
    let connection: Connection;
    try {
      connection = await pool.acquire(deadline.signal);
    } catch (error) {
      if (error instanceof FailureError) throw error;
      return { kind: "notStarted", why: messageOf(error) };
    }
    const opening = connection.exec(
      command,
      (channel) =>
        new ChannelUse(channel, connection, {
          pool,
          clock: this.effects.clock,
          closeGraceMs: this.options.closeGraceMs,
        }),
    );
    try {
      const use = await beforeAbort(opening, deadline.signal, {
        // The server had yet to answer: the channel is ours to close now that it does.
        dispose: (late) => late.abandon(),
        failed: () => pool.release(connection),
      });
      return { kind: "open", use, connection };
    } catch (error) {
      if (error === deadline.signal.reason) return { kind: "lost", why: messageOf(error) };
      // What others still hold is all that this server bears; the last channel alone proves nothing of the kind.
      if (error instanceof NotStartedError && error.isFull && connection.channels > 1) {
        connection.limit = connection.channels - 1;
      }
      pool.release(connection);
      return { kind: error instanceof NotStartedError ? "notStarted" : "lost", why: messageOf(error) };
    }
  }

  private async openWithRetries(host: HostAddress, command: string, deadline: Deadline): Promise<Opened> {
    for (let attempt = 1; ; attempt++) {
      const opened = await this.open(host, command, deadline);
      if (opened.kind !== "notStarted" || attempt >= this.options.attempts || deadline.ended !== undefined)
        return opened;
      if (!(await this.pause(attempt, deadline))) return opened;
    }
  }

  /** @returns false when the deadline came first */
  private async pause(attempt: number, deadline: Deadline): Promise<boolean> {
    try {
      await this.effects.clock.sleep(this.options.backoffMs * 2 ** (attempt - 1), deadline.signal);
      return true;
    } catch {
      return false;
    }
  }

  private poolOf(host: HostAddress): HostPool {
    if (this.closed)
      throw new FailureError({ class: "defect", message: "the ssh transport is closed", host: host.host });
    // The pinned key is part of the way: a replaced host at the same address never sees the old one's connections.
    const key = JSON.stringify([host.address, host.port, host.user, host.hostKey, host.host]);
    const known = this.pools.get(key);
    if (known !== undefined) return known;
    const pool = new HostPool(host, this.options, this.effects);
    this.pools.set(key, pool);
    return pool;
  }
}

/** Writes what comes until there is no more. A channel that closes drops the rest; its reader ends with the command. */
async function feed(channel: ClientChannel, stdin: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stdin) {
    if (channel.destroyed || !channel.writable) return;
    channel.write(chunk);
  }
  channel.end();
}

type Opened =
  | { readonly kind: "open"; readonly use: ChannelUse; readonly connection: Connection }
  | { readonly kind: "notStarted"; readonly why: string }
  | { readonly kind: "lost"; readonly why: string };

interface ChannelOwner {
  readonly pool: HostPool;
  readonly clock: Clock;
  readonly closeGraceMs: number;
}

/** One channel from its command to its end: gives the exit code and returns the channel's place exactly once. */
class ChannelUse {
  /** The exit code once the channel is closed in good order; undefined where the end came otherwise. */
  readonly exit: Promise<number | undefined>;
  private settle: (exitCode: number | undefined) => void = () => undefined;
  readonly channel: ClientChannel;
  private readonly connection: Connection;
  private readonly owner: ChannelOwner;
  private closedNow = false;
  private abandoned = false;
  private readonly grace = new AbortController();

  constructor(channel: ClientChannel, connection: Connection, owner: ChannelOwner) {
    this.channel = channel;
    this.connection = connection;
    this.owner = owner;
    this.exit = new Promise((resolve) => (this.settle = resolve));
    let exitCode: number | undefined;
    channel.on("exit", (code: number | null, signalName?: string) => {
      exitCode = code ?? 128 + signalNumber(signalName);
    });
    channel.once("close", () => {
      this.closedNow = true;
      this.grace.abort();
      owner.pool.release(connection);
      const settle = (): void => this.settle(connection.isLost ? undefined : exitCode);
      // stdout has ended here, stderr may still hold a chunk.
      if (channel.stderr.readableEnded || this.abandoned) settle();
      else channel.stderr.once("end", settle).resume();
    });
    channel.on("error", () => undefined); // followed by close
  }

  /** Kills the command, closes the channel, waits for nothing. */
  abandon(): void {
    if (this.abandoned || this.closedNow) return;
    this.abandoned = true;
    this.settle(undefined);
    this.connection.kill(this.channel);
    this.channel.close();
    // Reading on is what lets the close through.
    this.channel.resume();
    this.channel.stderr.resume();
    void this.owner.clock.sleep(this.owner.closeGraceMs, this.grace.signal).then(
      () => this.owner.pool.retire(this.connection),
      () => undefined, // it closed
    );
  }

  /** After the last read: whatever still runs is abandoned. */
  end(): void {
    if (!this.closedNow) this.abandon();
  }
}

/** Shells call a command that died of signal n "128 + n". */
const signalNumber = (name: string | undefined): number =>
  Object.entries(constants.signals).find(([each]) => each === name)?.[1] ?? 0;

const joined = (stderr: string, why: string): string => (stderr === "" ? why : `${stderr.trimEnd()}\n${why}`);

/** Asked through a function since it changes behind the compiler's back. */
const ended = (deadline: Deadline): Ended | undefined => deadline.ended;
