import { FailureError } from "../../../core/errors/failure.ts";
import { forEachHost, HostsFailedError } from "../../../transports/ssh/index.ts";
import { ManualClock } from "./manual-clock.ts";

const hosts = ["a", "b", "c", "d", "e"].map((host) => ({ host }));

function setup() {
  const clock = new ManualClock();
  return { clock, fanOut: { concurrency: 2, deadlineMs: 1_000, clock } };
}

describe("forEachHost", () => {
  it("gives results in the hosts' order and never works on more than allowed", async () => {
    const { clock, fanOut } = setup();
    let working = 0;
    let most = 0;
    const results = await forEachHost(
      hosts,
      async ({ host }) => {
        most = Math.max(most, ++working);
        await new Promise((resolve) => setImmediate(resolve));
        working--;
        return host.toUpperCase();
      },
      fanOut,
    );
    expect(results).toEqual(["A", "B", "C", "D", "E"]);
    expect(most).toBe(2);
    expect(clock.sleeping).toEqual([]);
  });

  it("lets all hosts come to their end and reports every failure at once, in order", async () => {
    const { fanOut } = setup();
    const done: string[] = [];
    const work = forEachHost(
      hosts,
      async ({ host }) => {
        if (host === "b") throw new FailureError({ class: "transport", message: "no answer" });
        if (host === "d") throw new FailureError({ class: "command", message: "exit code 1", hint: "see its log" });
        done.push(host);
      },
      fanOut,
    );
    const error: unknown = await work.catch((caught: unknown) => caught);
    expect(done).toEqual(["a", "c", "e"]);
    expect(error).toBeInstanceOf(HostsFailedError);
    expect(error).toMatchObject({
      name: "CommandFailure",
      message: "2 of 5 hosts failed: b: no answer; d: exit code 1",
      hint: "see its log",
      failures: [
        { class: "transport", host: "b" },
        { class: "command", host: "d" },
      ],
    });
  });

  it("aborts at the deadline; hosts not begun count as failed", async () => {
    const { clock, fanOut } = setup();
    const begun: string[] = [];
    const work = forEachHost(
      hosts,
      ({ host }, signal) => {
        begun.push(host);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        });
      },
      fanOut,
    );
    clock.advance(1_000);
    const error: unknown = await work.catch((caught: unknown) => caught);
    expect(begun).toEqual(["a", "b"]);
    expect(error).toMatchObject({ failure: { class: "timeout" } });
    expect((error as HostsFailedError).failures.map((failure) => failure.host)).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("is cancelled by its caller", async () => {
    const { fanOut } = setup();
    const work = forEachHost(hosts, async ({ host }) => host, { ...fanOut, signal: AbortSignal.abort() });
    await expect(work).rejects.toMatchObject({ failure: { class: "cancelled" } });
  });
});
