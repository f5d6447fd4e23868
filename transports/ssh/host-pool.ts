import type { HostAddress } from "../../core/ports/transport.ts";
import { Connection } from "./connection.ts";
import type { ConnectionEffects } from "./connection.ts";
import type { ResolvedSsh } from "./options.ts";

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The connections to one host and who waits for a channel on them, first come first served.
 *
 * A second connection is opened only when the first is full: a handshake costs some hundred times what a command does.
 */
export class HostPool {
  private readonly connections = new Set<Connection>();
  private readonly waiters: Waiter[] = [];
  private opening = false;
  private closed = false;
  private readonly host: HostAddress;
  private readonly options: ResolvedSsh;
  private readonly effects: ConnectionEffects;

  constructor(host: HostAddress, options: ResolvedSsh, effects: ConnectionEffects) {
    this.host = host;
    this.options = options;
    this.effects = effects;
  }

  /** A connection with one of its channels reserved; give it back with `release`. Rejects as `Connection.open` does. */
  async acquire(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    return new Promise<Connection>((resolve, reject) => {
      const onAbort = (): void => {
        const index = this.waiters.indexOf(waiter);
        if (index >= 0) this.waiters.splice(index, 1);
        reject(signal.reason as Error); // an AbortSignal's reason is an Error unless the caller chose otherwise
      };
      const done = (): void => signal.removeEventListener("abort", onAbort);
      const waiter: Waiter = {
        resolve: (connection) => {
          done();
          resolve(connection);
        },
        reject: (error) => {
          done();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.waiters.push(waiter);
      this.serve();
    });
  }

  release(connection: Connection): void {
    connection.channels--;
    if (connection.isSpent) connection.destroy();
    this.serve();
  }

  /** A channel of this connection can't be closed: nothing new comes on it, and it ends with its last live channel. */
  retire(connection: Connection): void {
    connection.stuckChannels++;
    connection.limit = 0;
    this.connections.delete(connection);
    if (connection.isSpent) connection.destroy();
    this.serve();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.refuseAll(new Error("the transport was closed"));
    await Promise.all([...this.connections].map((connection) => connection.end()));
  }

  private refuseAll(error: unknown): void {
    for (const waiter of this.waiters.splice(0)) waiter.reject(error);
  }

  private serve(): void {
    for (const connection of this.connections) {
      while (!connection.isLost && connection.channels < connection.limit) {
        const waiter = this.waiters.shift();
        if (waiter === undefined) return;
        connection.channels++;
        waiter.resolve(connection);
      }
    }
    if (this.waiters.length === 0 || this.opening) return;
    if (this.closed) this.refuseAll(new Error("the transport was closed"));
    else if (this.connections.size < this.options.connectionsPerHost) void this.open();
  }

  private async open(): Promise<void> {
    this.opening = true;
    try {
      const connection = await Connection.open(this.host, this.options, this.effects);
      this.opening = false;
      if (this.closed) void connection.end();
      this.connections.add(connection);
      connection.onLoss(() => {
        this.connections.delete(connection);
        this.serve();
      });
    } catch (error) {
      this.opening = false;
      // With another connection alive the waiters' turn comes on that one.
      if (this.connections.size === 0) this.refuseAll(error);
      else return;
    }
    this.serve();
  }
}
