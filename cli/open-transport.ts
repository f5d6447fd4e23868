import type { Random } from "../core/effects/random.ts";
import { deriveKeyPair } from "../core/identity/index.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { openSsmWay } from "../engines/embedded/clouds.ts";
import type { Ways } from "../transports/ways/index.ts";
import { openWays } from "../transports/ways/index.ts";
import { SshTransport, dialTcp } from "../transports/ssh/index.ts";
import { masterSecretOf } from "./master-secret.ts";

const random: Random = { next: () => Math.random() };

/** The way to a run's hosts for commands that people give. @param withSsm some of them are reached by Systems Manager */
export async function openTransport(home: string, runId: string, withSsm: boolean): Promise<Ways> {
  const { privateKey } = deriveKeyPair(await masterSecretOf(home), { kind: "user", runId });
  const ssh = new SshTransport({ privateKey: () => privateKey }, { clock: systemClock, dial: dialTcp });
  return openWays(ssh, await openSsmWay(withSsm, { environment: process.env, clock: systemClock, random }));
}
