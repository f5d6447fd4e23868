import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { FailureError } from "../../core/errors/failure.ts";
import { deriveKeyPair } from "../../core/identity/index.ts";
import { masterSecretOf } from "../master-secret.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { liveHosts } from "../run-hosts.ts";

/** OpenSSH's own client with the run's key and the host's pinned key; both are gone when it ends. */
export async function ssh({ home }: CommandContext, name: string, hostName: string): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const [host] = await liveHosts(store, runId, [hostName]);
  if (host === undefined) return 2;
  const secret = await masterSecretOf(home);
  const loginRunId = host.loginRunId ?? runId;
  const folder = await mkdtemp(join(tmpdir(), "reprise-ssh-"));
  try {
    const key = join(folder, "key");
    const known = join(folder, "known_hosts");
    const derived = deriveKeyPair(secret, { kind: "host", runId: loginRunId, host: host.name });
    await writeFile(key, deriveKeyPair(secret, { kind: "user", runId: loginRunId }).privateKey, { mode: 0o600 });
    const hostKeyLine = derived.publicKey.split(" ").slice(0, 2).join(" ");
    await writeFile(
      known,
      `[${host.publicAddress}]:${host.sshPort} ${hostKeyLine}\n${host.publicAddress} ${hostKeyLine}\n`,
    );
    const argv = [
      ...[
        "-i",
        key,
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        `UserKnownHostsFile=${known}`,
        "-o",
        "StrictHostKeyChecking=yes",
      ],
      ...["-p", String(host.sshPort), `${host.user}@${host.publicAddress}`],
    ];
    const child = spawn("ssh", argv, { stdio: "inherit" });
    const [code] = (await once(child, "exit")) as [number | null]; // node:child_process documents the arguments
    return code ?? 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // spawn's errors carry a code
    throw new FailureError({
      class: "invalid",
      message: "there is no `ssh` on this machine",
      hint: "install OpenSSH's client, or use `reprise exec`",
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
