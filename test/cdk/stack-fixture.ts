import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import { kebabCase } from "../../cdk/kebab-case.ts";
import type { RepriseStackProps } from "../../cdk/reprise-stack.ts";
import { RepriseStack } from "../../cdk/reprise-stack.ts";
import { cloudFunctions, serviceFunctions, taskFunctions } from "../../lambdas/functions.ts";

export const definitions = fileURLToPath(new URL("../../statemachines/", import.meta.url));

/** All that the tests of the importing file make: they end with an empty hand. */
const folder = mkdtempSync(join(tmpdir(), "reprise-stack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Folders in the place of bundles: the template doesn't look into them. */
function emptyBundles(): string {
  const bundles = mkdtempSync(join(folder, "bundles-"));
  const clouds = Object.keys(cloudFunctions).map((cloud) => `cloud-${cloud}`);
  for (const name of [...Object.keys(taskFunctions), ...Object.keys(serviceFunctions), ...clouds]) {
    mkdirSync(join(bundles, kebabCase(name)));
    writeFileSync(join(bundles, kebabCase(name), "index.mjs"), `// ${name}\n`);
  }
  return bundles;
}

export const stackFixture = (props: Partial<RepriseStackProps> = {}): RepriseStack =>
  // Without `outdir` it writes into a new `cdk.out*` of the temporary folder, which nobody removes.
  new RepriseStack(new App({ analyticsReporting: false, outdir: mkdtempSync(join(folder, "out-")) }), "Reprise", {
    stackName: "reprise",
    env: { account: "111122223333", region: "eu-central-1" },
    bundles: emptyBundles(),
    definitions,
    version: "0.0.0-test",
    providers: ["aws", "azure", "gcp"],
    ...props,
  });
