import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { HostAddress } from "../../../core/ports/transport.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { HostsProvider, MachinesSpec, resolveMachines } from "../../../providers/hosts/index.ts";
import { dialTcp, SshTransport } from "../../../transports/ssh/index.ts";
import { openNetnsHosts } from "../../support/netns-hosts.ts";
import type { NetnsHosts } from "../../support/netns-hosts.ts";
import { hostIntent, masterSecret } from "../intents.ts";

const place = { region: "lab" };
const never = new AbortController().signal;
const user = deriveKeyPair(masterSecret, { kind: "user", runId: "r1" });

let cluster: NetnsHosts;
const transport = new SshTransport({ privateKey: () => user.privateKey }, { clock: systemClock, dial: dialTcp });

beforeAll(async () => {
  cluster = await openNetnsHosts({
    names: ["m0", "m1"],
    authorizedKey: user.publicKey,
    hostKey: (host) => deriveKeyPair(masterSecret, { kind: "host", runId: "lab", host }),
  });
});

afterAll(async () => {
  await transport.close();
  expect(await cluster.close()).toEqual([]);
});

/** The provider as one login on the first `count` machines would configure it, lock folder by default. */
async function providerOf(login: string, count = 2): Promise<HostsProvider> {
  const machines = cluster.hosts.slice(0, count).map(({ address }) => ({
    name: address.host,
    address: address.address,
    hostKey: address.hostKey,
  }));
  const spec = MachinesSpec.parse({ user: login, machines });
  const resolved = await resolveMachines(spec, { readText: () => Promise.reject(new Error("no file is named")) });
  const remove = async (_host: HostAddress) => ({ left: [] });
  return new HostsProvider(
    { machines: resolved, lockFolder: spec.lockFolder },
    { clock: systemClock, transport, remove },
  );
}

describe("HostsProvider on OpenSSH", () => {
  it("keeps two users of a machine apart, whoever comes first", async () => {
    for (const [first, second] of [
      ["root", "bench"],
      ["bench", "root"],
    ] as const) {
      const holder = await providerOf(first, 1);
      const other = await providerOf(second, 1);
      expect(await holder.ensure([hostIntent({ deployment: `of-${first}`, place })], never)).toMatchObject([
        { kind: "accepted" },
      ]);
      expect(await other.ensure([hostIntent({ deployment: `of-${second}`, place })], never)).toMatchObject([
        { kind: "refused", failure: { class: "capacity" } },
      ]);
      await holder.beginDestroy(`of-${first}`, place);
      expect(await holder.observe(`of-${first}`, place)).toEqual([]);
    }
    expect(cluster.hosts[0]?.exec(["ls", "-A", "/var/tmp"]).stdout).toBe("");
  });

  it("takes a machine over from another user whose time has passed", async () => {
    const holder = await providerOf("root", 1);
    const before = Date.now();
    await holder.observe("short", place);
    const now = Date.now();
    const ttlMs = 900 + 4 * (now - before); // time enough to take it, however slow this machine is
    await holder.ensure([hostIntent({ deployment: "short", place, now, ttlMs })], never);
    const other = await providerOf("bench", 1);
    // Its machine's own clock ends the lock: nothing here can be moved on.
    let outcome = (await other.ensure([hostIntent({ deployment: "next", place })], never))[0];
    while (outcome?.kind !== "accepted" && Date.now() < now + ttlMs + 100_000) {
      outcome = (await other.ensure([hostIntent({ deployment: "next", place })], never))[0];
    }
    expect(outcome?.kind).toBe("accepted");
    expect(await holder.observe("short", place)).toMatchObject([{ state: "failed", failure: { class: "timeout" } }]);
    await holder.beginDestroy("short", place);
    await other.beginDestroy("next", place);
    // The empty folder is the first user's, and stays until that one holds the machine again.
    expect(cluster.hosts[0]?.exec(["rmdir", "/var/tmp/reprise-lock"]).status).toBe(0);
  });

  it("gives a deployment all its machines at once", async () => {
    const provider = await providerOf("bench");
    const intents = [0, 1].map((index) => hostIntent({ deployment: "d1", index, place }));
    await provider.ensure(intents, never);
    const states = await provider.observe("d1", place);
    expect(states.map(({ id, name, state }) => [id, name, state])).toEqual([
      ["m0", "d1-server-0", "ready"],
      ["m1", "d1-server-1", "ready"],
    ]);
    await provider.beginDestroy("d1", place);
    expect(await provider.observe("d1", place)).toEqual([]);
  });
});
