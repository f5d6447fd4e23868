import { z } from "zod";

/** One line a call, for people who search: which run, which trial, how long, how it ended. */
export interface CallLog {
  readonly level: "info" | "error";
  readonly function: string;
  readonly runId?: string | undefined;
  readonly deploymentId?: string | undefined;
  /** `{pointKey}#{trialIndex}/{attempt}` */
  readonly trial?: string | undefined;
  readonly phase?: string | undefined;
  readonly execution?: string | undefined;
  readonly requestId?: string | undefined;
  readonly durationMs: number;
  readonly answer?: string | undefined;
  readonly error?: string | undefined;
  readonly message?: string | undefined;
  readonly hint?: string | undefined;
}

const aboutSchema = z.object({
  phase: z.string().optional(),
  execution: z.string().optional(),
  input: z
    .object({
      runId: z.string().optional(),
      deploymentId: z.string().optional(),
      pointKey: z.string().optional(),
      trialIndex: z.number().optional(),
      attempt: z.number().optional(),
    })
    .optional(),
});

/** What a payload of the state machines is about; nothing when it isn't one. */
export function aboutPayload(
  payload: unknown,
): Pick<CallLog, "runId" | "deploymentId" | "trial" | "phase" | "execution"> {
  const parsed = aboutSchema.safeParse(payload);
  if (!parsed.success) return {};
  const { phase, execution, input = {} } = parsed.data;
  const trial =
    input.pointKey === undefined ? undefined : `${input.pointKey}#${input.trialIndex ?? "?"}/${input.attempt ?? "?"}`;
  return { runId: input.runId, deploymentId: input.deploymentId, trial, phase, execution };
}

/** Where lines go: CloudWatch Logs, which takes each line of stdout as an event. */
export type WriteLine = (line: string) => void;

export const writeLog = (write: WriteLine, log: CallLog): void => write(`${JSON.stringify(log)}\n`);

/**
 * Numbers in CloudWatch's embedded metric format: a log line that is a metric too, without a call to anybody.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function writeMetrics(write: WriteLine, metrics: Readonly<Record<string, number>>, nowMs: number): void {
  const definitions = Object.keys(metrics).map((name) => ({ Name: name, Unit: "Count" }));
  const aws = {
    Timestamp: nowMs,
    CloudWatchMetrics: [{ Namespace: metricNamespace, Dimensions: [[]], Metrics: definitions }],
  };
  write(`${JSON.stringify({ _aws: aws, ...metrics })}\n`);
}

export const metricNamespace = "reprise";
