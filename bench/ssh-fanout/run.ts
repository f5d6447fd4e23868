/**
 * Start of one command on many hosts: ours beside pssh and Ansible, against the same sshds, in turns, in one run.
 *
 *     npx tsx bench/ssh-fanout/run.ts [--hosts 100] [--concurrency 32] [--rounds 5] [--target sshd|local]
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { buildSync } from "esbuild";
import { deriveKeyPair } from "../../core/identity/index.ts";
import type { Intent } from "../../core/ports/provider.ts";
import type { HostAddress } from "../../core/ports/transport.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { LocalProvider } from "../../providers/local/index.ts";

const { values } = parseArgs({
  options: {
    hosts: { type: "string", default: "100" },
    concurrency: { type: "string", default: "32" },
    rounds: { type: "string", default: "5" },
    target: { type: "string", default: "sshd" },
    "base-port": { type: "string", default: "22000" },
  },
});
const count = Number(values.hosts);
const concurrency = Number(values.concurrency);
const rounds = Number(values.rounds);
const basePort = Number(values["base-port"]);

const secret = Buffer.alloc(32, 3); // of throw-away hosts on this machine
const user = deriveKeyPair(secret, { kind: "user", runId: "bench" });
const folder = mkdtempSync(join(tmpdir(), "reprise-bench-"));
const keyFile = join(folder, "key");
writeFileSync(keyFile, user.privateKey, { mode: 0o600 });

interface Target {
  readonly hosts: readonly HostAddress[];
  readonly publicKeys: readonly string[];
  readonly close: () => Promise<void>;
}

const hostPair = (index: number) => deriveKeyPair(secret, { kind: "host", runId: "bench", host: `h${index}` });

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const done = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("data", () => done(true)).once("error", () => done(false));
  });

async function sshds(): Promise<Target> {
  mkdirSync("/run/sshd", { recursive: true });
  const authorized = join(folder, "authorized-keys");
  writeFileSync(authorized, `${user.publicKey}\n`);
  spawnSync("chmod", ["755", folder]);
  // A login shell that reads its owner's start-up files at each command would be most of what is measured.
  const passwd = join(folder, "passwd");
  writeFileSync(passwd, readFileSync("/etc/passwd", "utf8").replace(/^(root:.*):[^:]*$/m, "$1:/bin/sh"));
  const processes: ChildProcess[] = [];
  const hosts: HostAddress[] = [];
  const publicKeys: string[] = [];
  for (let index = 0; index < count; index++) {
    const pair = hostPair(index);
    const hostKey = join(folder, `host-key-${index}`);
    writeFileSync(hostKey, pair.privateKey, { mode: 0o600 });
    const config = join(folder, `sshd-config-${index}`);
    const port = basePort + index;
    writeFileSync(
      config,
      `ListenAddress 127.0.0.1:${port}\nHostKey ${hostKey}\nAuthorizedKeysFile ${authorized}\nStrictModes no\nUsePAM no\n` +
        "PasswordAuthentication no\nUseDNS no\nPidFile none\nMaxStartups 200:30:400\nPermitRootLogin prohibit-password\n",
    );
    const script = `mount --bind ${passwd} /etc/passwd && exec /usr/sbin/sshd -D -f ${config}`;
    processes.push(spawn("unshare", ["--mount", "sh", "-c", script], { stdio: "ignore" }));
    hosts.push({ host: `h${index}`, address: "127.0.0.1", port, user: "root", hostKey: pair.fingerprint });
    publicKeys.push(pair.publicKey);
  }
  for (const { port } of hosts) while (!(await answers(port))) await sleep(20);
  return {
    hosts,
    publicKeys,
    close: async () => {
      for (const each of processes) each.kill("SIGTERM");
    },
  };
}

/** Our own local hosts instead: the same server for all three again. */
async function localHosts(): Promise<Target> {
  const hostProgram = join(folder, "local-host.cjs");
  bundle("../../providers/local/host-process.ts", hostProgram);
  const root = join(folder, "hosts");
  const provider = new LocalProvider(
    { root, command: [process.execPath, hostProgram], hostsPerProcess: 10 },
    { clock: systemClock },
  );
  const place = { region: "local" };
  const now = Date.now();
  const intents = Array.from({ length: count }, (_, index): Intent => {
    const pair = hostPair(index);
    const setup = {
      user: "bench",
      authorizedKey: user.publicKey,
      hostPrivateKey: pair.privateKey,
      hostKey: pair.fingerprint,
      packages: [],
      sysctl: {},
      swapBytes: undefined,
      mounts: [],
      expiresAt: now + 3_600_000,
    };
    const shape = {
      type: "local",
      image: "local",
      architecture: "x86_64" as const,
      vcpus: 1,
      memoryBytes: 0,
      spot: false,
      disks: [],
      options: {},
    };
    return {
      deployment: "bench",
      runId: "bench",
      provider: "local",
      place,
      kind: "host",
      name: `h${index}`,
      clientToken: `h${index}`,
      round: 0,
      owner: "bench",
      expiresAt: now + 3_600_000,
      notAfter: now + 600_000,
      host: { role: "h", index, shape, setup },
    };
  });
  await provider.ensure(intents, new AbortController().signal);
  for (;;) {
    const states = await provider.observe("bench", place);
    const hosts = states.flatMap((state) => (state.state === "ready" && state.address ? [state.address] : []));
    if (hosts.length === count) {
      // In the order of their names; the keys go with the ports.
      const publicKeys = hosts.map(({ host }) => hostPair(Number(host.slice(2))).publicKey);
      return {
        hosts,
        publicKeys,
        close: async () => {
          await provider.beginDestroy("bench", place);
          while ((await provider.observe("bench", place)).length > 0) await sleep(50);
        },
      };
    }
    await sleep(50);
  }
}

function bundle(entry: string, outfile: string): void {
  buildSync({
    entryPoints: [join(import.meta.dirname, entry)],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["cpu-features"],
    loader: { ".node": "empty" },
    logLevel: "error",
    outfile,
  });
}

function timed(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): { ms: number; stdout: string } {
  const startedAt = performance.now();
  const result = spawnSync(file, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  const ms = performance.now() - startedAt;
  if (result.status !== 0)
    throw new Error(`${file} failed: ${result.error?.message ?? ""}${result.stderr}${result.stdout}`);
  return { ms, stdout: result.stdout };
}

const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
};

async function main(): Promise<void> {
  const target = values.target === "local" ? await localHosts() : await sshds();
  try {
    const knownHosts = join(folder, "known_hosts");
    const login = target.hosts[0]?.user ?? "";
    writeFileSync(
      knownHosts,
      target.hosts.map(({ address, port }, i) => `[${address}]:${port} ${target.publicKeys[i] ?? ""}\n`).join(""),
    );
    // The same promises as ours: this key, these host keys, no questions.
    const sshOptions = [`IdentityFile=${keyFile}`, "IdentitiesOnly=yes", `UserKnownHostsFile=${knownHosts}`].concat([
      "StrictHostKeyChecking=yes",
      "BatchMode=yes",
    ]);
    const setupFile = join(folder, "setup.json");
    writeFileSync(setupFile, JSON.stringify({ hosts: target.hosts, keyFile, concurrency, repeats: 1 }));
    const contender = join(folder, "contender.cjs");
    bundle("contender.ts", contender);

    const psshHosts = join(folder, "pssh-hosts");
    writeFileSync(psshHosts, target.hosts.map(({ address, port }) => `${login}@${address}:${port}\n`).join(""));
    const psshArgs = [
      "-h",
      psshHosts,
      "-p",
      String(concurrency),
      "-t",
      "120",
      ...sshOptions.flatMap((each) => ["-O", each]),
      "true",
    ];

    const inventory = join(folder, "inventory");
    writeFileSync(
      inventory,
      target.hosts
        .map(
          ({ host, address, port }) => `${host} ansible_host=${address} ansible_port=${port} ansible_user=${login}\n`,
        )
        .join(""),
    );
    // Ansible's lightest way: no Python on the host, one command as it is. Its persistent connections are its default.
    const ansibleArgs = ["all", "-i", inventory, "-f", String(concurrency), "-m", "raw", "-a", "true"];
    const ansible = (controlPath: string) => ({
      ANSIBLE_SSH_ARGS: `-o ControlMaster=auto -o ControlPersist=60s ${sshOptions.map((each) => `-o ${each}`).join(" ")}`,
      ANSIBLE_SSH_CONTROL_PATH_DIR: controlPath,
      ANSIBLE_HOME: join(folder, "ansible"),
    });

    const results: Record<string, number[]> = {};
    const note = (name: string, ms: number): void => void (results[name] ??= []).push(ms);
    for (let round = 0; round < rounds; round++) {
      const ours = timed(process.execPath, [contender, setupFile]);
      const { timesMs } = JSON.parse(ours.stdout) as { timesMs: [number, number] }; // printed by contender.ts
      // The program's whole life less its second pass: what the others are charged with, their start included.
      note("first: reprise", ours.ms - timesMs[1]);
      note("again: reprise", timesMs[1]);
      const pssh = timed("parallel-ssh", psshArgs).ms;
      note("first: pssh", pssh);
      note("again: pssh", timed("parallel-ssh", psshArgs).ms);
      const controlPath = mkdtempSync("/tmp/rb-"); // short: a Unix socket's path is at most 108 characters
      note("first: ansible", timed("ansible", ansibleArgs, ansible(controlPath)).ms);
      note("again: ansible", timed("ansible", ansibleArgs, ansible(controlPath)).ms);
      // Each socket is a connection that Ansible left open for the next command.
      spawnSync("sh", ["-c", `for s in ${controlPath}/*; do ssh -o ControlPath="$s" -O exit x; done`], {
        stdio: "ignore",
      });
      rmSync(controlPath, { recursive: true, force: true });
    }

    process.stdout.write(
      `${count} hosts (${values.target}), ${concurrency} at a time, ${rounds} rounds, ${cpus().length} CPUs\n`,
    );
    for (const kind of ["first", "again"]) {
      const base = median(results[`${kind}: reprise`] ?? []);
      for (const name of ["reprise", "pssh", "ansible"]) {
        const times = results[`${kind}: ${name}`] ?? [];
        const ratio = median(times) / base;
        const range = `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`;
        process.stdout.write(
          `${kind}  ${name.padEnd(8)} ${median(times).toFixed(0).padStart(6)} ms (${range})  ${ratio.toFixed(2)}x\n`,
        );
      }
    }
  } finally {
    await target.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
