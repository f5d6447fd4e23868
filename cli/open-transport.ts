import { deriveKeyPair } from "../core/identity/index.ts";
import type { Transport } from "../core/ports/transport.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { masterSecretOf } from "./master-secret.ts";
import { SshTransport, dialTcp } from "../transports/ssh/index.ts";

/** The way to a run's hosts for commands that people give. */
export async function openTransport(home: string, runId: string): Promise<Transport> {
  const { privateKey } = deriveKeyPair(await masterSecretOf(home), { kind: "user", runId });
  return new SshTransport({ privateKey: () => privateKey }, { clock: systemClock, dial: dialTcp });
}
