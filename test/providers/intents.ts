import { deriveKeyPair } from "../../core/identity/index.ts";
import type { Intent, Place } from "../../core/ports/provider.ts";

export const masterSecret = Buffer.alloc(32, 5);

export interface IntentOptions {
  readonly deployment: string;
  readonly runId?: string;
  readonly provider?: string;
  readonly place?: Place;
  readonly role?: string;
  readonly index?: number;
  readonly now?: number;
  readonly ttlMs?: number;
}

/** A host's intent as the plan would freeze it; keys are derived, so the same options give the same host. */
export function hostIntent(options: IntentOptions): Intent {
  const { deployment, runId = "r1", role = "server", index = 0, now = Date.now(), ttlMs = 600_000 } = options;
  const name = `${deployment}-${role}-${index}`;
  const host = deriveKeyPair(masterSecret, { kind: "host", runId, host: name });
  const user = deriveKeyPair(masterSecret, { kind: "user", runId });
  return {
    deployment,
    runId,
    provider: options.provider ?? "local",
    place: options.place ?? { region: "local" },
    kind: "host",
    name,
    clientToken: `${name}-0`,
    round: 0,
    owner: "tester",
    expiresAt: now + ttlMs,
    notAfter: now + 300_000,
    host: {
      role,
      index,
      shape: {
        type: "local",
        image: "local",
        architecture: "x86_64",
        vcpus: 1,
        memoryBytes: 1,
        spot: false,
        disks: [],
        options: {},
      },
      setup: {
        user: "bench",
        authorizedKey: user.publicKey,
        hostPrivateKey: host.privateKey,
        hostKey: host.fingerprint,
        packages: [],
        sysctl: {},
        swapBytes: undefined,
        mounts: [],
        expiresAt: now + ttlMs,
      },
    },
  };
}

export function networkIntent(options: IntentOptions): Intent {
  const { host: _host, ...rest } = hostIntent(options);
  return { ...rest, kind: "network", name: `${options.deployment}-network` };
}
