/**
 * The clouds' functions as they are deployed: bundled, cut down to the calls in use, loaded in a process of their own.
 * Each makes a deployment in our emulator, over https and by the SDK's own ways, and takes it down again: whatever the
 * bundling cut too much of is missing here.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleFunction } from "../../cdk/bundle.ts";
import type { Intent, Place, TaggedResource } from "../../core/ports/provider.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { cloudCapabilities } from "../../lambdas/cloud-capabilities.ts";
import type { CloudName } from "../../lambdas/functions.ts";
import { RemoteProvider } from "../../lambdas/provider-calls.ts";
import { clientSecret, signInHandler, subjectToken } from "../clouds/sign-in.ts";
import { subscriptionId } from "../emulators/azure/subscription.ts";
import { createEmulator } from "../emulators/cloud.ts";
import type { Emulator, ListeningEmulator } from "../emulators/cloud.ts";
import { listenLoopback } from "../emulators/common/server.ts";
import type { RunningServer } from "../emulators/common/server.ts";
import { makeLoopbackTls } from "../emulators/common/tls.ts";
import { projectName } from "../emulators/gcp/service.ts";
import { hostIntent, networkIntent } from "../providers/intents.ts";
import type { CloudProcess } from "./cloud-process.ts";
import { startCloudProcess } from "./cloud-process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
interface Machine {
  readonly type: string;
  readonly image: string;
  readonly place: Place;
}
const machines: Readonly<Record<CloudName, Machine>> = {
  aws: { type: "t3.medium", image: "ubuntu-24.04", place: { region: "us-east-1" } },
  azure: {
    type: "Standard_D2s_v5",
    image: "Canonical:ubuntu-24_04-lts:server:latest",
    place: { region: "eastus" },
  },
  gcp: {
    type: "n2-standard-2",
    image: "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64",
    place: { region: "us-west1", zone: "us-west1-b" },
  },
};

describe("the clouds' bundles", () => {
  const folder = mkdtempSync(join(tmpdir(), "reprise-cloud-bundles-"));
  const tls = makeLoopbackTls(Date.now());
  let emulator: Emulator;
  let listening: ListeningEmulator;
  let signIn: RunningServer;
  let secrets: RunningServer;
  const processes: CloudProcess[] = [];

  beforeAll(async () => {
    emulator = createEmulator({
      clock: systemClock,
      timings: {
        visibilityMs: 50,
        launchMs: 300,
        terminateMs: 300,
        operationMs: 100,
        nicReservedMs: 300,
        retryAfterSec: 0,
      },
    });
    listening = await emulator.listen(tls);
    signIn = await listenLoopback(signInHandler, tls);
    secrets = await listenLoopback(
      async () => ({
        status: 200,
        headers: { "content-type": "application/x-amz-json-1.1" },
        body: JSON.stringify({ SecretString: JSON.stringify(credentials()) }),
      }),
      tls,
    );
    writeFileSync(join(folder, "ca.pem"), tls.caPem);
    writeFileSync(join(folder, "token"), subjectToken);
  });

  afterAll(async () => {
    for (const one of processes) one.close();
    await Promise.all([listening, signIn, secrets].map((server) => server.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  /** What `reprise secrets set` would have put there, of both clouds at once. */
  const credentials = (): Record<string, string> => ({
    AZURE_SUBSCRIPTION_ID: subscriptionId,
    AZURE_TENANT_ID: "9b0c6d1e-2f3a-4b5c-8d7e-0f1a2b3c4d5e",
    AZURE_CLIENT_ID: "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
    AZURE_CLIENT_SECRET: clientSecret,
    AZURE_AUTHORITY_HOST: signIn.url,
    GOOGLE_CLOUD_PROJECT: projectName,
    GOOGLE_CREDENTIALS: JSON.stringify({
      type: "external_account",
      audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/tests/providers/lab",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: `${signIn.url}/v1/token`,
      credential_source: { file: join(folder, "token") },
    }),
  });

  async function open(cloud: CloudName): Promise<RemoteProvider> {
    const outDir = join(folder, cloud);
    await bundleFunction(root, { entry: `cloud-${cloud}`, outDir, withSupervisor: false });
    const started = await startCloudProcess(folder, join(outDir, "index.mjs"), {
      PATH: process.env["PATH"] ?? "",
      NODE_EXTRA_CA_CERTS: join(folder, "ca.pem"),
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "a-key-of-the-test",
      AWS_ENDPOINT_URL_EC2: listening.aws.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AZURE_RESOURCE_MANAGER_ENDPOINT: listening.azure.url,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${listening.gcp.url}/compute/v1/`,
      REPRISE_BUCKET: "b",
      REPRISE_SWEEP_ARN: "arn:aws:states:us-east-1:1:stateMachine:s",
      REPRISE_TEARDOWN_ARN: "arn:aws:states:us-east-1:1:stateMachine:t",
      REPRISE_VERSION: "0",
      REPRISE_CLOUD_SECRET: "credentials",
    });
    processes.push(started);
    return new RemoteProvider({ name: cloud, capabilities: cloudCapabilities[cloud], invoke: started.invoke });
  }

  /** A network and a host, named as the flow names them. */
  function intents(cloud: CloudName, deployment: string): Intent[] {
    const { type, image, place } = machines[cloud];
    const base = { deployment, provider: cloud, place };
    const network = { ...networkIntent(base), name: `${deployment}-r0`, clientToken: `${deployment}-r0` };
    const host = hostIntent(base);
    const name = `${deployment}-r0-server-0`;
    const shape = { ...host.host!.shape, type, image, vcpus: 2, memoryBytes: 4 * 1024 ** 3 };
    return [network, { ...host, name, clientToken: name, host: { ...host.host!, shape } }];
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (let looks = 0; looks < 3_000; looks++) {
      if (await isSo()) return;
      await systemClock.sleep(100);
    }
    throw new Error(`never seen: ${what}`);
  }

  it.each(["aws", "azure", "gcp"] as const)(
    "of %s makes a host, finds it, connects it, and takes all of it down",
    async (cloud) => {
      const provider = await open(cloud);
      const deployment = `d-${cloud}`;
      const asked = intents(cloud, deployment);
      const { place } = asked[0]!;
      await until("accepted", async () =>
        (await provider.ensure(asked)).every((outcome) => {
          if (outcome.kind === "refused" && outcome.failure.class !== "throttled")
            throw new Error(JSON.stringify(outcome.failure));
          return outcome.kind === "accepted";
        }),
      );
      await until("ready", async () =>
        (await provider.observe(deployment, place)).some(({ state, name }) => state === "ready" && /server/.test(name)),
      );
      await provider.connect(deployment, place, ["192.0.2.7"]);
      const found: TaggedResource[] = [];
      for await (const one of provider.sweep({ kind: "deployment", deployment })) found.push(one);
      expect(found.length).toBeGreaterThan(0);
      expect(found.every((one) => one.deployment === deployment)).toBe(true);
      // EC2 itself doesn't tell quotas, and the service that does isn't emulated.
      const shapes = asked.flatMap(({ host }) => host?.shape ?? []);
      if (cloud !== "aws") expect((await provider.quota(place, shapes)).length).toBeGreaterThan(0);
      await until("gone", async () => {
        await provider.beginDestroy(deployment, place);
        return emulator.inventory(cloud).length === 0;
      });
      expect(emulator.violations).toEqual([]);
    },
    600_000,
  );
});
