import { sha256Hex } from "../../../core/evidence/sha256.ts";
import type { PhaseRef } from "../../../core/names/keys.ts";
import { hostStepId, phaseKeys } from "../../../core/names/keys.ts";
import type { HostAgent, StepState } from "../../../core/ports/host-agent.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { LivePieces } from "../../../engines/embedded/live-pieces.ts";
import { Puller } from "../../../engines/embedded/puller.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { fakeEffects, idleAgent, topologyHostFixture } from "../../support/flow-fixtures.ts";

const ref: PhaseRef = {
  scope: { kind: "attempt", attempt: { runId: "r", pointKey: "p", trialIndex: 0, attempt: 1 } },
  phase: "jobs",
  stage: 0,
};
const prefix = "runs/r/p/trial-0/attempt-1";
const host = topologyHostFixture();

/** A host whose files grow as the test says. */
class GrowingHost {
  readonly files = new Map<string, string>();
  wait: HostAgent["wait"] = async () => ({ kind: "armed" });

  readonly agent = (): HostAgent => ({
    ...idleAgent(),
    wait: (...args) => this.wait(...args),
    outputs: async () => [...this.files].map(([path, text]) => ({ path, bytes: text.length })),
    read: (_attemptDir, path, from, limit) => this.bytesOf(path, from, limit),
  });

  private async *bytesOf(path: string, from: number, limit = Infinity): AsyncGenerator<Uint8Array> {
    yield Buffer.from(this.files.get(path)!.slice(from, from + limit));
  }
}

const contents = async (store: MemoryStore, below: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for await (const { key } of store.list(below)) {
    found[key.slice(below.length)] = Buffer.from((await store.get(key))!.body).toString();
  }
  return found;
};

describe("LivePieces", () => {
  const store = (): MemoryStore => new MemoryStore({ clock: { now: () => 0 } });
  const piecesOf = (into: MemoryStore, { agent }: GrowingHost): LivePieces =>
    new LivePieces({ prefix, host: "server-0", attemptDir: "attempts/p.t0.a1" }, { store: into, agent: agent() });
  const copy = (pieces: LivePieces): Promise<void> => pieces.copy(hostStepId(ref), () => false);

  it("copies what is new of each file, and goes on where another engine stopped", async () => {
    const [into, grows] = [store(), new GrowingHost()];
    const first = piecesOf(into, grows);
    grows.files.set("j.out", "one\n").set("j/load.csv", "a,b\n").set("j.err", "");
    await copy(first);
    await copy(first);
    grows.files.set("j.out", "one\ntwo\n");
    await copy(first);
    const second = piecesOf(into, grows);
    await copy(second);
    grows.files.set("j.out", "one\ntwo\nthree\n");
    await copy(second);
    // The first is behind now, and finds what the second has copied.
    grows.files.set("j.out", "one\ntwo\nthree\nfour\n");
    await copy(first);
    await copy(first);
    expect(await contents(into, `${prefix}/live/server-0/`)).toEqual({
      "j.out/000000": "one\n",
      "j.out/000001": "two\n",
      "j.out/000002": "three\n",
      "j.out/000003": "four\n",
      "j/load.csv/000000": "a,b\n",
    });
  });

  it("takes no more than so much at once, and ends in between", async () => {
    const [into, grows] = [store(), new GrowingHost()];
    const pieces = piecesOf(into, grows);
    grows.files.set("j.out", "x".repeat(20 * 1024 ** 2));
    await copy(pieces);
    const sizes = Object.values(await contents(into, `${prefix}/live/`)).map((text) => text.length);
    expect(sizes).toEqual(Array.from({ length: 8 }, () => 1024 ** 2));
    let looks = 0;
    await pieces.copy(hostStepId(ref), () => ++looks > 2);
    expect(Object.keys(await contents(into, `${prefix}/live/`))).toHaveLength(10);
  });
});

describe("Puller", () => {
  /** A step whose job prints a line a second, looked at each 5 s. */
  const follow = async (endMs: number, end: (text: string) => StepState, more: Partial<HostAgent> = {}) => {
    const clock = new VirtualClock(0);
    const store = new MemoryStore({ clock });
    const grows = new GrowingHost();
    const printed = (): string =>
      Array.from({ length: Math.floor(clock.now() / 1_000) }, (_, i) => `line ${i}\n`).join("");
    grows.wait = async (_stepId, timeoutMs, signal) => {
      if (clock.now() >= endMs) return end(printed());
      await clock.sleep(Math.min(timeoutMs, endMs - clock.now()), signal);
      grows.files.set("j.out", printed());
      return clock.now() < endMs ? { kind: "running", since: 0 } : end(printed());
    };
    const ticking = (async () => {
      for (; clock.now() < endMs; grows.files.set("j.out", printed())) await clock.sleep(1_000);
    })();
    const fx = fakeEffects({ clock, store, agent: () => ({ ...grows.agent(), ...more }) });
    const forgotten = new Map<string, string>();
    const forget = async (key: string): Promise<void> => {
      forgotten.set(key, Buffer.from((await store.get(key))!.body).toString());
      await store.delete(key);
    };
    const puller = new Puller(() => fx, { everyMs: 5_000, forget });
    puller.watch(ref, [host]);
    await clock.run(Promise.all([ticking, puller.closeWithin(endMs + 60_000)]));
    return { store, clock, forgotten };
  };

  it("copies what grows, and lets the pieces go once the file itself has landed", async () => {
    const { store, clock, forgotten } = await follow(12_000, (text) => ({
      kind: "done",
      result: {
        stepId: hostStepId(ref),
        host: host.name,
        units: [],
        artifacts: [{ path: "j.out", sha256: sha256Hex(Buffer.from(text)), bytes: text.length }],
        missing: [],
        warnings: [],
        startedAt: 0,
        endedAt: 12_000,
      },
    }));
    const whole = (await contents(store, `${prefix}/server-0/`))["j.out"];
    expect(whole?.split("\n")).toHaveLength(13);
    expect([...forgotten.keys()]).toEqual(["000000", "000001"].map((n) => `${prefix}/live/server-0/j.out/${n}`));
    const pieces = [...forgotten.values()].join("");
    expect(whole?.startsWith(pieces)).toBe(true);
    expect(pieces.split("\n").length).toBeGreaterThan(9);
    expect(await contents(store, `${prefix}/live/`)).toEqual({});
    expect(clock.sleepers).toBe(0);
  });

  it("doesn't ask a host to which each question is a command of its own", async () => {
    const { store } = await follow(12_000, () => ({ kind: "unknown" }), { isCheapToAsk: () => false });
    expect(await contents(store, `${prefix}/live/`)).toEqual({});
  });

  it("keeps what it has of a host that vanishes", async () => {
    const { store } = await follow(12_000, () => ({ kind: "unknown" }));
    expect(Object.keys(await contents(store, `${prefix}/live/server-0/`))).toEqual(["j.out/000000", "j.out/000001"]);
    expect(await store.get(phaseKeys(ref).done(host.name))).toBeDefined();
  });
});
