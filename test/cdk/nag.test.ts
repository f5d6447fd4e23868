import { Aspects } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { stackFixture } from "./stack-fixture.ts";

describe("cdk-nag", () => {
  it("finds nothing that isn't explained", () => {
    const stack = stackFixture({ alarmEmail: "someone@example.org", maxMonthlyDollars: 100 });
    Aspects.of(stack).add(new AwsSolutionsChecks());
    const found = ["findError", "findWarning"] as const;
    const texts = found.flatMap((find) =>
      Annotations.fromStack(stack)
        [find]("*", Match.stringLikeRegexp("AwsSolutions"))
        .map(({ id, entry }) => `${id}: ${String(entry.data).slice(0, 200)}`),
    );
    expect(texts).toEqual([]);
  });
});
