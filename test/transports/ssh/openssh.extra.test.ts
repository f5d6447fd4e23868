import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnSync } from "node:child_process";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { RemoteTask } from "../../../core/ports/transport.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { dialTcp, forEachHost, HostKeyError, SshTransport } from "../../../transports/ssh/index.ts";
import type { SshOptions } from "../../../transports/ssh/index.ts";
import { openNetnsHosts } from "../../support/netns-hosts.ts";
import type { NetnsHost, NetnsHosts } from "../../support/netns-hosts.ts";

const secret = Buffer.alloc(32, 9);
const user = deriveKeyPair(secret, { kind: "user", runId: "r1" });
const hostPair = (host: string) => deriveKeyPair(secret, { kind: "host", runId: "r1", host });

let cluster: NetnsHosts;
let server: NetnsHost;
let client: NetnsHost;
const transports: SshTransport[] = [];

function open(options: Partial<SshOptions> = {}): SshTransport {
  const transport = new SshTransport(
    { privateKey: () => user.privateKey, ...options },
    { clock: systemClock, dial: dialTcp },
  );
  transports.push(transport);
  return transport;
}

const task = (script: string, overrides: Partial<RemoteTask<string>> = {}): RemoteTask<string> => ({
  argv: ["sh", "-c", script],
  timeoutMs: 100_000,
  idempotent: false,
  parse: String,
  ...overrides,
});

async function eventually(isSo: () => boolean, what: string): Promise<void> {
  for (let looks = 0; looks < 6_000; looks++) {
    if (isSo()) return;
    await sleep(10); // real machines: there is no clock to move
  }
  throw new Error(`never ${what}`);
}

/** How long a first command takes here and now, its connection's making counted, in ms. */
async function pace(): Promise<number> {
  const startedAt = performance.now();
  await open().run(server.address, task("true"));
  return Math.ceil(performance.now() - startedAt);
}

beforeAll(async () => {
  cluster = await openNetnsHosts({ names: ["server-0", "client-0"], authorizedKey: user.publicKey, hostKey: hostPair });
  [server, client] = cluster.hosts as [NetnsHost, NetnsHost]; // as many as names
});

afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
});

afterAll(async () => {
  expect(await cluster.close()).toEqual([]);
});

describe("hosts in namespaces", () => {
  it("have homes, boot ids and names of their own", async () => {
    const transport = open();
    const look = task("hostname; cat /proc/sys/kernel/random/boot_id; touch mine; ls");
    const [one, two] = await Promise.all([server, client].map((host) => transport.run(host.address, look)));
    expect(one?.stdout.split("\n")[0]).toBe("server-0");
    expect(two?.stdout.split("\n")[0]).toBe("client-0");
    expect(one?.stdout.split("\n")[1]).not.toBe(two?.stdout.split("\n")[1]);
    expect(existsSync(join(server.home, "mine"))).toBe(true);
    expect(existsSync("/root/mine")).toBe(false);
  });

  it("reach each other and have no way to the engine", async () => {
    const listener = createServer((socket) => socket.destroy());
    const port = await new Promise<number>((resolve) => {
      listener.listen(0, "0.0.0.0", () => {
        const address = listener.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    const transport = open();
    const dial = (address: string, to: number) =>
      task(`exec 3<>/dev/tcp/${address}/${to}`, { argv: ["bash", "-c", `exec 3<>/dev/tcp/${address}/${to}`] });
    expect(await transport.run(server.address, dial(client.address.address, 22))).toMatchObject({ exitCode: 0 });
    const result = await transport.run(server.address, dial(cluster.engineAddress, port));
    expect(result).toMatchObject({ outcome: "exited", exitCode: 1 });
    expect(result.stderr).toContain("Network is unreachable");
    await new Promise((resolve) => listener.close(resolve));
  });
});

describe("SshTransport with OpenSSH", () => {
  it("reads derived keys as ssh-keygen does", () => {
    const file = join(server.home, "key");
    writeFileSync(file, user.privateKey, { mode: 0o600 });
    expect(spawnSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).stdout.trim()).toBe(user.publicKey);
    expect(spawnSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" }).stdout).toContain(user.fingerprint);
  });

  it("tells exits, signals, streams and stdin's end apart", async () => {
    const transport = open();
    expect(await transport.run(server.address, task("echo out; echo err >&2; exit 255"))).toMatchObject({
      outcome: "exited",
      exitCode: 255,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(await transport.run(server.address, task("kill -SEGV $$"))).toMatchObject({
      outcome: "exited",
      exitCode: 139,
    });
    const copied = await transport.run(server.address, task("cat; echo end"), Buffer.from("it's in\n"));
    expect(copied.stdout).toBe("it's in\nend\n");
    const argv = ["printf", "%s|", "it's", "$HOME", "a\nb", "", "*"] as const;
    expect((await transport.run(server.address, task("", { argv }))).stdout).toBe("it's|$HOME|a\nb||*|");
    expect(await transport.run(server.address, task("true"), Buffer.alloc(5_000_000))).toMatchObject({ exitCode: 0 });
  });

  it("is final about another machine's key", async () => {
    const wrong = { ...server.address, hostKey: client.address.hostKey };
    await expect(open().run(wrong, task("touch never"))).rejects.toThrow(HostKeyError);
    expect(existsSync(join(server.home, "never"))).toBe(false);
  });

  it("says so when the key isn't authorized", async () => {
    const stranger = deriveKeyPair(secret, { kind: "user", runId: "r2" });
    const transport = open({ privateKey: () => stranger.privateKey });
    await expect(transport.run(server.address, task("true"))).rejects.toMatchObject({ failure: { class: "auth" } });
  });

  it("runs 100 commands at once over its two connections", async () => {
    const transport = open();
    const runs = Array.from({ length: 100 }, (_, i) => transport.run(server.address, task(`echo ${i}`)));
    expect((await Promise.all(runs)).map(({ stdout }) => stdout.trim())).toEqual(
      Array.from({ length: 100 }, (_, i) => String(i)),
    );
  });

  it("bears a server that gives fewer channels than usual", async () => {
    const transport = open({ channelsPerConnection: 20, connectionsPerHost: 1 });
    const results = await Promise.all(
      Array.from({ length: 40 }, () => transport.run(server.address, task("sleep 0.05"))),
    );
    expect(results.map(({ outcome, exitCode }) => `${outcome} ${exitCode}`)).toEqual(Array(40).fill("exited 0"));
  });

  it("answers a small command without waiting for acknowledgements", async () => {
    const transport = open();
    await transport.run(server.address, task("true"));
    const took = async (stdin?: Uint8Array): Promise<number> => {
      const startedAt = performance.now();
      await transport.run(server.address, task("", { argv: ["true"] }), stdin);
      return performance.now() - startedAt;
    };
    const [bare, fed]: [number[], number[]] = [[], []];
    for (let i = 0; i < 30; i++) {
      bare.push(await took());
      fed.push(await took(Buffer.from("x")));
    }
    // With Nagle's algorithm every single one with input takes 40 ms longer; the fastest are free of the machine's load.
    expect(Math.min(...fed) - Math.min(...bare)).toBeLessThan(30);
  });

  it("moves bulk both ways, whole", async () => {
    const transport = open();
    const body = Buffer.alloc(30_000_000);
    for (let i = 0; i < body.length; i += 4) body.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
    const digest = createHash("sha256").update(body).digest("hex");
    const put = await transport.run(server.address, task("cat > bulk; sha256sum < bulk"), body);
    expect(put.stdout.split(" ")[0]).toBe(digest);
    const hash = createHash("sha256");
    for await (const chunk of transport.stream(server.address, task("", { argv: ["cat", "bulk"] }))) hash.update(chunk);
    expect(hash.digest("hex")).toBe(digest);
  });

  it("kills a command whose time is up and gives its channel back", async () => {
    const transport = open({ channelsPerConnection: 1, connectionsPerHost: 1 });
    const endless = task("echo $$ > pid; echo so far; sleep 1000; true", { timeoutMs: 500 + 8 * (await pace()) });
    const result = await transport.run(server.userAddress, endless);
    expect(result).toMatchObject({ outcome: "timedOut", stdout: "so far\n" });
    const pid = readFileSync(join(server.userHome, "pid"), "utf8").trim();
    await eventually(() => server.exec(["test", "-e", `/proc/${pid}`]).status === 1, "killed");
    expect(await transport.run(server.userAddress, task("echo next"))).toMatchObject({ stdout: "next\n" });
  });

  it("loses no other command to one that can't be killed", async () => {
    // sshd refuses to signal what root runs; its channel stays open until the command ends.
    const transport = open({ channelsPerConnection: 2, connectionsPerHost: 1, closeGraceMs: 300 });
    const paceMs = await pace();
    const other = transport.run(server.address, task(`sleep ${2 + (12 * paceMs) / 1000}; echo whole`));
    const endless = task("exec sleep 1000", { timeoutMs: 500 + 8 * paceMs });
    expect(await transport.run(server.address, endless)).toMatchObject({ outcome: "timedOut" });
    const further = [1, 2, 3].map((i) => transport.run(server.address, task(`echo ${i}`)));
    expect((await Promise.all(further)).map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
    expect(await other).toMatchObject({ outcome: "exited", stdout: "whole\n" });
  });

  it("stops a stream that is no longer read", async () => {
    const transport = open({ channelsPerConnection: 1, connectionsPerHost: 1 });
    for await (const chunk of transport.stream(server.address, task("", { argv: ["cat", "/dev/zero"] }))) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(await transport.run(server.address, task("echo next"))).toMatchObject({ stdout: "next\n" });
  });

  it("finds out by keep-alives that a host has gone silent", async () => {
    const paceMs = await pace();
    const timing = { keepAliveMs: 200 + 4 * paceMs, connectTimeoutMs: 500 + 8 * paceMs };
    const transport = open({ ...timing, keepAliveMissed: 2, attempts: 1 });
    await transport.run(server.address, task("true"));
    const running = transport.run(server.address, task("sleep 1000", { timeoutMs: 600_000 }));
    server.cut();
    expect(await running).toMatchObject({ outcome: "connectionLost" });
    expect((await transport.run(server.address, task("true"))).outcome).toBe("unreachable");
    server.mend();
    expect(await open({ attempts: 10 }).run(server.address, task("echo back"))).toMatchObject({
      outcome: "exited",
      stdout: "back\n",
    });
  });

  it("survives a host's sudden end: lost, then unreachable, then there again with another boot id", async () => {
    const transport = open({ attempts: 2 });
    const bootId = task("cat /proc/sys/kernel/random/boot_id");
    const before = await transport.run(client.address, bootId);
    const running = transport.run(client.address, task("sleep 1000"));
    await eventually(() => client.exec(["pgrep", "-f", "sleep 1000"]).status === 0, "started");
    await client.kill();
    expect(await running).toMatchObject({ outcome: "connectionLost" });
    expect((await transport.run(client.address, task("true"))).outcome).toBe("unreachable");
    await client.boot();
    const after = await transport.run(client.address, bootId);
    expect(after).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(after.stdout).not.toBe(before.stdout);
  });

  it("runs an idempotent task again when its connection breaks, another not", async () => {
    const transport = open();
    const cutter = open();
    // Its own among them: which of several is the oldest depends on how fast others end.
    const breakAll = task("pkill -KILL -f 'sshd: root@notty'");
    // The first one lasts until it is cut.
    const script = "echo run >> runs; [ $(wc -l < runs) -gt 1 ] || sleep 1000; echo whole";
    await transport.run(server.address, task("rm -f runs"));
    const again = transport.run(server.address, task(script, { idempotent: true }));
    await eventually(() => existsSync(join(server.home, "runs")), "started");
    await cutter.run(server.address, breakAll);
    expect(await again).toMatchObject({ outcome: "exited", stdout: "whole\n" });
    expect(readFileSync(join(server.home, "runs"), "utf8")).toBe("run\nrun\n");
  });

  it("works on many hosts and names each that failed", async () => {
    const transport = open({ attempts: 1, connectTimeoutMs: 30_000 });
    const addresses = [server, client].map(({ address }) => address);
    const dead = { ...server.address, host: "dead-0", port: 23 };
    const results = await forEachHost(addresses, (host) => transport.run(host, task("hostname")), {
      concurrency: 2,
      deadlineMs: 100_000,
      clock: systemClock,
    });
    expect(results.map(({ stdout }) => stdout.trim())).toEqual(["server-0", "client-0"]);
    expect((await transport.run(dead, task("true"))).outcome).toBe("unreachable");
  });
});
