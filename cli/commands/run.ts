import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { FailureError } from "../../core/errors/failure.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import type { Lender } from "../../core/flow/borrow.ts";
import { matchHosts, readLendable, userOf } from "../../core/flow/borrow.ts";
import { submitRun } from "../../core/flow/submit.ts";
import { buildRunId } from "../../core/names/keys.ts";
import { killersOf } from "../../core/plan/killers.ts";
import { imagesOf } from "../../core/plan/images.ts";
import { whyRefused } from "../../core/plan/limits.ts";
import { quotePlan } from "../../core/plan/quote.ts";
import type { Plan } from "../../core/plan/types.ts";
import type { RunRecord } from "../../core/records/schemas.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { plannedClouds } from "../../engines/embedded/clouds.ts";
import { version } from "../../engines/embedded/version.ts";
import { openPlannedForQuestions, unconfiguredClouds } from "../clouds.ts";
import { confirm } from "../confirm.ts";
import { engineOf, follow, requireReachable, startEngine } from "../drive.ts";
import { listRuns, openStore } from "../home.ts";
import { askForImages } from "../images.ts";
import { Interrupts } from "../interrupts.ts";
import { killerConditions } from "../killers.ts";
import type { LoadedExperiment, SelectionOptions } from "../load.ts";
import { loadExperiment } from "../load.ts";
import type { CommandContext } from "../context.ts";
import { validResultsIn } from "../valid-results.ts";
import { printPlan } from "./plan.ts";

interface Options extends SelectionOptions {
  readonly until: RunRecord["until"];
  readonly keep?: true;
  readonly onDeployment?: string;
  readonly reuse?: true;
  readonly detach?: true;
  readonly yes?: true;
  readonly figures?: true;
}

export async function run(context: CommandContext, name: string, options: Options): Promise<number> {
  const { output, home } = context;
  const loaded = await loadExperiment(name, options, home);
  const { definition, bundle, prices } = loaded;
  let { plan } = loaded;
  const validResults = options.reuse === true ? await validResultsIn(openStore(home), plan) : undefined;
  const quote = quotePlan(plan, prices, { validResults });
  const conditions = await killerConditions(home);
  printPlan(plan, quote, { ...output, line: (text = "") => output.note(text) }, conditions);
  const refused = whyRefused(plan);
  if (refused !== undefined) throw new FailureError(refused);
  await requireReachable(home, plan);
  if (plannedClouds(plan).length > 0) plan = await freezeImages(loaded, context);
  const left = killersOf(plan, conditions).filter((one) => one.endedBy === "nobody");
  const question =
    left.length === 0
      ? "start it?"
      : `nothing but this machine would end the hosts at ${left.map((one) => one.provider).join(" and ")}: start it?`;
  const asks = quote.onDemandDollars !== 0 || left.length > 0;
  if (asks && options.yes !== true && !(await confirm(question))) {
    throw new FailureError({ class: "cancelled", message: "not started" });
  }
  const onDeployment =
    options.onDeployment === undefined ? undefined : await findLender(home, options.onDeployment, plan);
  const interrupts = new Interrupts();
  const now = systemClock.now();
  const runId = buildRunId(plan.experiment, now, randomSuffix());
  const store = openStore(home);
  await submitRun(
    {
      record: {
        runId,
        experiment: plan.experiment,
        definitionDigest: definition.digest,
        owner: userInfo().username,
        createdAt: new Date(now).toISOString(),
        repriseVersion: version,
        until: options.until,
        keep: options.keep ?? options.until !== "trials",
        ...(onDeployment === undefined ? {} : { onDeployment }),
        reuse: options.reuse === true ? "store" : "run",
        deploymentsAtOnce: 1,
      },
      definitionText: definition.text,
      plan,
      bundle,
      sha256: sha256Hex,
    },
    store,
  );
  if (interrupts.hasPending()) throw new FailureError({ class: "cancelled", message: "interrupted: not started" });
  output.note(`run ${runId}`);
  const page = await startEngine(home, runId, 1, "sweep");
  if (page !== undefined) output.note(`  ${page}`);
  if (options.detach === true && !interrupts.hasPending()) {
    interrupts.end();
    output.result({ runId });
    output.line(runId);
    return 0;
  }
  const code = await follow(context, runId, { interrupts });
  if (options.figures === true) {
    const { drawFigures } = await import("./draw-figures.ts");
    return Math.max(code, await drawFigures(context, name, { run: runId, output: "figures" }));
  }
  return code;
}

/** The plan with the images that the clouds' families stand for now: that is what its trials' keys say. */
async function freezeImages({ planWith }: LoadedExperiment, { output, home }: CommandContext): Promise<Plan> {
  const asNamed = planWith([]);
  const { images, changed } = await askForImages(asNamed, await openPlannedForQuestions(asNamed), home);
  for (const { provider, image, frozen } of changed) output.note(`${provider}: ${image} is ${frozen} now`);
  const frozen = planWith(images);
  const unasked = unconfiguredClouds(asNamed).map(String);
  for (const cloud of unasked)
    output.note(
      `warning: nothing here says who you are at ${cloud}: the first launch freezes its images, but no trial's key says which`,
    );
  const movingImages = imagesOf(frozen)
    .filter(({ provider }) => unasked.includes(provider))
    .map(({ provider, image, architecture }) => ({ provider, image, architecture }));
  return movingImages.length === 0 ? frozen : { ...frozen, movingImages };
}

/** The kept deployment that a person names, when it is up, unused, and has the hosts that the plan asks for. */
async function findLender(home: string, deploymentId: string, plan: Plan): Promise<Lender> {
  const store = openStore(home);
  const runId = (await listRuns(store)).find((run) => deploymentId.startsWith(`${run}-`));
  if (runId === undefined) {
    throw new FailureError({
      class: "invalid",
      message: `there is no deployment "${deploymentId}"`,
      hint: "`reprise status` lists what is up",
    });
  }
  const lender = { runId, deploymentId };
  if ((await engineOf(home, runId)) !== undefined)
    throw new FailureError({ class: "invalid", message: `${runId}, whose deployment it is, is still running` });
  const [deployment, ...others] = plan.deployments;
  if (deployment === undefined || others.length > 0) {
    throw new FailureError({
      class: "invalid",
      message: `the plan has ${plan.deployments.length} deployments, and one is given`,
      hint: "choose sweeps of one deployment with --only",
    });
  }
  matchHosts(await readLendable(lender, { store }), deployment, lender);
  const user = await userOf(lender, { store });
  if (user !== undefined)
    throw new FailureError({
      class: "invalid",
      message: `${deploymentId} is in use by ${user}`,
      hint: `\`reprise stop ${user}\``,
    });
  return lender;
}

/** Four letters and digits that can't be mistaken for each other. */
const randomSuffix = (): string =>
  [...randomBytes(4)].map((byte) => "abcdefghjkmnpqrstuvwxyz23456789"[byte % 31] ?? "a").join("");
