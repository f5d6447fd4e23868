import { createHash } from "node:crypto";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type { Client, ClientChannel } from "ssh2";
import type { Clock } from "../../core/effects/clock.ts";
import type { HostAddress } from "../../core/ports/transport.ts";
import { beforeAbort } from "./before-abort.ts";
import { AuthenticationError, HostKeyError } from "./errors.ts";
import type { ResolvedSsh } from "./options.ts";

/** A connection attempt that never reached a host: it may be made again. */
export class DialError extends Error {
  override readonly name = "DialError";
}

/** The command was not started, for sure: the server refused the channel, or the connection was gone before. */
export class NotStartedError extends Error {
  override readonly name = "NotStartedError";
  /** The server has no room for another channel on this connection. */
  readonly isFull: boolean;
  constructor(message: string, isFull: boolean, cause?: unknown) {
    super(message, { cause });
    this.isFull = isFull;
  }
}

export interface ConnectionEffects {
  readonly clock: Clock;
  /** Gives a connected stream, or rejects; ends its try when the signal aborts. */
  readonly dial: (host: HostAddress, signal: AbortSignal) => Promise<Duplex>;
}

/** How long a host may take to say goodbye. */
const endGraceMs = 1_000;

/** One authenticated SSH connection: who uses it counts its channels. */
export class Connection {
  /** Channels in use or being opened. */
  channels = 0;
  /** What the server bears, as far as we know; 0 once it serves nothing new. */
  limit: number;
  /** Channels that the server does not close. */
  stuckChannels = 0;
  private readonly client: Client;
  private readonly socket: Duplex;
  private lossCause: Error | undefined;
  private isLostNow = false;
  private readonly lossListeners = new Set<() => void>();

  private readonly clock: Clock;

  private constructor(client: Client, socket: Duplex, limit: number, clock: Clock) {
    this.client = client;
    this.socket = socket;
    this.limit = limit;
    this.clock = clock;
    client.on("error", (error) => (this.lossCause ??= error));
    // Attached before ssh2's own listener: a loss is known here before any channel hears that it ended.
    socket.once("close", () => this.markLost());
  }

  /**
   * Dials, pins the host key, authenticates.
   *
   * @throws {DialError} when nobody answers in time: may be tried again
   * @throws {HostKeyError} when somebody else answers: final
   * @throws {AuthenticationError} when the host refuses the key
   */
  static async open(host: HostAddress, options: ResolvedSsh, effects: ConnectionEffects): Promise<Connection> {
    const privateKey = await options.privateKey(host);
    const timeout = new AbortController();
    const settled = new AbortController();
    void effects.clock.sleep(options.connectTimeoutMs, settled.signal).then(
      () => timeout.abort(new DialError(`no answer within ${options.connectTimeoutMs} ms`)),
      () => undefined, // settled first
    );
    try {
      const socket = await dialBefore(host, effects, timeout.signal);
      const client = new ssh2.Client();
      const connection = new Connection(client, socket, options.channelsPerConnection, effects.clock);
      await handshake(host, client, socket, privateKey, options, timeout.signal);
      return connection;
    } finally {
      settled.abort();
    }
  }

  get isLost(): boolean {
    return this.isLostNow;
  }

  /** Retired, and with nothing left on it that anybody waits for. */
  get isSpent(): boolean {
    return this.stuckChannels > 0 && this.channels <= this.stuckChannels;
  }

  /** Why it was lost, for people. */
  get lossReason(): string {
    return this.lossCause?.message ?? "the connection was closed";
  }

  private markLost(): void {
    if (this.isLostNow) return;
    this.isLostNow = true;
    for (const listener of this.lossListeners) listener();
    this.lossListeners.clear();
  }

  onLoss(listener: () => void): void {
    if (this.isLostNow) listener();
    else this.lossListeners.add(listener);
  }

  /**
   * Starts a command.
   *
   * @param adopt called with the channel at once, before anything else that came with the server's answer is handled:
   *   a short command's exit code is often in the same packet, and nobody hears it later
   * @throws {NotStartedError} when it certainly did not start; any other error leaves that open
   */
  exec<T>(command: string, adopt: (channel: ClientChannel) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isLostNow) {
        reject(new NotStartedError(this.lossReason, false));
        return;
      }
      try {
        this.client.exec(command, (error, channel) => {
          if (error === undefined) resolve(adopt(channel));
          // Only a server's own refusal has a reason; a connection that breaks here may have carried the request.
          else if ("reason" in error) reject(new NotStartedError(error.message, true, error));
          else reject(error);
        });
      } catch (error) {
        reject(new NotStartedError("the connection was closed", false, error)); // ssh2 throws before it sends anything
      }
    });
  }

  /**
   * Kills what runs behind a channel, as far as the server knows how.
   *
   * ssh2's own `channel.signal` stays silent once stdin has ended, which is nearly always, so this sends the request
   * below it; a test on a real process watches that it keeps working.
   */
  kill(channel: ClientChannel): void {
    const protocol: unknown = Reflect.get(this.client, "_protocol");
    const outgoing: unknown = Reflect.get(channel, "outgoing");
    if (this.isLostNow || !isSignaller(protocol) || !hasId(outgoing)) return;
    protocol.signal(outgoing.id, "KILL");
  }

  /** Takes leave of the host; drops the connection where it does not answer that in time. */
  async end(): Promise<void> {
    if (this.isLostNow) return;
    const left = new AbortController();
    this.onLoss(() => left.abort());
    this.client.end();
    await this.clock.sleep(endGraceMs, left.signal).then(
      () => this.destroy(),
      () => undefined, // it answered
    );
  }

  /** Drops the connection at once, with all its channels. */
  destroy(): void {
    this.client.destroy();
    this.socket.destroy();
  }
}

const isSignaller = (value: unknown): value is { signal: (channelId: number, name: string) => void } =>
  typeof value === "object" && value !== null && "signal" in value && typeof value.signal === "function";

const hasId = (value: unknown): value is { id: number } =>
  typeof value === "object" && value !== null && "id" in value && typeof value.id === "number";

async function dialBefore(host: HostAddress, effects: ConnectionEffects, timeout: AbortSignal): Promise<Duplex> {
  try {
    return await beforeAbort(effects.dial(host, timeout), timeout, { dispose: (late) => late.destroy() });
  } catch (error) {
    if (error instanceof DialError) throw error;
    throw new DialError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function handshake(
  host: HostAddress,
  client: Client,
  socket: Duplex,
  privateKey: string,
  options: ResolvedSsh,
  timeout: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let refusal: Error | undefined;
    const fail = (error: Error): void => {
      timeout.removeEventListener("abort", onTimeout);
      client.destroy();
      socket.destroy();
      reject(error);
    };
    const onTimeout = (): void => fail(timeout.reason as Error); // ours, above
    if (timeout.aborted) {
      onTimeout();
      return;
    }
    timeout.addEventListener("abort", onTimeout, { once: true });
    client.on("ready", () => {
      timeout.removeEventListener("abort", onTimeout);
      // With Nagle's algorithm on, each command waits 40 ms for a delayed acknowledgement. Ciphers are up: safe from here.
      if (socket instanceof Socket) socket.setNoDelay(true);
      resolve();
    });
    client.on("error", (error: Error & { level?: string }) => {
      if (refusal !== undefined) fail(refusal);
      else if (error.level === "client-authentication") fail(new AuthenticationError(host, error));
      else fail(new DialError(error.message, { cause: error }));
    });
    client.on("close", () => fail(refusal ?? new DialError("the host closed the connection while it was set up")));
    try {
      client.connect({
        sock: socket,
        username: host.user,
        privateKey,
        readyTimeout: 0, // ours: by the injected clock, and from before the dial
        keepaliveInterval: options.keepAliveMs,
        keepaliveCountMax: options.keepAliveMissed,
        algorithms: options.algorithms,
        // ssh2 would accept any key without a verifier; there is no trust on first use here.
        hostVerifier: (key: Buffer) => {
          const presented = `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
          if (presented === host.hostKey) return true;
          refusal = new HostKeyError(host, presented);
          return false;
        },
      });
    } catch (error) {
      // A key that can't be read, an unknown algorithm: thrown before anything is sent.
      fail(new AuthenticationError(host, error));
    }
  });
}
