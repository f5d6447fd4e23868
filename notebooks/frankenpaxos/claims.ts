/** The claims of a definition, judged on published files: what `reprise claims` says of them once they are imported. */
import { describeMeasured, judgeClaims } from "../../analysis/claims/index.ts";
import type { ClaimTrial } from "../../analysis/claims/index.ts";
import type { Trial } from "../../analysis/trials.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseShare, readDefinition } from "reprise/core";
import { collectResults } from "../../experiments/frankenpaxos/import-results.ts";

/** A claim with its verdict, as a row to be shown. */
export interface ClaimRow {
  readonly claim: string;
  readonly paper: string;
  readonly measured: string;
  readonly verdict: string;
  readonly because: string;
}

export interface PublishedClaims {
  /** Text of the definition. */
  readonly definition: Uint8Array;
  /** Where the results lie; those that aren't there are done without. */
  readonly paths: readonly string[];
  readonly readIfThere: (path: string) => Promise<Uint8Array | undefined>;
  /** Metrics that a row of `results.csv` doesn't have, of a trial that is a recording. */
  readonly metricsOf?: (trial: Trial) => Promise<Readonly<Record<string, number>>>;
}

/** Files that the definition names: notebooks are built where experiments are. */
function beside(path: string): string | undefined {
  try {
    return readFileSync(join("experiments/frankenpaxos", path), "utf8");
  } catch {
    return undefined; // which the reader of the definition words better
  }
}

/** @throws {Error} when the definition can't be read */
export async function judgePublished(what: PublishedClaims): Promise<ClaimRow[]> {
  const read = readDefinition(new TextDecoder().decode(what.definition), "definition", beside);
  if (!read.ok) throw new Error(`the definition can't be read: ${read.problems[0]?.message ?? ""}`);
  const bodies = new Map<string, Uint8Array>();
  for (const path of what.paths) {
    const body = await what.readIfThere(path);
    if (body !== undefined) bodies.set(path, body);
  }
  const { trials } = await collectResults({
    paths: [...bodies.keys()],
    read: (path) => Promise.resolve(bodies.get(path) ?? new Uint8Array()),
  });
  const repeats = new Map<string, number>();
  const all: ClaimTrial[] = [];
  for (const { sweep, parameters, summary, files, failure } of trials) {
    const pointKey = `${sweep} ${JSON.stringify(parameters)}`;
    const trialIndex = repeats.get(pointKey) ?? 0;
    repeats.set(pointKey, trialIndex + 1);
    const trial: Trial = {
      ...{ runId: "published", experiment: "published", sweep, pointKey, trialIndex, trialKey: "", attempt: 1 },
      ...{ parameters, summary },
      artifacts: files.map(({ path, body }) => ({
        ...{ key: path, host: "", path, bytes: body.length, sha256: "" },
        open: async function* () {
          yield await Promise.resolve(body);
        },
      })),
    };
    const metrics = failure === undefined ? { ...(await what.metricsOf?.(trial)), ...summary } : undefined;
    all.push({ sweep, pointKey, parameters, trialIndex, metrics });
  }
  const stated = read.definition.spec.claims.map((claim) => ({
    ...claim,
    tolerance: claim.tolerance === undefined ? undefined : parseShare(claim.tolerance),
  }));
  return judgeClaims(stated, all).map((claim) => ({
    claim: claim.statement,
    paper: claim.paper,
    measured: describeMeasured(claim),
    verdict: claim.verdict,
    because: claim.wouldTake === undefined ? claim.reason : `${claim.reason}. To tell: ${claim.wouldTake}`,
  }));
}
