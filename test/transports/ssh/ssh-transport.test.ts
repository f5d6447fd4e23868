import { FailureError } from "../../../core/errors/failure.ts";
import type { RemoteTask } from "../../../core/ports/transport.ts";
import { AuthenticationError, HostKeyError, OutputTooLongError, SshTransport } from "../../../transports/ssh/index.ts";
import type { SshOptions } from "../../../transports/ssh/index.ts";
import { ManualClock } from "./manual-clock.ts";
import { finish, MemoryHost, strangerKey, userKey } from "./memory-host.ts";

const task = (overrides: Partial<RemoteTask<string>> = {}): RemoteTask<string> => ({
  argv: ["true"],
  timeoutMs: 60_000,
  idempotent: false,
  parse: (stdout) => stdout,
  ...overrides,
});

const opened: SshTransport[] = [];

function setup(options: Partial<SshOptions> = {}) {
  const host = new MemoryHost();
  const clock = new ManualClock();
  const transport = new SshTransport(
    { privateKey: () => userKey.privateKey, keepAliveMs: 0, ...options },
    { clock, dial: host.dial },
  );
  opened.push(transport);
  return { host, clock, transport };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Waits for something that the event loop alone brings about. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !isSo(); turns++) await turn();
  expect(isSo()).toBe(true);
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

describe("SshTransport.run", () => {
  it("sends quoted arguments and gives output, exit code and duration", async () => {
    const { host, clock, transport } = setup();
    host.onExec = ({ channel }) => {
      clock.advance(250);
      finish(channel, 3, "out é", "err");
    };
    const result = await transport.run(host.address, task({ argv: ["echo", "it's", "$HOME"] }));
    expect(host.execs[0]?.command).toBe(`echo 'it'\\''s' '$HOME'`);
    expect(result).toEqual({
      host: "server-0",
      command: `echo 'it'\\''s' '$HOME'`,
      outcome: "exited",
      exitCode: 3,
      stdout: "out é",
      stderr: "err",
      durationMs: 250,
    });
  });

  it("pipes stdin and its end", async () => {
    const { host, transport } = setup();
    host.onExec = ({ channel }) => {
      const chunks: Buffer[] = [];
      channel.on("data", (chunk: Buffer) => chunks.push(chunk));
      channel.on("end", () => finish(channel, 0, Buffer.concat(chunks)));
    };
    const body = "x".repeat(300_000);
    const result = await transport.run(host.address, task(), Buffer.from(body));
    expect(result.stdout).toBe(body);
    expect((await transport.run(host.address, task())).stdout).toBe("");
  });

  it("tells output as it comes when a command is followed, and never starts it twice", async () => {
    const { host, transport } = setup();
    const heard: string[] = [];
    let channel: Parameters<MemoryHost["onExec"]>[0]["channel"] | undefined;
    host.onExec = (exec) => {
      channel = exec.channel;
      exec.channel.write("first\n");
    };
    const call = transport.follow(host.address, task({ idempotent: true }), {
      onStdout: (chunk) => heard.push(Buffer.from(chunk).toString()),
    });
    await until(() => heard.join("") === "first\n");
    if (channel !== undefined) finish(channel, 4, "second");
    expect(await call).toMatchObject({ outcome: "exited", exitCode: 4, stdout: "" });
    expect(heard.join("")).toBe("first\nsecond");

    host.onExec = () => setImmediate(() => host.drop());
    const lost = await transport.follow(host.address, task({ idempotent: true }), { onStdout: () => undefined });
    expect(lost.outcome).toBe("connectionLost");
    expect(host.execs).toHaveLength(2);
  });

  it("takes 255 for what it is: an exit code", async () => {
    const { host, transport } = setup();
    host.onExec = ({ channel }) => finish(channel, 255);
    expect(await transport.run(host.address, task())).toMatchObject({ outcome: "exited", exitCode: 255 });
    expect(host.execs).toHaveLength(1);
  });

  it("gives 128 + n for a command that died of signal n", async () => {
    const { host, transport } = setup();
    host.onExec = ({ channel }) => {
      channel.exit("SEGV");
      channel.end();
    };
    expect(await transport.run(host.address, task())).toMatchObject({ outcome: "exited", exitCode: 139 });
  });

  it("masks secrets in the command it tells of, not in the one it sends", async () => {
    const { host, transport } = setup({ mask: (command) => command.replaceAll("hunter2", "***") });
    host.onExec = ({ channel }) => finish(channel, 0);
    const { command } = await transport.run(host.address, task({ argv: ["login", "hunter2"] }));
    expect(command).toBe("login ***");
    expect(host.execs[0]?.command).toBe("login hunter2");
  });

  it("refuses an answer longer than its task allows, rather than cut it", async () => {
    const { host, transport } = setup();
    host.onExec = ({ channel }) => finish(channel, 0, "x".repeat(101));
    await expect(transport.run(host.address, task({ maxOutputBytes: 100 }))).rejects.toThrow(OutputTooLongError);
    host.onExec = ({ channel }) => finish(channel, 0, "x".repeat(100));
    expect(await transport.run(host.address, task({ maxOutputBytes: 100 }))).toMatchObject({ exitCode: 0 });
  });

  it("keeps the end of a long stderr and says how much is missing", async () => {
    const { host, transport } = setup({ stderrBytes: 10 });
    host.onExec = ({ channel }) => finish(channel, 1, "", `${"x".repeat(100)}the reason`);
    expect((await transport.run(host.address, task())).stderr).toBe("[100 bytes cut]\nthe reason");
  });

  it("uses one connection again and again", async () => {
    const { host, transport } = setup();
    host.onExec = ({ channel }) => finish(channel, 0);
    for (let i = 0; i < 5; i++) await transport.run(host.address, task());
    expect(host.dials).toBe(1);
  });

  it("opens at most 8 channels a connection, two connections, and queues the rest in order", async () => {
    const { host, transport } = setup();
    const runs = Array.from({ length: 40 }, (_, i) => transport.run(host.address, task({ argv: ["job", String(i)] })));
    await until(() => host.execs.length === 16);
    for (let i = 0; i < 50; i++) await turn();
    expect(host.execs).toHaveLength(16);
    host.onExec = ({ channel }) => finish(channel, 0);
    for (const { channel } of host.execs.slice()) finish(channel, 0);
    await Promise.all(runs);
    expect(host.dials).toBe(2);
    expect(host.mostSessions).toBe(8);
    expect(host.execs.slice(16).map(({ command }) => command)).toEqual(
      Array.from({ length: 24 }, (_, i) => `job ${i + 16}`),
    );
  });

  it("learns how few channels a server bears", async () => {
    const { host, clock, transport } = setup({ connectionsPerHost: 1 });
    clock.skip(200);
    host.maxSessions = 3;
    host.onExec = ({ channel }) => finish(channel, 0);
    const results = await Promise.all(Array.from({ length: 20 }, () => transport.run(host.address, task())));
    expect(results.map(({ outcome }) => outcome)).toEqual(Array(20).fill("exited"));
    expect(host.mostSessions).toBe(3);
  });

  describe("when nobody answers", () => {
    it("asks again, whatever the task", async () => {
      const { host, clock, transport } = setup();
      host.onDial = (dial) => (dial < 3 ? new Error("connect ECONNREFUSED") : undefined);
      host.onExec = ({ channel }) => finish(channel, 0, "yes");
      const result = transport.run(host.address, task({ idempotent: false }));
      await clock.asleepFor(200);
      clock.advance(200);
      await clock.asleepFor(400);
      clock.advance(400);
      expect(await result).toMatchObject({ outcome: "exited", stdout: "yes", durationMs: 600 });
    });

    it("is unreachable after the last try, with the reason", async () => {
      const { host, clock, transport } = setup({ attempts: 2 });
      clock.skip(200);
      host.onDial = () => new Error("connect ECONNREFUSED 192.0.2.1:22");
      const result = await transport.run(host.address, task());
      expect(result).toMatchObject({ outcome: "unreachable", exitCode: undefined });
      expect(result.stderr).toContain("ECONNREFUSED");
      expect(host.dials).toBe(2);
    });

    it("gives up on a silent host by the clock", async () => {
      const { host, clock, transport } = setup({ attempts: 1 });
      host.onDial = () => "silent";
      const result = transport.run(host.address, task());
      await clock.asleepFor(10_000);
      clock.advance(10_000);
      expect(await result).toMatchObject({ outcome: "unreachable", stderr: "no answer within 10000 ms" });
    });

    it("is unreachable, not timed out, when the task's time ends before the command began", async () => {
      const { host, clock, transport } = setup();
      host.onDial = () => "silent";
      const result = transport.run(host.address, task({ timeoutMs: 5_000 }));
      await clock.asleepFor(10_000);
      clock.advance(5_000);
      expect(await result).toMatchObject({ outcome: "unreachable", durationMs: 5_000 });
    });
  });

  describe("when the connection breaks during a command", () => {
    it("says so, and does not run a task twice that isn't idempotent", async () => {
      const { host, transport } = setup();
      host.onExec = ({ channel }) => {
        channel.write("half an ans");
        setImmediate(() => host.drop());
      };
      const result = await transport.run(host.address, task());
      expect(result).toMatchObject({ outcome: "connectionLost", exitCode: undefined });
      expect(host.execs).toHaveLength(1);
    });

    it("runs an idempotent task again over a new connection", async () => {
      const { host, clock, transport } = setup();
      clock.skip(200);
      host.onExec = ({ channel }) => {
        if (host.execs.length === 1) host.drop();
        else finish(channel, 0, "whole");
      };
      const result = await transport.run(host.address, task({ idempotent: true }), Buffer.from("in"));
      expect(result).toMatchObject({ outcome: "exited", stdout: "whole" });
      expect(host.dials).toBe(2);
    });

    it("remains lost when the host is unreachable afterwards: it may have run", async () => {
      const { host, clock, transport } = setup();
      clock.skip(200);
      clock.skip(400);
      host.onDial = (dial) => (dial === 1 ? undefined : new Error("no route to host"));
      host.onExec = () => host.drop();
      const result = await transport.run(host.address, task({ idempotent: true }));
      expect(result.outcome).toBe("connectionLost");
    });

    it("does not believe an exit code whose output may be cut", async () => {
      const { host, transport } = setup();
      host.onExec = ({ channel }) => {
        channel.exit(0);
        setImmediate(() => host.drop());
      };
      expect((await transport.run(host.address, task())).outcome).toBe("connectionLost");
    });

    it("counts a channel that closes without an exit code as lost", async () => {
      const { host, transport } = setup();
      host.onExec = ({ channel }) => channel.end();
      expect((await transport.run(host.address, task())).outcome).toBe("connectionLost");
    });

    it("counts a request that was never answered as one that may run", async () => {
      const { host, transport } = setup();
      host.answersExec = false;
      const result = transport.run(host.address, task());
      await until(() => host.mostSessions === 1);
      host.drop();
      expect((await result).outcome).toBe("connectionLost");
    });
  });

  describe("when time is up or nobody wants the answer", () => {
    it("kills the command and gives what it said until then", async () => {
      const { host, clock, transport } = setup();
      host.onExec = ({ channel }) => channel.write("so far");
      const result = transport.run(host.address, task({ timeoutMs: 1_000 }));
      await until(() => host.execs.length === 1);
      for (let i = 0; i < 20; i++) await turn();
      clock.advance(1_000);
      expect(await result).toMatchObject({
        outcome: "timedOut",
        exitCode: undefined,
        stdout: "so far",
        durationMs: 1_000,
      });
      await until(() => host.execs[0]?.signals.length === 1);
      expect(host.execs[0]?.signals).toEqual(["KILL"]);
    });

    it("gives the channel's place back", async () => {
      const { host, clock, transport } = setup({ connectionsPerHost: 1, channelsPerConnection: 1 });
      const first = transport.run(host.address, task({ timeoutMs: 1_000 }));
      await until(() => host.execs.length === 1);
      clock.advance(1_000);
      await first;
      host.onExec = ({ channel }) => finish(channel, 0);
      expect((await transport.run(host.address, task())).outcome).toBe("exited");
      expect(host.dials).toBe(1);
      expect(clock.sleeping).toEqual([]);
    });

    it("is canceled before and during a command", async () => {
      const { host, transport } = setup();
      const early = AbortSignal.abort();
      expect(await transport.run(host.address, task(), undefined, early)).toMatchObject({ outcome: "canceled" });
      expect(host.dials).toBe(0);
      const controller = new AbortController();
      const result = transport.run(host.address, task(), undefined, controller.signal);
      await until(() => host.execs.length === 1);
      controller.abort();
      expect(await result).toMatchObject({ outcome: "canceled" });
    });

    it("leaves nothing asleep", async () => {
      const { host, clock, transport } = setup();
      host.onExec = ({ channel }) => finish(channel, 0);
      await transport.run(host.address, task());
      expect(clock.sleeping).toEqual([]);
    });
  });

  describe("when it isn't the right host", () => {
    it("rejects at once and for good", async () => {
      const { host, transport } = setup();
      const other = new MemoryHost("server-1");
      const error: unknown = await transport
        .run({ ...host.address, hostKey: other.address.hostKey }, task({ idempotent: true }))
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(HostKeyError);
      expect(error).toMatchObject({
        failure: { class: "integrity", host: "server-0" },
        presented: host.address.hostKey,
      });
      expect(host.dials).toBe(1);
      expect(host.execs).toHaveLength(0);
    });

    it("rejects when the host refuses the key", async () => {
      const { host, transport } = setup({ privateKey: () => strangerKey.privateKey });
      await expect(transport.run(host.address, task())).rejects.toThrow(AuthenticationError);
      expect(host.dials).toBe(1);
    });
  });

  it("ends what runs and refuses what comes once it is closed", async () => {
    const { host, transport } = setup();
    const result = transport.run(host.address, task());
    await until(() => host.execs.length === 1);
    await transport.close();
    expect((await result).outcome).toBe("connectionLost");
    await expect(transport.run(host.address, task())).rejects.toThrow(FailureError);
  });
});

describe("SshTransport.stream", () => {
  it("gives every byte, in order, however slow the reader", async () => {
    const { host, transport } = setup();
    const body = Buffer.alloc(9_000_000, "0123456789abcdef-");
    host.onExec = ({ channel }) => finish(channel, 0, body);
    const chunks: Uint8Array[] = [];
    for await (const chunk of transport.stream(host.address, task())) {
      if (chunks.length % 50 === 0) await turn();
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
  });

  it("stops the host when the reader stops reading", async () => {
    const { host, transport } = setup({ channelsPerConnection: 1, connectionsPerHost: 1 });
    host.onExec = ({ channel }) => channel.write(Buffer.alloc(20_000_000));
    for await (const chunk of transport.stream(host.address, task())) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await until(() => host.execs[0]?.signals.length === 1);
    host.onExec = ({ channel }) => finish(channel, 0, "next");
    expect((await drain(transport.stream(host.address, task()))).toString()).toBe("next");
  });

  it("rejects with class command after a non-zero exit, with what stderr said", async () => {
    const { host, transport } = setup();
    host.onExec = ({ channel }) => finish(channel, 1, "part", "cat: no such file");
    await expect(drain(transport.stream(host.address, task()))).rejects.toMatchObject({
      failure: { class: "command", hint: "cat: no such file" },
    });
  });

  it("rejects with class transport when the connection breaks, and after its time", async () => {
    const { host, clock, transport } = setup();
    host.onExec = ({ channel }) => {
      channel.write("part");
      setImmediate(() => host.drop());
    };
    await expect(drain(transport.stream(host.address, task()))).rejects.toMatchObject({
      failure: { class: "transport" },
    });
    host.onExec = () => setImmediate(() => clock.advance(60_000));
    await expect(drain(transport.stream(host.address, task()))).rejects.toMatchObject({
      failure: { class: "transport", message: "server-0: no end in 60000 ms: true" },
    });
  });

  it("reaches a host at a later try", async () => {
    const { host, clock, transport } = setup();
    clock.skip(200);
    host.onDial = (dial) => (dial === 1 ? new Error("refused") : undefined);
    host.onExec = ({ channel }) => finish(channel, 0, "there");
    expect((await drain(transport.stream(host.address, task()))).toString()).toBe("there");
  });
});
