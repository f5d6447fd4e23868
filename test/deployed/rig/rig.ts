import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ExecutionListItem } from "@aws-sdk/client-sfn";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ListExecutionsCommand,
  SFNClient,
  UpdateStateMachineCommand,
} from "@aws-sdk/client-sfn";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { randomUUID } from "node:crypto";
import { readParameter } from "../../../cli/deployed/stack.ts";
import type { StackOutputs } from "../../../core/names/stack.ts";
import { stackParameterName } from "../../../core/names/stack.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { S3Store, createS3Client } from "../../../stores/s3/s3-store.ts";
import type { RigClouds } from "./clouds.ts";
import { credentialsOf, openClouds } from "./clouds.ts";
import type { Gateway } from "./gateway.ts";
import { endpointPath, startGateway } from "./gateway.ts";
import { LambdaHost } from "./lambda-host.ts";
import { ministackProgram, motoProgram } from "./python-tools.ts";
import { Sessions } from "./sessions.ts";
import type { ServerProcess } from "./server-process.ts";
import { freePort, startServer } from "./server-process.ts";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
const region = "us-east-1";
const account = "000000000000";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const stack = "reprise";

/** How a program run by the test ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A whole emulated cloud with the stack really deployed in it: ministack holds what CloudFormation made, moto interprets
 * the deployed state machines, the deployed bundles run as processes, hosts are this machine's or those of emulated clouds.
 */
export class Rig {
  readonly folder: string;
  readonly functions: LambdaHost;
  readonly sessions: Sessions;
  readonly environment: Readonly<Record<string, string>>;
  outputs!: StackOutputs; // read by `deploy`, which every test begins with
  store!: S3Store; // as above
  readonly sfn: SFNClient;
  private readonly ministack: ServerProcess;
  private readonly moto: ServerProcess;
  private readonly gateway: Gateway;
  private readonly ownClouds: RigClouds | undefined;
  private readonly moved = new Set<string>();
  private watching = true;
  private watcher: Promise<void> = Promise.resolve();

  private constructor(parts: {
    folder: string;
    functions: LambdaHost;
    sessions: Sessions;
    ministack: ServerProcess;
    moto: ServerProcess;
    gateway: Gateway;
    clouds: RigClouds | undefined;
  }) {
    this.folder = parts.folder;
    this.functions = parts.functions;
    this.sessions = parts.sessions;
    this.ministack = parts.ministack;
    this.moto = parts.moto;
    this.gateway = parts.gateway;
    this.ownClouds = parts.clouds;
    this.environment = {
      ...cloudEnvironment(`http://127.0.0.1:${parts.gateway.port}`),
      ...(parts.clouds === undefined ? {} : credentialsOf(parts.clouds)),
    };
    this.sfn = new SFNClient({ endpoint: parts.moto.url, region, credentials });
  }

  /** @param options.clouds whether there are machines too: three emulated clouds of ours, whose hosts are real */
  static async start(options: { readonly clouds?: boolean } = {}): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), "reprise-deployed-"));
    const [ministackPort, motoPort] = [await freePort(), await freePort()];
    const sessions = new Sessions();
    const gateway = await startGateway({
      moto: () => motoPort,
      ministack: () => ministackPort,
      invoke: (name, payload) => functions.invoke(name, payload),
      endpointFunction: () => functions.nameOf("endpoint"),
      admits: (accessKeyId) => sessions.admits(accessKeyId),
      machines: () => clouds?.emulator.aws.handle,
    });
    const s3 = createS3Client({ region, endpoint: `http://127.0.0.1:${ministackPort}`, credentials });
    const clouds = options.clouds === true ? await openClouds(gateway, s3) : undefined;
    const gatewayUrl = clouds?.gatewayUrl ?? `http://127.0.0.1:${gateway.port}`;
    const functions = new LambdaHost({
      stack,
      folder,
      credentials,
      sessions,
      variables: {
        ...cloudEnvironment(gatewayUrl),
        ...clouds?.endpoints,
        REPRISE_ENDPOINT_URL: `${gatewayUrl}${endpointPath}`,
        REPRISE_LOCAL_HOSTS: join(folder, "hosts"),
        REPRISE_LOCAL_HOST_PROGRAM: join(root, "dist", "local-host.js"),
      },
    });
    const ministack = await startServer({
      command: [ministackProgram()],
      port: ministackPort,
      env: {
        NODE_PATH: join(root, "node_modules"),
        BIND_HOST: "127.0.0.1",
        GATEWAY_PORT: String(ministackPort),
        IOT_MTLS_ENABLED: "0",
      },
      logFile: join(folder, "ministack.log"),
      cwd: folder,
    });
    const moto = await startServer({
      command: [motoProgram(), "-H", "127.0.0.1", "-p", String(motoPort)],
      port: motoPort,
      env: { MOTO_PORT: String(gateway.port), MOTO_ACCOUNT_ID: account, AWS_DEFAULT_REGION: region },
      logFile: join(folder, "moto.log"),
      cwd: folder,
    });
    const body = JSON.stringify({ stepfunctions: { execute_state_machine: true }, lambda: { use_docker: false } });
    await fetch(`${moto.url}/moto-api/config`, { method: "POST", body });
    return new Rig({ folder, functions, sessions, ministack, moto, gateway, clouds });
  }

  get clouds(): RigClouds {
    if (this.ownClouds === undefined) throw new Error("this rig was started without clouds");
    return this.ownClouds;
  }

  /** `cdk bootstrap` and `cdk deploy` for real, then what stands in for the services that the emulator has no life in. */
  async deploy(context: Readonly<Record<string, string>> = {}): Promise<void> {
    const providers = this.ownClouds === undefined ? "local" : "local,aws,azure,gcp";
    const settings = Object.entries({ providers, ...context }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const output = join(this.folder, "cdk.out");
    // Not where the app is: bootstrapping would put it together just to throw it away.
    await this.cdk(["bootstrap", `aws://${account}/${region}`], this.folder);
    await this.cdk(["deploy", "--require-approval", "never", ...settings, "--output", output]);
    const client = new SSMClient({ endpoint: this.ministack.url, region, credentials });
    this.outputs = await this.playEndpoint(await readParameter({ stack, region }, client), client);
    this.store = new S3Store({
      client: createS3Client({ region, endpoint: this.ministack.url, credentials }),
      bucket: this.outputs.bucket,
      clock: systemClock,
      newId: randomUUID,
    });
    await this.functions.load(this.ministack);
    await this.moveMachines();
    this.watcher = this.playRule();
  }

  /** The function's URL has an address of its own on AWS; here it is the gateway's, and the stack says so. */
  private async playEndpoint(outputs: StackOutputs, client: SSMClient): Promise<StackOutputs> {
    const played = { ...outputs, endpointUrl: `http://127.0.0.1:${this.gateway.port}${endpointPath}/` };
    const Value = JSON.stringify(played);
    await client.send(new PutParameterCommand({ Name: stackParameterName(stack), Value, Overwrite: true }));
    return played;
  }

  private settings(context: Readonly<Record<string, string>>): string[] {
    const providers = this.ownClouds === undefined ? "local" : "local,aws,azure,gcp";
    return Object.entries({ providers, ...context }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  }

  /** `cdk deploy` again, with other settings; what runs meanwhile goes on. */
  async update(context: Readonly<Record<string, string>>): Promise<void> {
    await this.cdk(["deploy", "--require-approval", "never", ...this.settings(context)]);
    await this.functions.load(this.ministack);
    await this.moveMachines();
  }

  /** The definitions as they were deployed, every substitution made, to the interpreter that runs them. */
  private async moveMachines(): Promise<void> {
    const deployed = new SFNClient({ endpoint: this.ministack.url, region, credentials });
    for (const stateMachineArn of [this.outputs.sweepArn, this.outputs.teardownArn]) {
      const { name, ...found } = await deployed.send(new DescribeStateMachineCommand({ stateMachineArn }));
      const definition = asMotoReads(this.functions.withVersions(found.definition ?? ""));
      if (this.moved.has(stateMachineArn)) {
        await this.sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition }));
        continue;
      }
      const roleArn = `arn:aws:iam::${account}:role/${name ?? ""}`;
      await this.sfn.send(new CreateStateMachineCommand({ name, definition, roleArn }));
      this.moved.add(stateMachineArn);
    }
  }

  /** EventBridge's part: tells the deployed function of every execution that has ended, once. */
  private async playRule(): Promise<void> {
    const told = new Set<string>();
    while (this.watching) {
      for (const stateMachineArn of [this.outputs.sweepArn, this.outputs.teardownArn]) {
        // On a busy machine an emulator may be late to answer: it is asked again.
        const { executions = [] } = await this.sfn
          .send(new ListExecutionsCommand({ stateMachineArn, maxResults: 100 }))
          .catch(() => ({ executions: [] }));
        for (const execution of executions) {
          const arn = execution.executionArn ?? "";
          if (execution.status === "RUNNING" || told.has(arn)) continue;
          if (await this.tellEnded(stateMachineArn, execution)) told.add(arn);
        }
      }
      await sleep(300);
    }
  }

  /** @returns false: it isn't heard, and comes again */
  private async tellEnded(stateMachineArn: string, execution: ExecutionListItem): Promise<boolean> {
    const { executionArn, name, status } = execution;
    const described = await this.sfn.send(new DescribeExecutionCommand({ executionArn })).catch(() => undefined);
    if (described === undefined) return false;
    const { input } = described;
    const event = {
      source: "aws.states",
      "detail-type": "Step Functions Execution Status Change",
      detail: { executionArn, stateMachineArn, name, status, input },
    };
    const { functionError } = await this.functions.invoke(this.functions.nameOf("ended"), JSON.stringify(event));
    return !functionError;
  }

  /** The built command line, with nothing but an AWS user's environment. */
  reprise(args: readonly string[], timeoutMs = 900_000): Promise<Ran> {
    return run(process.execPath, [join(root, "bin", "reprise.mjs"), ...args], {
      cwd: root,
      env: { ...process.env, ...this.environment },
      timeoutMs,
    });
  }

  /** What other tests start and kill by themselves. */
  commandLine(args: readonly string[]): {
    readonly program: string;
    readonly args: string[];
    readonly env: NodeJS.ProcessEnv;
  } {
    return {
      program: process.execPath,
      args: [join(root, "bin", "reprise.mjs"), ...args],
      env: { ...process.env, ...this.environment },
    };
  }

  async cdk(args: readonly string[], cwd = root): Promise<Ran> {
    const ran = await run(process.execPath, [join(root, "node_modules", "aws-cdk", "bin", "cdk"), ...args], {
      cwd,
      env: {
        ...process.env,
        ...this.environment,
        AWS_ENDPOINT_URL: this.ministack.url,
        CDK_DEFAULT_ACCOUNT: account,
        CDK_DEFAULT_REGION: region,
      },
      timeoutMs: 600_000,
    });
    if (ran.code !== 0)
      throw new Error(`cdk ${args[0] ?? ""} failed:\n${ran.stdout.slice(-2_000)}${ran.stderr.slice(-4_000)}`);
    return ran;
  }

  /** By name and through the API: the CDK's own `destroy` names it by ARN, which the emulator takes and doesn't act on. */
  async deleteStack(): Promise<void> {
    const body = new URLSearchParams({ Action: "DeleteStack", Version: "2010-05-15", StackName: stack });
    const answer = await fetch(this.ministack.url, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/cloudformation/aws4_request, SignedHeaders=host, Signature=x`,
      },
    });
    if (!answer.ok) throw new Error(`the stack isn't deleted: ${await answer.text()}`);
  }

  async stop(): Promise<void> {
    this.watching = false;
    await this.watcher.catch(() => undefined);
    await this.functions.stop();
    await this.gateway.close();
    await this.ownClouds?.close();
    await Promise.all([this.ministack.stop(), this.moto.stop()]);
    this.sfn.destroy();
    if (process.env["REPRISE_KEEP_RIG"] === undefined) rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * What moto 5.2.4 can't read. Its grammar takes no whole number as a percentage: without the field it tolerates every
 * failed item, which is what ours says. It looks for the writer's prefix in the Map's output, not in its input.
 */
const asMotoReads = (definition: string): string =>
  definition
    .replace('"ToleratedFailurePercentage":100,', "")
    .replace('"Prefix.$":"$.mapResults"', '"Prefix":"map-results"');

const cloudEnvironment = (gatewayUrl: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: gatewayUrl,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_REGION: region,
  AWS_EC2_METADATA_DISABLED: "true",
});

async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], {
      cwd: options.cwd,
      env: options.env,
      timeout: options.timeoutMs,
      maxBuffer: 64 * 1024 ** 2,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: number | string; stdout?: string; stderr?: string }; // execFile's own error
    return {
      code: typeof failed.code === "number" ? failed.code : -1,
      stdout: failed.stdout ?? "",
      stderr: failed.stderr ?? String(error),
    };
  }
}
