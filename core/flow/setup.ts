import { FailureError } from "../errors/failure.ts";
import { blobKey } from "../names/keys.ts";
import type { Experiment, RenderedStep, Topology } from "../plan/types.ts";
import { forEachBounded } from "./fan-out.ts";
import { resourceStages } from "./resources.ts";
import type { FlowEffects } from "./effects.ts";

/** Where hosts find the experiment's files, below the supervisor's root. */
export const bundleFile = "bundle.tar";
export const bundleFolder = "bundle";

/** The deployment's set-up, stage by stage: unpacking first, then the definition's own. */
export function planSetupStages(
  experiment: Experiment,
  deployment: string,
  topology: Topology,
): readonly (readonly RenderedStep[])[] {
  const planned = experiment.plan.deployments.find((d) => d.name === deployment);
  if (planned === undefined)
    throw new FailureError({ class: "defect", message: `no deployment ${deployment} in the plan` });
  const unpack = topology.hosts.map((host): RenderedStep => ({
    host: host.name,
    units: [unpackBundle(experiment)],
    collect: [],
  }));
  const own = Array.from({ length: planned.setupStages }, (_, stage) =>
    experiment.renderSetup(deployment, stage, topology),
  );
  return [unpack, ...resourceStages(experiment, deployment, topology), ...own];
}

const unpackBundle = (experiment: Experiment): RenderedStep["units"][number] => ({
  name: "unpack",
  kind: "command",
  // Unpacked beside and moved into place, so that a step never sees half of it.
  script: [
    'cd "$REPRISE_ROOT"',
    `if [ "$(cat ${bundleFolder}/.reprise-digest 2>/dev/null)" = ${experiment.plan.bundle.sha256} ]; then exit 0; fi`,
    `rm -rf ${bundleFolder}.new && mkdir ${bundleFolder}.new`,
    `tar -xf ${bundleFile} -C ${bundleFolder}.new`,
    `echo ${experiment.plan.bundle.sha256} > ${bundleFolder}.new/.reprise-digest`,
    `rm -rf ${bundleFolder} && mv ${bundleFolder}.new ${bundleFolder}`,
  ].join("\n"),
  env: {},
  files: [],
  workDir: ".",
  timeoutMs: 300_000,
  limits: {},
});

/** Puts the experiment's files on every host, over the transport: the hosts need no way to the store. */
export async function shipBundle(
  runId: string,
  experiment: Experiment,
  topology: Topology,
  fx: FlowEffects,
): Promise<void> {
  const { sha256 } = experiment.plan.bundle;
  const stored = await fx.store.get(blobKey(sha256));
  if (stored === undefined) {
    throw new FailureError({
      class: "defect",
      message: `the store has no bundle ${sha256}`,
      hint: "start the run again: `run` uploads it",
    });
  }
  await forEachBounded(topology.hosts, 16, (host) => fx.agent(runId, host).putFile(bundleFile, stored.body, "644"));
}
