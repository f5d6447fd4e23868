/**
 * The quickstart on real clouds: whatever account the environment points to, on the cheapest machines that do, within a
 * budget, with proof that nothing stays. Everything goes through the command line, as its users go.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../cli/home.ts";
import { listKeys, requireRecord } from "../../core/flow/effects.ts";
import { receiptSchema } from "../../core/records/schemas.ts";
import type { Receipt } from "../../core/records/schemas.ts";
import type { Cloud } from "../../providers/catalogue/machine-type.ts";

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RealEffects {
  /** Whether the environment says who we are there. */
  readonly isConfigured: (cloud: Cloud) => boolean;
  /** The command line; killed after so long. */
  readonly run: (args: readonly string[], options: { readonly timeoutSec: number }) => Promise<CommandEnd>;
  /** Where its runs are kept. */
  readonly home: string;
  /** A folder for the experiment that is run. */
  readonly scratch: string;
  readonly say: (line: string) => void;
}

export interface RealResult {
  readonly cloud: Cloud;
  /** `not tested` where nobody is logged in. */
  readonly verdict: "not tested" | "passed" | "failed";
  readonly problems: readonly string[];
  readonly dollars: number | "unknown";
}

/** Hosts are made, three trials of a few seconds run, hosts go: minutes on every cloud, half an hour on a bad day. */
const runSec = 2_400;
const lookSec = 600;

/** @param maxDollars of each cloud's run; the control plane begins no trial that could go beyond */
export async function testRealClouds(
  clouds: readonly Cloud[],
  maxDollars: number,
  effects: RealEffects,
): Promise<readonly RealResult[]> {
  const experiment = writeExperiment(effects.scratch, maxDollars);
  const results: RealResult[] = [];
  // One after another: what one leaves is then seen before another is paid for.
  for (const cloud of clouds) {
    if (!effects.isConfigured(cloud)) {
      effects.say(`${cloud}: nobody is logged in (${signIn[cloud]}): not tested`);
      results.push({ cloud, verdict: "not tested", problems: [], dollars: 0 });
      continue;
    }
    const result = await testOne(cloud, experiment, effects);
    const spent = result.dollars === "unknown" ? "an unknown sum" : `$${result.dollars.toFixed(4)}`;
    effects.say(`${cloud}: ${result.verdict}, spent ${spent} of $${maxDollars}`);
    for (const problem of result.problems) effects.say(`${cloud}:   ${problem}`);
    results.push(result);
  }
  return results;
}

const signIn: Readonly<Record<Cloud, string>> = {
  aws: "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  azure: "AZURE_SUBSCRIPTION_ID, with AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
  gcp: "GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_CLOUD_PROJECT",
};

/** The quickstart with a budget and a lease of an hour. */
function writeExperiment(scratch: string, maxDollars: number): string {
  const folder = join(scratch, "quickstart");
  cpSync(join(import.meta.dirname, "../../experiments/quickstart"), folder, { recursive: true });
  const file = join(folder, "experiment.yaml");
  const text = readFileSync(file, "utf8");
  const changed = text
    .replace(/^deployments:$/m, `budget: { dollars: ${maxDollars} }\n\ndeployments:`)
    .replace(/^( +)on: local$/m, "$1on: local\n$1lease: 1h");
  if (!/^budget:/m.test(changed) || !/lease:/.test(changed)) throw new Error(`${file} isn't the quickstart we know`);
  writeFileSync(file, changed);
  return folder;
}

async function testOne(cloud: Cloud, experiment: string, effects: RealEffects): Promise<RealResult> {
  const problems: string[] = [];
  const expectIt = (isSo: boolean, problem: string): void => {
    if (!isSo) problems.push(problem);
  };
  const tail = ({ stderr }: CommandEnd): string => stderr.trim().split("\n").slice(-8).join("\n    ");

  effects.say(`${cloud}: running the quickstart`);
  const args = ["run", experiment, "--on", cloud, "--only", "load:clients=2", "--yes"];
  const run = await effects.run(args, { timeoutSec: runSec });
  const runId = /^run (\S+)$/m.exec(run.stderr)?.[1];
  expectIt(run.code === 0, `the run ended with ${run.code ?? "a signal"}:\n    ${tail(run)}`);
  expectIt(/3 of 3 trials valid/.test(run.stderr), "not all trials are valid");
  if (runId !== undefined) {
    // After a run that broke off hosts may be up: they are paid for until somebody asks.
    if (run.code !== 0) await effects.run(["teardown", runId], { timeoutSec: lookSec });
    const verified = await effects.run(["verify", runId], { timeoutSec: lookSec });
    expectIt(verified.code === 0, `its evidence doesn't verify:\n    ${tail(verified)}`);
  }
  const receipts = runId === undefined ? [] : await receiptsOf(runId, effects.home);
  expectIt(receipts.length > 0, "there is no receipt");
  for (const one of receipts.flatMap(({ resources }) => resources))
    expectIt(one.outcome !== "still there", `still there: ${one.resourceKind} ${one.id}`);
  const left = await resourcesOf(cloud, runId, effects);
  expectIt(left.length === 0, `resources lists ${left.join(", ")}`);
  if (runId !== undefined && left.length > 0) await effects.run(["reap", runId, "--yes"], { timeoutSec: lookSec });
  return {
    cloud,
    verdict: problems.length === 0 ? "passed" : "failed",
    problems,
    dollars: sumOf(receipts),
  };
}

async function receiptsOf(runId: string, home: string): Promise<readonly Receipt[]> {
  const store = openStore(home);
  const keys = await listKeys(store, `runs/${runId}/deployments/`);
  const receipts = keys.filter((key) => key.endsWith("/receipt.json"));
  return Promise.all(receipts.map((key) => requireRecord(store, key, receiptSchema)));
}

const sumOf = (receipts: readonly Receipt[]): number | "unknown" =>
  receipts.reduce<number | "unknown">(
    (sum, { dollars }) => (sum === "unknown" || dollars === "unknown" ? "unknown" : sum + dollars),
    0,
  );

interface Listed {
  readonly provider: string;
  readonly resource: { readonly id: string; readonly resourceKind: string; readonly runId?: string };
}

/** What the cloud lists of the run's resources; of all of ours where the run never got a name. */
async function resourcesOf(cloud: Cloud, runId: string | undefined, effects: RealEffects): Promise<readonly string[]> {
  const answer = await effects.run(["--json", "resources"], { timeoutSec: lookSec });
  const text = answer.stdout.trim();
  if (text === "") return [`nothing: it ended with ${answer.code ?? "a signal"}: ${answer.stderr.trim().slice(-300)}`];
  const { resources } = JSON.parse(text) as { readonly resources: readonly Listed[] }; // our own command's
  return resources
    .filter(({ provider, resource }) => provider === cloud && (runId === undefined || resource.runId === runId))
    .map(({ resource }) => `${resource.resourceKind} ${resource.id}`);
}
