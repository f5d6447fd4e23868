import { Duration } from "aws-cdk-lib";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { explainFindings } from "./explain-findings.ts";
import type { FlowFunctions } from "./flow-functions.ts";
import type { MachineNames } from "./machine-names.ts";
import { machineArns } from "./machine-names.ts";

export interface WatchersProps {
  readonly functions: FlowFunctions;
  readonly machines: MachineNames;
  /** How often the reaper looks. @default 15 minutes */
  readonly reaperMinutes: number;
}

/** Who looks when nobody does: the rule on ended executions, and the reaper on its schedule. */
export class Watchers extends Construct {
  /** Events that the rule's function failed on, again and again: each may be hosts that nobody took down. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, props: WatchersProps) {
    super(scope, id);
    const arns = machineArns(this, props.machines);
    this.undelivered = new Queue(this, "Undelivered", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    explainFindings(this.undelivered, [{ id: "AwsSolutions-SQS3", reason: "it is the dead-letter queue" }]);
    new Rule(this, "Ended", {
      description: "reprise: a sweep, one of its children, or a teardown has ended, however it did",
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: {
          status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
          stateMachineArn: [arns.sweep, arns.teardown, { prefix: `${arns.sweep}/` }],
        },
      },
      targets: [
        new LambdaTarget(props.functions.get("ended"), {
          deadLetterQueue: this.undelivered,
          maxEventAge: Duration.hours(6),
          retryAttempts: 20,
        }),
      ],
    });
    new Rule(this, "Reap", {
      description: "reprise: deletes what outlived its expiry, whoever made it",
      schedule: Schedule.rate(Duration.minutes(props.reaperMinutes)),
      targets: [
        new LambdaTarget(props.functions.get("reaper"), {
          event: RuleTargetInput.fromObject({ reason: "schedule" }),
          retryAttempts: 2,
        }),
      ],
    });
  }
}
