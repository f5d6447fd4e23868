import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { readCredentials } from "../../cli/commands/secrets.ts";
import { judgeClock, judgeNode, judgeVersion, runChecks } from "../../cli/deployed/checks.ts";
import { driverOnStack, requireProviders, sealOnStack } from "../../cli/deployed/drive.ts";
import { idleCosts, sumOf } from "../../cli/deployed/idle-cost.ts";
import { lookFromStack } from "../../cli/deployed/look.ts";
import { buildHome, parseHome, stackOf } from "../../cli/deployed/place.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { deploymentKeys } from "../../core/names/keys.ts";
import type { StackOutputs } from "../../core/names/stack.ts";
import { stackOutputsSchema } from "../../core/names/stack.ts";
import { VirtualClock } from "../../engines/clock/virtual-clock.ts";
import { MemoryStore } from "../../stores/memory/memory-store.ts";
import { simExperiment } from "../engines/embedded/sim-run.ts";

const outputs: StackOutputs = stackOutputsSchema.parse({
  schema: "reprise/stack@1",
  version: "0.1.0",
  region: "eu-central-1",
  bucket: "bucket",
  sweepArn: "arn:aws:states:eu-central-1:111122223333:stateMachine:reprise-sweep",
  teardownArn: "arn:aws:states:eu-central-1:111122223333:stateMachine:reprise-teardown",
  endpointUrl: "https://endpoint/",
  reaperFunction: "reaper",
  masterSecret: "master",
  cloudSecrets: {},
  hostProfile: "profile",
  providers: ["aws"],
  reaperMinutes: 15,
  alarmTopic: "topic",
});

describe("parseHome", () => {
  it("reads what buildHome writes", () => {
    const place = { bucket: "my-bucket", region: "eu-central-1", stack: "reprise" };
    expect(parseHome(buildHome(place), {})).toEqual({ kind: "bucket", ...place });
    expect(stackOf(buildHome(place), {})).toMatchObject(place);
  });

  it("takes a bucket alone as one that is only read, in the region that AWS's tools use", () => {
    expect(parseHome("s3://b", { AWS_REGION: "eu-west-1" })).toMatchObject({ region: "eu-west-1", stack: undefined });
    expect(stackOf("s3://b", {})).toBeUndefined();
  });

  it("takes everything else as a folder, and refuses no bucket at all", () => {
    expect(parseHome(".reprise", {})).toEqual({ kind: "folder", path: ".reprise" });
    expect(() => parseHome("s3://", {})).toThrow(/no bucket/);
  });
});

describe("requireProviders", () => {
  it("refuses hosts that the functions can't reach, with the way out", () => {
    const { plan } = simExperiment({ points: 1, trials: 1, lanes: 1 });
    expect(() => requireProviders(plan, outputs)).toThrow(/no provider sim: it has aws/);
    expect(() => requireProviders({ ...plan, deployments: [] }, outputs)).not.toThrow();
  });
});

describe("driverOnStack", () => {
  const clock = new VirtualClock();
  /** Knows these executions by the end of their ARN. */
  const clientWith = (known: Readonly<Record<string, { status: string; stopDate?: Date }>>): SFNClient => {
    const send = async ({ input }: { readonly input: { readonly executionArn: string } }): Promise<unknown> => {
      const name = input.executionArn.split(":").at(-1) ?? "";
      const there = known[name];
      if (there === undefined) throw Object.assign(new Error("gone"), { name: "ExecutionDoesNotExist" });
      return there;
    };
    return { send } as unknown as SFNClient; // all that is called
  };
  it("awaits the seal for a while after the end, and not for ever", async () => {
    const store = new MemoryStore({ clock });
    const sealAfter = (ms: number) => {
      const client = clientWith({ r_1: { status: "SUCCEEDED", stopDate: new Date(clock.now() - ms) } });
      return sealOnStack("r", { outputs, client, store, clock });
    };
    expect(await sealAfter(5_000)).toBe("awaited");
    expect(await sealAfter(600_000)).toBe("overdue");
  });

  const ask = async (known: Parameters<typeof clientWith>[0], deployment?: "open") => {
    const store = new MemoryStore({ clock });
    if (deployment === "open")
      await store.putIfAbsent(deploymentKeys("r", "r-main-1").topology, new TextEncoder().encode("{}"), "t");
    return driverOnStack("r", { outputs, client: clientWith(known), store, clock });
  };

  it("is the sweep while it runs, with its page", async () => {
    expect(await ask({ r_1: { status: "RUNNING" } })).toMatchObject({
      description: expect.stringContaining("execution:reprise-sweep:r_1") as unknown,
    });
  });

  it("is a teardown after it, and then nobody", async () => {
    const ended = { r_1: { status: "SUCCEEDED", stopDate: new Date(0) } };
    const teardown = { "r-main-1_1_teardown": { status: "RUNNING" } };
    expect((await ask({ ...ended, ...teardown }, "open"))?.description).toContain("teardown");
    expect(await ask(ended, "open")).toBeUndefined();
  });

  it("is about to be the rule, when an execution was stopped just now", async () => {
    const stopped = { r_1: { status: "ABORTED", stopDate: new Date(clock.now() - 5_000) } };
    expect((await ask(stopped, "open"))?.description).toContain("the rule");
    expect(
      await ask({ r_1: { status: "ABORTED", stopDate: new Date(clock.now() - 120_000) } }, "open"),
    ).toBeUndefined();
  });
});

describe("lookFromStack", () => {
  const clientThat = (answer: { readonly Payload: Uint8Array; readonly FunctionError?: string }): LambdaClient => {
    const send = async ({ input }: { readonly input: { readonly FunctionName: string } }): Promise<unknown> => {
      expect(input.FunctionName).toBe(outputs.reaperFunction);
      return answer;
    };
    return { send } as unknown as LambdaClient; // all that is called
  };
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

  it("gives what the stack's clouds list, and what could not be looked at", async () => {
    const resource = { resourceKind: "instance", id: "i-1", place: { region: "us-east-1" }, runId: "r", expiresAt: 5 };
    const looked = { resources: [{ provider: "aws", resource }], problems: ["azure: never set"] };
    expect(await lookFromStack(outputs, clientThat({ Payload: bytes(looked) }))).toEqual(looked);
  });

  it.each([
    ["a function of an older stack, which reaps", { Payload: bytes({ found: 0, deleted: 0, problems: [] }) }],
    ["one that broke off", { Payload: bytes({ errorMessage: "boom" }), FunctionError: "Unhandled" }],
  ])("says what to do about %s", async (_what, answer) => {
    const failed = lookFromStack(outputs, clientThat(answer));
    await expect(failed).rejects.toThrow(/reaper gave no inventory/);
    await expect(failed).rejects.toMatchObject({ hint: expect.stringContaining("reprise deploy") as unknown });
  });
});

describe("readCredentials", () => {
  const azure = {
    AZURE_SUBSCRIPTION_ID: "s",
    AZURE_TENANT_ID: "t",
    AZURE_CLIENT_ID: "c",
    AZURE_CLIENT_SECRET: "x",
  };
  it("takes exactly what the cloud's function reads", () => {
    expect(readCredentials("azure", { ...azure, HOME: "/root" }, () => "")).toEqual(azure);
    const elsewhere = { ...azure, AZURE_AUTHORITY_HOST: "https://login.microsoftonline.us" };
    expect(readCredentials("azure", elsewhere, () => "")).toEqual(elsewhere);
    const gcp = { GOOGLE_APPLICATION_CREDENTIALS: "/key.json", GOOGLE_CLOUD_PROJECT: "p" };
    expect(readCredentials("gcp", gcp, (path) => `of ${path}`)).toEqual({
      GOOGLE_CLOUD_PROJECT: "p",
      GOOGLE_CREDENTIALS: "of /key.json",
    });
  });

  it("names what is missing, and how to get it", () => {
    const { AZURE_CLIENT_SECRET: _, ...rest } = azure;
    expect(() => readCredentials("azure", rest, () => "")).toThrow("AZURE_CLIENT_SECRET is not set");
  });
});

describe("doctor's checks", () => {
  it.each([
    [0, "good"],
    [-30_000, "look"],
    [600_000, "bad"],
  ])("judge a clock that is %d ms off", (skewMs, verdict) => {
    expect(judgeClock(1_000_000 + skewMs, 1_000_000).verdict).toBe(verdict);
  });

  it("judge versions", () => {
    expect(judgeNode("v20.18.3").verdict).toBe("bad");
    expect(judgeNode("v24.0.0").verdict).toBe("good");
    expect(judgeVersion("0.2.0", "0.1.0")).toMatchObject({ verdict: "look" });
  });

  it("go on after one that throws, whose hint is the fix", async () => {
    const failing = async (): Promise<never> => {
      throw new FailureError({ class: "auth", message: "nobody", hint: "sign in" });
    };
    const findings = await runChecks([
      { name: "a", run: failing },
      { name: "b", run: async () => judgeNode("v22.0.0") },
    ]);
    expect(findings).toEqual([
      { name: "a", verdict: "bad", detail: "nobody", fix: "sign in" },
      { name: "b", verdict: "good", detail: "v22.0.0" },
    ]);
  });
});

describe("idleCosts", () => {
  it("stay small, grow with foreign clouds, and count each", () => {
    const own = sumOf(idleCosts({ providers: ["aws"], reaperMinutes: 15 }));
    expect(own).toBeLessThan(2);
    expect(sumOf(idleCosts({ providers: ["aws", "azure", "gcp"], reaperMinutes: 15 })) - own).toBeGreaterThan(0.8);
  });
});
