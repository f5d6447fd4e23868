import { spawn } from "node:child_process";
import { createServer, request } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { Json } from "../../../core/effects/json.ts";
import { toFailure } from "../../../engines/asl/task.ts";
import { motoProgram } from "../../deployed/rig/python-tools.ts";

/** Called with a Lambda function's name and payload. */
export type Invoke = (name: string, payload: Json) => Promise<Json>;

export interface MotoRun {
  readonly status: string;
  readonly output: Json;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly events: readonly HistoryEvent[];
}

/**
 * moto's Step Functions interpreter, with Lambda Invoke answered here.
 *
 * The interpreter calls other services at `http://localhost:$MOTO_PORT`: that is a gateway, which sends Lambda Invoke to
 * `invoke` and everything else on to moto.
 */
export class Moto {
  readonly client: SFNClient;
  invoke: Invoke = () => Promise.reject(new Error("no handlers yet"));
  private readonly stopProcess: () => Promise<void>;
  private readonly gateway: Server;
  private machines = 0;

  private constructor(client: SFNClient, gateway: Server, stopProcess: () => Promise<void>) {
    this.client = client;
    this.gateway = gateway;
    this.stopProcess = stopProcess;
  }

  static async start(): Promise<Moto> {
    const server = motoProgram();
    const motoPort = await freePort();
    const gateway = createServer((incoming, outgoing) => {
      const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(incoming.url ?? "")?.[1];
      if (name === undefined) {
        const { method, url, headers } = incoming;
        const onward = request(
          { host: "127.0.0.1", port: motoPort, path: url ?? "/", method: method ?? "GET", headers },
          (answer) => {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(outgoing);
          },
        );
        onward.on("error", () => outgoing.writeHead(502).end());
        incoming.pipe(onward);
        return;
      }
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        moto.invoke(decodeURIComponent(name), (text === "" ? {} : JSON.parse(text)) as Json).then(
          (result) => outgoing.writeHead(200, answerHeaders).end(JSON.stringify(result)),
          (error: unknown) =>
            outgoing
              .writeHead(200, { ...answerHeaders, "X-Amz-Function-Error": "Unhandled" })
              .end(toFailure(error).cause),
        );
      });
    });
    const gatewayPort = await new Promise<number>((resolve) => {
      gateway.listen(0, "127.0.0.1", () => resolve((gateway.address() as AddressInfo).port)); // listening on TCP
    });
    const child = spawn(server, ["-H", "127.0.0.1", "-p", String(motoPort)], {
      env: { ...process.env, MOTO_PORT: String(gatewayPort), AWS_DEFAULT_REGION: "us-east-1" },
      stdio: "ignore",
    });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const client = new SFNClient({
      endpoint: `http://127.0.0.1:${motoPort}`,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const moto = new Moto(client, gateway, async () => {
      child.kill("SIGKILL"); // it holds nothing but memory
      await exited;
    });
    await moto.configure(motoPort);
    return moto;
  }

  /** Runs one definition to its end, in real time. */
  async run(definition: unknown, input: Json, invoke: Invoke): Promise<MotoRun> {
    this.invoke = invoke;
    const name = `machine-${++this.machines}`;
    const { stateMachineArn } = await this.client.send(
      new CreateStateMachineCommand({
        name,
        definition: JSON.stringify(definition),
        roleArn: "arn:aws:iam::123456789012:role/any",
      }),
    );
    const { executionArn } = await this.client.send(
      new StartExecutionCommand({ stateMachineArn, name: "e", input: JSON.stringify(input) }),
    );
    for (let polls = 0; polls < 3_000; polls++) {
      const { status, output, error, cause } = await this.client.send(new DescribeExecutionCommand({ executionArn }));
      if (status !== "RUNNING") {
        const history = await this.client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
        const events = history.events ?? [];
        return { status: String(status), output: output ? parseOutput(output) : null, error, cause, events };
      }
      await sleep(50);
    }
    throw new Error(`${name} didn't end in 3,000 looks`);
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await this.stopProcess();
    await new Promise((resolve) => this.gateway.close(resolve));
  }

  private async configure(port: number): Promise<void> {
    const body = JSON.stringify({ stepfunctions: { execute_state_machine: true }, lambda: { use_docker: false } });
    for (let attempt = 0; attempt < 900; attempt++) {
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/moto-api/config`, { method: "POST", body });
        if (answer.ok) return;
      } catch {
        // Not listening yet.
      }
      await sleep(200);
    }
    throw new Error("moto_server didn't answer in 900 tries");
  }
}

/** moto forgets the quotes round an output that is a string. */
function parseOutput(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

const answerHeaders = { "Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST" };

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createTcpServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo; // listening on TCP
      probe.close(() => resolve(port));
    });
  });
