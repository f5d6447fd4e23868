/**
 * Three emulated clouds with real machines, served over real HTTPS with their sign-in services, and what tells programs of
 * them: the variables that each cloud's own tools read.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { createEmulator } from "../emulators/cloud.ts";
import type { Emulator, EmulatorOptions, ListeningEmulator } from "../emulators/cloud.ts";
import { subscriptionId } from "../emulators/azure/subscription.ts";
import { listenLoopback } from "../emulators/common/server.ts";
import type { RunningServer } from "../emulators/common/server.ts";
import type { Timings } from "../emulators/common/timings.ts";
import { makeLoopbackTls } from "../emulators/common/tls.ts";
import { projectName } from "../emulators/gcp/service.ts";
import { RealHosts } from "../emulators/hosts/real-hosts.ts";
import type { RealHostsOptions } from "../emulators/hosts/real-hosts.ts";
import { clientSecret, signInHandler, subjectToken } from "./sign-in.ts";

/** Clouds of a good day: every stage takes its time, all in all seconds. */
const quickTimings: Timings = {
  latencyMs: 5,
  visibilityMs: 300,
  launchMs: 1_500,
  terminateMs: 1_500,
  operationMs: 400,
  failureMs: 800,
  nicReservedMs: 2_000,
  retryAfterSec: 1,
};

export interface ServedCloudsOptions extends Pick<EmulatorOptions, "faults" | "aws" | "azure" | "gcp"> {
  readonly hosts?: RealHostsOptions;
  readonly timings?: Timings;
}

/** Clouds that are open at one time have machines at different addresses, those of several test processes too. */
const blocks = 62;
let opened = 20 * Number(process.env["JEST_WORKER_ID"] ?? 0);

export interface ServedClouds {
  readonly emulator: Emulator;
  readonly hosts: RealHosts;
  /** For programs that are to believe in all three. */
  readonly environment: Readonly<Record<string, string>>;
  /** What there is beside an empty account, in all clouds, and whatever the emulated clouds found wrong with us. */
  leftovers(): readonly string[];
  close(): Promise<void>;
}

export async function serveClouds(options: ServedCloudsOptions = {}): Promise<ServedClouds> {
  const { hosts: hostOptions, timings, ...rest } = options;
  const hosts = new RealHosts(hostOptions);
  opened += 1;
  const emulator = createEmulator({
    clock: systemClock,
    backend: hosts,
    addressBlock: opened % blocks,
    timings: { ...quickTimings, ...timings },
    ...rest,
  });
  const tls = makeLoopbackTls(Date.now());
  const listening = await emulator.listen(tls);
  const signIn = await listenLoopback(signInHandler, tls);
  const folder = mkdtempSync(join(tmpdir(), "reprise-clouds-"));
  return {
    emulator,
    hosts,
    environment: environmentOf({ folder, caPem: tls.caPem, listening, signIn }),
    leftovers: () => [
      ...emulator.inventory().map((item) => `${item.cloud} ${item.kind} ${item.id}`),
      ...emulator.violations.map((violation) => `violation: ${JSON.stringify(violation)}`),
      ...emulator.problems.map((problem) => `problem: ${problem}`),
      ...hosts.running().map((vm) => `machine ${vm.id} has power`),
    ],
    close: async () => {
      await Promise.all([listening.close(), signIn.close()]);
      await hosts.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function environmentOf(lab: {
  readonly folder: string;
  readonly caPem: string;
  readonly listening: ListeningEmulator;
  readonly signIn: RunningServer;
}): Record<string, string> {
  const { folder, listening, signIn } = lab;
  const home = join(folder, "home"); // nobody's own profiles
  mkdirSync(home);
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    HOME: home,
    NODE_EXTRA_CA_CERTS: file("ca.pem", lab.caPem),
    AWS_ENDPOINT_URL_EC2: listening.aws.url,
    AWS_ENDPOINT_URL_SSM: listening.aws.url,
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "a-key-of-the-test",
    AWS_REGION: "us-east-1",
    AZURE_RESOURCE_MANAGER_ENDPOINT: listening.azure.url,
    AZURE_AUTHORITY_HOST: signIn.url,
    AZURE_SUBSCRIPTION_ID: subscriptionId,
    AZURE_TENANT_ID: "9b0c6d1e-2f3a-4b5c-8d7e-0f1a2b3c4d5e",
    AZURE_CLIENT_ID: "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
    AZURE_CLIENT_SECRET: clientSecret,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${listening.gcp.url}/compute/v1/`,
    GOOGLE_CLOUD_PROJECT: projectName,
    GOOGLE_APPLICATION_CREDENTIALS: file(
      "google.json",
      JSON.stringify({
        type: "external_account",
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/tests/providers/lab",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: `${signIn.url}/v1/token`,
        credential_source: { file: file("subject-token", subjectToken) },
      }),
    ),
  };
}
