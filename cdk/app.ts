import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { App, Aspects } from "aws-cdk-lib";
import { z } from "zod";
import { bundleFunctions } from "./bundle.ts";
import { RepriseStack } from "./reprise-stack.ts";
import { readSettings } from "./settings.ts";

/** The entry of `cdk synth` and `cdk deploy`: bundles the functions, reads the settings, makes the one stack. */
const root = fileURLToPath(new URL("..", import.meta.url));
const app = new App();
const settings = readSettings(z.record(z.string(), z.unknown()).parse(app.node.getAllContext()));
const bundles = join(app.outdir, "functions");
await bundleFunctions(root, bundles, settings.providers);
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));

const account = process.env["CDK_DEFAULT_ACCOUNT"];
const region = process.env["CDK_DEFAULT_REGION"];
const stack = new RepriseStack(app, "Reprise", {
  ...settings,
  description: "reprise: reruns of systems-research benchmarks",
  ...(account === undefined || region === undefined ? {} : { env: { account, region } }),
  bundles,
  definitions: join(root, "statemachines"),
  version,
});
if (app.node.tryGetContext("nag") !== undefined) {
  // A development tool: loaded only where its findings are asked for.
  const { AwsSolutionsChecks } = await import("cdk-nag");
  Aspects.of(stack).add(new AwsSolutionsChecks({ verbose: true }));
}
app.synth();
