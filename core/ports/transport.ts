/** How to reach one host and how to know that it is the right one. */
export interface HostAddress {
  readonly host: string; // its name in the deployment: `server-0`
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** `SHA256:` fingerprint of the host key, pinned before the first contact. */
  readonly hostKey: string;
  /** Reached as this instance by Systems Manager, not by its address: nothing listens there for us. */
  readonly ssm?: { readonly region: string; readonly instanceId: string } | undefined;
}

/** A command as data: what to run and how to read it (style principle 9). */
export interface RemoteTask<T> {
  readonly argv: readonly [string, ...string[]]; // quoted by the transport, never by hand
  readonly timeoutMs: number;
  readonly idempotent: boolean; // may run again when the first answer got lost
  /** Bytes of stdout kept; more is an error, since a cut answer could be misread. @default 1 MiB */
  readonly maxOutputBytes?: number;
  /** Its stdin may be kept and shown by whoever carries it. @default false: it may hold a secret */
  readonly publicStdin?: boolean;
  readonly parse: (stdout: string) => T;
}

/** A command's result has one shape, a table's row; a failed command is data (style principle 8). */
export interface CommandResult {
  readonly host: string;
  readonly command: string; // as sent, secrets masked
  readonly outcome: "exited" | "timedOut" | "canceled" | "unreachable" | "connectionLost";
  readonly exitCode: number | undefined; // defined when outcome is "exited"; 255 is an exit code like any other
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** What goes to and fro while a command is followed. */
export interface Exchange {
  /** All of it, or what comes for as long as the command lasts. */
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStdout: (chunk: Uint8Array) => void;
}

/** The way to hosts. Connections are kept and reused; every call is bounded by its task's timeout. */
export interface Transport {
  run(host: HostAddress, task: RemoteTask<unknown>, stdin?: Uint8Array, signal?: AbortSignal): Promise<CommandResult>;
  /**
   * As `run`, but stdout is told as it comes and isn't kept, and a command that may have started is never started again.
   * Absent where output comes only with the end of a command.
   */
  follow?(host: HostAddress, task: RemoteTask<unknown>, exchange: Exchange): Promise<CommandResult>;
  /** Streams a command's stdout, for bulk reads; rejects with a FailureError of class transport or command. */
  stream(host: HostAddress, task: RemoteTask<unknown>, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
