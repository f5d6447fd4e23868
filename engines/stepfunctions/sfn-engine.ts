import type { SFNClient } from "@aws-sdk/client-sfn";
import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { Json } from "../../core/effects/json.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { FailureClass } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { executionArn, toServiceName } from "../../core/names/stack.ts";
import type { Engine, ExecutionName, MachineName, TaskOutcome, TaskToken } from "../../core/ports/engine.ts";

/** What the service takes, in characters. */
const mostErrorChars = 256;
const mostCauseChars = 32_768;

export interface SfnEngineOptions {
  readonly client: SFNClient;
  readonly machines: Readonly<Record<MachineName, string>>; // ARNs
}

/** The engine as Step Functions: what handlers and the command line ask of it goes out as its API calls. */
export class SfnEngine implements Engine {
  private readonly client: SFNClient;
  private readonly machines: SfnEngineOptions["machines"];

  constructor({ client, machines }: SfnEngineOptions) {
    this.client = client;
    this.machines = machines;
  }

  /** The service itself makes a repeated start with the same input one start; another one it calls ExecutionAlreadyExists. */
  async start(machine: MachineName, name: ExecutionName, input: Json): Promise<void> {
    const stateMachineArn = this.machines[machine];
    try {
      await this.client.send(
        new StartExecutionCommand({ stateMachineArn, name: toServiceName(name), input: JSON.stringify(input) }),
      );
    } catch (error) {
      if (error instanceof Error && error.name === "ExecutionAlreadyExists") throw error; // the flow knows it by name
      throw sfnFailure(`start ${name}`, error);
    }
  }

  wake(token: TaskToken, outcome: TaskOutcome): Promise<"woken" | "gone"> {
    return this.answer("wake", "woken", () =>
      outcome.kind === "succeeded"
        ? this.client.send(new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(outcome.output) }))
        : this.client.send(
            new SendTaskFailureCommand({
              taskToken: token,
              error: outcome.error.slice(0, mostErrorChars),
              cause: outcome.cause.slice(0, mostCauseChars),
            }),
          ),
    );
  }

  heartbeat(token: TaskToken): Promise<"beaten" | "gone"> {
    return this.answer("heartbeat", "beaten", () =>
      this.client.send(new SendTaskHeartbeatCommand({ taskToken: token })),
    );
  }

  async stop(name: ExecutionName, reason: string): Promise<void> {
    const machine: MachineName = name.endsWith(".teardown") ? "teardown" : "sweep";
    try {
      await this.client.send(
        new StopExecutionCommand({
          executionArn: executionArn(this.machines[machine], name),
          error: "CancelledFailure",
          cause: reason.slice(0, mostCauseChars),
        }),
      );
    } catch (error) {
      if (error instanceof Error && error.name === "ExecutionDoesNotExist") return;
      throw sfnFailure(`stop ${name}`, error);
    }
  }

  private async answer<T>(what: string, done: T, call: () => Promise<unknown>): Promise<T | "gone"> {
    try {
      await call();
      return done;
    } catch (error) {
      if (error instanceof Error && goneErrors.has(error.name)) return "gone";
      throw sfnFailure(what, error);
    }
  }
}

/** The task timed out, was answered before, or its execution ended: nobody waits any more. */
const goneErrors: ReadonlySet<string> = new Set(["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"]);

/** What the service answered, in our vocabulary, once the SDK's own retries are used up. */
export function sfnFailure(what: string, error: unknown): FailureError {
  const { name, status } = answerOf(error);
  return new FailureError(
    {
      class: classOf(name, status),
      message: `Step Functions, ${what}: ${name ?? "no answer"}: ${messageOf(error)}`,
      hint: hintOf(name, status),
    },
    { cause: error },
  );
}

function answerOf(error: unknown): { readonly name: string | undefined; readonly status: number | undefined } {
  if (!(error instanceof Error)) return { name: undefined, status: undefined };
  const metadata = "$metadata" in error ? error.$metadata : undefined;
  const hasStatus = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata;
  return {
    name: error.name,
    status: hasStatus && typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined,
  };
}

function classOf(name: string | undefined, status: number | undefined): FailureClass {
  if (name === "ThrottlingException" || status === 429) return "throttled";
  if (name === "ExecutionLimitExceeded") return "quota";
  if (name === "StateMachineDoesNotExist") return "invalid";
  if (name === "AccessDeniedException" || status === 401 || status === 403) return "auth";
  if (name === "CredentialsProviderError") return "auth";
  return status === undefined || status >= 500 ? "transport" : "defect";
}

function hintOf(name: string | undefined, status: number | undefined): string | undefined {
  if (name === "StateMachineDoesNotExist") return "`reprise deploy` makes it; is it the right --region?";
  if (name === "CredentialsProviderError") return "sign in to AWS, or name a --profile";
  if (status === 403) return "may these credentials use the stack? `reprise doctor` looks";
  return undefined;
}
