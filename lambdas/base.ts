import { randomUUID } from "node:crypto";
import { SFNClient } from "@aws-sdk/client-sfn";
import { withinLeases } from "../core/plan/stack-limits.ts";
import type { Experiment } from "../core/plan/types.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { Puller } from "../engines/embedded/puller.ts";
import { openStoredRun } from "../engines/embedded/world.ts";
import { SfnEngine } from "../engines/stepfunctions/sfn-engine.ts";
import { S3Store, createS3Client } from "../stores/s3/s3-store.ts";
import type { Base } from "./effects.ts";
import { environmentSchema } from "./environment.ts";
import { keepSecret } from "./master-secret.ts";

/** So many runs' plans stay in a warm function's memory. */
const mostRuns = 20;
/** What was armed before and is done answers within this; what still works will report by itself. */
const followMs = 8_000;

/** Opens what a function keeps between its calls, from the variables that the template gave it. */
export function openBase(variables: Readonly<Record<string, string | undefined>>): Base {
  const environment = environmentSchema.parse(variables);
  const { region, bucket, machines, uploadTtlMs } = environment;
  const store = new S3Store({
    client: createS3Client({ region }),
    bucket,
    clock: systemClock,
    newId: randomUUID,
    ...(uploadTtlMs === undefined ? {} : { uploadTtlMs }),
  });
  const runs = new Map<string, Promise<Experiment>>();
  return {
    environment,
    clock: systemClock,
    store,
    engine: new SfnEngine({ client: new SFNClient({ region }), machines }),
    secret: keepSecret(environment),
    openRun: (runId) => {
      const known = runs.get(runId);
      if (known !== undefined) return known;
      const opened = openStoredRun(runId, store).then((experiment): Experiment => ({
        ...experiment,
        plan: withinLeases(experiment.plan, environment.limits),
      }));
      opened.catch(() => runs.delete(runId));
      runs.set(runId, opened);
      const [oldest] = runs.keys();
      if (runs.size > mostRuns && oldest !== undefined) runs.delete(oldest);
      return opened;
    },
    follow: (flow) => {
      const puller = new Puller(flow);
      return {
        watch: (phase, hosts) => {
          puller.watch(phase, hosts);
        },
        close: () => puller.closeWithin(followMs),
      };
    },
  };
}
