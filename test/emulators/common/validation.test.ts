import { BotocoreCheck } from "../aws/botocore.ts";
import { BicepCheck } from "../azure/bicep.ts";
import { DiscoveryCheck } from "../gcp/discovery.ts";
import { specsPresent } from "./specs.ts";

/** Without the descriptions there's nothing to test against; the emulators then say so once. */
const describeWithSpecs = specsPresent ? describe : describe.skip;

describeWithSpecs("BotocoreCheck", () => {
  const ec2 = BotocoreCheck.read("aws/ec2-2016-11-15.subset.json", "ec2");
  const ssm = BotocoreCheck.read("aws/ssm-2014-11-06.subset.json", "json");

  it.each<[string, unknown, string[]]>([
    [
      "a good request",
      {
        MinCount: "1",
        MaxCount: "1",
        ClientToken: "t",
        TagSpecification: [{ ResourceType: "instance", Tag: [{ Key: "a", Value: "b" }] }],
      },
      [],
    ],
    ["a missing count", { MinCount: "1" }, ["RunInstances.MaxCount: required"]],
    ["a text for a number", { MinCount: "one", MaxCount: "1" }, ["RunInstances.MinCount: not a whole number"]],
    ["a misspelt name", { MinCount: "1", MaxCount: "1", ClientTokn: "t" }, ["RunInstances.ClientTokn: unknown"]],
    [
      "a wire name of answers",
      { MinCount: "1", MaxCount: "1", clientToken: "t" },
      ["RunInstances.clientToken: unknown"],
    ],
  ])("on EC2 requests: %s", (_name, form, problems) => {
    expect(ec2?.request("RunInstances", form)).toEqual(problems);
  });

  it("catches an answer that drifts from the description", () => {
    const answer = (instance: unknown) => ({ reservationSet: [{ instancesSet: [instance] }] });
    expect(
      ec2?.response("DescribeInstances", answer({ instanceId: "i-1", instanceState: { code: 16, name: "running" } })),
    ).toEqual([]);
    expect(
      ec2?.response("DescribeInstances", answer({ InstanceId: "i-1", instanceState: { code: "16", name: "on" } })),
    ).toEqual([
      "DescribeInstances.reservationSet[0].instancesSet[0].InstanceId: unknown",
      "DescribeInstances.reservationSet[0].instancesSet[0].instanceState.code: not a whole number",
      'DescribeInstances.reservationSet[0].instancesSet[0].instanceState.name: "on" is not one of its values',
    ]);
  });

  it("knows JSON's types", () => {
    expect(ssm?.request("SendCommand", { DocumentName: "AWS-RunShellScript", TimeoutSeconds: "60" })).toEqual([
      "SendCommand.TimeoutSeconds: not a whole number",
    ]);
    expect(ssm?.request("SendCommand", { DocumentName: "AWS-RunShellScript", TimeoutSeconds: 5 })).toEqual([
      "SendCommand.TimeoutSeconds: 5 is out of range",
    ]);
  });
});

describeWithSpecs("BicepCheck", () => {
  const compute = BicepCheck.read("azure/microsoft.compute-2026-03-01.bicep-types.json");
  const vm = "Microsoft.Compute/virtualMachines@2026-03-01";

  it.each<[string, unknown, string[]]>([
    [
      "a good body",
      { location: "eastus", properties: { hardwareProfile: { vmSize: "Standard_D2s_v5" }, priority: "Spot" } },
      [],
    ],
    ["a missing location", { properties: {} }, ["Microsoft.Compute/virtualMachines.location: required"]],
    [
      "a number for a size",
      { location: "eastus", properties: { hardwareProfile: { vmSize: 2 } } },
      [expect.stringMatching(/vmSize: 2 is none of /)],
    ],
    [
      "a read-only field",
      { location: "eastus", properties: { vmId: "x" } },
      ["Microsoft.Compute/virtualMachines.properties.vmId: read-only"],
    ],
    [
      "a misspelt field",
      { location: "eastus", propertys: {} },
      ["Microsoft.Compute/virtualMachines.propertys: unknown"],
    ],
  ])("on requests: %s", (_name, body, problems) => {
    expect(compute?.check(vm, body, "request")).toEqual(problems);
  });

  it("lets answers have what only answers have", () => {
    expect(
      compute?.check(vm, { id: "/x", name: "v", location: "eastus", properties: { vmId: "x" } }, "response"),
    ).toEqual([]);
  });
});

describeWithSpecs("DiscoveryCheck", () => {
  const google = DiscoveryCheck.read("gcp/compute.v1.discovery.subset.json");
  const insert = (body: unknown, query = "") => ({
    id: "compute.instances.insert",
    path: { project: "p-1", zone: "us-central1-a" },
    query: new URLSearchParams(query),
    body,
  });

  it.each<[string, ReturnType<typeof insert>, string[]]>([
    ["a good request", insert({ name: "a", disks: [{ diskSizeGb: "20" }] }, "requestId=x"), []],
    ["a missing name", insert({}), ["compute.instances.insert.name: required"]],
    [
      "a number for a 64-bit one",
      insert({ name: "a", disks: [{ diskSizeGb: 20 }] }),
      ["compute.instances.insert.disks[0].diskSizeGb: not a string (int64)"],
    ],
    ["an unknown parameter", insert({ name: "a" }, "dryRun=1"), ["compute.instances.insert: unknown parameter dryRun"]],
    [
      "a bad zone",
      { ...insert({ name: "a" }), path: { project: "p-1", zone: "Zone A" } },
      [expect.stringMatching(/parameter zone does not match/)],
    ],
  ])("on requests: %s", (_name, exchange, problems) => {
    expect(google?.request(exchange)).toEqual(problems);
  });

  it("catches an answer that drifts from the description", () => {
    expect(google?.response("compute.zoneOperations.get", { id: "1", status: "DONE", progress: 100 })).toEqual([]);
    expect(google?.response("compute.zoneOperations.get", { id: 1, state: "DONE", progress: "100" })).toEqual([
      "compute.zoneOperations.get.id: not a string (uint64)",
      "compute.zoneOperations.get.state: unknown",
      "compute.zoneOperations.get.progress: not a whole number",
    ]);
  });
});
