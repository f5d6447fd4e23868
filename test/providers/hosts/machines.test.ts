import { readFileSync } from "node:fs";
import { join } from "node:path";
import { machineIdentities, MachinesSpec, resolveMachines } from "../../../providers/hosts/index.ts";

const hostKey = `SHA256:${"A".repeat(43)}`;
const files: Record<string, string> = {
  known: readFileSync(join(import.meta.dirname, "known_hosts.txt"), "utf8"),
  keyA: "key a",
};
const readText = async (path: string): Promise<string> => {
  const text = files[path];
  if (text === undefined) throw new Error(`no file ${path}`);
  return text;
};
const resolve = (spec: unknown) => resolveMachines(MachinesSpec.parse(spec), { readText });

describe("resolveMachines", () => {
  it("fills in defaults and pins keys, the machine's own before the file's", async () => {
    const machines = await resolve({
      user: "ubuntu",
      knownHosts: "known",
      machines: [
        { name: "a", address: "192.0.2.1", role: "server", privateAddress: "10.0.0.1" },
        { name: "b", address: "192.0.2.2", port: 2222, user: "root", hostKey, identityFile: "keyA" },
      ],
    });
    expect(machines).toEqual([
      {
        name: "a",
        role: "server",
        address: {
          host: "a",
          address: "192.0.2.1",
          port: 22,
          user: "ubuntu",
          hostKey: "SHA256:N4G9c1BoabVOkWv7oSjhLTjNL7dIRdCgZM9xBu74NtY",
        },
        privateAddress: "10.0.0.1",
        identityFile: undefined,
      },
      {
        name: "b",
        role: undefined,
        address: { host: "b", address: "192.0.2.2", port: 2222, user: "root", hostKey },
        privateAddress: "192.0.2.2",
        identityFile: "keyA",
      },
    ]);
  });

  it("names every machine that lacks something, at once", async () => {
    const spec = {
      machines: [
        { name: "a", address: "192.0.2.9", hostKey },
        { name: "b", address: "192.0.2.9", user: "u" },
      ],
    };
    await expect(resolve(spec)).rejects.toMatchObject({
      failure: {
        class: "invalid",
        message: "a: no user; b: no pinned key for 192.0.2.9 port 22; b: the same address 192.0.2.9 port 22 as a",
      },
      hint: expect.stringContaining("ssh-keyscan") as string,
    });
  });
});

describe("machineIdentities", () => {
  it("gives the configured key file's text, and the derived key elsewhere", async () => {
    const machines = await resolve({
      user: "u",
      machines: [
        { name: "a", address: "192.0.2.1", hostKey, identityFile: "keyA" },
        { name: "b", address: "192.0.2.2", hostKey },
      ],
    });
    const identity = machineIdentities(machines, ({ host }) => `derived for ${host}`, { readText });
    expect(await identity({ ...machines[0]!.address, host: "server-0" })).toBe("key a");
    expect(await identity({ ...machines[1]!.address, host: "client-0" })).toBe("derived for client-0");
  });
});
