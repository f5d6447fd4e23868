import { azureIdentityFrom } from "../../../providers/azure/index.ts";

const principal = { AZURE_SUBSCRIPTION_ID: "s", AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c" };

describe("azureIdentityFrom", () => {
  it.each([
    ["a service principal", { ...principal, AZURE_CLIENT_SECRET: "x" }, "ClientSecretCredential"],
    ["a workload identity", { ...principal, AZURE_FEDERATED_TOKEN_FILE: "/token" }, "WorkloadIdentityCredential"],
    ["whoever is logged in", { AZURE_SUBSCRIPTION_ID: "s" }, "ChainedTokenCredential"],
    [
      "whoever is logged in, of one tenant",
      { AZURE_SUBSCRIPTION_ID: "s", AZURE_TENANT_ID: "t" },
      "ChainedTokenCredential",
    ],
  ])("finds %s", (_, environment, expected) => {
    const { subscriptionId, credential } = azureIdentityFrom(environment);
    expect([subscriptionId, credential.constructor.name]).toEqual(["s", expected]);
  });

  it.each([{}, { AZURE_SUBSCRIPTION_ID: "" }])("says what to set when no subscription is named (%j)", (environment) => {
    expect(() => azureIdentityFrom(environment)).toThrow(/AZURE_SUBSCRIPTION_ID/);
  });
});
