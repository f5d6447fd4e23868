import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import ssh2 from "ssh2";
import type { Connection, PseudoTtyInfo, ServerChannel, Session } from "ssh2";

export interface HostServerOptions {
  readonly hostPrivateKey: string;
  readonly authorizedKey: string;
  readonly user: string;
  /** Where commands start. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface HostServer {
  readonly port: number;
  close(): void;
}

const loginTimeoutMs = 20_000;

/**
 * An SSH server whose commands run in one folder as this user: `sh -c`, in a session of their own, as under sshd.
 *
 * A client that goes away takes nothing with it: its commands lose their pipes, as they would under sshd. One thing is
 * not as there: Node's pipes are Unix sockets, so a command can't open `/dev/stdout` by name.
 */
export async function startHostServer(options: HostServerOptions): Promise<HostServer> {
  const allowed = [ssh2.utils.parseKey(options.authorizedKey)].flat()[0];
  if (allowed === undefined || allowed instanceof Error) throw new Error("the authorized key can't be read");
  const allowedBlob = allowed.getPublicSSH();
  const sockets = new Set<Socket>();

  const ssh = new ssh2.Server({ hostKeys: [options.hostPrivateKey] }, (client: Connection) => {
    const login = setTimeout(() => client.end(), loginTimeoutMs);
    client.once("ready", () => clearTimeout(login)).once("close", () => clearTimeout(login));
    client.on("error", () => undefined); // followed by close; a client that breaks off is none of our business
    client.on("authentication", (context) => {
      if (
        context.method !== "publickey" ||
        context.username !== options.user ||
        !context.key.data.equals(allowedBlob)
      ) {
        context.reject(["publickey"]);
      } else if (context.signature === undefined || context.blob === undefined) {
        context.accept(); // asks whether this key would do; the signature comes next
      } else if (allowed.verify(context.blob, context.signature, context.hashAlgo)) {
        context.accept();
      } else {
        context.reject(["publickey"]);
      }
    });
    client.on("session", (accept) => serveSession(accept(), options));
  });

  // A listener of our own, for Nagle's algorithm must be off on this side too, and its sockets must end with the host.
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });
  await listenOnFreeRange(listener);
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("a TCP listener without a port");
  return {
    port: address.port,
    close: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Local hosts share one address, so each needs ports of its own for what runs on it: its SSH server takes the first port
 * of a range, and whoever holds that port holds the range. The operating system settles it among all hosts of all runs.
 */
export const portRange = { first: 10_000, last: 32_000, ports: 50 } as const; // below Linux' ephemeral ports

async function listenOnFreeRange(listener: Server): Promise<void> {
  const ranges = Math.floor((portRange.last - portRange.first) / portRange.ports);
  const start = process.pid % ranges; // spread: hosts that start together don't all try the same
  for (let i = 0; i < ranges; i++) {
    const port = portRange.first + ((start + i) % ranges) * portRange.ports;
    if (await tryListen(listener, port)) return;
  }
  throw new Error(`all ${ranges} port ranges of local hosts are taken: too many hosts, or other programs listen there`);
}

function tryListen(listener: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    };
    listener.once("error", onError);
    listener.listen(port, "127.0.0.1", () => {
      listener.off("error", onError);
      resolve(true);
    });
  });
}

function serveSession(session: Session, options: HostServerOptions): void {
  let child: ChildProcess | undefined;
  let terminal: PseudoTtyInfo | undefined;
  // ssh2's server is deaf to a session once its stdin has ended, and then no command could be killed; OpenSSH isn't.
  session.on("end" as "close", () => Reflect.set(session, "_ending", false)); // emitted, but missing in the types
  session.on("pty", (accept, _reject, info) => {
    terminal = info;
    // Clients differ in whether they want an answer.
    (accept as typeof accept | undefined)?.();
  });
  session.on("signal", (accept, _reject, { name }) => {
    const signal = `SIG${name.replace(/^SIG/, "")}`;
    if (signal in constants.signals && child?.pid !== undefined) {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // the command has ended
      }
    }
    (accept as typeof accept | undefined)?.();
  });
  session.on("exec", (accept, _reject, { command }) => {
    child = start(accept(), ["-c", command], terminal, options);
  });
  session.on("shell", (accept) => {
    child = start(accept(), [], terminal, options);
  });
}

function start(
  channel: ServerChannel,
  args: readonly string[],
  terminal: PseudoTtyInfo | undefined,
  options: HostServerOptions,
): ChildProcess {
  // script(1) has the pseudo-terminal that Node lacks; without it an interactive shell fails and says why.
  const [file, argv] =
    terminal === undefined
      ? ["/bin/sh", args]
      : [
          "script",
          ["-qec", `stty rows ${terminal.rows} cols ${terminal.cols}; ${args[1] ?? "exec sh -i"}`, "/dev/null"],
        ];
  const child = spawn(file, argv, { cwd: options.home, env: { ...options.env }, detached: true, stdio: "pipe" });
  channel.on("error", () => undefined); // followed by close
  child.stdin.on("error", () => undefined); // the command doesn't read, or not to the end
  channel.pipe(child.stdin);
  const write = serialWriter(channel);
  const copied = Promise.all([
    copy(child.stdout, (chunk) => write(channel, chunk)),
    copy(child.stderr, (chunk) => write(channel.stderr, chunk)),
  ]);
  child.once("error", (error) => {
    channel.stderr.write(`${error.message}\n`, () => {
      channel.exit(127);
      channel.end();
    });
  });
  child.once("close", (code, signal) => {
    void copied.then(() => {
      if (code !== null) channel.exit(code);
      else channel.exit((signal ?? "SIGKILL").replace(/^SIG/, ""), false, "");
      channel.end();
    });
  });
  channel.once("close", () => {
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  });
  return child;
}

async function copy(from: Readable, write: (chunk: Buffer) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of from) await write(chunk as Buffer); // no encoding is set
  } catch {
    // destroyed: the client has left
  }
}

/**
 * Writes stdout and stderr one chunk after the other.
 *
 * ssh2 1.17 keeps a chunk that waited for the client's window after it was sent, and sends it again, in place of the one
 * that waits, as soon as the other stream runs out of window. So only one may wait, and what it left is forgotten.
 */
function serialWriter(channel: ServerChannel): (stream: Writable, chunk: Buffer) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const writeOne = (stream: Writable, chunk: Buffer): Promise<void> =>
    new Promise((resolve) => {
      // A closed channel never calls back.
      if (!channel.writable || channel.destroyed) {
        resolve();
        return;
      }
      channel.once("close", resolve);
      stream.write(chunk, () => {
        channel.off("close", resolve);
        for (const field of ["_chunk", "_chunkcb", "_chunkErr", "_chunkcbErr"]) Reflect.set(channel, field, undefined);
        resolve();
      });
    });
  return (stream, chunk) => (last = last.then(() => writeOne(stream, chunk)));
}
