import type { StackProps } from "aws-cdk-lib";
import { CfnOutput, Stack } from "aws-cdk-lib";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import type { Reach } from "../core/names/reach.ts";
import type { DeployedProvider, StackOutputs } from "../core/names/stack.ts";
import { stackParameterName } from "../core/names/stack.ts";
import type { CloudName } from "../lambdas/functions.ts";
import { Alarms } from "./alarms.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { allowEc2, allowRunCommand } from "./cloud-permissions.ts";
import { FixedAddress } from "./fixed-address.ts";
import { FlowFunctions } from "./flow-functions.ts";
import { FlowMachines } from "./flow-machines.ts";
import { HostAccess } from "./host-access.ts";
import { HostEndpoint } from "./host-endpoint.ts";
import { machineNames } from "./machine-names.ts";
import type { SecretCloud } from "./secrets.ts";
import { FlowSecrets } from "./secrets.ts";
import { Watchers } from "./watchers.ts";

export interface RepriseStackProps extends StackProps {
  /** Folders of the function bundles and of `statemachines/`. */
  readonly bundles: string;
  readonly definitions: string;
  readonly version: string;
  /** Clouds whose hosts it may make. @default aws */
  readonly providers?: readonly DeployedProvider[] | undefined;
  /** How EC2 hosts are reached whose definition doesn't say. @default ssm: no inbound port */
  readonly reach?: Reach | undefined;
  /** Regions in which EC2 hosts may be made. @default the stack's own */
  readonly allowedRegions?: readonly string[] | undefined;
  /** What becomes of the evidence when the stack is destroyed. @default "keep" */
  readonly onDestroy?: "keep" | "delete" | undefined;
  /** @default 90 */
  readonly rawLogsColdAfterDays?: number | undefined;
  /** Days after which a run's evidence is deleted. @default never */
  readonly evidenceDays?: number | undefined;
  /** How often the reaper looks, minutes. @default 15 */
  readonly reaperMinutes?: number | undefined;
  /** @default nobody is told */
  readonly alarmEmail?: string | undefined;
  /** @default no AWS budget */
  readonly maxMonthlyDollars?: number | undefined;
  /** The largest budget that a run may have; one without a budget isn't begun then. @default any */
  readonly maxRunDollars?: number | undefined;
  /** Hosts expire so long after their creation at most, unless a trial needs them longer. @default what definitions say */
  readonly maxLeaseHours?: number | undefined;
  /** A VPC of the stack's region that is there already, for EC2 hosts. @default the account's default VPC */
  readonly hostVpcId?: string | undefined;
}

/**
 * The control plane: what the embedded engine is in one process, here as Step Functions, functions, a bucket and watchers.
 * Idle it costs cents: but for the fixed address of the mode `nat`, nothing in it is paid by the hour.
 */
export class RepriseStack extends Stack {
  constructor(scope: Construct, id: string, props: RepriseStackProps) {
    super(scope, id, props);
    const providers = props.providers ?? ["aws"];
    const clouds = providers.filter((name): name is CloudName => name !== "local");
    const reach = props.reach ?? "ssm";
    const reaperMinutes = props.reaperMinutes ?? 15;
    const { maxRunDollars, maxLeaseHours, hostVpcId } = props;
    const machines = machineNames(this.stackName);

    const { bucket } = new ArtifactStore(this, "Store", {
      onDestroy: props.onDestroy,
      rawLogsColdAfterDays: props.rawLogsColdAfterDays,
      evidenceDays: props.evidenceDays,
    });
    const secrets = new FlowSecrets(this, "Secrets", {
      clouds: clouds.filter((name): name is SecretCloud => name !== "aws"),
    });
    const hosts = new HostAccess(this, "Hosts", { bucket });
    const address = reach === "nat" ? new FixedAddress(this, "Address") : undefined;
    const functions = new FlowFunctions(this, "Functions", {
      bundles: props.bundles,
      bucket,
      secrets,
      machines,
      clouds,
      address,
      variables: {
        REPRISE_VERSION: props.version,
        REPRISE_PROVIDERS: providers.join(","),
        REPRISE_REACH: reach,
        REPRISE_HOST_PROFILE: hosts.profile.ref,
        ...(address === undefined ? {} : { REPRISE_SSH_FROM: address.cidr }),
        ...(hostVpcId === undefined ? {} : { REPRISE_HOST_VPC: hostVpcId }),
        ...(maxRunDollars === undefined ? {} : { REPRISE_MAX_RUN_DOLLARS: String(maxRunDollars) }),
        ...(maxLeaseHours === undefined ? {} : { REPRISE_MAX_LEASE_HOURS: String(maxLeaseHours) }),
      },
    });
    if (clouds.includes("aws")) {
      const regions = props.allowedRegions ?? [this.region];
      allowEc2(functions.get("cloud-aws"), hosts, regions);
      for (const one of functions.reachingEc2Hosts) allowRunCommand(one, regions);
    }
    const endpoint = new HostEndpoint(this, "Endpoint", { endpoint: functions.get("endpoint") });
    functions.setEndpoint(endpoint.url);
    const flow = new FlowMachines(this, "Flow", { definitions: props.definitions, names: machines, functions, bucket });
    const watchers = new Watchers(this, "Watchers", { functions, machines, reaperMinutes });
    const alarms = new Alarms(this, "Alarms", {
      machines: flow,
      functions,
      watchers,
      reaperMinutes,
      dashboardName: this.stackName,
      email: props.alarmEmail,
      maxMonthlyDollars: props.maxMonthlyDollars,
    });

    const outputs: StackOutputs = {
      schema: "reprise/stack@1",
      version: props.version,
      region: this.region,
      bucket: bucket.bucketName,
      sweepArn: flow.sweep.stateMachineArn,
      teardownArn: flow.teardown.stateMachineArn,
      endpointUrl: endpoint.url,
      reaperFunction: functions.get("reaper").functionName,
      masterSecret: secrets.master.secretArn,
      cloudSecrets: Object.fromEntries(
        Object.entries(secrets.clouds).map(([cloud, secret]) => [cloud, secret.secretArn]),
      ),
      hostProfile: hosts.profile.ref,
      providers: [...providers],
      reaperMinutes,
      reach,
      ...(maxRunDollars === undefined ? {} : { maxRunDollars }),
      ...(maxLeaseHours === undefined ? {} : { maxLeaseHours }),
      alarmTopic: alarms.topic.topicArn,
    };
    new StringParameter(this, "Outputs", {
      parameterName: stackParameterName(this.stackName),
      stringValue: this.toJsonString(outputs),
      description: "reprise: what the command line needs to know of this stack",
    });
    // The same for people, in the console's Outputs tab.
    new CfnOutput(this, "Bucket", { value: bucket.bucketName, description: "evidence: figures --from s3://…" });
    new CfnOutput(this, "SweepArn", { value: flow.sweep.stateMachineArn, description: "start-execution takes this" });
    new CfnOutput(this, "HostProfile", { value: hosts.profile.ref, description: "for EC2 hosts that need AWS" });
  }
}
