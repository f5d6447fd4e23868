import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
} from "@aws-sdk/client-ssm";
import type { SSMClient } from "@aws-sdk/client-ssm";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { readSsmError, SsmCallError } from "./errors.ts";

export interface ScriptToSend {
  readonly region: string;
  readonly instanceIds: readonly string[];
  readonly script: string;
  /** The agent ends the script after so long. */
  readonly timeoutSec: number;
  readonly comment: string;
  /** Where the agent uploads the whole output. */
  readonly bucket?: { readonly name: string; readonly prefix: string } | undefined;
}

/** How one host's part of a command stands. */
export interface Invocation {
  readonly instanceId: string;
  /** Pending, InProgress, Delayed, Success, Cancelled, TimedOut, Failed, Cancelling. */
  readonly status: string;
  readonly details: string;
}

export interface Output {
  readonly status: string;
  readonly details: string;
  readonly responseCode: number;
  readonly stdout: string;
}

/** Whether the SSM agent of an instance listens: data to wait on, not a wait. */
export interface AgentState {
  readonly instanceId: string;
  readonly status: "online" | "connectionLost" | "inactive" | "unregistered";
  /** ms since the epoch. */
  readonly lastPingAt: number | undefined;
}

export interface SsmApiEffects {
  /** A region's client, with one attempt a call. */
  readonly ssm: (region: string) => SSMClient;
  readonly clock: Clock;
  readonly random: Random;
}

/** Hosts in one call, by the API's limit. */
export const hostsPerCommand = 50;
const callMs = 20_000;
const attempts = 6;
const firstPauseMs = 400;
/** @see SendCommand, Parameters of AWS-RunShellScript: executionTimeout */
const longestTimeoutSec = 172_800;
/** The least that SendCommand takes: how long the agent has to begin. */
const deliverySec = 60;

/** Systems Manager's Run Command, each call bounded and repeated while that may help. All of it may be sent twice. */
export class SsmApi {
  private readonly effects: SsmApiEffects;

  constructor(effects: SsmApiEffects) {
    this.effects = effects;
  }

  /** @returns the command's id @throws {SsmCallError} InvalidInstanceId when one of the agents isn't online */
  async send(command: ScriptToSend, signal: AbortSignal): Promise<string> {
    const { Command } = await this.call(
      command.region,
      "SendCommand",
      (client, options) =>
        client.send(
          new SendCommandCommand({
            InstanceIds: [...command.instanceIds],
            DocumentName: "AWS-RunShellScript",
            Comment: command.comment.slice(0, 100),
            TimeoutSeconds: deliverySec,
            Parameters: {
              commands: [command.script],
              executionTimeout: [String(Math.min(longestTimeoutSec, Math.max(1, command.timeoutSec)))],
            },
            // A host whose command fails must not keep the others from theirs.
            MaxConcurrency: String(hostsPerCommand),
            MaxErrors: String(hostsPerCommand),
            ...(command.bucket === undefined
              ? {}
              : { OutputS3BucketName: command.bucket.name, OutputS3KeyPrefix: command.bucket.prefix }),
          }),
          options,
        ),
      signal,
    );
    return Command?.CommandId ?? "";
  }

  /** All hosts of a command at once; those that aren't visible yet are missing. */
  async list(region: string, commandId: string, signal: AbortSignal): Promise<Invocation[]> {
    const { CommandInvocations = [] } = await this.call(
      region,
      "ListCommandInvocations",
      (client, options) =>
        client.send(new ListCommandInvocationsCommand({ CommandId: commandId, MaxResults: hostsPerCommand }), options),
      signal,
    );
    return CommandInvocations.map(({ InstanceId = "", Status = "Pending", StatusDetails = "" }) => ({
      instanceId: InstanceId,
      status: Status,
      details: StatusDetails,
    }));
  }

  /** @returns undefined while the invocation can't be seen yet */
  async output(
    region: string,
    commandId: string,
    instanceId: string,
    signal: AbortSignal,
  ): Promise<Output | undefined> {
    try {
      const got = await this.call(
        region,
        "GetCommandInvocation",
        (client, options) =>
          client.send(new GetCommandInvocationCommand({ CommandId: commandId, InstanceId: instanceId }), options),
        signal,
      );
      return {
        status: got.Status ?? "Pending",
        details: got.StatusDetails ?? "",
        responseCode: got.ResponseCode ?? -1,
        stdout: got.StandardOutputContent ?? "",
      };
    } catch (error) {
      if (error instanceof SsmCallError && error.code === "InvocationDoesNotExist") return undefined;
      throw error;
    }
  }

  /** Best effort, by the API's own word. */
  async cancel(region: string, commandId: string, instanceIds: readonly string[], signal: AbortSignal): Promise<void> {
    await this.call(
      region,
      "CancelCommand",
      (client, options) =>
        client.send(new CancelCommandCommand({ CommandId: commandId, InstanceIds: [...instanceIds] }), options),
      signal,
    );
  }

  /** The agents of these instances, in their order. */
  async agents(region: string, instanceIds: readonly string[], signal: AbortSignal): Promise<AgentState[]> {
    const found = new Map<string, AgentState>();
    for (let at = 0; at < instanceIds.length; at += hostsPerCommand) {
      const Values = instanceIds.slice(at, at + hostsPerCommand);
      const { InstanceInformationList = [] } = await this.call(
        region,
        "DescribeInstanceInformation",
        (client, options) =>
          client.send(
            new DescribeInstanceInformationCommand({
              Filters: [{ Key: "InstanceIds", Values }],
              MaxResults: hostsPerCommand,
            }),
            options,
          ),
        signal,
      );
      for (const { InstanceId = "", PingStatus, LastPingDateTime } of InstanceInformationList)
        found.set(InstanceId, {
          instanceId: InstanceId,
          status: PingStatus === "Online" ? "online" : PingStatus === "Inactive" ? "inactive" : "connectionLost",
          lastPingAt: LastPingDateTime?.getTime(),
        });
    }
    return instanceIds.map(
      (instanceId) => found.get(instanceId) ?? { instanceId, status: "unregistered", lastPingAt: undefined },
    );
  }

  private async call<T>(
    region: string,
    operation: string,
    send: (client: SSMClient, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { clock, random } = this.effects;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await this.bounded((abortSignal) => send(this.effects.ssm(region), { abortSignal }), signal);
      } catch (cause) {
        signal.throwIfAborted();
        const { error, isTransient } = readSsmError(`${operation} in ${region}`, cause);
        if (!isTransient || attempt >= attempts) throw error;
        await clock.sleep(Math.round(firstPauseMs * 2 ** (attempt - 1) * (0.5 + random.next() / 2)), signal);
      }
    }
  }

  private async bounded<T>(send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const call = new AbortController();
    const done = new AbortController();
    const cancel = (): void => call.abort(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    void this.effects.clock.sleep(callMs, done.signal).then(
      () => call.abort(new Error(`no answer within ${callMs} ms`)),
      () => undefined, // answered first
    );
    try {
      return await send(call.signal);
    } catch (error) {
      if (!call.signal.aborted) throw error;
      throw Object.assign(new Error(`no answer within ${callMs} ms`, { cause: error }), { name: "TimeoutError" });
    } finally {
      signal.removeEventListener("abort", cancel);
      done.abort();
    }
  }
}
