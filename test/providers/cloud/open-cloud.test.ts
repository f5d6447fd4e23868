import type { Clock } from "../../../core/effects/clock.ts";
import { isConfigured, openCloud } from "../../../providers/cloud/open-cloud.ts";
import type { CloudEnvironment } from "../../../providers/cloud/open-cloud.ts";

const never: Clock = { now: () => 0, sleep: () => new Promise(() => undefined) };
const open = (cloud: Parameters<typeof openCloud>[0], environment: CloudEnvironment) =>
  openCloud(cloud, {
    environment,
    clock: never,
    random: { next: () => 0.5 },
    hosts: { run: () => Promise.reject(new Error("no hosts")) },
  });

describe("isConfigured", () => {
  it.each<[string, Parameters<typeof openCloud>[0], CloudEnvironment, readonly string[], boolean]>([
    ["AWS by keys", "aws", { AWS_ACCESS_KEY_ID: "A" }, [], true],
    ["AWS by a container's role", "aws", { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x" }, [], true],
    ["AWS by its shared files", "aws", { HOME: "/home/ada" }, ["/home/ada/.aws/config"], true],
    ["no AWS", "aws", { HOME: "/home/ada", AWS_REGION: "eu-west-1" }, [], false],
    ["Azure by a subscription", "azure", { AZURE_SUBSCRIPTION_ID: "s" }, [], true],
    ["no Azure by an empty one", "azure", { AZURE_SUBSCRIPTION_ID: "" }, [], false],
    ["Google by a file", "gcp", { GOOGLE_APPLICATION_CREDENTIALS: "/k.json" }, [], true],
    [
      "Google by gcloud's login",
      "gcp",
      { HOME: "/home/ada" },
      ["/home/ada/.config/gcloud/application_default_credentials.json"],
      true,
    ],
    ["no Google by a project alone", "gcp", { HOME: "/home/ada", GOOGLE_CLOUD_PROJECT: "p" }, [], false],
  ])("finds %s", (_what, cloud, environment, files, expected) => {
    expect(isConfigured(cloud, environment, (path) => files.includes(path))).toBe(expected);
  });
});

describe("openCloud", () => {
  it("says what Azure's environment lacks", async () => {
    await expect(open("azure", {})).rejects.toMatchObject({
      failure: { class: "auth" },
      hint: expect.any(String) as string,
    });
  });

  it("says that Google's file of credentials isn't there, and how to get one", async () => {
    const environment = { GOOGLE_APPLICATION_CREDENTIALS: "/nowhere/key.json", GOOGLE_CLOUD_PROJECT: "reprise-test" };
    await expect(open("gcp", environment)).rejects.toMatchObject({
      failure: { class: "auth", message: expect.stringContaining("Google Cloud") as string },
      hint: expect.stringContaining("gcloud auth") as string,
    });
  });

  it.each([
    ["aws", {}],
    ["azure", { AZURE_SUBSCRIPTION_ID: "s", AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c", AZURE_CLIENT_SECRET: "x" }],
  ] as const)("opens %s without asking anybody", async (cloud, environment) => {
    expect((await open(cloud, environment)).provider.name).toBe(cloud);
  });
});
