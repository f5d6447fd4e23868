import type { Capabilities } from "../core/ports/provider.ts";
import type { CloudName } from "./functions.ts";

/**
 * What each cloud can do, for functions that reach it only through its own: asked for at once, where a call would be a
 * round trip. A test holds them equal to what the providers say of themselves.
 */
export const cloudCapabilities: Readonly<Record<CloudName, Capabilities>> = {
  aws: {
    spot: true,
    hostKiller: true,
    createsHosts: true,
    reachesControl: true,
    nameLimit: 200,
    visibilityDelayMs: 60_000,
  },
  azure: {
    spot: true,
    hostKiller: false,
    createsHosts: true,
    reachesControl: true,
    nameLimit: 54,
    visibilityDelayMs: 90_000,
  },
  gcp: {
    spot: true,
    hostKiller: true,
    createsHosts: true,
    reachesControl: true,
    nameLimit: 63,
    visibilityDelayMs: 60_000,
  },
};
