import { FailureError } from "../errors/failure.ts";
import { blobKey } from "../names/keys.ts";
import type { Experiment, PlannedDeployment, RenderedStep, Topology } from "../plan/types.ts";
import { forEachBounded } from "./fan-out.ts";
import { resourceStages } from "./resources.ts";
import type { FlowEffects } from "./effects.ts";

/** Where hosts find the experiment's files, below the supervisor's root. */
export const bundleFile = "bundle.tar";
export const bundleFolder = "bundle";

/** What a host's software says of its versions, one `name<TAB>first line` each, in the set-up attempt's folder. */
export const versionsFile = "versions.tsv";
/** Local sources travel inside the bundle, below this folder of it. */
export const bundledSources = ".sources";

/** The deployment's set-up, stage by stage: unpacking first, then the definition's own, then what came of it. */
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
  const versions = askVersions(planned, topology);
  return [
    unpack,
    ...resourceStages(experiment, deployment, topology),
    ...own,
    ...(versions.length > 0 ? [versions] : []),
  ];
}

/** Asks the hosts for the versions of what set-up left there; a command that fails says so in its place. */
function askVersions(planned: PlannedDeployment, topology: Topology): RenderedStep[] {
  return topology.hosts.flatMap((host): RenderedStep[] => {
    const facts = Object.entries(planned.hosts.find((h) => h.name === host.name)?.facts ?? {});
    if (facts.length === 0) return [];
    const lines = facts.map(
      ([name, script]) =>
        `printf '%s\\t%s\\n' ${name} "$(sh -c ${quoteWord(script)} 2>&1 | head -n 1 | tr '\\t' ' ')" >> ${versionsFile}`,
    );
    const unit = { ...command("versions", [`: > ${versionsFile}`, ...lines].join("\n")), timeoutMs: 60_000 };
    return [{ host: host.name, units: [unit], collect: [{ glob: versionsFile, required: true }] }];
  });
}

/** A word for `sh`: the one place outside transports where text is quoted, since this text is a script itself. */
const quoteWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const command = (name: string, script: string): RenderedStep["units"][number] => ({
  name,
  kind: "command",
  script,
  env: {},
  files: [],
  workDir: ".",
  timeoutMs: 300_000,
  limits: {},
});

/**
 * Sources as planned: those of a local folder came with the bundle, those of a repository are cloned at their commit.
 * Unpacked beside and moved into place, so that a step never sees half of one.
 */
const sourceLines = (experiment: Experiment): string[] =>
  Object.entries(experiment.plan.sources).flatMap(([name, { repository, commit }]) => {
    const clone =
      repository === undefined || commit === undefined
        ? [`echo "source ${name} did not come with the bundle" >&2; exit 1`]
        : [
            `git clone --quiet ${quoteWord(repository)} sources/${name}.new`,
            `git -C sources/${name}.new checkout --quiet ${commit}`,
          ];
    return [
      `if [ ! -d sources/${name} ]; then`,
      `mkdir -p sources && rm -rf sources/${name}.new`,
      `if [ -d ${bundleFolder}/${bundledSources}/${name} ]; then cp -R ${bundleFolder}/${bundledSources}/${name} sources/${name}.new`,
      `else ${clone.join("\n")}; fi`,
      `mv sources/${name}.new sources/${name}`,
      "fi",
    ];
  });

const unpackBundle = (experiment: Experiment): RenderedStep["units"][number] =>
  command(
    "unpack",
    [
      "set -e",
      'cd "$REPRISE_ROOT"',
      `if [ "$(cat ${bundleFolder}/.reprise-digest 2>/dev/null)" != ${experiment.plan.bundle.sha256} ]; then`,
      `rm -rf ${bundleFolder}.new sources && mkdir ${bundleFolder}.new`,
      `tar -xf ${bundleFile} -C ${bundleFolder}.new`,
      `echo ${experiment.plan.bundle.sha256} > ${bundleFolder}.new/.reprise-digest`,
      `rm -rf ${bundleFolder} && mv ${bundleFolder}.new ${bundleFolder}`,
      "fi",
      ...sourceLines(experiment),
    ].join("\n"),
  );

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
