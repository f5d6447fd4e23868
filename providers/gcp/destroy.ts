import type { Clock } from "../../core/effects/clock.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { DeploymentId, Place } from "../../core/ports/provider.ts";
import type { ComputeApi } from "./compute-api.ts";
import { isBusy, isMissing, toFailureError } from "./errors.ts";
import { isOfPlace, parseName } from "./names.ts";
import { diskPath, instancePath, isBeingDeleted, looseDisks, takeSnapshot } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";
import { lastPart, timeOf } from "./wire.ts";

const deletesAtOnce = 16;

export interface DestroyEffects {
  readonly api: ComputeApi;
  readonly clock: Clock;
  /** What was begun less than this ago may be missing from listings, and from Google's answers to a delete. */
  readonly unseenMs: number;
}

/**
 * Begins what can be deleted now, in order; what is still in use is left for the next call. The SSH rule goes first: its
 * going is the mark that nothing of the deployment is wanted any more.
 */
export async function destroyAll(deployment: DeploymentId, place: Place, fx: DestroyEffects): Promise<void> {
  const snapshot = await takeSnapshot(deployment, place, fx.api);
  const failures: unknown[] = [];
  for (const step of stepsOf(snapshot, fx)) failures.push(...(await deleteEach(step, fx)));
  if (failures.length > 0) throw failures[0];
}

interface Target {
  readonly path: string;
  /** So new that Google may not find it yet: asked again until then, ms since the epoch. */
  readonly unseenUntil: number | undefined;
}

/** In the order of deletion; those of one step at the same time. */
function stepsOf(snapshot: Snapshot, { clock, unseenMs }: DestroyEffects): (readonly Target[])[] {
  const seen = (path: string): Target => ({ path, unseenUntil: undefined });
  const listed = [...snapshot.instances.map(instancePath), ...snapshot.unlabelled.map(({ path }) => path)];
  // Begun a moment ago, and in no listing: a round that is given up at once is destroyed by this call alone.
  const unseen = [...snapshot.operations].flatMap(([path, operations]): Target[] => {
    const insert = operations.findLast((o) => o.operationType === "insert");
    if (insert === undefined || insert.error !== undefined || listed.includes(path)) return [];
    const until = (timeOf(insert.insertTime) ?? 0) + unseenMs;
    return insert.status === "DONE" && until <= clock.now() ? [] : [{ path, unseenUntil: until }];
  });
  const unlabelled = (...kinds: readonly (string | undefined)[]): Target[] => [
    ...snapshot.unlabelled.filter(({ kind }) => kinds.includes(kind)).map(({ path }) => seen(path)),
    ...unseen.filter(({ path }) => {
      const name = parseName(lastPart(path));
      return kinds.includes(name?.kind) && isOfPlace(name?.place, snapshot.place);
    }),
  ];
  const machines = [
    ...snapshot.instances.map(instancePath).map(seen),
    ...unseen.filter(({ path }) => path.includes("/instances/")),
  ];
  const steps = [
    unlabelled("ssh"),
    [...unlabelled("lan", "peer"), ...machines],
    looseDisks(snapshot).map((disk) => seen(diskPath(disk))),
  ];
  // Machines, even those that go at this moment, hold policies and subnetworks; those hold networks.
  if (machines.length === 0) {
    steps.push(unlabelled("pol", "sub"));
    if (unlabelled("ssh", "lan", "peer", "sub").length === 0) steps.push(unlabelled("net"));
  }
  return steps.map((step) => step.filter(({ path }) => !isBeingDeleted(snapshot, path)));
}

/** @returns what Google had against it, but for what time alone will mend */
async function deleteEach(targets: readonly Target[], fx: DestroyEffects): Promise<FailureError[]> {
  const failures: FailureError[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let target = targets[next++]; target !== undefined; target = targets[next++]) {
      try {
        let found = await beginDelete(target.path, fx.api);
        while (found === "missing" && fx.clock.now() < (target.unseenUntil ?? 0)) {
          await fx.clock.sleep(unseenPauseMs);
          found = await beginDelete(target.path, fx.api);
        }
      } catch (error) {
        failures.push(toFailureError(error, `delete ${target.path}`));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(deletesAtOnce, targets.length) }, worker));
  return failures;
}

const unseenPauseMs = 2_000;

const destroyable =
  /^(zones\/[^/]+\/(instances|disks)|global\/(firewalls|networks)|regions\/[^/]+\/(subnetworks|resourcePolicies))\/[a-z][-a-z0-9]{0,62}$/;

/** Begins one deletion; nothing happens where it is gone, or still in use: it will be listed again then. */
export async function beginDelete(path: string, api: ComputeApi): Promise<"begun" | "missing" | "busy"> {
  if (!destroyable.test(path))
    throw new FailureError({ class: "invalid", message: `not a resource of Google's that we make: "${path}"` });
  try {
    await api.change("DELETE", path);
    return "begun";
  } catch (error) {
    if (isMissing(error)) return "missing";
    if (isBusy(error)) return "busy";
    throw error;
  }
}
