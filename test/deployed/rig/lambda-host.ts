import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import type { WriteStream } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  GetFunctionCommand,
  LambdaClient,
  ListFunctionsCommand,
  ListVersionsByFunctionCommand,
} from "@aws-sdk/client-lambda";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import type { Sessions } from "./sessions.ts";

/** What Lambda takes and gives: synchronous payloads of at most 6 MB. */
const mostPayloadBytes = 6_000_000;
/** Instances that are kept warm, of each function. */
const mostIdle = 4;

export interface LambdaAnswer {
  readonly payload: string;
  readonly functionError: boolean;
}

/** One published version. */
interface DeployedFunction {
  readonly version: number;
  readonly configuration: FunctionConfiguration;
  readonly folder: string;
  readonly idle: Instance[];
}

interface Instance {
  readonly child: ChildProcess;
  /** The access key of its role session. */
  readonly accessKeyId: string;
}

/** One invocation, as the test sees it. */
export interface Invocation {
  readonly function: string;
  readonly version: number;
  readonly event: unknown;
  readonly durationMs: number;
  readonly cold: boolean;
  readonly error: string | undefined;
}

/**
 * The stack's own functions as processes of this machine: the very code that was deployed, each instance with its own
 * environment, memory limit and time limit, one event at a time, warm ones used again.
 */
export class LambdaHost {
  readonly invocations: Invocation[] = [];
  /** Called before each invocation: "crash" ends the instance in its middle, as running out of memory does. */
  fault: (name: string) => "crash" | undefined = () => undefined;
  /** Every version of each function that was ever deployed, oldest first: versions are retained. */
  private readonly functions = new Map<string, DeployedFunction[]>();
  private readonly children = new Set<ChildProcess>();
  private readonly options: LambdaHostOptions;
  private readonly log: WriteStream;

  constructor(options: LambdaHostOptions) {
    this.options = options;
    this.log = createWriteStream(join(options.folder, "functions.log"), { flags: "a" });
  }

  /** Fetches the newest version of every function of the stack: configuration and code as they were deployed. */
  async load(ministack: { readonly url: string }): Promise<void> {
    const client = new LambdaClient({
      endpoint: ministack.url,
      region: "us-east-1",
      credentials: this.options.credentials,
    });
    const { Functions: listed = [] } = await client.send(new ListFunctionsCommand({ MaxItems: 100 }));
    for (const { FunctionName: name = "" } of listed) {
      if (!name.startsWith(`${this.options.stack}-Functions`)) continue;
      const { Versions: published = [] } = await client.send(new ListVersionsByFunctionCommand({ FunctionName: name }));
      const versions = this.functions.get(name) ?? [];
      this.functions.set(name, versions);
      const { Configuration: configuration, Code: code } = await client.send(
        new GetFunctionCommand({ FunctionName: name }),
      );
      if (configuration === undefined || code?.Location === undefined) throw new Error(`${name} has no code`);
      const newest = versions.at(-1);
      if (newest?.configuration.LastModified === configuration.LastModified) continue;
      // The emulator makes a function that is updated anew, and would count its versions from 1 again.
      const isPublished = published.some(({ Version: number }) => Number.isInteger(Number(number)));
      const version = isPublished ? (newest?.version ?? 0) + 1 : 0;
      const folder = join(this.options.folder, "code", `${name}-${version}`);
      mkdirSync(folder, { recursive: true });
      const location = new URL(code.Location);
      const zip = await fetch(new URL(`${location.pathname}${location.search}`, ministack.url));
      writeFileSync(`${folder}.zip`, Buffer.from(await zip.arrayBuffer()));
      execFileSync("python3", ["-m", "zipfile", "-e", `${folder}.zip`, folder]);
      versions.push({ version, configuration, folder, idle: [] });
    }
    for (const versions of this.functions.values()) {
      const newest = versions.at(-1);
      const variables = newest?.configuration.Environment?.Variables ?? {};
      for (const [name, value] of Object.entries(variables)) variables[name] = this.withVersions(value);
    }
  }

  /** A text in which references to published versions end with their number, which the emulator leaves out. */
  withVersions(text: string): string {
    return text.replace(/(?<=arn:aws:lambda:[a-z0-9-]+:\d+:function:)[\w-]+(?=["\\]|$)/g, (name) => {
      const newest = this.functions.get(name)?.at(-1)?.version ?? 0;
      return newest === 0 ? name : `${name}:${newest}`;
    });
  }

  /** The function's name from its id in the template: `startPhase`. */
  nameOf(id: string): string {
    const found = [...this.functions.keys()].find((name) =>
      new RegExp(`^${this.options.stack}-Functions${id}[0-9A-F]{8}-`).test(name),
    );
    if (found === undefined) throw new Error(`the stack has no function ${id}`);
    return found;
  }

  /** @param target name, ARN, or ARN with a version */
  async invoke(target: string, payload: string): Promise<LambdaAnswer> {
    const [name = "", asked] = target.startsWith("arn:") ? target.split(":").slice(6) : target.split(":");
    const versions = this.functions.get(name) ?? [];
    const deployed = versions.findLast(({ version }) => asked === undefined || version === Number(asked));
    if (deployed === undefined) throw new Error(`no function ${target}`);
    const startedAt = performance.now();
    const warm = this.warmOf(deployed);
    const instance = warm ?? this.start(deployed);
    const { child } = instance;
    const answer = await this.ask(child, deployed, payload, this.fault(idOf(name)));
    const alive = child.exitCode === null && child.signalCode === null;
    if (alive && deployed.idle.length < mostIdle) deployed.idle.push(instance);
    else child.kill("SIGKILL");
    this.invocations.push({
      function: idOf(name),
      version: deployed.version,
      event: JSON.parse(payload) as unknown,
      durationMs: performance.now() - startedAt,
      cold: warm === undefined,
      error: answer.functionError ? (JSON.parse(answer.payload) as { errorType?: string }).errorType : undefined,
    });
    return answer;
  }

  async stop(): Promise<void> {
    const exits = [...this.children].map(
      (child) =>
        new Promise<void>((resolve) => (child.exitCode === null ? child.once("exit", () => resolve()) : resolve())),
    );
    for (const child of this.children) child.kill("SIGKILL");
    await Promise.all(exits);
    this.log.end();
  }

  /** One that waits, whose credentials still live: the service gives an instance no work after that. */
  private warmOf({ idle }: DeployedFunction): Instance | undefined {
    for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
      if (!this.options.sessions.isEnded(one.accessKeyId)) return one;
      one.child.kill("SIGKILL");
    }
    return undefined;
  }

  private start({ configuration, folder }: DeployedFunction): Instance {
    const accessKeyId = this.options.sessions.current();
    const runner = fileURLToPath(new URL("./lambda-process.mjs", import.meta.url));
    const child = spawn(
      process.execPath,
      [`--max-old-space-size=${configuration.MemorySize ?? 128}`, runner, join(folder, "index.mjs")],
      {
        // Nothing of the test's own environment: what the template gave, and what Lambda adds.
        env: {
          PATH: process.env["PATH"],
          HOME: "/tmp",
          LAMBDA_TASK_ROOT: folder,
          NODE_NO_WARNINGS: "1",
          ...configuration.Environment?.Variables,
          ...this.options.variables,
          AWS_ACCESS_KEY_ID: accessKeyId,
        },
        stdio: ["pipe", "pipe", "pipe", "ipc"],
      },
    );
    this.children.add(child);
    child.once("exit", () => this.children.delete(child));
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => this.log.write(chunk));
    child.stdin?.on("error", () => undefined); // it crashed: its exit is the answer
    return { child, accessKeyId };
  }

  private ask(
    child: ChildProcess,
    { configuration }: DeployedFunction,
    payload: string,
    fault: "crash" | undefined,
  ): Promise<LambdaAnswer> {
    const timeoutSec = configuration.Timeout ?? 3;
    return new Promise((resolve) => {
      const end = (answer: LambdaAnswer): void => {
        clearTimeout(timer);
        child.off("message", onMessage);
        child.off("exit", onExit);
        resolve(answer);
      };
      const failed = (errorType: string, errorMessage: string): LambdaAnswer => ({
        payload: JSON.stringify({ errorType, errorMessage, trace: [] }),
        functionError: true,
      });
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        end(failed("Sandbox.Timedout", `RequestId: ${requestId} Error: Task timed out after ${timeoutSec}.00 seconds`));
      }, timeoutSec * 1_000);
      const onExit = (): void =>
        end(failed("Runtime.ExitError", `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`));
      const onMessage = (message: unknown): void => {
        const said = message as { kind: "succeeded"; payload: string } | { kind: "failed"; error: object }; // lambda-process.mjs
        if (said.kind === "failed") end({ payload: JSON.stringify(said.error), functionError: true });
        else if (said.payload.length > mostPayloadBytes) end(failed("Function.ResponseSizeTooLarge", "over 6 MB"));
        else end({ payload: said.payload, functionError: false });
      };
      const requestId = randomUUID();
      child.on("message", onMessage);
      child.once("exit", onExit);
      child.stdin?.write(`${JSON.stringify({ event: JSON.parse(payload) as unknown, requestId })}\n`);
      if (fault === "crash") setTimeout(() => child.kill("SIGKILL"), 5);
    });
  }
}

export interface LambdaHostOptions {
  readonly stack: string;
  readonly folder: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What stands in for what the emulated cloud can't give: endpoints, above all. */
  readonly variables: Readonly<Record<string, string>>;
  readonly sessions: Sessions;
}

const idOf = (name: string): string => /-Functions(.+?)[0-9A-F]{8}-/.exec(name)?.[1] ?? name;
