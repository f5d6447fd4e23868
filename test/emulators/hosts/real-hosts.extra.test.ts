import { setTimeout as sleep } from "node:timers/promises";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { HostSetup } from "../../../core/ports/provider.ts";
import type { CommandResult } from "../../../core/ports/transport.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { renewExpiry } from "../../../providers/cloud/expiry-keeper.ts";
import { renderUserData } from "../../../providers/cloud/user-data.ts";
import { SshTransport, dialTcp } from "../../../transports/ssh/index.ts";
import type { Guest, VmSpec } from "../common/backend.ts";
import { RealHosts } from "./real-hosts.ts";

const secret = new Uint8Array(32).fill(3);
const login = deriveKeyPair(secret, { kind: "user", runId: "r" });
const hostKey = (name: string) => deriveKeyPair(secret, { kind: "host", runId: "r", host: name });

const setup = (name: string, overrides: Partial<HostSetup> = {}): HostSetup => ({
  user: "reprise",
  authorizedKey: login.publicKey,
  hostPrivateKey: hostKey(name).privateKey,
  hostKey: hostKey(name).fingerprint,
  packages: [],
  sysctl: {},
  swapBytes: undefined,
  mounts: [],
  expiresAt: Date.now() + 3_600_000,
  ...overrides,
});

const vm = (index: number, userData: string, deployment = "d1"): VmSpec => ({
  cloud: "aws",
  id: `i-${index}`,
  name: `server-${index}`,
  region: "us-east-1",
  zone: "us-east-1a",
  machineType: "c5.large",
  arch: "x86_64",
  vcpus: 2,
  image: "ami-1",
  userData,
  sshPublicKeys: [],
  privateIp: `172.31.0.${index}`,
  publicIp: `198.18.200.${index}`,
  tags: { "reprise-deployment": deployment },
});

/** A guest that says when the machine shut itself down. */
function guestOf(id: string): { readonly guest: Guest; readonly off: Promise<void> } {
  let poweredOff = (): void => undefined;
  const off = new Promise<void>((resolve) => (poweredOff = resolve));
  const metadata: Guest["metadata"] = ({ method, path, headers }) => ({
    status: path === "/none" ? 404 : 200,
    headers: { "content-type": "text/plain" },
    body: `${id} ${method} ${path} ${headers["x-word"] ?? ""}\n`,
  });
  return { guest: { poweredOff: () => poweredOff(), metadata }, off };
}

/** Machines boot at the pace of this one. */
const bootsMs = 240_000;

describe("RealHosts", () => {
  let hosts: RealHosts;
  let transport: SshTransport;
  beforeEach(() => {
    hosts = new RealHosts();
    transport = new SshTransport({ privateKey: () => login.privateKey }, { clock: systemClock, dial: dialTcp });
  });
  afterEach(async () => {
    await transport.close();
    await hosts.close();
  });
  const ssh = (index: number, script: string, user = "reprise"): Promise<CommandResult> =>
    transport.run(
      {
        host: `server-${index}`,
        address: `198.18.200.${index}`,
        port: 22,
        user,
        hostKey: hostKey(`server-${index}`).fingerprint,
      },
      { argv: ["sh", "-c", script], timeoutMs: 100_000, idempotent: true, parse: () => undefined },
    );
  const boot = async (
    index: number,
    userData: string,
    deployment?: string,
  ): Promise<{ readonly off: Promise<void> }> => {
    const { guest, off } = guestOf(`i-${index}`);
    await hosts.boot(vm(index, userData, deployment), guest);
    return { off };
  };

  it(
    "acts on its user data: login, pinned key, files, settings, and a disk of its own",
    async () => {
      await boot(
        1,
        renderUserData(
          setup("server-1", { mounts: [{ device: "tmpfs", path: "/scratch", options: "size=1M,mode=1777" }] }),
          [],
          "aws",
        ),
      );
      expect((await ssh(1, "id -un; sudo -n id -un; hostname; cat /var/lib/cloud/data/instance-id")).stdout).toBe(
        "reprise\nroot\nserver-1\ni-1\n",
      );
      expect((await ssh(1, "touch /scratch/x; ls /scratch /tmp")).stdout).toBe("/scratch:\nx\n\n/tmp:\n");
      await expect(ssh(1, "true", "root")).rejects.toThrow(/refuses the key/);
      expect((await hosts.run("i-1", "exit 7", AbortSignal.timeout(100_000))).exitCode).toBe(7);
    },
    bootsMs,
  );

  it(
    "reaches its own deployment privately, others publicly, and never this side",
    async () => {
      await Promise.all(
        [1, 2, 3].map((n) => boot(n, renderUserData(setup(`server-${n}`), [], "aws"), n < 3 ? "d1" : "d2")),
      );
      const dial = (address: string, waitsMs: number): string =>
        `node -e 'require("net").connect({host:"${address}",port:22,timeout:${waitsMs}}).on("connect",()=>process.exit(0)).on("error",()=>process.exit(1)).on("timeout",()=>process.exit(2))'; echo $?`;
      const seen = async (address: string, waitsMs = 30_000): Promise<string> =>
        (await ssh(1, dial(address, waitsMs))).stdout.trim();
      expect(await seen("172.31.0.2")).toBe("0");
      expect(await seen("198.18.200.2")).toBe("0");
      expect(await seen("198.18.200.3")).toBe("0");
      expect(await seen("172.31.0.3", 1_500)).not.toBe("0");
      expect(await seen("198.51.100.1", 1_500)).not.toBe("0");
    },
    bootsMs,
  );

  it(
    "asks its own cloud at the link-local address that all clouds have",
    async () => {
      await Promise.all([1, 2].map((n) => boot(n, renderUserData(setup(`server-${n}`), [], "aws"))));
      const asked = async (index: number, words: string): Promise<string> =>
        (await ssh(index, `curl -s -m 10 -w '%{http_code}' ${words}`)).stdout;
      expect(await asked(1, "-X PUT -H 'X-Word: w' http://169.254.169.254/a?b=c")).toBe("i-1 PUT /a?b=c w\n200");
      expect(await asked(2, "http://169.254.169.254/none")).toBe("i-2 GET /none \n404");
    },
    bootsMs,
  );

  it(
    "ends when its time has come, a renewal counted, and when its cloud takes the power",
    async () => {
      const before = Date.now();
      await boot(2, renderUserData(setup("server-2"), [], "aws"));
      // Time enough for its boot and its renewal, however slow this machine is.
      const firstEnd = Date.now() + 6_000 + 3 * (Date.now() - before);
      const { off } = await boot(1, renderUserData(setup("server-1", { expiresAt: firstEnd }), [], "aws"));
      const renewed = await transport.run(
        {
          host: "server-1",
          address: "198.18.200.1",
          port: 22,
          user: "reprise",
          hostKey: hostKey("server-1").fingerprint,
        },
        renewExpiry(firstEnd + 8_000),
      );
      expect(renewed).toMatchObject({ outcome: "exited", exitCode: 0 });
      await hosts.kill("i-2");
      expect(await ssh(2, "true")).toMatchObject({ outcome: "unreachable" });
      await off;
      expect(Date.now()).toBeGreaterThan(firstEnd + 6_000);
    },
    2 * bootsMs,
  );

  it(
    "says what went wrong in its first boot",
    async () => {
      await boot(1, renderUserData(setup("server-1", { packages: ["no-such-package-anywhere"] }), [], "aws"));
      for (let tries = 0; tries < 1_000; tries++) {
        const { stdout } = await ssh(1, "cloud-init status --format=json");
        if (!stdout.includes("running")) break;
        await sleep(100);
      }
      const status = await ssh(1, "cloud-init status --format=json");
      expect(status.exitCode).toBe(1);
      const said = JSON.parse(status.stdout) as unknown;
      expect(said).toMatchObject({ status: "error", errors: [expect.stringContaining("no-such-package-anywhere")] });
    },
    bootsMs,
  );

  it(
    "leaves nothing",
    async () => {
      await boot(1, renderUserData(setup("server-1"), [], "aws"));
      expect(hosts.running().map((each) => each.id)).toEqual(["i-1"]);
      await hosts.close();
      expect(hosts.running()).toEqual([]);
      hosts = new RealHosts(); // the same addresses are free again
      await boot(1, renderUserData(setup("server-1"), [], "aws"));
    },
    bootsMs,
  );
});
