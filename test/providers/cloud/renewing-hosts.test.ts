import type { Provider, ResourceState } from "../../../core/ports/provider.ts";
import type { CommandResult } from "../../../core/ports/transport.ts";
import { renewingHosts } from "../../../providers/cloud/renewing-hosts.ts";

const ready = (name: string): ResourceState => ({
  name,
  resourceKind: "virtualMachine",
  id: name,
  state: "ready",
  address: { host: name, address: "198.18.0.1", port: 22, user: "reprise", hostKey: "SHA256:x" },
});

function start(outcomes: Readonly<Record<string, Partial<CommandResult>>> = {}) {
  const calls: string[] = [];
  class Cloud {
    readonly name = "azure";
    private readonly states: readonly ResourceState[] = [
      ready("a"),
      { name: "net", resourceKind: "vnet", id: "net", state: "ready" },
      { name: "c", resourceKind: "virtualMachine", id: "c", state: "deleting" },
      ready("b"),
    ];
    async extend(deployment: string, _place: unknown, expiresAt: number): Promise<void> {
      calls.push(`extend ${deployment} ${expiresAt}`);
    }
    async observe(): Promise<readonly ResourceState[]> {
      return this.states;
    }
  }
  const provider = renewingHosts(new Cloud() as unknown as Provider, {
    run: async (host, task) => {
      calls.push(`${host.host} ${task.argv.at(-1) ?? ""}`);
      const result = { command: "", outcome: "exited", exitCode: 0, stdout: "", stderr: "", durationMs: 1 } as const;
      return { host: host.host, ...result, ...outcomes[host.host] };
    },
  });
  return { provider, calls };
}

describe("renewingHosts", () => {
  it("tells each host that is up, after the cloud", async () => {
    const { provider, calls } = start();
    await provider.extend("d", { region: "eastus" }, 1_795_240_000_500);
    expect(calls).toEqual(["extend d 1795240000500", "a 1795240001", "b 1795240001"]);
    expect(await provider.observe("d", { region: "eastus" })).toHaveLength(4);
    expect(provider.name).toBe("azure");
  });

  it("fails when a host didn't hear of it", async () => {
    const { provider, calls } = start({ a: { outcome: "unreachable", exitCode: undefined } });
    await expect(provider.extend("d", { region: "eastus" }, 1000)).rejects.toMatchObject({
      failure: { class: "transport", host: "a" },
    });
    expect(calls).toContain("b 1");
  });
});
