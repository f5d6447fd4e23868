import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSettings, settingsSchema } from "../../cdk/settings.ts";

describe("readSettings", () => {
  it("fills in defaults: hosts reached by Systems Manager, evidence kept, nothing limited", () => {
    expect(readSettings({})).toEqual({
      stackName: "reprise",
      providers: ["aws"],
      reach: "ssm",
      onDestroy: "keep",
      rawLogsColdAfterDays: 90,
      reaperMinutes: 15,
    });
  });

  it("takes texts, as the CDK's command line gives them, and leaves the CDK's own values alone", () => {
    const context = { "@aws-cdk/core:checkSecretUsage": true, "aws:cdk:bundling-stacks": [], nag: "1" };
    expect(readSettings({ ...context, providers: "aws, gcp", maxRunDollars: "7.5" })).toMatchObject({
      providers: ["aws", "gcp"],
      maxRunDollars: 7.5,
    });
  });

  it("says everything that is wrong at once, and what was meant", () => {
    const wrong = { maxRunDolars: 5, reach: "ssh", hostVpcId: "vpc", reaperMinutes: "often" };
    const message = /there is no setting "maxRunDolars": did you mean maxRunDollars\?/;
    expect(() => readSettings(wrong)).toThrow(message);
    for (const name of ["reach", "hostVpcId", "reaperMinutes"])
      expect(() => readSettings(wrong)).toThrow(new RegExp(`^${name}: `, "m"));
  });

  it("has each setting explained in docs/deployed.md", () => {
    const page = readFileSync(fileURLToPath(new URL("../../docs/deployed.md", import.meta.url)), "utf8");
    const missing = Object.keys(settingsSchema.shape).filter((name) => !page.includes(`| \`${name}\``));
    expect(missing).toEqual([]);
  });
});
