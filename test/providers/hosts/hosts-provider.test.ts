import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deriveKeyPair } from "../../../core/identity/index.ts";
import type { Intent } from "../../../core/ports/provider.ts";
import type { HostAddress } from "../../../core/ports/transport.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { HostsProvider } from "../../../providers/hosts/index.ts";
import type { HostsProviderEffects, Machine } from "../../../providers/hosts/index.ts";
import { LocalProvider } from "../../../providers/local/index.ts";
import { dialTcp, SshTransport } from "../../../transports/ssh/index.ts";
import { buildLocalHost } from "../../support/local-host.ts";
import { hostIntent, masterSecret } from "../intents.ts";
import { providerScenarios } from "../provider-scenarios.ts";

const place = { region: "lab" };
const never = new AbortController().signal;
const built = buildLocalHost();
let root: string;
let landlord: LocalProvider;
let machines: Machine[];
const transport = new SshTransport(
  { privateKey: () => deriveKeyPair(masterSecret, { kind: "user", runId: "r1" }).privateKey, attempts: 1 },
  { clock: systemClock, dial: dialTcp },
);

// Three local hosts play the machines that somebody gave us; each keeps its lock below its home.
beforeAll(async () => {
  root = await realpath(mkdtempSync(join(tmpdir(), "reprise-given-")));
  landlord = new LocalProvider({ root, command: built.command, hostsPerProcess: 3 }, { clock: systemClock });
  await landlord.ensure(
    [0, 1, 2].map((index) => hostIntent({ deployment: "given", index })),
    never,
  );
  for (let looks = 0; ; looks++) {
    const states = await landlord.observe("given", place);
    const addresses = states.flatMap((state) => (state.state === "ready" && state.address ? [state.address] : []));
    if (addresses.length === 3) {
      machines = addresses.map((address, index) => ({
        name: `m${index}`,
        role: undefined,
        address: { ...address, host: `m${index}` },
        privateAddress: `10.0.0.${index}`,
        identityFile: undefined,
      }));
      break;
    }
    if (looks === 6_000) throw new Error(`still ${JSON.stringify(states)}`);
    await sleep(10);
  }
});

afterAll(async () => {
  await transport.close();
  await landlord.beginDestroy("given", place);
  while (readdirSync(join(root, "hosts")).length > 0) await sleep(10);
  rmSync(root, { recursive: true, force: true });
  built.remove();
});

interface Removal {
  readonly host: string;
  readonly port: number;
  readonly deployment: string;
}

function make(overrides: Partial<HostsProviderEffects> & { readonly machines?: readonly Machine[] } = {}) {
  const removals: Removal[] = [];
  const remove = async ({ host, port }: HostAddress, deployment: string) => {
    removals.push({ host, port, deployment });
    return { left: [] };
  };
  const provider = new HostsProvider(
    { machines: overrides.machines ?? machines, lockFolder: "lock" },
    { clock: systemClock, transport, remove, ...overrides },
  );
  return { provider, removals };
}

const lockFolders = (): string[] =>
  readdirSync(join(root, "hosts"))
    .map((name) => join(root, "hosts", name, "home", "lock"))
    .filter((path) => existsSync(path));

const releaseAll = async (): Promise<void> => {
  const { provider } = make();
  for await (const resource of provider.sweep({ kind: "all" })) await provider.destroyResource(resource);
};

describe("HostsProvider", () => {
  providerScenarios("hosts", async () => {
    const made = new Map<string, readonly Intent[]>();
    return {
      fresh: () => make().provider,
      place,
      now: Date.now,
      pinsDerivedKeys: false,
      intents: (deployment, hosts, options) => {
        const key = `${deployment} ${hosts}`;
        const known = made.get(key);
        if (known !== undefined) return known;
        const now = Date.now();
        const base = { deployment, now, place, provider: "hosts", ...options };
        const intents = Array.from({ length: hosts }, (_, index) => hostIntent({ ...base, index }));
        made.set(key, intents);
        return intents;
      },
      pass: () => sleep(10),
      close: async () => {
        const left = lockFolders();
        await releaseAll();
        return left;
      },
    };
  });

  const intent = (deployment: string, role = "server", index = 0): Intent =>
    hostIntent({ deployment, role, index, place, provider: "hosts" });

  afterEach(releaseAll);

  it("gives the machine under its part's name, and says that nothing was created", async () => {
    const { provider } = make();
    await provider.ensure([intent("d1", "client", 3)], never);
    expect(await provider.observe("d1", place)).toEqual([
      {
        name: "d1-client-3",
        resourceKind: "machineLock",
        id: "m0",
        state: "ready",
        address: { ...machines[0]!.address, host: "client-3" },
        privateAddress: "10.0.0.0",
        facts: { machine: "m0", given: "nothing was created; teardown removes our files, processes and lock" },
      },
    ]);
  });

  it("gives a role its own machines before those of any role, and never another role's", async () => {
    const [first, second, third] = machines;
    const roles = [{ ...first!, role: "client" }, second!, { ...third!, role: "server" }];
    const { provider } = make({ machines: roles });
    const outcomes = await provider.ensure(
      [0, 1, 2].map((index) => intent("d1", "server", index)),
      never,
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "refused"]);
    const states = await provider.observe("d1", place);
    expect(states.map(({ name, id }) => [name, id])).toEqual([
      ["d1-server-1", "m1"],
      ["d1-server-0", "m2"],
    ]);
  });

  it("refuses with class capacity when others hold the machines, and names them", async () => {
    await make().provider.ensure(
      [0, 1, 2].map((index) => intent("d1", "server", index)),
      never,
    );
    const [outcome] = await make().provider.ensure([intent("d2")], never);
    expect(outcome).toMatchObject({ kind: "refused", failure: { class: "capacity" } });
    expect(outcome?.kind === "refused" && outcome.failure.message).toMatch(
      /^no machine for server-0: m0: held by run r1 of tester until 20.*; m1: .*; m2: /,
    );
  });

  it("lets one of two runs have a machine when both come at once", async () => {
    const only = { machines: machines.slice(0, 1) };
    for (let round = 0; round < 10; round++) {
      const deployments = [`a${round}`, `b${round}`];
      const outcomes = await Promise.all(deployments.map((each) => make(only).provider.ensure([intent(each)], never)));
      const winners = outcomes.flat().filter(({ kind }) => kind === "accepted");
      const held = await Promise.all(deployments.map((each) => make(only).provider.observe(each, place)));
      expect(winners.length).toBeLessThanOrEqual(1);
      expect(held.flat().map(({ name }) => name)).toEqual(winners.map(({ name }) => name));
      await releaseAll();
    }
  });

  it("removes what is ours from a machine before it gives the lock back", async () => {
    const { provider, removals } = make();
    await provider.ensure([intent("d1")], never);
    await provider.beginDestroy("d1", place);
    expect(removals).toEqual([{ host: "server-0", port: machines[0]!.address.port, deployment: "d1" }]);
    expect(lockFolders()).toEqual([]);
  });

  it("keeps the lock while the machine could not be cleaned, and says so", async () => {
    const { provider } = make({ remove: () => Promise.reject(new Error("no answer")) });
    await provider.ensure([intent("d1")], never);
    await expect(provider.beginDestroy("d1", place)).rejects.toThrow("no answer");
    expect(await provider.observe("d1", place)).toMatchObject([{ state: "ready" }]);

    const leaving = make({ remove: async () => ({ left: ["/srv/data"] }) });
    await leaving.provider.beginDestroy("d1", place);
    expect(await provider.observe("d1", place)).toMatchObject([
      { state: "failed", failure: { class: "command", message: "m0 keeps what could not be removed: /srv/data" } },
    ]);
    const [outcome] = await make({ machines: machines.slice(0, 1) }).provider.ensure([intent("d2")], never);
    expect(outcome?.kind).toBe("refused");

    await make().provider.beginDestroy("d1", place);
    expect(await provider.observe("d1", place)).toEqual([]);
  });

  it("never takes silence for 'given back'", async () => {
    const dead: Machine = {
      ...machines[2]!,
      name: "dead",
      address: { ...machines[2]!.address, host: "dead", port: 1 },
    };
    const { provider } = make({ machines: [machines[0]!, dead] });
    expect((await provider.ensure([intent("d1")], never))[0]?.kind).toBe("accepted");
    const states = await provider.observe("d1", place);
    expect(states).toMatchObject([
      { name: "d1-server-0", state: "ready" },
      { name: "dead", state: "failed", failure: { class: "transport" } },
    ]);
    await expect(provider.beginDestroy("d1", place)).rejects.toMatchObject({ failure: { class: "transport" } });
    expect(lockFolders()).toEqual([]);
    const sweep = async (): Promise<void> => {
      for await (const resource of provider.sweep({ kind: "all" })) expect(resource.deployment).toBeUndefined();
    };
    await expect(sweep()).rejects.toThrow("1 machines unseen");
  });

  it("has no machine for what only a transport failure hides: class transport", async () => {
    const dead: Machine = {
      ...machines[2]!,
      name: "dead",
      address: { ...machines[2]!.address, host: "dead", port: 1 },
    };
    const [outcome] = await make({ machines: [dead] }).provider.ensure([intent("d1")], never);
    expect(outcome).toMatchObject({ kind: "refused", failure: { class: "transport" } });
  });
});
