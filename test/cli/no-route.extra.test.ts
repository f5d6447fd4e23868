import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deriveKeyPair } from "../../core/identity/index.ts";
import type { NetnsHosts } from "../support/netns-hosts.ts";
import { openNetnsHosts } from "../support/netns-hosts.ts";
import { Installation, runIdIn } from "./installation.ts";

const secret = new Uint8Array(32).fill(7);
const user = deriveKeyPair(secret, { kind: "user", runId: "no-route" });
const names = ["server", "client-a", "client-b"];

/**
 * A client fetches 100 KB again and again; an event soon lets the server's link carry 4 Mbit/s only. It notes five fetches
 * from when that must have come to pass on a slow machine too, however long a cable is unplugged meanwhile.
 */
const definition = (machines: string): string => `
reprise: 1
name: far
parameters: { shaped: false }
deployments:
  main:
    on: hosts
    machines:
${machines}
    roles:
      server: { count: 1 }
      client: { count: 2 }
trial:
  timeout: 60s
  expected: 5s
  services:
    server:
      on: server
      ports: [tcp]
      run: |
        exec node -e 'const body = Buffer.alloc(1e5); require("net").createServer((s) => s.end(body)).listen(+process.argv[1])' \${{ self.ports.tcp }}
      ready: { port: tcp }
  jobs:
    load:
      on: client
      run: |
        echo atMs,ms >out.csv
        exec node -e '
          const [host, port] = process.argv.slice(1), began = Date.now(), fs = require("fs");
          let noted = 0;
          (function next() {
            const at = Date.now();
            if (noted >= 5 || at - began > 40000) return;
            let bytes = 0;
            require("net").connect(+port, host).on("data", (b) => (bytes += b.length)).on("close", () => {
              if (bytes === 1e5 && at - began > 2000) {
                fs.appendFileSync("out.csv", (at - began) + "," + (Date.now() - at) + "\\n");
                noted++;
              }
              setTimeout(next, 20);
            }).on("error", () => {});
          })();
        ' \${{ services.server[0].address }} \${{ services.server[0].ports.tcp }}
      collect: [out.csv]
  events:
    - { name: narrow, at: 200ms, shape: { from: server, to: client, rate: 4mbit }, when: "\${{ params.shaped }}" }
  checks:
    - { name: rows, from: load, file: out.csv, rows: { min: 3 } }
  summary:
    medianMs: { from: load, file: out.csv, csv: { column: ms }, stat: median }
sweeps:
  main: { cross: { shaped: [false, true] }, trials: 2 }
`;

describe("hosts that have no way to the engine", () => {
  const installation = new Installation();
  let net: NetnsHosts;
  const folder = join(installation.root, "far");

  beforeAll(async () => {
    net = await openNetnsHosts({
      names,
      authorizedKey: user.publicKey,
      hostKey: (name) => deriveKeyPair(secret, { kind: "host", runId: "no-route", host: name }),
    });
    const keyFile = join(installation.root, "key");
    writeFileSync(keyFile, user.privateKey, { mode: 0o600 });
    const machines = net.hosts.map(({ address }) => {
      const role = address.host.startsWith("server") ? "server" : "client";
      return `      - { role: ${role}, address: ${address.address}, user: root, key: ${keyFile}, hostKey: "${address.hostKey}" }\n`;
    });
    mkdirSync(folder);
    writeFileSync(join(folder, "experiment.yaml"), definition(machines.join("")));
  });
  afterAll(async () => {
    installation.remove();
    expect(await net.close()).toEqual([]);
  });

  it("are really without: a connection to the tests' side fails on every one", () => {
    for (const host of net.hosts) {
      const script = `const s = require("net").connect(22, "${net.engineAddress}"); s.on("error", () => process.exit(3)); s.setTimeout(1500, () => process.exit(3))`;
      expect(host.exec(["node", "-e", script]).status).toBe(3);
    }
  });

  it("run a sweep by pulling, across a cable that is unplugged for seconds; the links are shaped and mended", async () => {
    const running = installation.start(["run", folder]);
    await running.saw(/\[1\/4\]/);
    net.hosts[1]?.cut();
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    net.hosts[1]?.mend();
    const done = await running.done;
    if (done.code !== 0) throw new Error(`${String(done.code)}: ${done.stderr.slice(-4_000)}`);
    const runId = runIdIn(done.stderr);
    const rows = await installation.json<{ shaped: boolean; medianMs: number; outcome: string }[]>(["results", runId]);
    expect(rows.map((row) => row.outcome)).toEqual(["valid", "valid", "valid", "valid"]);
    // 100 KB at 4 Mbit/s are 200 ms, less what the bucket lets through at once.
    const medians = (shaped: boolean): number[] =>
      rows.filter((row) => row.shaped === shaped).map(({ medianMs }) => medianMs);
    expect(Math.min(...medians(true))).toBeGreaterThan(100);
    expect(Math.min(...medians(false))).toBeLessThan(Math.min(...medians(true)) / 2);
    for (const host of net.hosts) {
      expect(host.exec(["tc", "qdisc", "show", "dev", "eth0"]).stdout).not.toMatch(/tbf|htb/);
      expect(existsSync(join(host.home, ".reprise"))).toBe(false);
    }
    expect((await installation.run(["verify", runId])).code).toBe(0);
    const receipts = join(installation.home, "store/objects/runs", runId, "deployments");
    const [deployment = ""] = readdirSync(receipts);
    expect(JSON.parse(readFileSync(join(receipts, deployment, "receipt.json"), "utf8"))).toMatchObject({ dollars: 0 });
    expect(await installation.settled()).toEqual([]);
  });
});
