import { exitCodes } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { FoundResource, ReapTarget } from "../../core/flow/reap.ts";
import { findReapable, reapUntilGone } from "../../core/flow/reap.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { confirm } from "../confirm.ts";
import { engineOf } from "../drive.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { openOwnProviders } from "../own-providers.ts";
import { table } from "../output.ts";

/** Clouds take minutes to let go of a machine and then of its network. */
const limitMs = 15 * 60_000;

/** Deletes what outlived its expiry on every configured cloud; with a run, all that is tagged with it. */
export async function reap(
  { output, home }: CommandContext,
  name: string | undefined,
  options: { readonly dryRun?: true; readonly yes?: true },
): Promise<number> {
  const target: ReapTarget = name === undefined ? { kind: "expired" } : await runTarget(home, name);
  const { providers, refused } = await openOwnProviders(home);
  for (const { cloud, failure } of refused) output.note(`${cloud} can't be looked at: ${failure.message}`);
  const found = await findReapable(providers, target, { clock: systemClock });
  for (const problem of found.problems) output.note(`not looked at: ${problem}`);
  for (const line of table(found.resources.map(rowOf))) output.line(line);
  const isBlind = refused.length + found.problems.length > 0;
  const nothing = target.kind === "expired" ? "nothing has outlived its expiry" : `nothing of ${target.runId} is there`;
  if (found.resources.length === 0) output.line(`${nothing}${isBlind ? ", as far as could be seen" : ""}`);
  if (options.dryRun === true || found.resources.length === 0) {
    output.result({ dryRun: options.dryRun === true, found: found.resources, problems: found.problems, refused });
    return isBlind ? exitCodes.auth : 0;
  }
  const question = `delete these ${found.resources.length} for ever?`;
  if (target.kind === "run" && options.yes !== true && !(await confirm(question))) {
    throw new FailureError({ class: "cancelled", message: "nothing was deleted" });
  }
  const done = await reapUntilGone(providers, target, limitMs, {
    clock: systemClock,
    onLook: (look) => output.note(`asked for the end of ${look.deleted} of ${look.found}`),
  });
  for (const problem of done.problems) output.note(problem);
  output.result({ found: found.resources.length, ...done, refused });
  const left = done.stillThere.length;
  output.line(left === 0 ? `${found.resources.length} deleted, nothing is left` : `${left} are STILL THERE`);
  for (const line of table(done.stillThere.map(rowOf))) output.line(line);
  return left > 0 ? exitCodes.defect : isBlind ? exitCodes.auth : 0;
}

const rowOf = ({ provider, resource }: FoundResource): string[] => [
  `  ${provider}`,
  resource.place.zone ?? resource.place.region,
  resource.resourceKind,
  resource.name ?? resource.id,
  resource.runId ?? "run unknown",
  resource.expiresAt === undefined ? "no expiry" : `expires ${new Date(resource.expiresAt).toISOString()}`,
];

/** A run that the store doesn't know is taken by its full id: the reaper doesn't need the store. */
async function runTarget(home: string, name: string): Promise<ReapTarget> {
  const runId = await findRun(openStore(home), name).catch((error: unknown) => {
    if (error instanceof FailureError && error.failure.class === "invalid") return name;
    throw error;
  });
  const engine = await engineOf(home, runId);
  if (engine !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} is still driven`,
      hint: `\`reprise stop ${runId}\` ends it and takes it down`,
    });
  }
  return { kind: "run", runId };
}
