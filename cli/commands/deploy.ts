import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailureError } from "../../core/errors/failure.ts";
import type { Reach } from "../../core/names/reach.ts";
import type { DeployedProvider } from "../../core/names/stack.ts";
import { deployedProviders } from "../../core/names/stack.ts";
import { packageRoot } from "../../engines/embedded/package-files.ts";
import { version } from "../../engines/embedded/version.ts";
import { confirm } from "../confirm.ts";
import { idleCosts, idlePricesAsOf, sumOf } from "../deployed/idle-cost.ts";
import { liveRuns, requireNoLiveRuns } from "../deployed/live-runs.ts";
import { openDeployed } from "../deployed/open.ts";
import { buildHome } from "../deployed/place.ts";
import { readStack } from "../deployed/stack.ts";
import { openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";

export interface DeployOptions {
  readonly providers: string;
  readonly allowedRegions?: string;
  readonly alarmEmail?: string;
  readonly maxMonthlyDollars?: string;
  readonly reaperMinutes: string;
  readonly onDestroy: "keep" | "delete";
  readonly reach: Reach;
  readonly coldAfterDays?: string;
  readonly evidenceDays?: string;
  readonly maxRunDollars?: string;
  readonly maxLeaseHours?: string;
  readonly hostVpc?: string;
  readonly bootstrap?: true;
  readonly destroy?: true;
  readonly yes?: true;
}

/** `cdk deploy` with checks before it: what it costs idle, which runs live, whose stack it is. */
export async function deploy(context: CommandContext, options: DeployOptions): Promise<number> {
  const { output, stack } = context;
  const providers = parseProviders(options.providers);
  await tellLiveRuns(context, options.destroy === true);
  if (options.destroy === true) {
    if (options.yes !== true && !(await confirm(`destroy the stack "${stack.stack}" in ${stack.region}?`)))
      throw new FailureError({ class: "cancelled", message: "not destroyed" });
    await cdk(["destroy", "--force"], context, options);
    output.note(
      "the stack is gone; its bucket and master secret are kept unless it was deployed with --on-destroy delete",
    );
    return 0;
  }
  const costs = idleCosts({ providers, reaperMinutes: Number(options.reaperMinutes), reach: options.reach });
  output.note(
    `idle, the control plane costs about $${sumOf(costs).toFixed(2)} a month (list prices of ${idlePricesAsOf}):`,
  );
  for (const { what, dollarsPerMonth } of costs) output.note(`  $${dollarsPerMonth.toFixed(2)}  ${what}`);
  output.note("  and $0.023 a GB and month for evidence");
  output.note(`EC2 hosts are reached ${ways[options.reach]}`);
  if (options.yes !== true && !(await confirm(`deploy "${stack.stack}" to ${stack.region}?`)))
    throw new FailureError({ class: "cancelled", message: "not deployed" });
  if (options.bootstrap === true) await cdk(["bootstrap"], context, options);
  await cdk(["deploy", "--require-approval", "never"], context, options);
  const outputs = await readStack(stack);
  output.result(outputs);
  output.line(`${stack.stack}  ${outputs.region}  s3://${outputs.bucket}  ${outputs.providers.join(", ")}`);
  output.note(`next: reprise --engine aws run EXPERIMENT${providersHint(providers)}`);
  return 0;
}

const ways: Readonly<Record<Reach, string>> = {
  ssm: "by Systems Manager: no inbound port, no idle price (--reach)",
  open: "by SSH from wherever Lambda runs: port 22 is open to keys from anywhere, no idle price (--reach)",
  nat: "by SSH from one fixed address, which costs $0.045 a GB beside its idle price (--reach)",
};

function parseProviders(text: string): DeployedProvider[] {
  const asked = text.split(",").map((name) => name.trim());
  return asked.map((name) => {
    const known = deployedProviders.find((one) => one === name);
    if (known !== undefined) return known;
    throw new FailureError({
      class: "invalid",
      message: `there is no provider "${name}" for a deployed control plane`,
      hint: "aws, azure, gcp",
    });
  });
}

const providersHint = (providers: readonly DeployedProvider[]): string => {
  const foreign = providers.filter((name) => name === "azure" || name === "gcp");
  return foreign.length === 0 ? "" : `; first \`reprise secrets set ${foreign.join("|")}\``;
};

/** Runs go on through a deploy, on the versions of the functions that they began with; they don't survive a destroy. */
async function tellLiveRuns({ output, stack }: CommandContext, destroys: boolean): Promise<void> {
  const outputs = await readStack(stack).catch((error: unknown) => {
    if (error instanceof FailureError && error.failure.class === "invalid") return undefined; // not deployed yet
    throw error;
  });
  if (outputs === undefined) {
    if (destroys) throw new FailureError({ class: "invalid", message: `there is no stack "${stack.stack}"` });
    return;
  }
  const store = openStore(buildHome({ ...stack, bucket: outputs.bucket }));
  const deployed = await openDeployed(stack, store);
  const live = await liveRuns(store, (runId) => deployed.driverOf(runId));
  for (const { runId, driver, open } of live) {
    output.note(`live: ${runId}  ${driver?.description ?? "driven by nobody"}  ${open.length} deployments up`);
  }
  if (destroys) requireNoLiveRuns(live);
  if (live.length > 0)
    output.note(`they go on with the code they began with (now ${outputs.version}, then ${version})`);
}

async function cdk(args: readonly string[], { stack }: CommandContext, options: DeployOptions): Promise<void> {
  const root = packageRoot();
  const settings: Readonly<Record<string, string | undefined>> = {
    stackName: stack.stack,
    providers: options.providers,
    allowedRegions: options.allowedRegions,
    alarmEmail: options.alarmEmail,
    maxMonthlyDollars: options.maxMonthlyDollars,
    reaperMinutes: options.reaperMinutes,
    onDestroy: options.onDestroy,
    hostVpcId: options.hostVpc,
    reach: options.reach,
    rawLogsColdAfterDays: options.coldAfterDays,
    evidenceDays: options.evidenceDays,
    maxRunDollars: options.maxRunDollars,
    maxLeaseHours: options.maxLeaseHours,
  };
  const context = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : ["-c", `${name}=${value}`],
  );
  // Not into the package: where it is installed for everybody it isn't ours to write to.
  const outDir = mkdtempSync(join(tmpdir(), "reprise-cdk-"));
  const child = spawn(process.execPath, [cdkProgram(root), ...args, ...context, "--output", outDir], {
    cwd: root,
    env: { ...process.env, AWS_REGION: stack.region, CDK_DEFAULT_REGION: stack.region },
    stdio: ["inherit", process.stderr, process.stderr],
  });
  const code = await new Promise<number>((resolve) => child.once("exit", (exitCode) => resolve(exitCode ?? -1)));
  rmSync(outDir, { recursive: true, force: true });
  if (code === 0) return;
  throw new FailureError({
    class: "command",
    message: `cdk ${args[0] ?? ""} ended with ${code}`,
    hint: "its own words stand above; a new account or region needs --bootstrap once",
  });
}

function cdkProgram(root: string): string {
  try {
    return join(createRequire(join(root, "package.json")).resolve("aws-cdk/package.json"), "..", "bin", "cdk");
  } catch {
    throw new FailureError({
      class: "invalid",
      message: "the CDK's command line isn't installed",
      hint: `npm install aws-cdk@2, beside ${root}`,
    });
  }
}
