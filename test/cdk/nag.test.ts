import { Aspects } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { stackFixture } from "./stack-fixture.ts";

describe("cdk-nag", () => {
  it.each([
    { reach: "ssm", where: "an account", env: { account: "111122223333", region: "eu-central-1" } },
    { reach: "nat", where: "whatever account it is deployed to", env: {} },
  ] as const)(
    "finds nothing that isn't explained in $where, with hosts reached by $reach",
    ({ reach, env }) => {
      const stack = stackFixture({ alarmEmail: "someone@example.org", maxMonthlyDollars: 100, reach, env });
      Aspects.of(stack).add(new AwsSolutionsChecks());
      const annotations = Annotations.fromStack(stack);
      const any = Match.stringLikeRegexp("AwsSolutions");
      const found = [...annotations.findError("*", any), ...annotations.findWarning("*", any)];
      expect(found.map(({ id, entry }) => `${id}: ${JSON.stringify(entry.data).slice(0, 200)}`)).toEqual([]);
    },
    600_000,
  );
});
