import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import type { CommandResult, Exchange } from "../../../core/ports/transport.ts";
import { Session } from "../../../transports/agent/session.ts";

const lost: CommandResult = {
  host: "h",
  command: "serve",
  outcome: "connectionLost",
  exitCode: undefined,
  stdout: "",
  stderr: "",
  durationMs: 1,
};

/** A session whose host says what the test says. */
function openSession() {
  const clock = new VirtualClock();
  const heard: string[] = [];
  let token = "";
  let onStdout: Exchange["onStdout"] = () => undefined;
  let cut: () => void = () => undefined;
  const session = new Session(
    async (given, exchange) => {
      token = given;
      onStdout = exchange.onStdout;
      const gone = new Promise<void>((resolve) => {
        cut = resolve;
        exchange.signal?.addEventListener("abort", () => resolve());
      });
      const { stdin } = exchange;
      if (stdin === undefined || stdin instanceof Uint8Array) throw new Error("not a session");
      const readAll = async (): Promise<void> => {
        for await (const chunk of stdin) heard.push(new TextDecoder().decode(chunk));
      };
      await Promise.race([readAll(), gone]);
      return lost;
    },
    { clock, mostBytes: 10_000 },
  );
  const say = (text: string, pieceBytes = text.length): void => {
    const bytes = new TextEncoder().encode(text.replaceAll("TOKEN", token));
    for (let at = 0; at < bytes.length; at += pieceBytes) onStdout(bytes.subarray(at, at + pieceBytes));
  };
  return { session, clock, heard, say, cut: () => cut() };
}

const textOf = (said: { readonly bytes: Uint8Array } | undefined): string | undefined =>
  said === undefined ? undefined : Buffer.from(said.bytes).toString();

describe("Session", () => {
  it.each([1, 7, 1_000])("tells each call what was said of it, in pieces of %d bytes", async (pieceBytes) => {
    const { session, say, heard } = openSession();
    const first = session.arm("s1", new TextEncoder().encode("a='1'\nb='2'\n"), ["s0"], 1_000);
    const second = session.ask("status", ["s1"], 1_000);
    say("armed\nTOKEN 1 0\n", pieceBytes);
    say("running\nTOKEN 2 0\n", pieceBytes);
    say("\nTOKEN 1 prepared\ndone\nfile's \0 bytes\n\nTOKEN 1 end\n", pieceBytes);
    expect(textOf(await first.answer)).toBe("armed\n");
    expect(textOf(await second)).toBe("running\n");
    expect((await first.prepared)?.code).toBe("prepared");
    expect(textOf(await first.end)).toBe("done\nfile's \0 bytes\n\n");
    expect(heard).toEqual(["1 arm s1 2 12 s0\na='1'\nb='2'\n", "2 status s1\n"]);
  });

  it("says undefined to all that wait when it ends, and to all that come later", async () => {
    const { session, say, cut } = openSession();
    const call = session.arm("s1", new Uint8Array(), [], 1_000);
    say("armed\nTOKEN 1 0\n");
    await call.answer;
    cut();
    expect(await call.end).toBeUndefined();
    expect(await session.ask("status", ["s1"], 1_000)).toBeUndefined();
    expect(session.isOver).toBe(true);
  });

  it("has nothing more to say of what was refused", async () => {
    const { session, say } = openSession();
    const call = session.arm("s1", new Uint8Array(), [], 1_000);
    say("reprise: no\nTOKEN 1 69\n");
    expect((await call.answer)?.code).toBe("69");
    expect(await call.end).toBeUndefined();
    expect(session.isOver).toBe(false);
  });

  it("is given up when an answer is overdue", async () => {
    const { session, clock } = openSession();
    const answer = session.ask("clock", [], 1_000);
    expect(await clock.run(answer)).toBeUndefined();
    expect(session.isOver).toBe(true);
  });

  it("is given up when it says more of a call than any call has to say", async () => {
    const { session, say } = openSession();
    const call = session.arm("s1", new Uint8Array(), [], 1_000);
    say("armed\nTOKEN 1 0\n");
    say("x".repeat(9_000));
    expect(session.isOver).toBe(false);
    say("x".repeat(2_000));
    expect(await call.end).toBeUndefined();
    expect(session.isOver).toBe(true);
  });

  it("ends when it is closed", async () => {
    const { session } = openSession();
    await session.close();
    expect(session.isOver).toBe(true);
  });
});
