import type { HostAnswer, HostCall } from "../../../core/flow/host-calls.ts";
import { answerHost, parseStepId } from "../../../core/flow/host-calls.ts";
import { armPhase, doneResults } from "../../../core/flow/phase.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import type { Capability } from "../../../core/identity/index.ts";
import { buildCapability, verifyCapability } from "../../../core/identity/index.ts";
import type { PhaseRef } from "../../../core/names/keys.ts";
import { attemptKeys, attemptPrefix, deploymentKeys, hostStepId } from "../../../core/names/keys.ts";
import type { StepResult } from "../../../core/ports/host-agent.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { fakeEffects, idleAgent, stepFixture, topologyHostFixture } from "../../support/flow-fixtures.ts";

const secret = new Uint8Array(32).fill(1);
const otherSecret = new Uint8Array(32).fill(2);
const attempt = { runId: "r", pointKey: "p", trialIndex: 0, attempt: 2 };
const ref: PhaseRef = { scope: { kind: "attempt", attempt }, phase: "collect", stage: 0 };
const setup: PhaseRef = {
  scope: { kind: "deployment", runId: "r", deployment: "r-main-1", attempt: 1 },
  phase: "prepare",
  stage: 0,
};
const endsAt = 1_000_000;

const capabilityFor = (overrides: Partial<Capability> = {}, master = secret): string =>
  buildCapability(master, { scope: ref.scope, host: "a", expiresAt: endsAt, ...overrides });

const resultFixture = (overrides: Partial<StepResult> = {}): StepResult => ({
  stepId: hostStepId(ref),
  host: "a",
  units: [],
  artifacts: [],
  missing: [],
  warnings: [],
  startedAt: 1,
  endedAt: 2,
  ...overrides,
});

async function armed() {
  let now = 10;
  const clock = { now: () => now, sleep: () => Promise.reject(new Error("no sleep here")) };
  const store = new MemoryStore({ clock, uploadTtlMs: 1_000 });
  const woken: string[] = [];
  const fx = fakeEffects({
    clock,
    store,
    agent: () => idleAgent(),
    engine: {
      wake: async (token, outcome) => {
        woken.push(`${token} ${outcome.kind}`);
        return "woken";
      },
      heartbeat: async () => "beaten",
    },
  });
  for (const phase of [ref, setup]) {
    const steps = ["a", "b"].map((name) => ({
      host: topologyHostFixture({ name }),
      step: stepFixture({ stepId: hostStepId(phase) }),
      required: true,
    }));
    const output = { stage: 1, more: false };
    await armPhase({ ref: phase, steps, output, clocks: "none" }, `token-${phase.phase}`, "x", fx);
  }
  const ask = (call: HostCall, body: unknown) =>
    answerHost(call, body, { flow: fx, verify: (token, at) => verifyCapability(secret, token, at) });
  return {
    fx,
    store,
    woken,
    ask,
    passTime: (ms: number) => {
      now += ms;
    },
    /** Every object of the run with its bytes: what must not change. */
    evidence: async () => {
      const found: Record<string, string> = {};
      for await (const { key } of store.list("runs/r/")) found[key] = sha256Hex((await store.get(key))!.body);
      return found;
    },
  };
}

interface Grant {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The URL that an upload call was answered with. */
function grantOf({ status, body }: HostAnswer): Grant {
  expect(status).toBe(200);
  return body as unknown as Grant; // the answer's own shape, checked by using it
}

const file = (text: string) => ({ sha256: sha256Hex(text), bytes: text.length });

describe("answerHost", () => {
  it.each([
    ["a forged capability", () => capabilityFor({}, otherSecret), 403, "Forged"],
    ["an altered one", () => capabilityFor().replace(/\.[^.]{4}/, ".AAAA"), 403, "Forged"],
    ["an expired one", () => capabilityFor({ expiresAt: 5 }), 410, "Expired"],
    ["no capability", () => "let me in", 400, "Malformed"],
  ])("refuses every call with %s, and changes nothing", async (_, capability, status, code) => {
    const { ask, evidence } = await armed();
    const before = await evidence();
    for (const [call, body] of [
      ["upload", { path: "out.csv", ...file("x") }],
      ["report", { result: resultFixture() }],
      ["beat", { stepId: hostStepId(ref), state: "running" }],
    ] as const) {
      expect(await ask(call, { capability: capability(), ...body })).toMatchObject({ status, body: { code } });
    }
    expect(await evidence()).toEqual(before);
  });

  it.each([
    ["another host's result", { result: resultFixture({ host: "b" }) }, {}, 403, "ForeignStep"],
    ["another attempt's", { result: resultFixture({ stepId: "p.t0.a1.collect-0" }) }, {}, 403, "ForeignStep"],
    ["another trial's", { result: resultFixture({ stepId: "p.t1.a2.collect-0" }) }, {}, 403, "ForeignStep"],
    ["a phase that nobody began", { result: resultFixture({ stepId: "p.t0.a2.jobs-3" }) }, {}, 403, "NotAsked"],
    ["a host that takes no part", { result: resultFixture({ host: "c" }) }, { host: "c" }, 403, "NotAsked"],
    ["what is no result", { result: { host: "a" } }, {}, 400, "Malformed"],
  ])("refuses a report of %s", async (_, body, who, status, code) => {
    const { ask, evidence, woken } = await armed();
    const before = await evidence();
    expect(await ask("report", { capability: capabilityFor(who), ...body })).toMatchObject({ status, body: { code } });
    expect(await evidence()).toEqual(before);
    expect(woken).toEqual([]);
  });

  it("hears the same report again, and refuses another one of the same host", async () => {
    const { ask, fx, woken } = await armed();
    const report = (overrides: Partial<StepResult> = {}) =>
      ask("report", { capability: capabilityFor(), result: resultFixture(overrides) });
    expect(await report()).toMatchObject({ status: 200 });
    expect(await report()).toMatchObject({ status: 200 });
    const failure = { class: "command", message: "late and wrong" } as const;
    expect(await report({ failure })).toMatchObject({ status: 409, body: { code: "OtherResult" } });
    expect((await doneResults(ref, fx)).get("a")).toEqual(resultFixture());
    expect(woken).toEqual([]);
    const other = { capability: capabilityFor({ host: "b" }), result: resultFixture({ host: "b" }) };
    expect(await ask("report", other)).toMatchObject({ status: 200 });
    expect(woken).toEqual(["token-collect succeeded"]);
  });

  it("takes nothing more for an attempt that has its manifest, and tells its host to give up", async () => {
    const { ask, store, evidence } = await armed();
    await store.putIfAbsent(attemptKeys(attempt).manifest, new Uint8Array([1]), "test");
    const before = await evidence();
    const capability = capabilityFor();
    const over = { status: 410, body: { code: "Over" } };
    expect(await ask("upload", { capability, path: "late.csv", ...file("late") })).toMatchObject(over);
    expect(await ask("upload", { capability, path: "late.out", live: 7, ...file("late") })).toMatchObject(over);
    expect(await ask("report", { capability, result: resultFixture() })).toMatchObject(over);
    expect(await ask("beat", { capability, stepId: hostStepId(ref), state: "done" })).toEqual({
      status: 200,
      body: { answer: "superseded" },
    });
    expect(await evidence()).toEqual(before);
  });

  it("takes nothing more for a deployment that is closed", async () => {
    const { ask, store } = await armed();
    await store.putIfAbsent(deploymentKeys("r", "r-main-1").closed, new Uint8Array([1]), "test");
    const capability = capabilityFor({ scope: setup.scope });
    const over = { status: 410, body: { code: "Over" } };
    expect(await ask("upload", { capability, path: "a.out", ...file("late") })).toMatchObject(over);
    expect(await ask("report", { capability, result: resultFixture({ stepId: hostStepId(setup) }) })).toMatchObject(
      over,
    );
  });

  it.each([
    ["a path out of its folder", "../b/out.csv"],
    ["a dot in the path", "x/./y"],
    ["an absolute path", "/etc/passwd"],
    ["an empty segment", "x//y"],
    ["a path with a space", "a b"],
  ])("refuses an upload to %s", async (_, path) => {
    const { ask } = await armed();
    expect(await ask("upload", { capability: capabilityFor(), path, ...file("x") })).toMatchObject({
      status: 400,
      body: { code: "Malformed" },
    });
  });

  it("lands a file once: the same again is there, other bytes of any length are refused", async () => {
    const { ask, store } = await armed();
    const upload = (text: string) => ask("upload", { capability: capabilityFor(), path: "out.csv", ...file(text) });
    const grant = grantOf(await upload("12345"));
    const put = (text: string) => store.upload(grant.url, lower(grant.headers), once(text));
    expect(await put("123")).toBe("Truncated");
    expect(await put("123456")).toBe("WrongLength");
    expect(await put("54321")).toBe("WrongDigest");
    expect(await store.head(`${attemptPrefix(attempt)}/a/out.csv`)).toBeUndefined();
    expect(await put("12345")).toBe("created");
    expect(await put("12345")).toBe("mine");
    expect(await put("54321")).toBe("WrongDigest");
    expect(await upload("12345")).toEqual({ status: 200, body: { landed: true } });
    expect(await upload("54321")).toMatchObject({ status: 409, body: { code: "OtherBytes" } });
    expect(await upload("123456789")).toMatchObject({ status: 409, body: { code: "OtherBytes" } });
  });

  it("gives a new URL to a host whose first one has run out", async () => {
    const { ask, store, passTime } = await armed();
    const upload = async () =>
      grantOf(await ask("upload", { capability: capabilityFor(), path: "out.csv", ...file("12345") }));
    const first = await upload();
    passTime(2_000);
    expect(await store.upload(first.url, lower(first.headers), once("12345"))).toBe("Expired");
    const second = await upload();
    expect(await store.upload(second.url, lower(second.headers), once("12345"))).toBe("created");
  });

  it("keeps growing outputs apart from the final file, for set-ups as for attempts", async () => {
    const { ask, store } = await armed();
    for (const scope of [ref.scope, setup.scope]) {
      const capability = capabilityFor({ scope });
      const land = async (text: string, live?: number) => {
        const asked = { capability, path: "build.out", ...file(text), ...(live === undefined ? {} : { live }) };
        const { url, headers } = grantOf(await ask("upload", asked));
        return store.upload(url, lower(headers), once(text));
      };
      expect(await land("first\n", 0)).toBe("created");
      expect(await land("second\n", 1)).toBe("created");
      expect(await land("first\nsecond\n")).toBe("created");
    }
    const keys: string[] = [];
    for await (const { key } of store.list("runs/r/")) if (key.includes("build.out")) keys.push(key);
    expect(keys).toEqual([
      "runs/r/deployments/r-main-1/setup/attempt-1/a/build.out",
      "runs/r/deployments/r-main-1/setup/attempt-1/live/a/build.out/000000",
      "runs/r/deployments/r-main-1/setup/attempt-1/live/a/build.out/000001",
      "runs/r/p/trial-0/attempt-2/a/build.out",
      "runs/r/p/trial-0/attempt-2/live/a/build.out/000000",
      "runs/r/p/trial-0/attempt-2/live/a/build.out/000001",
    ]);
  });
});

describe("a phase's heartbeat", () => {
  it("is relayed while every host is heard, and not once one of them is silent", async () => {
    const { ask, fx, passTime } = await armed();
    let beats = 0;
    Object.assign(fx.engine, {
      heartbeat: async () => {
        beats++;
        return "beaten";
      },
    });
    const beat = (host: string) =>
      ask("beat", { capability: capabilityFor({ host }), stepId: hostStepId(ref), state: "running" });
    for (let minute = 0; minute < 5; minute++) {
      await beat("a");
      await beat("b");
      passTime(60_000);
    }
    expect(beats).toBe(10);
    for (let minute = 0; minute < 10; minute++) {
      expect(await beat("a")).toEqual({ status: 200, body: { answer: "continue" } });
      passTime(60_000);
    }
    // One beat of b may be lost and another late; then its silence is the phase's.
    expect(beats).toBe(12);
  });

  it("does not wait to hear a host that is done", async () => {
    const { ask, fx, passTime } = await armed();
    let beats = 0;
    Object.assign(fx.engine, {
      heartbeat: async () => {
        beats++;
        return "beaten";
      },
    });
    await ask("report", { capability: capabilityFor({ host: "b" }), result: resultFixture({ host: "b" }) });
    for (let minute = 0; minute < 10; minute++) {
      await ask("beat", { capability: capabilityFor(), stepId: hostStepId(ref), state: "running" });
      passTime(60_000);
    }
    expect(beats).toBe(10);
  });
});

describe("a beat for a token that nobody waits for", () => {
  it("lets the job go on: the phase may be armed again any moment, or is collected", async () => {
    const { ask, fx } = await armed();
    Object.assign(fx.engine, { heartbeat: async () => "gone" });
    const beat = { capability: capabilityFor(), stepId: hostStepId(ref), state: "running" };
    expect(await ask("beat", beat)).toEqual({ status: 200, body: { answer: "continue" } });
  });
});

describe("parseStepId", () => {
  it.each([ref, setup, { ...ref, phase: "jobs", stage: 12 } as const])("reads what hostStepId builds: %j", (phase) => {
    expect(parseStepId(hostStepId(phase), phase.scope)).toEqual(phase);
  });

  it.each(["", "p.t0.a2", "p.t0.a2.sleep-0", "p.t0.a2.jobs-01", "p.t0.a2.jobs-x", "q.t0.a2.jobs-0"])(
    "refuses %j",
    (text) => {
      expect(parseStepId(text, ref.scope)).toBeUndefined();
    },
  );
});

const lower = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
