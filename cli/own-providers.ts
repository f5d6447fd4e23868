import type { Failure } from "../core/errors/failure.ts";
import type { Provider } from "../core/ports/provider.ts";
import type { Transport } from "../core/ports/transport.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { homePaths } from "../engines/embedded/home.ts";
import { distFile } from "../engines/embedded/package-files.ts";
import { LocalProvider } from "../providers/local/index.ts";
import { openConfiguredClouds } from "./clouds.ts";
import { parseHome } from "./deployed/place.ts";

/** Hosts aren't spoken to: only their clouds are. */
const noHosts: Pick<Transport, "run"> = { run: () => Promise.reject(new Error("hosts aren't asked here")) };

/** Everything where something of ours may be: this machine's hosts, and every cloud that the environment speaks of. */
export async function openOwnProviders(
  home: string,
  hosts: Pick<Transport, "run"> = noHosts,
): Promise<{
  readonly providers: readonly Provider[];
  readonly refused: readonly { readonly cloud: string; readonly failure: Failure }[];
}> {
  const { providers, refused } = await openConfiguredClouds(hosts);
  const place = parseHome(home, process.env);
  if (place.kind !== "folder") return { providers, refused };
  const local = new LocalProvider(
    { root: homePaths(place.path).hosts, command: [process.execPath, distFile("local-host.js")], hostsPerProcess: 1 },
    { clock: systemClock },
  );
  return { providers: [local, ...providers], refused };
}
