import { Duration } from "aws-cdk-lib";
import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import type { IMetric } from "aws-cdk-lib/aws-cloudwatch";
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  Metric,
  SingleValueWidget,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import { metricNamespace } from "../lambdas/log.ts";
import type { FlowFunctions } from "./flow-functions.ts";
import type { FlowMachines } from "./flow-machines.ts";
import type { Watchers } from "./watchers.ts";

export interface AlarmsProps {
  readonly machines: FlowMachines;
  readonly functions: FlowFunctions;
  readonly watchers: Watchers;
  readonly reaperMinutes: number;
  readonly dashboardName: string;
  /** Who is told. @default nobody: the topic is there to be subscribed to */
  readonly email?: string | undefined;
  /** What AWS itself counts for a month's spend in this account, dollars; told at 80 and 100 %. @default no budget */
  readonly maxMonthlyDollars?: number | undefined;
}

/** What must not go unnoticed, told to one topic; and one page that shows how the control plane does. */
export class Alarms extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { machines, functions, watchers } = props;
    this.topic = new Topic(this, "Topic", { enforceSSL: true });
    if (props.email !== undefined) this.topic.addSubscription(new EmailSubscription(props.email));

    const hour = { period: Duration.hours(1), statistic: "Sum" };
    const teardowns = {
      failed: machines.teardown.metricFailed(hour),
      timedOut: machines.teardown.metricTimedOut(hour),
      aborted: machines.teardown.metricAborted(hour),
    };
    for (const [name, metric] of Object.entries(teardowns)) {
      this.alarm(`Teardown-${name}`, "a teardown broke off: hosts may be up and paid for", metric);
    }
    this.alarm(
      "StillThere",
      "a receipt or the reaper names resources that the cloud still lists",
      new Metric({ namespace: metricNamespace, metricName: "StillThere", ...hour, statistic: "Maximum" }),
    );
    this.alarm(
      "Undelivered",
      "the rule on ended executions failed: what they left may be up",
      watchers.undelivered.metricApproximateNumberOfMessagesVisible(hour),
    );
    this.alarm("RunsFailed", "a run ended without all its trials", machines.sweep.metricFailed(hour));
    this.alarm("RunsTimedOut", "a run outlived its longest life", machines.sweep.metricTimedOut(hour));
    this.alarm("ReaperFails", "the reaper broke off", functions.get("reaper").metricErrors(hour));
    new Alarm(this, "ReaperSilent", {
      alarmDescription: "reprise: the reaper didn't look: nothing deletes what outlives its expiry",
      metric: functions.get("reaper").metricInvocations({ period: Duration.minutes(4 * props.reaperMinutes) }),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    }).addAlarmAction(new SnsAction(this.topic));

    if (props.maxMonthlyDollars !== undefined) this.addBudget(props.maxMonthlyDollars, props.email);
    this.addDashboard(props);
  }

  private alarm(id: string, what: string, metric: IMetric): void {
    new Alarm(this, id, {
      alarmDescription: `reprise: ${what}`,
      metric,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(this.topic));
  }

  /** AWS's own count, late by hours: the last net under each run's own budget. */
  private addBudget(dollars: number, email: string | undefined): void {
    const subscribers = email === undefined ? [] : [{ subscriptionType: "EMAIL", address: email }];
    new CfnBudget(this, "Budget", {
      budget: { budgetType: "COST", timeUnit: "MONTHLY", budgetLimit: { amount: dollars, unit: "USD" } },
      notificationsWithSubscribers:
        subscribers.length === 0
          ? []
          : [80, 100].map((threshold) => ({
              notification: { notificationType: "ACTUAL", comparisonOperator: "GREATER_THAN", threshold },
              subscribers,
            })),
    });
  }

  private addDashboard({ machines, functions, dashboardName }: AlarmsProps): void {
    const five = { period: Duration.minutes(5) };
    const all = [...functions.functions.entries()];
    new Dashboard(this, "Dashboard", {
      dashboardName,
      widgets: [
        [
          new SingleValueWidget({
            title: "Runs",
            width: 12,
            metrics: [
              machines.sweep.metricStarted(five),
              machines.sweep.metricSucceeded(five),
              machines.sweep.metricFailed(five),
            ],
          }),
          new SingleValueWidget({
            title: "Teardowns",
            width: 12,
            metrics: [
              machines.teardown.metricStarted(five),
              machines.teardown.metricSucceeded(five),
              machines.teardown.metricFailed(five),
            ],
          }),
        ],
        [
          new GraphWidget({
            title: "Errors by function",
            width: 12,
            left: all.map(([name, one]) => one.metricErrors({ ...five, label: name })),
          }),
          new GraphWidget({
            title: "Duration by function, p95 (ms)",
            width: 12,
            left: all.map(([name, one]) => one.metricDuration({ ...five, statistic: "p95", label: name })),
          }),
        ],
        [
          new GraphWidget({
            title: "Hosts' calls",
            width: 12,
            left: [functions.get("endpoint").metricInvocations(five)],
            right: [functions.get("endpoint").metricErrors(five), functions.get("endpoint").metricThrottles(five)],
          }),
          new GraphWidget({
            title: "Left behind",
            width: 12,
            left: [
              new Metric({ namespace: metricNamespace, metricName: "StillThere", statistic: "Maximum", ...five }),
              new Metric({ namespace: metricNamespace, metricName: "Reaped", statistic: "Sum", ...five }),
            ],
          }),
        ],
      ],
    });
  }
}
