import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { createAzureProvider } from "../../../providers/azure/index.ts";
import { selfDeletionScript } from "../../../providers/azure/self-deletion.ts";
import { accepted, deploymentIntents, never, onAzure, ready, tearDown } from "./azure-world.ts";

const identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mortal";
const vmId = "/subscriptions/s/resourceGroups/reprise-d1/providers/Microsoft.Compute/virtualMachines/server-0";
const endpoint = "https://management.azure.com";

/** A machine whose clock jumps when it sleeps, with a metadata service and Azure behind `curl`. */
function machine(options: { readonly expiresAt: string; readonly failures?: number }) {
  const dir = mkdtempSync(join(tmpdir(), "self-deletion-"));
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text, { mode: 0o755 });
  write("expires-at", options.expiresAt);
  write("now", "1000");
  write("failures", String(options.failures ?? 0));
  write("date", `#!/bin/sh\ncat ${dir}/now\n`);
  write("sleep", `#!/bin/sh\necho "sleep $1" >> ${dir}/log\necho $(($(cat ${dir}/now) + $1)) > ${dir}/now\n`);
  write(
    "curl",
    `#!/bin/sh
for word; do case $word in http*) url=$word ;; esac; done
case $url in
  http://169.254.169.254/*) echo "token at $(cat ${dir}/now): $url" >> ${dir}/log; echo '{"access_token":"secret.t","expires_in":"8"}' ;;
  *)
    left=$(cat ${dir}/failures)
    echo "delete at $(cat ${dir}/now): $(cat) $* " >> ${dir}/log
    [ "$left" -eq 0 ] || { echo $((left - 1)) > ${dir}/failures; exit 22; } ;;
esac
`,
  );
  const script = selfDeletionScript({ vmId, identity, expiresAt: 1_200_000, endpoint });
  const path = `${dir}:${process.env["PATH"] ?? ""}`;
  const run = spawnSync("sh", ["-c", script, "sh", join(dir, "expires-at")], { env: { PATH: path }, encoding: "utf8" });
  const log = readFileSync(join(dir, "log"), "utf8").trimEnd().split("\n");
  rmSync(dir, { recursive: true });
  return { status: run.status, log };
}

describe("selfDeletionScript", () => {
  it("waits for the file's time, and deletes the machine a minute before", () => {
    const { status, log } = machine({ expiresAt: "1100\n" });
    expect(status).toBe(0);
    expect(log.slice(0, 2)).toEqual(["sleep 30", "sleep 10"]);
    expect(log[2]).toMatch(/^token at 1040: .*msi_res_id=%2Fsubscriptions%2Fs%2F.*mortal$/);
    expect(log[3]).toMatch(/^delete at 1040: header = "Authorization: Bearer secret.t" .*-X DELETE/);
    expect(log[3]).toContain(`${endpoint}${vmId}?api-version=`);
    // The token is told by stdin alone.
    expect(log[3]?.split("secret.t")).toHaveLength(2);
    expect(log).toHaveLength(4);
  });

  it("takes the time of its birth where the file is torn", () => {
    const { log } = machine({ expiresAt: "12x" });
    expect(log.find((line) => line.startsWith("delete"))).toMatch(/^delete at 1140/);
  });

  it("tries until it is heard", () => {
    const { log } = machine({ expiresAt: "0", failures: 2 });
    expect(log.filter((line) => line.startsWith("delete"))).toHaveLength(3);
    expect(log.filter((line) => line === "sleep 10")).toHaveLength(2);
  });
});

describe("AzureProvider whose machines may delete themselves", () => {
  it(
    "gives each the identity and the means, and says so in its capabilities",
    onAzure(async (world) => {
      const provider = createAzureProvider({
        clients: world.clients,
        clock: world.clock,
        random: { next: () => 0 },
        selfDeletionIdentity: identity,
      });
      expect([world.fresh().capabilities.hostKiller, provider.capabilities.hostKiller]).toEqual([false, true]);
      const intents = deploymentIntents("d1", 1);
      expect(await provider.ensure(intents, never)).toEqual(accepted(intents));
      await ready(world, intents);
      const vm = await world.clients.compute.virtualMachines.get("reprise-d1-r0-eastus", "server-0");
      expect(Object.keys(vm.identity?.userAssignedIdentities ?? {})).toEqual([identity]);
      const [made] = [...world.backend.running.values()];
      const { bootcmd, users } = parse(made?.vm.userData ?? "") as { bootcmd: string[]; users: unknown[] };
      expect(users).toHaveLength(1);
      expect(bootcmd.at(-1)).toContain(`${endpoint}${vm.id ?? "?"}?api-version=`);
      expect(spawnSync("sh", ["-n", "-c", bootcmd.join("\n")], { encoding: "utf8" }).stderr).toBe("");
      await tearDown(world, "d1");
    }),
  );
});
