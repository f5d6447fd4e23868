import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { Intent, ResourceState } from "../../../core/ports/provider.ts";
import type { CommandResult, HostAddress } from "../../../core/ports/transport.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { LocalProvider } from "../../../providers/local/index.ts";
import type { LocalProviderEffects, LocalProviderOptions } from "../../../providers/local/index.ts";
import { dialTcp, SshTransport } from "../../../transports/ssh/index.ts";
import { buildLocalHost } from "../../support/local-host.ts";
import { hostIntent, masterSecret, networkIntent } from "../intents.ts";
import { providerScenarios } from "../provider-scenarios.ts";

const built = buildLocalHost();
const place = { region: "local" };
const never = new AbortController().signal;
const roots: string[] = [];

async function newRoot(): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "reprise-local-")));
  roots.push(root);
  return root;
}

/** Processes that mention the folder anywhere: the machine's own view of what is left. */
function processesAbout(text: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"))) return [];
        const about = [
          readFileSync(`/proc/${pid}/cmdline`),
          readFileSync(`/proc/${pid}/environ`),
          readlinkSync(`/proc/${pid}/cwd`),
        ];
        return about.some((each) => each.includes(text))
          ? [`${pid} ${about[0]?.toString().replaceAll("\0", " ") ?? ""}`]
          : [];
      } catch {
        return []; // it ended
      }
    });
}

const make = (root: string, options: Partial<LocalProviderOptions> = {}, effects: Partial<LocalProviderEffects> = {}) =>
  new LocalProvider({ root, command: built.command, ...options }, { clock: systemClock, ...effects });

async function eventually<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  for (let looks = 0; looks < 6_000; looks++) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(10); // real processes: there is no clock to move
  }
  throw new Error(`never ${what}`);
}

async function destroyAll(root: string): Promise<string[]> {
  const provider = make(root);
  for await (const resource of provider.sweep({ kind: "all" })) await provider.destroyResource(resource);
  await eventually(() => (readdirSync(join(root, "hosts")).length === 0 ? true : undefined), "emptied").catch(
    () => undefined,
  );
  return [
    ...readdirSync(join(root, "hosts")),
    ...readdirSync(join(root, "networks")),
    ...processesAbout(`${root}/hosts/`),
  ];
}

afterAll(async () => {
  for (const root of roots) {
    if (existsSync(join(root, "hosts"))) await destroyAll(root);
    rmSync(root, { recursive: true, force: true });
  }
  built.remove();
});

describe.each([1, 4])("LocalProvider with %d hosts a process", (hostsPerProcess) => {
  providerScenarios("local", async () => {
    const root = await newRoot();
    return {
      fresh: () => make(root, { hostsPerProcess }),
      place,
      now: Date.now,
      pinsDerivedKeys: true,
      intents: intentsMaker(),
      pass: () => sleep(10),
      close: () => destroyAll(root),
    };
  });
});

/** Intents are frozen once; asked again they are the same. */
function intentsMaker() {
  const made = new Map<string, readonly Intent[]>();
  return (deployment: string, hosts: number, options: { readonly ttlMs?: number } = {}): readonly Intent[] => {
    const key = `${deployment} ${hosts}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const now = Date.now();
    const intents = [
      networkIntent({ deployment, now, ...options }),
      ...Array.from({ length: hosts }, (_, index) => hostIntent({ deployment, index, now, ...options })),
    ];
    made.set(key, intents);
    return intents;
  };
}

describe("a local host", () => {
  const transport = new SshTransport(
    { privateKey: () => deriveKeyPair(masterSecret, { kind: "user", runId: "r1" }).privateKey },
    { clock: systemClock, dial: dialTcp },
  );
  afterAll(() => transport.close());

  const stateIn = async (root: string, deployment = "d1"): Promise<ResourceState | undefined> =>
    (await make(root).observe(deployment, place))[0];

  const ready = (root: string, deployment = "d1"): Promise<HostAddress> =>
    eventually(async () => {
      const state = await stateIn(root, deployment);
      return state?.state === "ready" ? state.address : undefined;
    }, "ready");

  async function up(overrides: Parameters<typeof hostIntent>[0] = { deployment: "d1" }) {
    const root = await newRoot();
    await make(root).ensure([hostIntent(overrides)], never);
    const address = await ready(root);
    const sh = (script: string, timeoutMs = 100_000, stdin?: Uint8Array): Promise<CommandResult> =>
      transport.run(
        address,
        { argv: ["sh", "-c", script], timeoutMs, idempotent: false, maxOutputBytes: 50_000_000, parse: String },
        stdin,
      );
    const dir = join(root, "hosts", "d1-server-0");
    return { root, address, sh, dir, home: join(dir, "home"), end: () => destroyAll(root) };
  }

  it("runs commands in its folder, with its own home", async () => {
    const { sh, home, end } = await up();
    const result = await sh('pwd; echo "$HOME $TMPDIR"; touch here; exit 7');
    expect(result).toMatchObject({ outcome: "exited", exitCode: 7, stdout: `${home}\n${home} ${home}/tmp\n` });
    expect(existsSync(join(home, "here"))).toBe(true);
    expect(await end()).toEqual([]);
  });

  it("tells exits, signals and stdin's end apart", async () => {
    const { sh, end } = await up();
    expect(await sh("exit 255")).toMatchObject({ outcome: "exited", exitCode: 255 });
    expect(await sh("kill -SEGV $$")).toMatchObject({ outcome: "exited", exitCode: 139 });
    expect(await sh("cat; echo end", 20_000, Buffer.from("in\n"))).toMatchObject({ stdout: "in\nend\n" });
    expect(await sh("true", 20_000, Buffer.alloc(5_000_000))).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(await end()).toEqual([]);
  });

  it("carries large outputs on both streams whole, in order, to a reader that stalls", async () => {
    const { sh, address, end } = await up();
    await sh("seq -f '%09.0f' 1 300000 > numbers; seq -f 'err%09.0f' 1 300000 > errors");
    const script = "for i in 1 2 3; do cat numbers; cat errors >&2; done";
    const task = { argv: ["sh", "-c", script] as const, timeoutMs: 100_000, idempotent: true, parse: String };
    const chunks: Uint8Array[] = [];
    for await (const chunk of transport.stream(address, task)) {
      // Blocks this whole process: both streams' windows run out, in turns.
      if (chunks.length % 20 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      chunks.push(chunk);
    }
    const numbers = Buffer.concat(chunks).toString().trimEnd().split("\n").map(Number);
    expect(numbers).toHaveLength(900_000);
    expect(numbers.every((value, index) => value === (index % 300_000) + 1)).toBe(true);
    const errors = await sh("cat errors >&2; cat numbers; exit 3");
    expect(errors).toMatchObject({ outcome: "exited", exitCode: 3 });
    expect(errors.stdout).toHaveLength(3_000_000);
    expect(errors.stderr.endsWith("err000300000\n")).toBe(true);
    expect(await end()).toEqual([]);
  });

  it("kills a command whose time is up, with what it started", async () => {
    const { sh, root, end } = await up();
    const startedAt = Date.now();
    await sh("true");
    // Time enough for its start, however slow this machine is.
    const result = await sh("echo begun; sleep 1000 & sleep 1001; true", 300 + 8 * (Date.now() - startedAt));
    expect(result).toMatchObject({ outcome: "timedOut", stdout: "begun\n" });
    await eventually(
      () => (processesAbout(root).some((line) => line.includes("sleep 100")) ? undefined : true),
      "killed",
    );
    expect(await end()).toEqual([]);
  });

  it("lets commands live on when the client goes", async () => {
    const { address, home, end } = await up();
    const leaver = new SshTransport(
      { privateKey: () => deriveKeyPair(masterSecret, { kind: "user", runId: "r1" }).privateKey },
      { clock: systemClock, dial: dialTcp },
    );
    const script = "echo begun > begun; while [ ! -e go ]; do sleep 0.01; done; echo done > done";
    const result = leaver.run(address, {
      argv: ["sh", "-c", script],
      timeoutMs: 100_000,
      idempotent: false,
      parse: String,
    });
    await eventually(() => (existsSync(join(home, "begun")) ? true : undefined), "begun");
    await leaver.close();
    expect((await result).outcome).toBe("connectionLost");
    const touch = { argv: ["touch", "go"] as const, timeoutMs: 100_000, idempotent: true, parse: String };
    await transport.run(address, touch);
    await eventually(() => (existsSync(join(home, "done")) ? true : undefined), "done");
    expect(await end()).toEqual([]);
  });

  it("lets nobody in but its run's key, under its user's name", async () => {
    const { address, end } = await up();
    const task = { argv: ["true"] as const, timeoutMs: 100_000, idempotent: false, parse: String };
    const stranger = new SshTransport(
      { privateKey: () => deriveKeyPair(masterSecret, { kind: "user", runId: "r2" }).privateKey },
      { clock: systemClock, dial: dialTcp },
    );
    await expect(stranger.run(address, task)).rejects.toMatchObject({ failure: { class: "auth" } });
    await expect(transport.run({ ...address, user: "root" }, task)).rejects.toMatchObject({
      failure: { class: "auth" },
    });
    await stranger.close();
    expect(await end()).toEqual([]);
  });

  it("takes escaped daemons with it", async () => {
    const { sh, root, end } = await up();
    // Seconds that nobody else sleeps: other tests may run on this machine.
    const sleepSec = (which: number): string => `${which}.${process.pid}${Date.now()}`;
    // One keeps the marker but leaves session and parent, one keeps neither the marker nor its parent.
    const [one, two, three, four] = [2001, 2002, 2003, 2004].map(sleepSec);
    await sh(
      `setsid sleep ${one} >/dev/null 2>&1 </dev/null & cd / && setsid sleep ${two} >/dev/null 2>&1 </dev/null &`,
    );
    await sh(`env -i setsid sh -c 'sleep ${three} & sleep ${four}' >/dev/null 2>&1 </dev/null &`);
    const left = (): string[] =>
      spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
        .stdout.split("\n")
        .filter((line) => [one, two, three, four].some((sec) => line === `sleep ${sec}`));
    await eventually(() => (left().length === 4 ? true : undefined), "escaped");
    expect(await end()).toEqual([]);
    expect(left()).toEqual([]);
    expect(processesAbout(root)).toEqual([]);
  });

  it("removes folders that a program made read-only", async () => {
    const { sh, end } = await up();
    await sh("mkdir -p a/b && touch a/b/c && chmod 500 a/b a");
    expect(await end()).toEqual([]);
  });

  it("ends at its expiry with nobody's help, and later if its lease was renewed", async () => {
    const before = Date.now();
    const { end } = await up();
    await end();
    const ttlMs = 500 + 3 * (Date.now() - before); // time enough for what is to be done before
    const firstEnd = Date.now() + ttlMs;
    const { root, dir, sh } = await up({ deployment: "d1", now: firstEnd - ttlMs, ttlMs });
    await make(root).extend("d1", place, firstEnd + ttlMs);
    await sh("setsid sleep 3001 >/dev/null 2>&1 </dev/null &");
    await sleep(firstEnd - Date.now() + ttlMs / 3); // past the first end, before the second: that is what is tested
    expect(existsSync(join(dir, "host.json"))).toBe(true);
    await eventually(() => (existsSync(dir) ? undefined : true), "expired");
    expect(processesAbout(root)).toEqual([]);
  });

  it.each([
    ["its state file goes", (dir: string, _pid: number) => rmSync(join(dir, "host.json"))],
    ["it gets SIGTERM", (_dir: string, pid: number) => process.kill(pid, "SIGTERM")],
  ])("ends when %s", async (_, tell) => {
    const { root, dir } = await up();
    const { pid } = JSON.parse(readFileSync(join(dir, "host.json"), "utf8")) as { pid: number };
    tell(dir, pid);
    await eventually(() => (existsSync(dir) ? undefined : true), "ended");
    await eventually(() => (processesAbout(root).length === 0 ? true : undefined), "gone");
  });

  it("is preempted when its process is killed, and its jobs die with its destruction", async () => {
    const { root, dir, sh, end } = await up();
    await sh("setsid sleep 4001 >/dev/null 2>&1 </dev/null &");
    const { pid } = JSON.parse(readFileSync(join(dir, "host.json"), "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
    const state = await eventually(async () => {
      const each = await stateIn(root);
      return each?.state === "failed" ? each : undefined;
    }, "failed");
    expect(state).toMatchObject({ state: "failed", failure: { class: "preempted", host: "server-0" } });
    // The same intent again is the same host, as with a cloud's client token: its replacement has another name.
    await make(root).ensure([hostIntent({ deployment: "d1" })], never);
    expect((await stateIn(root))?.state).toBe("failed");
    expect(await end()).toEqual([]);
  });

  it("is killed when it does not obey", async () => {
    const { root, dir, end } = await up();
    const { pid } = JSON.parse(readFileSync(join(dir, "host.json"), "utf8")) as { pid: number };
    process.kill(pid, "SIGSTOP");
    await make(root).beginDestroy("d1", place);
    expect((await stateIn(root))?.state).toBe("deleting");
    const later = { ...systemClock, now: () => Date.now() + 11_000 };
    await make(root, {}, { clock: later }).beginDestroy("d1", place);
    await eventually(() => (existsSync(dir) ? undefined : true), "killed");
    expect(await end()).toEqual([]);
  });

  it("comes up after a crash between its folder and its process", async () => {
    const root = await newRoot();
    const crash = make(root, {}, { launch: () => Promise.reject(new Error("the engine dies here")) });
    const intent = hostIntent({ deployment: "d1" });
    await expect(crash.ensure([intent], never)).rejects.toThrow("dies here");
    expect(await stateIn(root)).toMatchObject({ state: "pending" });
    await make(root).ensure([intent], never);
    await ready(root);
    expect(await destroyAll(root)).toEqual([]);
  });

  it("is destroyed without ever having had a process", async () => {
    const root = await newRoot();
    const crash = make(root, {}, { launch: () => Promise.reject(new Error("the engine dies here")) });
    await crash.ensure([hostIntent({ deployment: "d1" })], never).catch(() => undefined);
    await make(root).beginDestroy("d1", place);
    await eventually(async () => ((await stateIn(root)) === undefined ? true : undefined), "gone");
    expect(await destroyAll(root)).toEqual([]);
  });

  it("fails with its reason when it can't start", async () => {
    const root = await newRoot();
    const intent = hostIntent({ deployment: "d1" });
    const host = intent.host!;
    await make(root).ensure(
      [{ ...intent, host: { ...host, setup: { ...host.setup, hostPrivateKey: "no key" } } }],
      never,
    );
    const state = await eventually(async () => {
      const each = await stateIn(root);
      return each?.state === "failed" ? each : undefined;
    }, "failed");
    expect(state).toMatchObject({ failure: { class: "boot" } });
    expect(state.failure.message).toMatch(/^server-0: did not start: .*privateKey/);
    expect(await destroyAll(root)).toEqual([]);
  });

  it("fails with its log when its program dies at once", async () => {
    const root = await newRoot();
    const command = [process.execPath, "-e", "throw new Error('broken build')"] as const;
    await make(root, { command }).ensure([hostIntent({ deployment: "d1" })], never);
    const later = { ...systemClock, now: () => Date.now() + 16_000 };
    const state = await eventually(async () => {
      const [each] = await make(root, {}, { clock: later }).observe("d1", place);
      return each?.state === "failed" && each.failure.message.includes("broken build") ? each : undefined;
    }, "failed");
    expect(state.failure.class).toBe("boot");
    expect(await destroyAll(root)).toEqual([]);
  });

  it("says what of its set-up a folder can't have", async () => {
    const root = await newRoot();
    const intent = hostIntent({ deployment: "d1" });
    const host = intent.host!;
    const setup = { ...host.setup, packages: ["redis-server"], sysctl: { "vm.swappiness": "1" } };
    await make(root).ensure([{ ...intent, host: { ...host, setup } }], never);
    await ready(root);
    expect(await stateIn(root)).toMatchObject({
      facts: { notApplied: "package redis-server; sysctl vm.swappiness=1" },
    });
    expect(await destroyAll(root)).toEqual([]);
  });

  it.each([
    ["a name that leaves its folder", { name: "../x" }],
    ["a resource of the definition's own", { kind: "resource" as const, host: undefined }],
  ])("is refused for %s", async (_, overrides) => {
    const { host, ...rest } = { ...hostIntent({ deployment: "d1" }), ...overrides };
    const intent: Intent = host === undefined ? rest : { ...rest, host };
    const [outcome] = await make(await newRoot()).ensure([intent], never);
    expect(outcome).toMatchObject({ kind: "refused", failure: { class: "invalid" } });
  });

  it("never writes a private key to disk", async () => {
    const { root, end } = await up();
    const found = spawnSync("grep", ["-r", "PRIVATE KEY", root], { encoding: "utf8" });
    expect(found.status).toBe(1);
    expect(await end()).toEqual([]);
  });
});
