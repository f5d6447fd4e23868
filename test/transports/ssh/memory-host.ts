import { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type { ServerChannel } from "ssh2";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { HostAddress } from "../../../core/ports/transport.ts";

const secret = Buffer.alloc(32, 1);
export const userKey = deriveKeyPair(secret, { kind: "user", runId: "r1" });
export const strangerKey = deriveKeyPair(secret, { kind: "user", runId: "r2" });

export interface Exec {
  readonly command: string;
  readonly channel: ServerChannel;
  /** Which connection, from 0. */
  readonly connection: number;
  readonly signals: string[];
}

/** A host whose whole network is memory: a real SSH server, and a test that decides what each command does. */
export class MemoryHost {
  readonly execs: Exec[] = [];
  dials = 0;
  /** Open connections' server ends. */
  readonly sockets: Duplex[] = [];
  /** Asked at each dial, by number from 1: an error refuses it, "silent" accepts and never speaks. */
  onDial: (dial: number) => Error | "silent" | undefined = () => undefined;
  /** Sessions that one connection may hold. */
  maxSessions = Infinity;
  mostSessions = 0;
  /** "ignore" leaves the request unanswered. */
  onExec: (exec: Exec) => void = () => undefined;
  answersExec = true;
  private readonly key;
  private readonly server;
  private readonly name: string;

  constructor(name = "server-0") {
    this.name = name;
    this.key = deriveKeyPair(secret, { kind: "host", runId: "r1", host: name });
    const allowed = [ssh2.utils.parseKey(userKey.publicKey)].flat()[0];
    if (allowed === undefined || allowed instanceof Error) throw new Error("unreadable key");
    let connections = 0;
    this.server = new ssh2.Server({ hostKeys: [this.key.privateKey] }, (client) => {
      const connection = connections++;
      let sessions = 0;
      client.on("error", () => undefined); // a dropped connection is what tests are about
      client.on("authentication", (context) => {
        if (context.method !== "publickey" || !context.key.data.equals(allowed.getPublicSSH()))
          context.reject(["publickey"]);
        else if (context.signature === undefined || context.blob === undefined) context.accept();
        else if (allowed.verify(context.blob, context.signature, context.hashAlgo)) context.accept();
        else context.reject();
      });
      client.on("session", (accept, reject) => {
        if (sessions >= this.maxSessions) {
          reject();
          return;
        }
        sessions++;
        this.mostSessions = Math.max(this.mostSessions, sessions);
        const session = accept();
        const signals: string[] = [];
        session.on("close", () => sessions--);
        // ssh2's server hears no request after stdin's end; OpenSSH does, and so do our local hosts.
        session.on("end", () => Reflect.set(session, "_ending", false));
        session.on("signal", (_accept, _reject, info) => signals.push(info.name));
        session.on("exec", (acceptExec, _reject, { command }) => {
          if (!this.answersExec) return;
          const channel = acceptExec();
          channel.on("error", () => undefined);
          channel.on("close", () => sessions--);
          const exec = { command, channel, connection, signals };
          this.execs.push(exec);
          this.onExec(exec);
        });
      });
    });
  }

  get address(): HostAddress {
    return { host: this.name, address: "192.0.2.1", port: 22, user: "bench", hostKey: this.key.fingerprint };
  }

  readonly dial = async (): Promise<Duplex> => {
    const verdict = this.onDial(++this.dials);
    if (verdict instanceof Error) throw verdict;
    const [near, far] = wire();
    if (verdict === "silent") return near;
    this.sockets.push(far);
    this.server.injectSocket(far as never); // the server uses nothing of a TCP socket but its stream
    return near;
  };

  /** Cuts all connections, as a dead network or a killed sshd would. */
  drop(): void {
    for (const socket of this.sockets.splice(0)) socket.destroy();
  }
}

/** Ends a command. */
export function finish(channel: ServerChannel, exitCode: number, stdout: string | Buffer = "", stderr = ""): void {
  if (stderr !== "") channel.stderr.write(stderr);
  channel.write(stdout, () => {
    channel.exit(exitCode);
    channel.end();
  });
}

/**
 * Two ends of a wire that, like TCP, hands on in one piece what was written in one turn: several messages may arrive at
 * once. (Node's duplexPair delivers inside the write, and ssh2 loses its place when that comes back to it.)
 */
function wire(): [Duplex, Duplex] {
  const side = (other: () => Duplex): Duplex => {
    let pending: Buffer[] = [];
    const flush = (): void => {
      const chunk = Buffer.concat(pending);
      pending = [];
      if (chunk.length > 0 && !other().destroyed) other().push(chunk);
    };
    return new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        if (pending.push(chunk) === 1) setImmediate(flush);
        done();
      },
      final: (done) => {
        setImmediate(() => {
          if (!other().destroyed) other().push(null);
          done();
        });
      },
      destroy: (error, done) => {
        setImmediate(() => other().destroy());
        done(error);
      },
    });
  };
  const near: Duplex = side(() => far);
  const far: Duplex = side(() => near);
  return [near, far];
}
