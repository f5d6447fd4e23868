import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import validate from "asl-validator";
import { composeDefinition } from "../../cdk/definition.ts";
import { alarmCount } from "../../cli/deployed/idle-cost.ts";
import { composeDefinition as composeForEngine } from "../../engines/asl/compose.ts";
import { lintDefinition } from "../../engines/asl/lint.ts";
import { serviceFunctions, taskFunctions } from "../../lambdas/functions.ts";
import { definitions, stackFixture } from "./stack-fixture.ts";

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

describe("RepriseStack", () => {
  const template = Template.fromStack(stackFixture({ alarmEmail: "me@example.org", maxMonthlyDollars: 50 }));
  const resources = (type: string): [string, { readonly Properties: Record<string, unknown> }][] =>
    Object.entries(template.findResources(type)) as [string, { readonly Properties: Record<string, unknown> }][];

  /** Actions that a function's role holds, by the function's id in the template. */
  const actionsOf = (id: string): string[] =>
    resources("AWS::IAM::Policy")
      .filter(([name]) => new RegExp(`^Functions${id.replace("-", "")}Role`).test(name))
      .flatMap(([, { Properties }]) => (Properties["PolicyDocument"] as { Statement: Statement[] }).Statement)
      .flatMap(({ Action }) => Action);

  it("keeps evidence private, encrypted, behind TLS, versioned, and when the stack goes", () => {
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Retain",
      Properties: {
        VersioningConfiguration: { Status: "Enabled" },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        BucketEncryption: Match.anyValue(),
      },
    });
    template.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        ]),
      },
    });
  });

  it("deletes evidence only where that is asked for", () => {
    const asked = Template.fromStack(stackFixture({ onDestroy: "delete" }));
    asked.hasResource("AWS::S3::Bucket", { DeletionPolicy: "Delete" });
  });

  it("makes every function of the table, small, on arm64 and a current Node", () => {
    const made = resources("AWS::Lambda::Function").filter(([, { Properties }]) =>
      String(Properties["Description"]).startsWith("reprise: "),
    );
    expect(made).toHaveLength(Object.keys(taskFunctions).length + Object.keys(serviceFunctions).length + 3);
    for (const [, { Properties }] of made) {
      expect(Properties).toMatchObject({ Runtime: "nodejs24.x", Architectures: ["arm64"] });
      expect(Number(Properties["Timeout"])).toBeLessThanOrEqual(300);
    }
  });

  it.each(Object.entries({ ...taskFunctions, ...serviceFunctions }))(
    "grants %s what it needs and nothing else",
    (id, spec) => {
      const actions = actionsOf(id);
      const may = (action: string): boolean => actions.includes(action);
      expect(may("s3:PutObject")).toBe(spec.needs.some((need) => need === "store"));
      expect(may("secretsmanager:GetSecretValue")).toBe(spec.needs.some((need) => need === "secret"));
      expect(may("lambda:InvokeFunction")).toBe(spec.needs.some((need) => need === "providers"));
      expect(may("states:StartExecution")).toBe(spec.needs.some((need) => need === "startsTeardown"));
      expect(may("states:SendTaskSuccess")).toBe(spec.needs.some((need) => need === "wakes"));
      expect(may("states:GetExecutionHistory")).toBe(spec.needs.some((need) => need === "readsHistory"));
      expect(actions.filter((action) => /^s3:Delete|^ec2:|\*/.test(action))).toEqual([]);
    },
  );

  it("lets one function alone speak to EC2, and change only what carries our tag", () => {
    const holders = resources("AWS::IAM::Policy").filter(([, resource]) =>
      JSON.stringify(resource).includes("ec2:Run"),
    );
    expect(holders.map(([name]) => name.slice(0, 17))).toEqual(["Functionscloudaws"]);
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(["ec2:TerminateInstances"]),
            Condition: Match.objectLike({ Null: { "aws:ResourceTag/reprise-deployment": "false" } }),
          }),
        ]),
      },
    });
  });

  it("keeps the versions that running executions name", () => {
    template.allResources("AWS::Lambda::Version", { DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain" });
    const definition = JSON.stringify(resources("AWS::StepFunctions::StateMachine"));
    expect(definition).toMatch(/FunctionsstartPhaseCurrentVersion/);
    expect(definition).not.toMatch(/"Fn::GetAtt":\["Functions/);
  });

  it("logs, traces, and tells of executions that ended, however they did", () => {
    template.allResourcesProperties("AWS::StepFunctions::StateMachine", {
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: "ALL" },
    });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: { detail: { status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] } },
    });
  });

  it("alarms on broken clean-up, a silent reaper, and failed runs, and has as many alarms as the idle price says", () => {
    const alarms = resources("AWS::CloudWatch::Alarm");
    expect(alarms).toHaveLength(alarmCount);
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      TreatMissingData: "breaching",
      MetricName: "Invocations",
    });
    for (const [, { Properties }] of alarms) expect(Properties["AlarmActions"]).toHaveLength(1);
    template.resourceCountIs("AWS::Budgets::Budget", 1);
  });
});

describe("the state machines' definitions", () => {
  const names = Object.keys(taskFunctions);
  const arns = Object.fromEntries(
    names.map((name) => [name, `arn:aws:lambda:eu-central-1:111122223333:function:f-${name}:1`]),
  );
  const substitutions = { ...arns, bucket: "reprise-bucket" };
  const files = Object.fromEntries(
    ["sweep", "trial", "teardown"].map((name) => [
      `${name}.asl.json`,
      readFileSync(join(definitions, `${name}.asl.json`), "utf8"),
    ]),
  );

  it.each(["sweep.asl.json", "teardown.asl.json"])("of %s is what the embedded engine runs", (file) => {
    const deployed = JSON.parse(composeDefinition(definitions, file, substitutions)) as unknown;
    expect(deployed).toEqual(composeForEngine(files, file, substitutions));
    expect(JSON.stringify(deployed)).not.toContain("${");
    expect(lintDefinition(deployed)).toEqual([]);
    expect(validate(deployed, { checkPaths: true, checkArn: true }).errors).toEqual([]);
  });

  it("miss no substitution", () => {
    expect(() => composeDefinition(definitions, "sweep.asl.json", { bucket: "b" })).toThrow("${admit}");
  });
});
