import { z } from "zod";
import { accept } from "../common/accept.ts";
import type { ShellResult } from "../common/backend.ts";
import type { OpenCall } from "../common/call-log.ts";
import { CloudError, NotImplemented } from "../common/cloud-error.ts";
import type { WireObject } from "../common/wire.ts";
import type { Ec2Region, Instance } from "./region.ts";
import { accountId } from "./region.ts";

/** Where `OutputS3BucketName` puts a command's whole output; without one the parameter isn't emulated. */
export type PutObject = (bucket: string, key: string, body: string) => Promise<void>;

interface Invocation {
  readonly instanceId: string;
  readonly visibleAtMs: number;
  status: "Pending" | "InProgress" | "Success" | "Failed" | "TimedOut" | "Cancelled" | "Cancelling";
  details: string;
  responseCode: number;
  startedAtMs: number | undefined;
  endedAtMs: number | undefined;
  stdout: string;
  stderr: string;
  readonly stop: AbortController;
}
interface Command {
  readonly id: string;
  readonly requestedAtMs: number;
  readonly comment: string;
  readonly parameters: Readonly<Record<string, readonly string[]>>;
  readonly timeoutSec: number;
  readonly instanceIds: readonly string[];
  readonly output: { readonly bucket: string; readonly prefix: string } | undefined;
  readonly invocations: ReadonlyMap<string, Invocation>;
}

/** What the API shows of the output, in characters. */
const STDOUT_LIMIT = 24_000;
const STDERR_LIMIT = 8_000;
const ended: ReadonlySet<string> = new Set(["Success", "Failed", "TimedOut", "Cancelled"]);

const Ids = z.array(z.string());
const page = { MaxResults: z.int().optional(), NextToken: z.string().optional() };
const SendCommand = z.strictObject({
  InstanceIds: Ids.max(50).optional(),
  Targets: z.array(z.strictObject({ Key: z.literal("InstanceIds"), Values: Ids })).optional(),
  DocumentName: z.string(),
  DocumentVersion: z.string().optional(),
  TimeoutSeconds: z.int().min(30).max(2_592_000).default(3600),
  Comment: z.string().max(100).default(""),
  Parameters: z.record(z.string(), z.array(z.string())).default({}),
  OutputS3Region: z.string().optional(),
  OutputS3BucketName: z.string().optional(),
  OutputS3KeyPrefix: z.string().default(""),
  MaxConcurrency: z.string().optional(),
  MaxErrors: z.string().optional(),
});
const ShellParameters = z.strictObject({
  commands: z.array(z.string()).min(1),
  workingDirectory: z.array(z.string()).max(1).default([]),
  executionTimeout: z.array(z.string().regex(/^\d+$/)).max(1).default(["3600"]),
});

/** Run Command and public parameters of one region. */
export class Ssm {
  private readonly region: Ec2Region;
  private readonly putObject: PutObject | undefined;
  private readonly commands = new Map<string, Command>();

  constructor(region: Ec2Region, putObject: PutObject | undefined) {
    this.region = region;
    this.putObject = putObject;
  }

  run(operation: string, input: unknown, call: OpenCall): WireObject {
    switch (operation) {
      case "SendCommand":
        return this.sendCommand(parse(SendCommand, input), call);
      case "GetCommandInvocation":
        return this.getCommandInvocation(
          parse(
            z.strictObject({ CommandId: z.string(), InstanceId: z.string(), PluginName: z.literal(PLUGIN).optional() }),
            input,
          ),
        );
      case "ListCommandInvocations":
        return this.listCommandInvocations(
          parse(
            z.strictObject({
              CommandId: z.string().optional(),
              InstanceId: z.string().optional(),
              Details: z.boolean().default(false),
              ...page,
            }),
            input,
          ),
        );
      case "CancelCommand":
        return this.cancelCommand(
          parse(z.strictObject({ CommandId: z.string(), InstanceIds: Ids.default([]) }), input),
          call,
        );
      case "DescribeInstanceInformation":
        return this.describeInstanceInformation(
          parse(
            z.strictObject({
              Filters: z.array(z.strictObject({ Key: z.enum(["InstanceIds", "PingStatus"]), Values: Ids })).default([]),
              ...page,
            }),
            input,
          ),
        );
      case "GetParameter":
        return this.getParameter(
          parse(z.strictObject({ Name: z.string(), WithDecryption: z.boolean().optional() }), input),
        );
      case "GetParameters": {
        const { Names: names } = parse(
          z.strictObject({ Names: Ids.min(1).max(10), WithDecryption: z.boolean().optional() }),
          input,
        );
        const found = names.map((name) => this.parameter(name));
        return {
          Parameters: found.filter((p) => p !== undefined),
          InvalidParameters: names.filter((_, i) => found[i] === undefined),
        };
      }
      default:
        throw new NotImplemented(`ssm ${operation}`);
    }
  }

  private sendCommand(input: z.infer<typeof SendCommand>, call: OpenCall): WireObject {
    if (input.DocumentName !== "AWS-RunShellScript") throw new NotImplemented(`ssm document ${input.DocumentName}`);
    if (input.OutputS3BucketName !== undefined && this.putObject === undefined)
      throw new NotImplemented("OutputS3BucketName without an object store behind the emulator");
    const shell = ShellParameters.safeParse(input.Parameters);
    if (!shell.success) throw new CloudError(400, "InvalidParameters", shell.error.issues[0]?.message ?? "invalid");
    if (JSON.stringify(input.Parameters).length > 65_536)
      throw new CloudError(400, "MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.");
    const ids = [...(input.InstanceIds ?? []), ...(input.Targets ?? []).flatMap((t) => t.Values)];
    const offline = ids.find((id) => !this.isOnline(this.region.instances.get(id)));
    if (offline !== undefined || ids.length === 0)
      throw new CloudError(
        400,
        "InvalidInstanceId",
        `Instances [[${offline ?? ""}]] not in a valid state for account ${accountId}`,
      );

    const { world } = this.region;
    const command: Command = {
      id: world.ids.uuid(`${this.region.name}/command`),
      requestedAtMs: world.now(),
      comment: input.Comment,
      parameters: input.Parameters,
      timeoutSec: input.TimeoutSeconds,
      instanceIds: ids,
      output:
        input.OutputS3BucketName === undefined
          ? undefined
          : { bucket: input.OutputS3BucketName, prefix: input.OutputS3KeyPrefix },
      invocations: new Map(ids.map((id) => [id, newInvocation(id, this.region.visibleAt())])),
    };
    this.commands.set(command.id, command);
    call.mutations.push(`sent ${command.id}`);
    for (const invocation of command.invocations.values()) this.schedule(command, invocation, shell.data);
    return { Command: this.describe(command) };
  }

  private schedule(command: Command, invocation: Invocation, shell: z.infer<typeof ShellParameters>): void {
    const { world } = this.region;
    const [directory] = shell.workingDirectory;
    const script = [...(directory === undefined ? [] : [`cd '${directory}' || exit 1`]), ...shell.commands].join("\n");
    const delivered = world.about(world.timings.operationMs / 3);
    world.timeline.after(delivered, () => {
      const instance = this.region.instances.get(invocation.instanceId);
      if (invocation.status !== "Pending" || !this.isOnline(instance)) return;
      invocation.status = "InProgress";
      invocation.details = "InProgress";
      invocation.startedAtMs = world.now();
      world.backend.run(invocation.instanceId, script, invocation.stop.signal).then(
        (result) => this.finish(command, invocation, result),
        () => undefined, // the machine is gone: no word ever comes, and the timeout below ends the invocation
      );
      world.timeline.after(Number(shell.executionTimeout[0]) * 1000, () => {
        if (!ended.has(invocation.status)) this.close(invocation, "TimedOut", "ExecutionTimedOut", -1);
        invocation.stop.abort(new Error("execution timed out"));
      });
    });
    world.timeline.after(command.timeoutSec * 1000, () => {
      if (invocation.status === "Pending") this.close(invocation, "TimedOut", "DeliveryTimedOut", -1);
    });
  }

  private finish(command: Command, invocation: Invocation, result: ShellResult): void {
    this.region.world.timeline.settle();
    if (ended.has(invocation.status)) return;
    invocation.stdout = result.stdout;
    invocation.stderr = result.stderr;
    const ok = result.exitCode === 0;
    const cancelled = invocation.status === "Cancelling";
    this.close(
      invocation,
      cancelled ? "Cancelled" : ok ? "Success" : "Failed",
      cancelled ? "Cancelled" : ok ? "Success" : "Failed",
      result.exitCode,
    );
    if (command.output === undefined || this.putObject === undefined) return;
    const { bucket } = command.output;
    const folder = outputFolder(command, invocation);
    for (const [name, text] of [
      ["stdout", result.stdout],
      ["stderr", result.stderr],
    ] as const)
      if (text !== "")
        this.putObject(bucket, `${folder}/${name}`, text).catch((reason: unknown) => {
          this.region.world.problems.push(`ssm output to ${bucket}: ${String(reason)}`);
        });
  }

  private close(invocation: Invocation, status: Invocation["status"], details: string, code: number): void {
    invocation.status = status;
    invocation.details = details;
    invocation.responseCode = code;
    invocation.endedAtMs = this.region.world.now();
  }

  private getCommandInvocation(input: { readonly CommandId: string; readonly InstanceId: string }): WireObject {
    const command = this.commands.get(input.CommandId);
    const invocation = command?.invocations.get(input.InstanceId);
    if (command === undefined || invocation === undefined || invocation.visibleAtMs > this.region.world.now())
      throw new CloudError(400, "InvocationDoesNotExist", "");
    const over = ended.has(invocation.status);
    const started = invocation.startedAtMs;
    const finished = invocation.endedAtMs;
    const url = (name: string): string =>
      command.output === undefined
        ? ""
        : `https://s3.${this.region.name}.amazonaws.com/${command.output.bucket}/${outputFolder(command, invocation)}/${name}`;
    return {
      CommandId: command.id,
      InstanceId: invocation.instanceId,
      Comment: command.comment,
      DocumentName: "AWS-RunShellScript",
      DocumentVersion: "$DEFAULT",
      PluginName: PLUGIN,
      ResponseCode: over ? invocation.responseCode : -1,
      ExecutionStartDateTime: started === undefined ? "" : new Date(started).toISOString(),
      ExecutionElapsedTime: finished === undefined || started === undefined ? "" : `PT${(finished - started) / 1000}S`,
      ExecutionEndDateTime: finished === undefined ? "" : new Date(finished).toISOString(),
      Status: invocation.status,
      StatusDetails: invocation.details,
      StandardOutputContent: over ? invocation.stdout.slice(0, STDOUT_LIMIT) : "",
      StandardOutputUrl: url("stdout"),
      StandardErrorContent: over ? invocation.stderr.slice(0, STDERR_LIMIT) : "",
      StandardErrorUrl: url("stderr"),
      CloudWatchOutputConfig: { CloudWatchLogGroupName: "", CloudWatchOutputEnabled: false },
    };
  }

  private listCommandInvocations(input: {
    readonly CommandId?: string | undefined;
    readonly InstanceId?: string | undefined;
    readonly Details: boolean;
    readonly MaxResults?: number | undefined;
    readonly NextToken?: string | undefined;
  }): WireObject {
    const now = this.region.world.now();
    const rows = [...this.commands.values()]
      .filter((c) => (input.CommandId ?? c.id) === c.id)
      .flatMap((command) => [...command.invocations.values()].map((invocation) => ({ command, invocation })))
      .filter(({ invocation: i }) => (input.InstanceId ?? i.instanceId) === i.instanceId && i.visibleAtMs <= now);
    const from = Number(input.NextToken ?? 0);
    const to = from + (input.MaxResults ?? 50);
    return {
      CommandInvocations: rows.slice(from, to).map(({ command, invocation: i }) => ({
        CommandId: command.id,
        InstanceId: i.instanceId,
        InstanceName: "",
        Comment: command.comment,
        DocumentName: "AWS-RunShellScript",
        DocumentVersion: "$DEFAULT",
        RequestedDateTime: command.requestedAtMs / 1000,
        Status: i.status,
        StatusDetails: i.details,
        StandardOutputUrl: "",
        StandardErrorUrl: "",
        CommandPlugins: input.Details
          ? [
              {
                Name: PLUGIN,
                Status: i.status,
                StatusDetails: i.details,
                ResponseCode: ended.has(i.status) ? i.responseCode : -1,
                Output: ended.has(i.status) ? (i.stdout + i.stderr).slice(0, 2500) : "",
              },
            ]
          : [],
      })),
      NextToken: to < rows.length ? String(to) : undefined,
    };
  }

  private cancelCommand(
    input: { readonly CommandId: string; readonly InstanceIds: readonly string[] },
    call: OpenCall,
  ): WireObject {
    const command = this.commands.get(input.CommandId);
    if (command === undefined) throw new CloudError(400, "InvalidCommandId", "");
    for (const invocation of command.invocations.values()) {
      if (input.InstanceIds.length > 0 && !input.InstanceIds.includes(invocation.instanceId)) continue;
      if (invocation.status === "Pending") this.close(invocation, "Cancelled", "Cancelled", -1);
      if (invocation.status !== "InProgress") continue;
      invocation.status = "Cancelling";
      invocation.details = "Cancelling";
      invocation.stop.abort(new Error("cancelled"));
    }
    call.mutations.push(`cancelled ${command.id}`);
    return {};
  }

  private describeInstanceInformation(input: {
    readonly Filters: readonly { readonly Key: "InstanceIds" | "PingStatus"; readonly Values: readonly string[] }[];
    readonly MaxResults?: number | undefined;
    readonly NextToken?: string | undefined;
  }): WireObject {
    const now = this.region.world.now() / 1000;
    const known = [...this.region.instances.values()]
      .filter((i) => i.state !== "terminated" && this.hasRegistered(i))
      .map((i) => ({ instance: i, status: this.isOnline(i) ? "Online" : "ConnectionLost" }))
      .filter(({ instance, status }) =>
        input.Filters.every((f) => f.Values.includes(f.Key === "InstanceIds" ? instance.id : status)),
      );
    const from = Number(input.NextToken ?? 0);
    const to = from + (input.MaxResults ?? 50);
    return {
      InstanceInformationList: known.slice(from, to).map(({ instance, status }) => ({
        InstanceId: instance.id,
        PingStatus: status,
        LastPingDateTime: now,
        AgentVersion: "3.3.3050.0",
        IsLatestVersion: true,
        PlatformType: "Linux",
        PlatformName: "Ubuntu",
        PlatformVersion: "24.04",
        ResourceType: "EC2Instance",
        IPAddress: instance.privateIp,
        ComputerName: `ip-${instance.privateIp.replaceAll(".", "-")}`,
      })),
      NextToken: to < known.length ? String(to) : undefined,
    };
  }

  private getParameter(input: { readonly Name: string }): WireObject {
    const parameter = this.parameter(input.Name);
    if (parameter === undefined) throw new CloudError(400, "ParameterNotFound", "");
    return { Parameter: parameter };
  }

  /** AWS's public parameters: the newest image of each line. */
  private parameter(name: string): WireObject | undefined {
    const image = this.region.images.find((i) => i.parameter === name);
    return image === undefined
      ? undefined
      : {
          Name: name,
          Type: "String",
          Value: image.id,
          Version: 1,
          LastModifiedDate: Date.parse(image.createdAt) / 1000,
          ARN: `arn:aws:ssm:${this.region.name}::parameter${name}`,
          DataType: "aws:ec2:image",
        };
  }

  /** The agent needs an instance profile, a machine that came up, and half a minute. */
  private hasRegistered(instance: Instance): boolean {
    const { world } = this.region;
    return (
      instance.profile !== undefined &&
      instance.runningSinceMs !== undefined &&
      !instance.unreachable &&
      world.now() >= instance.runningSinceMs + world.timings.agentMs
    );
  }

  private isOnline(instance: Instance | undefined): boolean {
    return instance?.state === "running" && this.hasRegistered(instance);
  }

  private describe(command: Command): WireObject {
    return {
      CommandId: command.id,
      DocumentName: "AWS-RunShellScript",
      DocumentVersion: "$DEFAULT",
      Comment: command.comment,
      ExpiresAfter: (command.requestedAtMs + command.timeoutSec * 1000) / 1000,
      Parameters: command.parameters,
      InstanceIds: command.instanceIds,
      Targets: [],
      RequestedDateTime: command.requestedAtMs / 1000,
      Status: "Pending",
      StatusDetails: "Pending",
      OutputS3BucketName: command.output?.bucket,
      OutputS3KeyPrefix: command.output?.prefix,
      MaxConcurrency: "50",
      MaxErrors: "0",
      TargetCount: command.instanceIds.length,
      CompletedCount: 0,
      ErrorCount: 0,
      DeliveryTimedOutCount: 0,
      TimeoutSeconds: command.timeoutSec,
    };
  }
}

const PLUGIN = "aws:runShellScript";

const parse = <T extends z.ZodType>(schema: T, input: unknown): z.output<T> =>
  accept(schema, input, (message) => new CloudError(400, "ValidationException", message));

/** `{prefix}/{command}/{instance}/awsrunShellScript/0.awsrunShellScript`, as the agent lays it out */
const outputFolder = (command: Command, invocation: Invocation): string =>
  [command.output?.prefix ?? "", command.id, invocation.instanceId, "awsrunShellScript", "0.awsrunShellScript"]
    .filter((part) => part !== "")
    .join("/");

const newInvocation = (instanceId: string, visibleAtMs: number): Invocation => ({
  instanceId,
  visibleAtMs,
  status: "Pending",
  details: "Pending",
  responseCode: -1,
  startedAtMs: undefined,
  endedAtMs: undefined,
  stdout: "",
  stderr: "",
  stop: new AbortController(),
});
