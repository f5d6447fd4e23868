import { join } from "node:path";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Version } from "aws-cdk-lib/aws-lambda";
import type { FunctionProps } from "aws-cdk-lib/aws-lambda";
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { ExplainedFinding } from "./explain-findings.ts";
import { explainFindings } from "./explain-findings.ts";
import type { FixedAddress } from "./fixed-address.ts";
import { kebabCase } from "./kebab-case.ts";
import type { CloudName, FunctionSpec, Need, ServiceFunctionName } from "../lambdas/functions.ts";
import { cloudFunctions, serviceFunctions, taskFunctions } from "../lambdas/functions.ts";
import type { HandlerName } from "../lambdas/handlers.ts";
import type { MachineNames } from "./machine-names.ts";
import { machineArns, statesArn } from "./machine-names.ts";
import type { FlowSecrets } from "./secrets.ts";

export interface FlowFunctionsProps {
  /** Folder with one bundle a function, by the entry's name. */
  readonly bundles: string;
  readonly bucket: Bucket;
  readonly secrets: FlowSecrets;
  /** The state machines by name: their ARNs are known before they are, since they in turn name these functions. */
  readonly machines: MachineNames;
  readonly clouds: readonly CloudName[];
  /** From where functions that log in to hosts speak. @default wherever Lambda puts them */
  readonly address?: FixedAddress | undefined;
  /** Variables of every function. */
  readonly variables: Readonly<Record<string, string>>;
}

const explained: readonly ExplainedFinding[] = [
  {
    id: "AwsSolutions-IAM5",
    appliesTo: ["Resource::*"],
    reason:
      "X-Ray's two write actions know no resources; nor do EC2's Describe actions (the EC2 function alone has them), nor those that give a function its interface in a network",
  },
  {
    id: "AwsSolutions-IAM5",
    appliesTo: ["runs", "results", "blobs"].map((prefix) => ({
      regex: `/^Resource::<.*Store.*\\.Arn>\\/${prefix}\\/\\*$/`,
    })),
    reason:
      "every run's records lie below these prefixes; runs don't exist yet when the role is made. Nothing may delete",
  },
  {
    id: "AwsSolutions-IAM5",
    appliesTo: [{ regex: "/^Resource::<.*Store.*\\.Arn>\\/ssm\\/\\*$/" }],
    reason: "stdin and output of commands on their way, never evidence: each is deleted when its command has ended",
  },
  {
    id: "AwsSolutions-IAM5",
    appliesTo: [{ regex: "/^Resource::arn:.*:states:.*:(stateMachine|execution):.*-(sweep|teardown)[:/]\\*$/" }],
    reason: "executions of this stack's own two machines, and the Map's children below them, have names of their own",
  },
];

export type FunctionName = HandlerName | ServiceFunctionName;

/** Every function, each with a role that holds what `lambdas/functions.ts` says it needs and nothing else. */
export class FlowFunctions extends Construct {
  readonly functions: ReadonlyMap<string, LambdaFunction>;
  private readonly props: FlowFunctionsProps;
  private readonly machineArns: { readonly sweep: string; readonly teardown: string };
  private readonly made = new Map<string, LambdaFunction>();
  private readonly cloudVersions = new Map<CloudName, Version>();

  constructor(scope: Construct, id: string, props: FlowFunctionsProps) {
    super(scope, id);
    this.props = props;
    this.machineArns = machineArns(this, props.machines);
    this.functions = this.made;
    for (const cloud of props.clouds) {
      const made = this.make(`cloud-${cloud}`, cloudFunctions[cloud]);
      const secret = cloud === "aws" ? undefined : props.secrets.clouds[cloud];
      if (secret !== undefined) {
        secret.grantRead(made);
        made.addEnvironment("REPRISE_CLOUD_SECRET", secret.secretArn);
      }
      this.cloudVersions.set(cloud, made.currentVersion);
    }
    for (const [name, spec] of Object.entries({ ...taskFunctions, ...serviceFunctions })) this.make(name, spec);
  }

  get(name: FunctionName | `cloud-${CloudName}`): LambdaFunction {
    const made = this.made.get(name);
    if (made === undefined) throw new Error(`there is no function ${name}`);
    return made;
  }

  /** Those that reach EC2 hosts; the cloud's own does to lengthen their lives. */
  get reachingEc2Hosts(): readonly LambdaFunction[] {
    return [...this.made].flatMap(([name, made]) => (reachesHosts(name, ["aws"]) ? [made] : []));
  }

  /** Tells the functions where hosts report. */
  setEndpoint(url: string): void {
    for (const [name, spec] of Object.entries(taskFunctions)) {
      if (spec.needs.includes("hosts")) this.made.get(name)?.addEnvironment("REPRISE_ENDPOINT_URL", url);
    }
  }

  private make(name: string, spec: FunctionSpec): LambdaFunction {
    const { bundles, variables, secrets, bucket } = this.props;
    const machineArns = this.machineArns;
    const logs = new LogGroup(this, `${name}Logs`, {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // A role of its own making: AWS's managed one may write every log of the account.
    const role = new Role(this, `${name}Role`, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    logs.grantWrite(role);
    const made = new LambdaFunction(this, name, {
      description: `reprise: ${spec.purpose}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: "index.handler",
      code: Code.fromAsset(join(bundles, kebabCase(name))),
      timeout: Duration.seconds(spec.timeoutSec),
      memorySize: spec.memoryMb,
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.TEXT, // each line is JSON already
      logGroup: logs,
      role,
      ...this.placeOf(name),
      environment: {
        ...variables,
        REPRISE_BUCKET: bucket.bucketName,
        REPRISE_SWEEP_ARN: machineArns.sweep,
        REPRISE_TEARDOWN_ARN: machineArns.teardown,
      },
      // A run that began before a deploy goes on with the code it began with: its definition names versions.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    for (const need of spec.needs) this.grant(made, need);
    if (made.isBoundToVpc) allowInterface(made);
    explainFindings(role, explained);
    if (spec.needs.includes("secret")) made.addEnvironment("REPRISE_MASTER_SECRET", secrets.master.secretArn);
    this.made.set(name, made);
    return made;
  }

  private placeOf(name: string): Pick<FunctionProps, "vpc" | "vpcSubnets" | "securityGroups"> {
    const { address } = this.props;
    if (address === undefined || !reachesHosts(name, this.props.clouds)) return {};
    const { vpc, subnets, securityGroup } = address;
    return { vpc, vpcSubnets: { subnets: [...subnets] }, securityGroups: [securityGroup] };
  }

  private grant(to: LambdaFunction, need: Need): void {
    const { bucket, secrets, machines } = this.props;
    const { machineArns } = this;
    const allow = (actions: string[], resources: string[]): void =>
      to.addToRolePolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }));
    switch (need) {
      case "store":
        allow(["s3:ListBucket"], [bucket.bucketArn]);
        // Nothing deletes here: evidence is only ever added.
        allow(
          ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
          ["runs/*", "results/*", "blobs/*"].map((prefix) => bucket.arnForObjects(prefix)),
        );
        return;
      case "secret":
        secrets.master.grantRead(to);
        return;
      case "hosts":
        // SSH asks nothing of AWS; what Systems Manager doesn't carry goes through the bucket, and is deleted there.
        if (this.props.clouds.includes("aws"))
          allow(
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
            [bucket.arnForObjects("ssm/*")],
          );
        return;
      case "providers":
        for (const [cloud, version] of this.cloudVersions) {
          allow(["lambda:InvokeFunction"], [version.functionArn]);
          to.addEnvironment(`REPRISE_CLOUD_${cloud.toUpperCase()}`, version.functionArn);
        }
        return;
      case "startsTeardown":
        allow(["states:StartExecution"], [machineArns.teardown]);
        return;
      case "wakes":
        allow(
          ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"],
          [machineArns.sweep, `${machineArns.sweep}/*`, machineArns.teardown],
        );
        return;
      case "readsHistory": {
        // Children of the distributed Map run under `{machine}/{label}`.
        const executions = [`${machines.sweep}:*`, `${machines.sweep}/*`, `${machines.teardown}:*`].map(
          (resourceName) => statesArn(this, "execution", resourceName),
        );
        allow(["states:GetExecutionHistory", "states:DescribeExecution"], executions);
        return;
      }
      default:
        return need satisfies never;
    }
  }
}

const reachesHosts = (name: string, clouds: readonly CloudName[]): boolean =>
  clouds.some((cloud) => name === `cloud-${cloud}`) ||
  Object.entries(taskFunctions).some(([task, { needs }]) => task === name && needs.includes("hosts"));

/** What Lambda itself needs to put a function into a network; AWS's managed policy would add the account's logs. */
function allowInterface(to: LambdaFunction): void {
  to.addToRolePolicy(
    new PolicyStatement({
      actions: [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ],
      resources: ["*"],
    }),
  );
}
