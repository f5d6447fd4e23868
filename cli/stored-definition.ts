import type { LoadedDefinition } from "../core/definition/program.ts";
import { readDefinition } from "../core/definition/read-definition.ts";
import { FailureError } from "../core/errors/failure.ts";
import { runKeys } from "../core/names/keys.ts";
import type { Plan } from "../core/plan/types.ts";
import type { ObjectStore } from "../core/ports/object-store.ts";

/** The definition and plan that a run was started with. */
export interface StoredRun {
  readonly definition: LoadedDefinition;
  readonly plan: Plan;
}

/** @throws {FailureError} class collect, when the store has no such run; class invalid, when its definition can't be read */
export async function readStoredRun(store: Pick<ObjectStore, "get">, runId: string): Promise<StoredRun> {
  const keys = runKeys(runId);
  const [definition, plan] = await Promise.all([store.get(keys.definition), store.get(keys.plan)]);
  if (definition === undefined || plan === undefined) {
    throw new FailureError({ class: "collect", message: `the store has no definition or plan of ${runId}` });
  }
  const decoder = new TextDecoder();
  const parsed = JSON.parse(decoder.decode(plan.body)) as Plan; // written once by our own submit, digest in the run's record
  const read = readDefinition(
    decoder.decode(definition.body),
    `${runId}/definition.yaml`,
    (path) => parsed.files?.[path],
  );
  if (read.ok) return { definition: read.definition, plan: parsed };
  throw new FailureError({
    class: "invalid",
    message: `the definition of ${runId} can't be read by this version: ${read.problems[0]?.message ?? "unknown"}`,
    hint: "use the version that started the run",
  });
}
