import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { awsPolicy, ssmPolicy } from "../../../providers/aws/index.ts";

const here = (folder: string): string => join(import.meta.dirname, "../../..", folder);

/** Every call that a folder's sources make, by the names that they give it. */
const callsMade = (folder: string, service: string): string[] => {
  const names = new Set<string>();
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), "utf8");
    for (const [, name] of source.matchAll(/new (\w+)Command\(/g)) names.add(`${service}:${name ?? ""}`);
    for (const [, name] of source.matchAll(/ServiceQuotasV20190624\.(\w+)/g)) names.add(`servicequotas:${name ?? ""}`);
  }
  return [...names].sort();
};

describe("awsPolicy", () => {
  const granted = new Set(awsPolicy().Statement.flatMap(({ Action }) => Action));

  it("grants every call that is made, and none that isn't", () => {
    const made = callsMade(here("providers/aws"), "ec2");
    expect(made.length).toBeGreaterThan(15);
    expect(made.filter((action) => !granted.has(action))).toEqual([]);
    expect([...granted].filter((action) => !action.startsWith("iam:") && !made.includes(action))).toEqual([]);
  });

  it("lets nothing be changed or deleted that hasn't our tag", () => {
    for (const { Sid, Action, Condition } of awsPolicy().Statement) {
      const changes = Action.filter((action) => /:(Delete|Terminate|Revoke|Authorize|Cancel)/.test(action));
      if (changes.length > 0)
        expect([Sid, Condition]).toEqual([Sid, { Null: { "aws:ResourceTag/reprise-deployment": "false" } }]);
    }
  });

  it("lets roles be passed only where they are named", () => {
    expect(granted.has("iam:PassRole")).toBe(false);
    const role = "arn:aws:iam::123456789012:role/bench";
    const pass = awsPolicy([role]).Statement.find(({ Action }) => Action.includes("iam:PassRole"));
    expect(pass?.Resource).toEqual([role]);
  });
});

describe("ssmPolicy", () => {
  it("grants the calls of the SSM transport, and commands on nothing but our hosts", () => {
    const { Statement } = ssmPolicy();
    const granted = [...new Set(Statement.flatMap(({ Action }) => Action))].sort();
    // What goes by a bucket is S3's to grant, to whoever names one.
    const made = callsMade(here("transports/ssm"), "ssm").filter((call) => !call.endsWith("Object"));
    expect(granted).toEqual(made);
    const sending = Statement.filter(({ Action }) => Action.includes("ssm:SendCommand"));
    expect(sending.map(({ Resource, Condition }) => [Resource, Condition !== undefined])).toEqual([
      [["arn:aws:ec2:*:*:instance/*"], true],
      [["arn:aws:ssm:*::document/AWS-RunShellScript"], false],
    ]);
  });
});
