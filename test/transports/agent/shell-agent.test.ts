import { FailureError } from "../../../core/errors/failure.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import type { HostStep } from "../../../core/ports/host-agent.ts";
import type { CommandResult, Exchange, HostAddress, RemoteTask, Transport } from "../../../core/ports/transport.ts";
import { ShellAgent } from "../../../transports/agent/index.ts";

const host: HostAddress = { host: "server-0", address: "10.0.0.1", port: 22, user: "me", hostKey: "SHA256:x" };
const files = { script: new TextEncoder().encode("#!/bin/sh\n"), uploader: new TextEncoder().encode("// put\n") };
const digests = { supervisor: sha256Hex(files.script), uploaderFile: sha256Hex(files.uploader) };
const facts = {
  kind: "facts",
  bootId: "boot-1",
  cpuModel: "m",
  cpuCount: 2,
  memoryBytes: 1,
  kernel: "k",
  os: "o",
  architecture: "x86_64",
  versions: { redis: "7.0" },
  uploader: "curl",
};

interface Asked {
  readonly verb: string;
  readonly args: readonly string[];
  readonly task: RemoteTask<unknown>;
  readonly stdin: Uint8Array | undefined;
}
type Reply = Partial<CommandResult> | object | string;

/** Records what it is asked; replies are results, or answers that exit 0. */
class FakeTransport implements Transport {
  readonly asked: Asked[] = [];
  readonly chunks: (string | FailureError)[][] = [];
  private readonly replies: Reply[];
  onRun: () => void = () => undefined;

  constructor(...replies: Reply[]) {
    this.replies = replies;
  }

  async run(_host: HostAddress, task: RemoteTask<unknown>, stdin?: Uint8Array): Promise<CommandResult> {
    const [, , , , , verb = "", ...args] = task.argv;
    this.asked.push({ verb, args, task, stdin });
    this.onRun();
    const reply = this.replies.shift() ?? "no reply was set";
    const base = {
      host: "server-0",
      command: verb,
      outcome: "exited",
      exitCode: 0,
      stdout: "",
      stderr: "",
      durationMs: 1,
    } as const;
    if (typeof reply === "string") return { ...base, stdout: reply };
    if ("kind" in reply) return { ...base, stdout: JSON.stringify(reply) };
    return { ...base, ...reply };
  }

  async *stream(_host: HostAddress, task: RemoteTask<unknown>): AsyncGenerator<Uint8Array> {
    const [, , , , , verb = "", ...args] = task.argv;
    this.asked.push({ verb, args, task, stdin: undefined });
    for (const chunk of this.chunks.shift() ?? []) {
      if (chunk instanceof FailureError) throw chunk;
      yield new TextEncoder().encode(chunk);
    }
  }

  async close(): Promise<void> {
    // nothing is open
  }
}

const onceAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

function agentOn(transport: FakeTransport, root = "/srv/run-1") {
  const clock = { ms: 1_000_000, sleeps: [] as number[] };
  const agent = new ShellAgent(
    { host, root },
    {
      transport,
      files,
      clock: {
        now: () => clock.ms,
        sleep: async (ms, signal) => {
          // Bounds of waits, which are cut short here; other sleeps are over at once.
          if (signal !== undefined) return onceAborted(signal);
          clock.sleeps.push(ms);
          clock.ms += ms;
        },
      },
    },
  );
  return { agent, clock };
}

describe("ShellAgent", () => {
  it("ships nothing when host and package have the same supervisor", async () => {
    const transport = new FakeTransport({ ...facts, ...digests });
    const got = await agentOn(transport).agent.prepare({ bootId: "boot-1" });
    expect(transport.asked.map((a) => a.verb)).toEqual(["facts"]);
    expect(got).toEqual({
      bootId: "boot-1",
      instanceId: undefined,
      cpuModel: "m",
      cpuCount: 2,
      microcode: undefined,
      memoryBytes: 1,
      kernel: "k",
      os: "o",
      architecture: "x86_64",
      clockSource: undefined,
      virtualization: undefined,
      versions: { redis: "7.0" },
    });
  });

  it("ships both files to a new host, the script last, and one whose digest differs alone", async () => {
    const fresh = new FakeTransport(
      { exitCode: 67, stdout: "boot-1\n" },
      { kind: "put" },
      { kind: "put" },
      { ...facts, ...digests },
    );
    await agentOn(fresh).agent.prepare({});
    expect(fresh.asked.map((a) => [a.verb, a.args, a.stdin])).toEqual([
      ["facts", [], undefined],
      ["put.mjs", [digests.uploaderFile], files.uploader],
      ["supervisor.sh", [digests.supervisor], files.script],
      ["facts", [], undefined],
    ]);
    const stale = new FakeTransport(
      { ...facts, ...digests, supervisor: "old" },
      { kind: "put" },
      { ...facts, ...digests },
    );
    await agentOn(stale).agent.prepare({});
    expect(stale.asked.map((a) => a.verb)).toEqual(["facts", "supervisor.sh", "facts"]);
  });

  it.each([
    { ...facts, ...digests },
    { exitCode: 67, stdout: "boot-1\n" },
  ])("touches nothing on a host that has booted since or is another one", async (reply) => {
    const transport = new FakeTransport(reply);
    await expect(agentOn(transport).agent.prepare({ bootId: "boot-0" })).rejects.toMatchObject({
      failure: { class: "boot", message: "server-0: boot id is boot-1, expected boot-0", host: "server-0" },
    });
    expect(transport.asked).toHaveLength(1);
  });

  it("sends a step on stdin with its digest, nothing of it as an argument", async () => {
    const transport = new FakeTransport({ kind: "armed" });
    await agentOn(transport).agent.arm({
      stepId: "s",
      fence: { runId: "run-1", epoch: 1, attempt: 1 },
      attemptDir: "attempts/a",
      units: [],
      waitsForGo: false,
      guardsServices: false,
      stops: "none",
      resets: false,
      collect: [],
      deadlineAt: 1,
      push: { endpoint: "https://x/h", capability: "very-secret" },
    });
    const [arm] = transport.asked;
    expect(arm!.args).toEqual(["s", sha256Hex(arm!.stdin!)]);
    expect(arm!.task.argv.join(" ")).not.toContain("very-secret");
    expect(new TextDecoder().decode(arm!.stdin)).toContain("step_capability='very-secret'");
    expect(arm!.task).toMatchObject({ idempotent: true });
  });

  it.each<[Partial<CommandResult>, string, string]>([
    [
      { outcome: "unreachable", exitCode: undefined, stderr: "refused" },
      "transport",
      "no answer to go: unreachable: refused",
    ],
    [{ outcome: "connectionLost", exitCode: undefined }, "transport", "no answer to go: connectionLost"],
    [{ outcome: "timedOut", exitCode: undefined }, "transport", "no answer to go: timedOut"],
    [{ outcome: "canceled", exitCode: undefined }, "cancelled", "go was cancelled"],
    [{ exitCode: 65, stderr: "torn" }, "transport", "go was not taken: torn"],
    [{ exitCode: 75, stderr: "locked" }, "transport", "go was not taken: locked"],
    [{ exitCode: 66, stderr: "no step" }, "boot", "go of what the host doesn't know: no step"],
    [{ exitCode: 67 }, "boot", "no supervisor in /srv/run-1"],
    [{ exitCode: 69, stderr: "other run" }, "invalid", "go refused: other run"],
    [{ exitCode: 255, stderr: "?" }, "defect", "go ended with 255: ?"],
    [{ stdout: '{"kind":"goi' }, "transport", `the supervisor's answer came torn: "{\\"kind\\":\\"goi"`],
  ])("reads %j as class %s", async (reply, failureClass, message) => {
    await expect(agentOn(new FakeTransport(reply)).agent.go("s", 1)).rejects.toMatchObject({
      failure: { class: failureClass, message: `server-0: ${message}`, host: "server-0" },
    });
  });

  it("has answers for a host that was never prepared", async () => {
    const unprepared = { exitCode: 67, stdout: "boot-1" };
    const { agent } = agentOn(new FakeTransport(...Array<object>(6).fill(unprepared)));
    expect(await agent.status("s")).toEqual({ kind: "unknown" });
    expect(await agent.wait("s", 10)).toEqual({ kind: "unknown" });
    expect(await agent.remove()).toEqual({ left: [] });
    expect(await agent.outputs("s")).toEqual([]);
    await agent.stop("s");
    await agent.acknowledge("s");
  });

  it("cuts a long wait into slices, each bounded", async () => {
    const transport = new FakeTransport(
      { kind: "armed" },
      { kind: "running", since: 1 },
      { kind: "running", since: 1 },
    );
    const { agent, clock } = agentOn(transport);
    transport.onRun = () => (clock.ms += 60_000);
    expect(await agent.wait("s", 130_000)).toEqual({ kind: "running", since: 1 });
    expect(transport.asked.map((a) => [a.args[1], a.task.timeoutMs])).toEqual([
      ["60000", 75_000],
      ["60000", 75_000],
      ["10000", 25_000],
    ]);
  });

  it("takes the clock offset of the fastest round trip", async () => {
    const transport = new FakeTransport(...[0, 0, 0, 0, 0].map((_, i) => ({ kind: "clock", now: 1_005_000 + 10 * i })));
    const { agent, clock } = agentOn(transport);
    const roundTrips = [40, 8, 20, 30, 10];
    transport.onRun = () => (clock.ms += roundTrips.shift() ?? 0);
    // The second: sent at 1,000,040, answered 8 ms later with 1,005,010.
    expect(await agent.clockOffset()).toEqual({ offsetMs: 4_966, errorMs: 4 });
  });

  it("goes on reading where a connection was lost, and gives up when nothing comes any more", async () => {
    const lost = new FailureError({ class: "transport", message: "lost" });
    const transport = new FakeTransport();
    transport.chunks.push(["abc", lost], [lost], ["de", lost], ["f"]);
    const { agent, clock } = agentOn(transport);
    const text = async (limit?: number): Promise<string> => {
      let got = "";
      for await (const chunk of agent.read("attempts/a", "log", 2, limit)) got += new TextDecoder().decode(chunk);
      return got;
    };
    expect(await text(6)).toBe("abcdef");
    expect(transport.asked.map((a) => a.args)).toEqual([
      ["attempts/a", "log", "2", "6"],
      ["attempts/a", "log", "5", "3"],
      ["attempts/a", "log", "5", "3"],
      ["attempts/a", "log", "7", "1"],
    ]);
    clock.sleeps.length = 0;
    transport.chunks.push(...Array<FailureError[]>(9).fill([lost]));
    await expect(text()).rejects.toBe(lost);
    expect(clock.sleeps).toHaveLength(4);
    transport.chunks.length = 0;
    // Not to be tried again: nobody else has that file.
    transport.chunks.push([new FailureError({ class: "command", message: "exit code 66", hint: "no file log" })]);
    await expect(text()).rejects.toMatchObject({
      failure: { class: "collect", message: "server-0: can't read log: no file log" },
    });
  });

  it.each(["relative/root", "", "/", "/a/../b", "/a\nb", "/a'b"])("refuses %j as a root", (root) => {
    expect(() => agentOn(new FakeTransport(), root)).toThrow(FailureError);
  });
});

describe("a step that is followed", () => {
  const step = stepOf("s1");
  const artifact = { path: "out.csv", sha256: sha256Hex(new TextEncoder().encode("1\n")), bytes: 2 };
  const result = {
    stepId: "s1",
    host: "server-0",
    units: [],
    artifacts: [artifact],
    missing: [],
    warnings: [],
    startedAt: 1,
    endedAt: 2,
  };
  const end = `${JSON.stringify({ kind: "done", result })}\n1\n`;

  /** A host that holds sessions: says of each line what `script` has for its verb, until it has nothing. */
  class SessionTransport extends FakeTransport {
    readonly lines: string[] = [];
    readonly script: (readonly (readonly [code: string, words: string])[])[] = [];

    async follow(_host: HostAddress, task: RemoteTask<unknown>, exchange: Exchange): Promise<CommandResult> {
      const [, , , , , verb = "", token = ""] = task.argv;
      this.asked.push({ verb, args: [], task, stdin: undefined });
      if (exchange.stdin === undefined || exchange.stdin instanceof Uint8Array) throw new Error("not a session");
      for await (const chunk of exchange.stdin) {
        const [line = ""] = new TextDecoder().decode(chunk).split("\n");
        this.lines.push(line);
        const words = this.script.shift();
        if (words === undefined) break; // the connection goes
        for (const [code, said] of words) {
          exchange.onStdout(new TextEncoder().encode(`${said}\n${token} ${line.split(" ")[0] ?? ""} ${code}\n`));
        }
      }
      const outcome = "connectionLost";
      return { host: "server-0", command: verb, outcome, exitCode: undefined, stdout: "", stderr: "", durationMs: 1 };
    }
  }
  const armed = ["0", '{"kind":"armed"}'] as const;

  it("has its end and its small files told by a session; its acknowledgement goes with the next", async () => {
    const transport = new SessionTransport();
    transport.script.push([armed, ["end", end]], [armed]);
    const { agent } = agentOn(transport);
    expect(await agent.arm(step)).toEqual({ kind: "armed" });
    expect(await agent.wait("s1", 1_000)).toMatchObject({ kind: "done", result: { stepId: "s1" } });
    const read: Uint8Array[] = [];
    for await (const chunk of agent.read(step.attemptDir, "out.csv", 0)) read.push(chunk);
    expect(Buffer.concat(read).toString()).toBe("1\n");
    await agent.acknowledge("s1");
    await agent.arm(stepOf("s2"));
    expect(transport.asked.map((a) => a.verb)).toEqual(["serve"]);
    expect(transport.lines).toEqual([
      expect.stringMatching(/^1 arm s1 \d+ \d+$/),
      expect.stringMatching(/^2 arm s2 \d+ \d+ s1$/),
    ]);
  });

  it("is armed for its go only once all is prepared, and told to go by the same session", async () => {
    const transport = new SessionTransport();
    transport.script.push([armed, ["prepared", ""]], [["0", '{"kind":"going"}']]);
    const { agent } = agentOn(transport);
    expect(await agent.arm({ ...step, waitsForGo: true })).toEqual({ kind: "armed" });
    await agent.go("s1", 5);
    expect(transport.lines[1]).toBe("2 go s1 5");
  });

  it("is asked for by calls where the session was lost, before its answer or after", async () => {
    const lost = new SessionTransport({ kind: "already" });
    expect(await agentOn(lost).agent.arm(step)).toEqual({ kind: "already" });
    expect(lost.asked.map((a) => a.verb)).toEqual(["serve", "arm"]);

    const later = new SessionTransport({ kind: "armed" }, { kind: "done", result });
    later.script.push([armed]);
    const { agent } = agentOn(later);
    await agent.arm(step);
    await agent.arm(stepOf("s2")); // where the session ends
    expect(await agent.wait("s1", 1_000)).toMatchObject({ kind: "done" });
    expect(later.asked.map((a) => a.verb)).toEqual(["serve", "arm", "wait"]);
  });

  it("is not tried by a session again where none ever answered", async () => {
    const transport = new SessionTransport(...Array<object>(5).fill({ kind: "armed" }));
    const { agent } = agentOn(transport);
    for (let n = 1; n <= 5; n++) await agent.arm(stepOf(`s${n}`));
    expect(transport.asked.filter((a) => a.verb === "serve")).toHaveLength(3);
    expect(transport.asked.filter((a) => a.verb === "arm")).toHaveLength(5);
  });

  it("is not followed where the host pushes, and its refusals are errors as before", async () => {
    const pushed = new SessionTransport({ kind: "armed" });
    await agentOn(pushed).agent.arm({ ...step, push: { endpoint: "http://c", capability: "k" } });
    expect(pushed.asked.map((a) => a.verb)).toEqual(["arm"]);

    const refusing = new SessionTransport();
    refusing.script.push([["69", "reprise: this root belongs to run r0"]]);
    await expect(agentOn(refusing).agent.arm(step)).rejects.toMatchObject({ failure: { class: "invalid" } });
  });
});

function stepOf(stepId: string): HostStep {
  return {
    stepId,
    fence: { runId: "r1", epoch: 1, attempt: 1 },
    attemptDir: "attempts/p.t0.a1",
    units: [],
    waitsForGo: false,
    guardsServices: false,
    stops: "none",
    resets: false,
    collect: [],
    deadlineAt: 2_000_000,
    push: undefined,
  };
}
