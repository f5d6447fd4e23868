import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import { kebabCase } from "../../cdk/kebab-case.ts";
import type { RepriseStackProps } from "../../cdk/reprise-stack.ts";
import { RepriseStack } from "../../cdk/reprise-stack.ts";
import { cloudFunctions, serviceFunctions, taskFunctions } from "../../lambdas/functions.ts";

export const definitions = fileURLToPath(new URL("../../statemachines/", import.meta.url));

/** Folders in the place of bundles: the template doesn't look into them. */
function emptyBundles(): string {
  const folder = mkdtempSync(join(tmpdir(), "reprise-bundles-"));
  const clouds = Object.keys(cloudFunctions).map((cloud) => `cloud-${cloud}`);
  for (const name of [...Object.keys(taskFunctions), ...Object.keys(serviceFunctions), ...clouds]) {
    mkdirSync(join(folder, kebabCase(name)));
    writeFileSync(join(folder, kebabCase(name), "index.mjs"), `// ${name}\n`);
  }
  return folder;
}

export const stackFixture = (props: Partial<RepriseStackProps> = {}): RepriseStack =>
  new RepriseStack(new App({ analyticsReporting: false }), "Reprise", {
    stackName: "reprise",
    env: { account: "111122223333", region: "eu-central-1" },
    bundles: emptyBundles(),
    definitions,
    version: "0.0.0-test",
    providers: ["aws", "azure", "gcp"],
    ...props,
  });
