import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { DescribeStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { exitCodes } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { homePaths } from "../../engines/embedded/home.ts";
import { version } from "../../engines/embedded/version.ts";
import { isConfigured, openCloud } from "../../providers/cloud/open-cloud.ts";
import type { Check } from "../deployed/checks.ts";
import { judgeClock, judgeNode, judgeVersion, runChecks } from "../deployed/checks.ts";
import { lookFromStack } from "../deployed/look.ts";
import { buildHome } from "../deployed/place.ts";
import { awsFailure, readStack } from "../deployed/stack.ts";
import { openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";

const marks = { good: "ok  ", look: "look", bad: "BAD " } as const;

/** Looks at everything that a run needs, and says of each thing that isn't well what to do. */
export async function doctor(context: CommandContext): Promise<number> {
  const { output, engine } = context;
  const checks = [...machineChecks(context), ...cloudChecks(), ...(engine === "aws" ? stackChecks(context) : [])];
  const findings = await runChecks(checks);
  output.result(findings);
  for (const { name, verdict, detail, fix } of findings) {
    output.line(`${marks[verdict]}  ${name}: ${detail}`);
    if (fix !== undefined && verdict !== "good") output.line(`      try: ${fix}`);
  }
  return findings.some(({ verdict }) => verdict === "bad") ? exitCodes.invalid : 0;
}

const leastFreeBytes = 2 * 1024 ** 3;

function machineChecks({ home }: CommandContext): Check[] {
  const program = (name: string, why: string): Check => ({
    name,
    run: async () => {
      const found = await promisify(execFile)("sh", ["-c", `command -v ${name}`]).then(
        ({ stdout }) => stdout.trim(),
        () => undefined, // not on PATH
      );
      if (found !== undefined) return { verdict: "good", detail: found };
      return { verdict: "look", detail: "not found", fix: `install ${name}: ${why}` };
    },
  });
  return [
    { name: "node", run: async () => judgeNode(process.version) },
    {
      name: "home",
      run: async () => {
        const { root } = homePaths(home);
        await mkdir(root, { recursive: true });
        const { bavail, bsize } = await statfs(root);
        const free = bavail * bsize;
        const detail = `${root}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
        if (free >= leastFreeBytes) return { verdict: "good", detail };
        return { verdict: "look", detail, fix: "free some space, or choose another --home" };
      },
    },
    program("git", "sources under git are recorded by commit"),
    program("curl", "hosts upload with it; without it by a slower program of ours"),
    program("ssh", "`reprise ssh` opens a shell with it"),
  ];
}

function cloudChecks(): Check[] {
  const hosts = { run: (): Promise<never> => Promise.reject(new Error("a doctor reaches no hosts")) };
  const deps = { environment: process.env, clock: systemClock, random: { next: () => Math.random() }, hosts };
  return (["aws", "azure", "gcp"] as const).map((cloud) => ({
    name: `${cloud} credentials`,
    run: async () => {
      if (!isConfigured(cloud, process.env, existsSync)) return { verdict: "look", detail: "none on this machine" };
      await (await openCloud(cloud, deps)).signIn();
      return { verdict: "good", detail: "logged in" };
    },
  }));
}

/** Below this, runs with many hosts wait for each other's functions. */
const enoughConcurrency = 100;

function stackChecks({ stack }: CommandContext): Check[] {
  const { region } = stack;
  return [
    {
      name: "stack",
      run: async () => {
        const { bucket, providers } = await readStack(stack);
        return { verdict: "good", detail: `${stack.stack} in ${region}, ${providers.join(", ")}, s3://${bucket}` };
      },
    },
    { name: "stack version", run: async () => judgeVersion(version, (await readStack(stack)).version) },
    {
      name: "evidence",
      run: async () => {
        const store = openStore(buildHome({ ...stack, bucket: (await readStack(stack)).bucket }));
        for await (const _ of store.list("runs/")) break;
        return { verdict: "good", detail: "the bucket can be read" };
      },
    },
    {
      name: "state machines",
      run: async () => {
        const { sweepArn } = await readStack(stack);
        const answer = await new SFNClient({ region })
          .send(new DescribeStateMachineCommand({ stateMachineArn: sweepArn }))
          .catch((error: unknown) => {
            throw awsFailure(sweepArn, error);
          });
        return { verdict: answer.status === "DELETING" ? "bad" : "good", detail: `${answer.name ?? ""} is there` };
      },
    },
    {
      name: "endpoint and clock",
      run: async () => {
        const { endpointUrl } = await readStack(stack);
        const fix = "hosts report there: the log group of the function endpoint says more, `reprise deploy` mends it";
        const answer = await fetch(endpointUrl, { signal: AbortSignal.timeout(15_000) }).catch(messageOf);
        if (typeof answer === "string") return { verdict: "bad", detail: `${endpointUrl}: ${answer}`, fix };
        const theirs = Date.parse(answer.headers.get("date") ?? "");
        if (answer.status !== 404) return { verdict: "bad", detail: `${endpointUrl} answers ${answer.status}`, fix };
        return Number.isNaN(theirs) ? { verdict: "good", detail: "hosts are heard" } : judgeClock(Date.now(), theirs);
      },
    },
    {
      name: "the stack's clouds",
      run: async () => {
        const outputs = await readStack(stack);
        const { resources, problems } = await lookFromStack(outputs, new LambdaClient({ region }));
        if (problems.length === 0)
          return { verdict: "good", detail: `${outputs.providers.join(", ")} answer, ${resources.length} resources` };
        const fix =
          "`reprise secrets set` gives the stack Azure's and Google's credentials; EC2's rights are its role's";
        return { verdict: "bad", detail: problems.join("; "), fix };
      },
    },
    {
      name: "function quota",
      run: async () => {
        const answer = await new LambdaClient({ region })
          .send(new GetAccountSettingsCommand({}))
          .catch((error: unknown) => {
            throw awsFailure("the account's Lambda settings", error);
          });
        const most = answer.AccountLimit?.ConcurrentExecutions ?? 0;
        const detail = `${most} functions at once`;
        if (most >= enoughConcurrency) return { verdict: "good", detail };
        return { verdict: "look", detail, fix: "ask for more in Service Quotas: Lambda, concurrent executions" };
      },
    },
  ];
}
