import { RemovalPolicy } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Version } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { taskFunctions } from "../lambdas/functions.ts";
import type { HandlerName } from "../lambdas/handlers.ts";
import type { ExplainedFinding } from "./explain-findings.ts";
import { explainFindings } from "./explain-findings.ts";
import { composeDefinition } from "./definition.ts";
import type { FlowFunctions } from "./flow-functions.ts";
import type { MachineNames } from "./machine-names.ts";
import { statesArn } from "./machine-names.ts";

export interface FlowMachinesProps {
  /** The folder `statemachines/`. */
  readonly definitions: string;
  readonly names: MachineNames;
  readonly functions: FlowFunctions;
  readonly bucket: Bucket;
}

const explained: readonly ExplainedFinding[] = [
  {
    id: "AwsSolutions-IAM5",
    appliesTo: ["Resource::*"],
    reason: "X-Ray's and the log delivery's actions know no resources",
  },
  {
    id: "AwsSolutions-IAM5",
    appliesTo: [
      { regex: "/^Resource::arn:.*:states:.*:execution:.*-sweep\\/\\*$/" },
      { regex: "/^Resource::<.*Store.*\\.Arn>\\/runs\\/\\*\\/(tickets|history)\\/\\*$/" },
    ],
    reason: "children of the Map and the runs they belong to don't exist when the role is made",
  },
];

/** The two state machines, from the very files that the embedded engine runs. */
export class FlowMachines extends Construct {
  readonly sweep: StateMachine;
  readonly teardown: StateMachine;
  private readonly props: FlowMachinesProps;
  /** Versions, not functions: a deploy in the middle of a run leaves the run its code. */
  private readonly versions: ReadonlyMap<HandlerName, Version>;

  constructor(scope: Construct, id: string, props: FlowMachinesProps) {
    super(scope, id);
    this.props = props;
    const names = Object.keys(taskFunctions) as HandlerName[]; // the record's own keys
    this.versions = new Map(names.map((name) => [name, props.functions.get(name).currentVersion]));
    this.sweep = this.make("Sweep", "sweep.asl.json", props.names.sweep);
    this.teardown = this.make("Teardown", "teardown.asl.json", props.names.teardown);
    this.allowDistributedMap();
    for (const machine of [this.sweep, this.teardown]) explainFindings(machine.role, explained);
  }

  private make(id: string, file: string, stateMachineName: string): StateMachine {
    const { definitions, bucket } = this.props;
    const arns = Object.fromEntries([...this.versions].map(([name, version]) => [name, version.functionArn]));
    const definition = composeDefinition(definitions, file, { ...arns, bucket: bucket.bucketName });
    const made = new StateMachine(this, id, {
      stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(definition),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, `${id}Logs`, {
          // The console shows only groups of this prefix, and policies of others run out of room.
          logGroupName: `/aws/vendedlogs/states/${stateMachineName}`,
          retention: RetentionDays.THREE_MONTHS,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        includeExecutionData: true, // ids and counters: contents are in the store
      },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const used = [...this.versions].filter(([, version]) => definition.includes(version.functionArn));
    made.addToRolePolicy(
      new PolicyStatement({
        actions: ["lambda:InvokeFunction"],
        resources: used.map(([, version]) => version.functionArn),
      }),
    );
    return made;
  }

  /** A definition from a file gets no grants by itself: the Map reads its tickets, starts children, writes its results. */
  private allowDistributedMap(): void {
    const { bucket, names } = this.props;
    this.sweep.addToRolePolicy(
      new PolicyStatement({
        actions: ["states:StartExecution"],
        resources: [statesArn(this, "stateMachine", names.sweep)],
      }),
    );
    this.sweep.addToRolePolicy(
      new PolicyStatement({
        actions: ["states:DescribeExecution", "states:StopExecution"],
        resources: [statesArn(this, "execution", `${names.sweep}/*`)],
      }),
    );
    this.sweep.addToRolePolicy(
      new PolicyStatement({ actions: ["s3:GetObject"], resources: [bucket.arnForObjects("runs/*/tickets/*")] }),
    );
    this.sweep.addToRolePolicy(
      new PolicyStatement({
        actions: ["s3:GetObject", "s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
        resources: [bucket.arnForObjects("runs/*/history/*")],
      }),
    );
  }
}
