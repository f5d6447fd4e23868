import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import validate from "asl-validator";
import { composeDefinition } from "../../cdk/definition.ts";
import { alarmCount } from "../../cli/deployed/idle-cost.ts";
import { awsPolicy } from "../../providers/aws/permissions.ts";
import { composeDefinition as composeForEngine } from "../../engines/asl/compose.ts";
import { lintDefinition } from "../../engines/asl/lint.ts";
import { serviceFunctions, taskFunctions } from "../../lambdas/functions.ts";
import { readSettings } from "../../cdk/settings.ts";
import { definitions, stackFixture } from "./stack-fixture.ts";

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, unknown>>;
}

interface Resource {
  readonly Properties: Record<string, unknown>;
}

/** Statements of a function's role, by the function's id in the template. */
const statementsOf = (template: Template, id: string): Statement[] =>
  Object.entries(template.findResources("AWS::IAM::Policy"))
    .filter(([name]) => new RegExp(`^Functions${id.replace("-", "")}Role`).test(name))
    .flatMap(
      ([, resource]) => ((resource as Resource).Properties["PolicyDocument"] as { Statement: Statement[] }).Statement,
    );

const actionsIn = (statements: readonly Statement[]): string[] => statements.flatMap(({ Action }) => Action);

/** Variables of a function, by its id in the template. */
function variablesOf(template: Template, id: string): Record<string, unknown> {
  const found = Object.entries(template.findResources("AWS::Lambda::Function")).find(([name]) =>
    new RegExp(`^Functions${id.replace("-", "")}[0-9A-F]{8}$`).test(name),
  );
  return ((found?.[1] as Resource).Properties["Environment"] as { Variables: Record<string, unknown> }).Variables;
}

describe("RepriseStack", () => {
  const template = Template.fromStack(stackFixture({ alarmEmail: "me@example.org", maxMonthlyDollars: 50 }));
  const resources = (type: string): [string, Resource][] =>
    Object.entries(template.findResources(type)) as [string, Resource][];
  const actionsOf = (id: string): string[] => actionsIn(statementsOf(template, id));

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
      const reachesHosts = spec.needs.some((need) => need === "hosts");
      expect(may("ssm:SendCommand")).toBe(reachesHosts);
      expect(may("s3:DeleteObject")).toBe(reachesHosts);
      expect(may("s3:DeleteObjectVersion")).toBe(reachesHosts); // a secret's URL leaves no version behind
      expect(actions.filter((action) => /^s3:Delete(?!Object(Version)?$)|^ec2:|\*/.test(action))).toEqual([]);
    },
  );

  it("lets nothing delete but what is on its way by Systems Manager, below a prefix that holds no evidence", () => {
    const deleting = resources("AWS::IAM::Policy")
      .flatMap(([, { Properties }]) => (Properties["PolicyDocument"] as { Statement: Statement[] }).Statement)
      .filter(({ Action }) => [Action].flat().some((action) => action.startsWith("s3:Delete")));
    expect(deleting).toHaveLength(4);
    for (const { Resource: where } of deleting) expect(JSON.stringify(where)).toMatch(/"\/ssm\/\*"/);
    template.hasResourceProperties("AWS::S3::Bucket", {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([Match.objectLike({ Id: "handover", Prefix: "ssm/", ExpirationInDays: 1 })]),
      },
    });
  });

  it("sends commands to hosts of ours alone, by the agents' one document", () => {
    const sending = statementsOf(template, "startPhase").filter(({ Action }) => Action === "ssm:SendCommand");
    expect(sending.map(({ Resource: where }) => JSON.stringify(where))).toEqual([
      expect.stringContaining(":instance/*"),
      expect.stringContaining(":document/AWS-RunShellScript"),
    ]);
    expect(sending[0]?.Condition).toMatchObject({ Null: { "ssm:resourceTag/reprise-deployment": "false" } });
    expect(actionsOf("cloud-azure").filter((action) => action.startsWith("ssm:"))).toEqual([]);
  });

  it("gives hosts what their agent needs, and no more of the bucket than a corner", () => {
    const [role] = Object.entries(template.findResources("AWS::IAM::Policy")).filter(([name]) => /^Hosts/.test(name));
    const { Statement: statements } = (role?.[1] as Resource).Properties["PolicyDocument"] as {
      Statement: Statement[];
    };
    expect(actionsIn(statements)).toEqual(expect.arrayContaining(["ssm:UpdateInstanceInformation"]));
    expect(actionsIn(statements).filter((action) => /^ssm:GetParameter|\*/.test(action))).toEqual([]);
    const onBucket = statements.filter(({ Action }) => [Action].flat().some((action) => action.startsWith("s3:")));
    expect(onBucket.map(({ Resource: where }) => JSON.stringify(where))).toEqual([
      expect.stringContaining("/scratch/${aws:userid}/*"),
      expect.stringContaining("/ssm/output/*"),
    ]);
  });

  it("allows EC2's function what AWS' provider asks of anybody, and nothing beyond", () => {
    const asked = new Set(awsPolicy().Statement.flatMap(({ Action }) => Action));
    const granted = actionsOf("cloud-aws");
    const isGranted = (action: string): boolean =>
      granted.some((one) => one === action || (one === "ec2:Describe*" && action.startsWith("ec2:Describe")));
    expect([...asked].filter((action) => !isGranted(action))).toEqual([]);
    const ofEc2 = granted.filter((action) => /^ec2:/.test(action) && action !== "ec2:Describe*");
    expect(ofEc2.filter((action) => !asked.has(action))).toEqual([]);
  });

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

describe("how hosts are reached", () => {
  const template = (reach: "open" | "nat" | "ssm") =>
    Template.fromStack(stackFixture({ reach, providers: ["aws", "gcp"] }));
  const inNetwork = (made: Template): string[] =>
    Object.entries(made.findResources("AWS::Lambda::Function")).flatMap(([id, resource]) =>
      (resource as Resource).Properties["VpcConfig"] === undefined ? [] : [id.replace(/^Functions|[0-9A-F]{8}$/g, "")],
    );

  it.each(["open", "ssm"] as const)("%s has no network of its own, so nothing that is paid by the hour", (reach) => {
    const made = template(reach);
    expect(inNetwork(made)).toEqual([]);
    for (const type of ["AWS::EC2::NatGateway", "AWS::EC2::VPC", "AWS::EC2::EIP"]) made.resourceCountIs(type, 0);
    const variables = variablesOf(made, "cloud-aws");
    expect(variables["REPRISE_REACH"]).toBe(reach);
    expect(variables["REPRISE_HOST_PROFILE"]).toEqual({ Ref: expect.stringMatching(/^HostsProfile/) as string });
    expect(variables["REPRISE_SSH_FROM"]).toBeUndefined();
  });

  it("nat has one address, behind which every function is that logs in to hosts, and lets nobody in", () => {
    const made = template("nat");
    made.resourceCountIs("AWS::EC2::NatGateway", 1);
    made.resourceCountIs("AWS::EC2::EIP", 1);
    expect(inNetwork(made).sort()).toEqual(["cloudaws", "cloudgcp", "destroy", "ensure", "observe", "startPhase"]);
    expect(JSON.stringify(variablesOf(made, "cloud-gcp")["REPRISE_SSH_FROM"])).toMatch(/"Address\w+","PublicIp".*\/32/);
    made.hasResourceProperties("AWS::EC2::VPCEndpoint", { VpcEndpointType: "Gateway" });
    for (const group of Object.values(made.findResources("AWS::EC2::SecurityGroup")))
      expect((group as Resource).Properties["SecurityGroupIngress"]).toBeUndefined();
    made.resourceCountIs("AWS::EC2::SecurityGroupIngress", 0);
  });
});

describe("the settings", () => {
  const settings = readSettings({
    allowedRegions: "eu-west-1, us-east-2",
    hostVpcId: "vpc-0123456789abcdef0",
    evidenceDays: "400",
    rawLogsColdAfterDays: "45",
    reaperMinutes: "10",
    alarmEmail: "me@example.org",
    maxMonthlyDollars: "80",
    maxRunDollars: "12.5",
    maxLeaseHours: "6",
  });
  const template = Template.fromStack(stackFixture({ ...settings, providers: ["aws"] }));

  it("bound where EC2 hosts may be made", () => {
    const bounded = statementsOf(template, "cloud-aws").filter(({ Action }) => /ec2:(Run|Desc)/.test(String(Action)));
    expect(bounded).toHaveLength(4);
    for (const { Condition } of bounded)
      expect(Condition).toMatchObject({ StringEquals: { "aws:RequestedRegion": ["eu-west-1", "us-east-2"] } });
  });

  it("reach the functions as their variables", () => {
    expect(variablesOf(template, "admit")).toMatchObject({
      REPRISE_REACH: "ssm",
      REPRISE_HOST_VPC: "vpc-0123456789abcdef0",
      REPRISE_MAX_RUN_DOLLARS: "12.5",
      REPRISE_MAX_LEASE_HOURS: "6",
    });
  });

  it("decide how long evidence is kept, and where", () => {
    template.hasResourceProperties("AWS::S3::Bucket", {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Prefix: "runs/", Transitions: [Match.objectLike({ TransitionInDays: 45 })] }),
          Match.objectLike({ Prefix: "runs/", ExpirationInDays: 400 }),
        ]),
      },
    });
  });

  it("say how often the reaper looks, and who is told of what", () => {
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(10 minutes)" });
    template.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email", Endpoint: "me@example.org" });
    template.hasResourceProperties("AWS::Budgets::Budget", {
      Budget: { BudgetLimit: { Amount: 80 } },
      NotificationsWithSubscribers: Match.arrayWith([Match.objectLike({ Notification: { Threshold: 100 } })]),
    });
  });

  it("are what the command line reads of the stack", () => {
    const [parameter] = Object.values(template.findResources("AWS::SSM::Parameter"));
    const text = JSON.stringify((parameter as Resource).Properties["Value"]);
    for (const part of ['"reach\\":\\"ssm', '"maxRunDollars\\":12.5', '"maxLeaseHours\\":6'])
      expect(text).toContain(part.replaceAll("\\\\", "\\"));
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
